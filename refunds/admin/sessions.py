"""How long somebody stays logged in: until they leave the desk alone for a while, and no longer than a day."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

BEGAN, SEEN = "staff_began_at", "staff_seen_at"
WRITE_EVERY = 60
"""Seconds. When somebody was seen is written at most once a minute: it costs a write."""


class StaffSession:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(reverse("admin:index")) and SESSION_KEY in request.session:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        now = int(timezone.now().timestamp())
        began, seen = request.session.get(BEGAN, now), request.session.get(SEEN, 0)
        idle = now - seen if seen else 0
        if idle >= settings.STAFF_IDLE_MINUTES * 60 or now - began >= settings.STAFF_SESSION_HOURS * 60 * 60:
            logout(request)
            messages.info(request, _("You were logged out because some time has passed. Log in again."))
        elif not seen or idle >= WRITE_EVERY:
            request.session.update({BEGAN: began, SEEN: now})
