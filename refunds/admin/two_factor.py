"""The page where everybody sees to their own second factor."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import qrcode
from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp import login as otp_login
from django_otp.plugins.otp_totp.models import TOTPDevice
from qrcode.image.svg import SvgPathImage

from .. import second_factor, workflow
from .log_in import CodeForm, why_not
from .people import actor, address
from .show import moment

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(*args)
        self.request = request

    def clean_password(self) -> str:
        typed: str = self.cleaned_data["password"]
        # Not `check_password`: wrong ones are to be counted as at the log-in.
        if authenticate(self.request, username=actor(self.request).get_username(), password=typed) is None:
            raise forms.ValidationError(_("This is not your password."))
        return typed


def two_factor(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Set up, replace, turn off. Reached before the second step, too, by those who have to set up an app first."""
    user = _somebody(request)
    has_app = second_factor.app_of(user) is not None
    if has_app and second_factor.is_required() and not _used_it(request):
        return HttpResponseRedirect(reverse("admin:log_in_code"))
    if request.method == "POST":
        return _act(site, request, user, has_app)
    if not has_app and second_factor.new_app_of(user) is None:
        second_factor.begin(user)
    return _page(site, request, user)


def _somebody(request: HttpRequest) -> User:
    user = actor(request)
    if not user.is_staff:
        raise PermissionDenied
    return user


def _used_it(request: HttpRequest) -> bool:
    return getattr(request.user, "otp_device", None) is not None


def _act(site: AdminSite, request: HttpRequest, user: User, has_app: bool) -> HttpResponse:
    act = request.POST.get("act", "")
    if act == "confirm":
        return _confirm(site, request, user)
    if act == "cancel":
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        return HttpResponseRedirect(reverse("admin:two_factor"))
    if act not in ("replace", "codes", "off") or not has_app:
        raise Http404
    form = PasswordForm(request, request.POST)
    if not form.is_valid():
        return _page(site, request, user, password_form=form, status=422)
    if act == "replace":
        second_factor.begin(user)
    elif act == "codes":
        codes = workflow.renew_recovery_codes(by=user, address=address(request))
        return _page(site, request, user, codes=codes)
    else:
        return _turn_off(site, request, user)
    return HttpResponseRedirect(reverse("admin:two_factor"))


def _confirm(site: AdminSite, request: HttpRequest, user: User) -> HttpResponse:
    form, device = CodeForm(request.POST), second_factor.new_app_of(user)
    if device is None:
        messages.warning(request, _("That took too long. Scan the new picture, please."))
        return HttpResponseRedirect(reverse("admin:two_factor"))
    if not form.is_valid():
        return _page(site, request, user, code_form=form, status=422)
    answer = second_factor.check_with(device, form.cleaned_data["code"].replace(" ", ""))
    if answer.device is None:
        form.add_error("code", why_not(answer.wait_until))
        return _page(site, request, user, code_form=form, status=422)
    codes = workflow.confirm_app(device, by=user, address=address(request))
    otp_login(request, TOTPDevice.objects.get(pk=device.pk))
    return _page(site, request, user, codes=codes)


def _turn_off(site: AdminSite, request: HttpRequest, user: User) -> HttpResponse:
    try:
        workflow.turn_off_second_factor(by=user, address=address(request))
    except workflow.NotAllowed as refusal:
        return _page(site, request, user, problem=refusal.message, status=403)
    messages.success(request, _("The second factor is off. The password alone is enough now."))
    return HttpResponseRedirect(reverse("admin:two_factor"))


def _page(site: AdminSite, request: HttpRequest, user: User, *, status: int = 200, **more: Any) -> HttpResponse:
    app, new = second_factor.app_of(user), second_factor.new_app_of(user)
    context = {
        **site.each_context(request),
        "title": _("Second factor"),
        "app": app,
        "app_since": moment(app.created_at) if app else None,
        "new": new if not more.get("codes") else None,
        "key": second_factor.key_text(new) if new else "",
        "codes_left": second_factor.recovery_codes_left(user),
        "required": second_factor.is_required(),
        "code_form": CodeForm(),
        "password_form": PasswordForm(request),
        **more,
    }
    return TemplateResponse(request, "admin/two_factor.html", context, status=status)


def qr_code(request: HttpRequest) -> HttpResponse:
    """The key of the app that this person is setting up, as a picture for the app's camera."""
    device = second_factor.new_app_of(_somebody(request))
    if device is None:
        raise Http404
    picture, written = qrcode.make(device.config_url, image_factory=SvgPathImage, box_size=12), BytesIO()
    picture.save(written)
    return HttpResponse(written.getvalue(), content_type="image/svg+xml")
