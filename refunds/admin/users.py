"""The page of a user: Django's, with the second factor, which a superuser takes off a colleague who has lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from .. import second_factor, workflow
from .people import actor, address

if TYPE_CHECKING:
    Base = UserAdmin[User]
else:
    Base = UserAdmin


class StaffAdmin(Base):
    """Django's page of a user, with the second factor."""

    readonly_fields = ("second_factor",)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        return (*fieldsets, (gettext_lazy("Log-in"), {"fields": ("second_factor",)}))

    @admin.display(description=gettext_lazy("second factor"))
    def second_factor(self, user: User) -> SafeString | str:
        if second_factor.app_of(user) is None:
            return _("none")
        url = reverse("admin:auth_user_second_factor", args=[user.pk])
        return format_html('{} <a href="{}">{}</a>', _("set up"), url, _("Reset"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reset)
        return [path("<int:pk>/second-factor/", view, name="auth_user_second_factor"), *super().get_urls()]

    def reset(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For a colleague who has lost app and recovery codes. Superusers only; it is in the ledger."""
        if not actor(request).is_superuser:
            raise PermissionDenied
        user = get_object_or_404(User, pk=pk)
        if request.method == "POST":
            workflow.reset_second_factor(user, by=actor(request), address=address(request))
            messages.success(request, _("The second factor of %(who)s is gone.") % {"who": user})
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[pk]))
        context = {**self.admin_site.each_context(request), "title": _("Reset the second factor"), "colleague": user}
        return TemplateResponse(request, "admin/reset_second_factor.html", context)


def register() -> None:
    """Puts our page of users in the place of Django's, and takes away pages that show keys."""
    admin.site.unregister([User, TOTPDevice, StaticDevice])
    admin.site.register(User, StaffAdmin)
