"""What the shop sets for itself: one row of its own, and one for each reason that customers can give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import FileExtensionValidator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Reason, ReasonRule, Shop

if TYPE_CHECKING:
    ShopBase = admin.ModelAdmin[Shop]
    RuleBase = admin.ModelAdmin[ReasonRule]
    ShopModelForm = forms.ModelForm[Shop]
else:
    ShopBase = RuleBase = admin.ModelAdmin
    ShopModelForm = forms.ModelForm

CLOCK = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
LOGO_KINDS = ("png", "jpg", "jpeg", "webp", "svg")
LOGO_BYTES = 1_000_000


class DaysField(forms.MultipleChoiceField):
    """Days of the week, from a column of their digits and back."""

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, str) else value

    def clean(self, value: Any) -> Any:
        return "".join(sorted(super().clean(value)))


class ShopForm(ShopModelForm):
    working_days = DaysField(
        label=gettext_lazy("Working days"),
        choices=[(str(nth + 1), name) for nth, name in WEEKDAYS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    opens_at = forms.TimeField(label=gettext_lazy("Work begins at"), widget=CLOCK)
    closes_at = forms.TimeField(
        label=gettext_lazy("Work ends at"), widget=CLOCK, help_text=gettext_lazy("00:00 is the end of the day.")
    )
    logo = forms.FileField(
        label=gettext_lazy("New logo"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(f".{kind}" for kind in LOGO_KINDS)}),
        validators=[FileExtensionValidator(LOGO_KINDS)],
        help_text=gettext_lazy("PNG, JPEG, WebP or SVG, up to 1 MB."),
    )
    remove_logo = forms.BooleanField(label=gettext_lazy("Remove the logo"), required=False)

    def clean_logo(self) -> Any:
        logo = self.cleaned_data["logo"]
        if isinstance(logo, UploadedFile) and (logo.size or 0) > LOGO_BYTES:
            raise ValidationError(_("This file is too large. A logo may have 1 MB."))
        return logo

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if typed.get("remove_logo") and not isinstance(typed.get("logo"), UploadedFile):
            typed["logo"] = False
        return typed


class ShopAdmin(ShopBase):
    form = ShopForm
    fieldsets = (
        (None, {"fields": ("name", "support_email")}),
        (
            gettext_lazy("How customers see it"),
            {
                "fields": (
                    "logo_now",
                    "logo",
                    "remove_logo",
                    "accent",
                    "imprint_url",
                    "privacy_url",
                    "terms_url",
                )
            },
        ),
        (gettext_lazy("Answers and mails"), {"fields": ("answer_days", "mails_refunded")}),
        (
            gettext_lazy("Business hours"),
            {"fields": ("opens_at", "closes_at", "working_days", "holidays")},
        ),
        (
            gettext_lazy("How fast we want to be"),
            {
                "description": gettext_lazy(
                    "In business hours, except for the limit of the law: that counts every day. "
                    "A change counts for clocks that start afterwards."
                ),
                "fields": ("answer_hours", "decision_hours", "payout_hours", "legal_days", "daily_digest"),
            },
        ),
        (gettext_lazy("Approval"), {"fields": ("second_approval_above",)}),
        (
            gettext_lazy("How often orders can be looked up"),
            {"fields": ("per_network_and_hour", "per_email_and_hour", "per_order_and_day")},
        ),
        (gettext_lazy("Messages and photos"), {"fields": ("per_case_and_hour", "photos_per_case", "photo_megabytes")}),
        (gettext_lazy("How long data is kept"), {"fields": ("keep_look_ups_days", "keep_closed_days")}),
    )
    readonly_fields = ("logo_now",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    actions = None

    @admin.display(description=gettext_lazy("logo"))
    def logo_now(self, shop: Shop) -> SafeString | str:
        if not shop.logo:
            return _("none")
        return format_html('<img class="logo-now" src="{}" alt="{}">', reverse("refunds:logo"), shop.name)

    def get_changelist_form(self, request: HttpRequest, **options: Any) -> Any:
        return super().get_changelist_form(request, **{"form": RuleInTheList, **options})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is only one shop: straight to it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:refunds_shop_change", args=[Shop.current().pk]))


class RuleInTheList(forms.ModelForm):  # type: ignore[type-arg]  # it is generic in its stubs only
    """A row of the list: each field says aloud what the head of its column says to those who see it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{self.instance.get_reason_display()}: {field.label}"


class ReasonRuleAdmin(RuleBase):
    """Every reason is in the list; none is added or deleted, because the cases name them."""

    list_display = ("reason", "offered", "needs_note", "needs_photo", "hint")
    list_display_links = None
    list_editable = ("offered", "needs_note", "needs_photo", "hint")
    readonly_fields = ("reason",)
    sortable_by = ()
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_change_permission(request):
            ReasonRule.objects.bulk_create([ReasonRule(reason=reason) for reason in Reason], ignore_conflicts=True)
        title = {"title": _("Reasons that customers can give")}
        return super().changelist_view(request, title | (extra_context or {}))
