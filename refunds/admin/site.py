"""The staff's desk: Django's admin under /staff/, with what is wrong at the moment on every page."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Count
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext_lazy as _

from ..models import Mail, ReasonRule, RefundRequest, Shop
from . import store_check, switch
from .filters import NEEDS_PERSON, OPEN_STATES
from .mails import MailAdmin
from .notices import notices
from .queue import RefundRequestAdmin
from .shop import ReasonRuleAdmin, ShopAdmin
from .show import TONES


class RefundsAdminSite(AdminSite):
    site_header = site_title = _("Refunds")
    index_title = _("Desk")
    site_url = None
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Here, not with decorators: while this class is being imported, there is no site yet to register with.
        self.register(RefundRequest, RefundRequestAdmin)
        self.register(Mail, MailAdmin)
        self.register(Shop, ShopAdmin)
        self.register(ReasonRule, ReasonRuleAdmin)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        return context | {"notices": notices(request.user) if context["has_permission"] else []}

    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [
            path("payouts/", self.admin_view(self.payouts), name="payouts"),
            path("shop-check/", self.admin_view(self.store_check), name="store_check"),
            *super().get_urls(),
        ]

    def payouts(self, request: HttpRequest) -> Any:
        return switch.payouts(self, request)

    def store_check(self, request: HttpRequest) -> Any:
        return store_check.store_check(self, request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        counts = _counts() if request.user.has_perm("refunds.view_refundrequest") else []
        return super().index(request, {"counts": counts, **(extra_context or {})})


def _counts() -> list[dict[str, Any]]:
    """How many cases need a person, state by state, the worst first."""
    found = dict(
        RefundRequest.objects.filter(status__in=OPEN_STATES).order_by().values_list("status").annotate(Count("pk"))
    )
    needing = [{"status": s, "label": s.label, "tone": TONES[s], "count": found.get(s, 0)} for s in NEEDS_PERSON]
    others = sum(count for status, count in found.items() if status not in NEEDS_PERSON)
    return [*needing, {"status": "open", "label": _("On their way"), "tone": "quiet", "count": others}]
