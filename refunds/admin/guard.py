"""Who types wrong passwords again and again waits: a person at one address soon, a whole address much later."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from ..addresses import client_address
from .show import moment


class Guard(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    def get_failures(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        """Wrong passwords for this name from this address; as many as lock, if the address has far too many for all."""
        of_person: int = super().get_failures(request, credentials)
        if of_person < settings.AXES_FAILURE_LIMIT and _failures(_lately(request)) >= settings.STAFF_LOCK_ADDRESS_AFTER:
            return int(settings.AXES_FAILURE_LIMIT)
        return of_person


def counted_address(request: HttpRequest) -> str | None:
    """The client's address; of an IPv6 one its /64, all of which one client has."""
    try:
        parsed = ipaddress.ip_address(client_address(request))
    except ValueError:
        return None
    return str(parsed) if parsed.version == 4 else str(ipaddress.IPv6Address(int(parsed) >> 64 << 64))


def locked(request: HttpRequest, _response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """The page that says for how long. It is the same for names that exist and those that do not."""
    context = {
        **admin.site.each_context(request),
        "title": _("Log-in is locked"),
        "until": moment(_locked_until(request, (credentials or {}).get("username"))),
        # Whoever is logged in sees nothing of the desk here either.
        "has_permission": False,
    }
    return render(request, "admin/locked.html", context, status=429)


def _locked_until(request: HttpRequest, username: str | None) -> datetime:
    lately = _lately(request)
    of_person = lately.filter(username=username)
    found = of_person if _failures(of_person) >= settings.AXES_FAILURE_LIMIT else lately
    last: datetime = found.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    return last + settings.AXES_COOLOFF_TIME


def _lately(request: Any) -> QuerySet[Any]:
    since = get_cool_off_threshold(request)
    rows: QuerySet[Any] = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=since)
    return rows.order_by()


def _failures(rows: QuerySet[Any]) -> int:
    return rows.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
