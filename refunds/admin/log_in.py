"""Logging in: name and password, then a code for those who have a second factor. Who logged in when is a page here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessFailureLog, AccessLog
from django import forms
from django.contrib import messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_otp import login as otp_login
from django_otp.plugins.otp_static.models import StaticDevice

from .. import second_factor
from .people import actor
from .show import Moment, span

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

HALF_WAY = "staff_half_way"
"""Under this name the session keeps who has typed the right password, and still owes the code."""
TIME_FOR_CODE = timedelta(minutes=5)
SHOWN = 200
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class LogInForm(AdminAuthenticationForm):
    username = UsernameField(
        max_length=150, widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "username"})
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


# --- The two steps ---------------------------------------------------------------------------------------------------


class PasswordStep(LoginView):
    authentication_form = LogInForm
    template_name = "admin/login.html"
    next_page = "admin:index"

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if second_factor.app_of(user) is None:
            return super().form_valid(form)
        now = timezone.now().timestamp()
        self.request.session[HALF_WAY] = {"user": user.pk, "at": now, "hash": user.get_session_auth_hash()}
        return HttpResponseRedirect(_to_code(self.get_success_url()))


def is_let_in(request: HttpRequest) -> bool:
    """Whether this log-in is good enough: where a second factor is required, it has to be used."""
    return not second_factor.is_required() or bool(getattr(request.user, "otp_device", None))


def log_in(site: AdminSite, request: HttpRequest) -> HttpResponseBase:
    user = request.user
    if request.method == "GET" and isinstance(user, User) and user.is_staff and not is_let_in(request):
        return HttpResponseRedirect(reverse("admin:two_factor") if second_factor.app_of(user) is None else _to_code())
    context = {
        **site.each_context(request),
        "title": _("Log in"),
        "app_path": request.get_full_path(),
        "username": user.get_username(),
    }
    return PasswordStep.as_view(extra_context=context)(request)


def code_step(site: AdminSite, request: HttpRequest) -> HttpResponse:
    user = _half_way(request)
    if user is None:
        return HttpResponseRedirect(reverse("admin:login"))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not AxesProxyHandler.is_allowed(_known(request), {"username": user.get_username()}):
            return _lock(request, user)
        answer = second_factor.check(user, form.cleaned_data["code"])
        if answer.device is not None:
            return _enter(request, user, answer.device)
        if answer.wait_until is None:
            # A wrong code counts as a wrong password does.
            AxesProxyHandler.user_login_failed(
                sender=__name__, credentials={"username": user.get_username()}, request=request
            )
        form.add_error("code", why_not(answer.wait_until))
    context = {**site.each_context(request), "title": _("Enter the code"), "form": form, "next": _next(request)}
    return TemplateResponse(request, "admin/log_in_code.html", context, status=422 if form.errors else 200)


def _half_way(request: HttpRequest) -> User | None:
    """Who still owes the code: after the password, or logged in from before a second factor was required."""
    user = request.user
    if isinstance(user, User) and user.is_staff:
        return None if getattr(user, "otp_device", None) or second_factor.app_of(user) is None else user
    kept = request.session.get(HALF_WAY)
    if not kept or kept["at"] < (timezone.now() - TIME_FOR_CODE).timestamp():
        return None
    found = User.objects.filter(pk=kept["user"], is_active=True, is_staff=True).first()
    return found if found is not None and found.get_session_auth_hash() == kept["hash"] else None


def _enter(request: HttpRequest, user: User, device: Any) -> HttpResponse:
    if isinstance(request.user, User):
        otp_login(request, device)
        request.session.cycle_key()
    else:
        user.otp_device = device  # type: ignore[attr-defined]  # django_otp takes it over into the session
        login(request, user, backend=MODEL_BACKEND)
    request.session.pop(HALF_WAY, None)
    if isinstance(device, StaticDevice):
        left = second_factor.recovery_codes_left(user)
        words = ngettext("You have %(n)d recovery code left.", "You have %(n)d recovery codes left.", left)
        messages.warning(request, words % {"n": left})
    return HttpResponseRedirect(_next(request) or reverse("admin:index"))


def _known(request: Any) -> Any:
    """The request with the client's address on it, as the counting of failures needs it."""
    AxesProxyHandler.update_request(request)
    return request


def _lock(request: Any, user: User) -> HttpResponse:
    """The middleware puts the page that says so in the place of this answer."""
    request.axes_locked_out, request.axes_credentials = True, {"username": user.get_username()}
    return HttpResponse(status=429)


def why_not(wait_until: datetime | None) -> str:
    if wait_until is None:
        return _("This code is not right. The app shows a new one every 30 seconds; each counts once.")
    wait = span(max(wait_until - timezone.now(), timedelta(0)) + timedelta(seconds=1))
    return _("Too many wrong codes. Try again in %(time)s.") % {"time": wait}


def _next(request: HttpRequest) -> str:
    view = RedirectURLMixin()
    view.request = request  # type: ignore[attr-defined]  # as a view that is run has it
    return str(view.get_redirect_url())


def _to_code(after: str = "") -> str:
    query = "?" + urlencode({REDIRECT_FIELD_NAME: after}) if after else ""
    return reverse("admin:log_in_code") + query


# --- Who logged in when ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogIn:
    moment: Moment
    who: str
    address: str
    result: str
    tone: str


def log_ins(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The latest of everybody, for those who see the users; or of one name, or from one address."""
    if not request.user.has_perm("auth.view_user"):
        raise PermissionDenied
    term = request.GET.get("q", "").strip().replace("\0", "")[:255]
    rows = sorted(_rows(term, timezone.now()), key=lambda row: row.moment.at, reverse=True)[:SHOWN]
    context = {**site.each_context(request), "title": _("Log-ins"), "rows": rows, "term": term, "most": SHOWN}
    return TemplateResponse(request, "admin/log_ins.html", context)


def _rows(term: str, now: datetime) -> Iterator[LogIn]:
    for row in chain(_latest(AccessLog, term), _latest(AccessFailureLog, term)):
        yield _shown(row, now)


def _shown(row: Any, now: datetime) -> LogIn:
    return LogIn(Moment(row.attempt_time, now), row.username or "", row.ip_address or "", *_result(row))


def _latest(model: Any, term: str) -> Any:
    rows = model.objects.order_by("-pk")
    if term:
        rows = rows.filter(ip_address=term) if _is_address(term) else rows.filter(username=term)
    return rows[:SHOWN]


def _is_address(term: str) -> bool:
    try:
        ipaddress.ip_address(term)
    except ValueError:
        return False
    return True


def _result(row: Any) -> tuple[str, str]:
    if isinstance(row, AccessLog):
        return _("Logged in"), "good"
    what = _("Wrong code") if row.path_info == reverse("admin:log_in_code") else _("Wrong name or password")
    return (_("%(what)s; locked") % {"what": what}, "problem") if row.locked_out else (what, "attention")


def last_log_in(request: HttpRequest) -> LogIn | None:
    """The log-in of this person before the present one."""
    mine = AccessLog.objects.filter(username=actor(request).get_username()).order_by("-pk")
    row = mine[1:2].first()
    return None if row is None else _shown(row, timezone.now())
