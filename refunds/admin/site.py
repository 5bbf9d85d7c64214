"""The staff's desk: Django's admin under /staff/, with what is wrong at the moment on every page."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..models import Mail, ReasonRule, RefundRequest, SavedReply, Shop
from . import bulk, dashboard, export, log_in, phone, queues, store_check, switch, two_factor
from .filters import NEEDS_PERSON, OPEN_STATES
from .mails import MailAdmin
from .notices import notices
from .queue import RefundRequestAdmin
from .replies import SavedReplyAdmin
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
        self.register(SavedReply, SavedReplyAdmin)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        return context | {"notices": notices(request.user) if context["has_permission"] else []}

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and log_in.is_let_in(request)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        own = self._for_everybody_on_the_staff
        return [
            path("login/code/", never_cache(self.log_in_code), name="log_in_code"),
            # Who has to set up a second factor first reaches these two and nothing else.
            path("logout/", self.logout, name="logout"),
            path("two-factor/", own(self.two_factor), name="two_factor"),
            path("two-factor/qr.svg", own(require_safe(self.qr_code)), name="two_factor_qr"),
            path("worker/", include(queues.pages(self))),
            path("log-ins/", self.admin_view(self.log_ins), name="log_ins"),
            path("bulk/", self.admin_view(self.bulk), name="bulk"),
            path("bulk/<int:pk>/", self.admin_view(require_safe(self.bulk_progress)), name="bulk_progress"),
            path("export/", self.admin_view(self.export), name="export"),
            path("payouts/", self.admin_view(self.payouts), name="payouts"),
            path("shop-check/", self.admin_view(self.store_check), name="store_check"),
            path("new-request/", self.admin_view(partial(phone.find, self)), name="find_order"),
            path("new-request/<str:public_id>/", self.admin_view(partial(phone.choose, self)), name="new_request"),
            *super().get_urls(),
        ]

    def _for_everybody_on_the_staff(self, view: Any) -> Any:
        """As `admin_view`, but before the second factor."""

        def guarded(request: HttpRequest) -> HttpResponseBase:
            if not super(RefundsAdminSite, self).has_permission(request):
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            answer: HttpResponseBase = view(request)
            return answer

        return never_cache(guarded)

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return log_in.log_in(self, request)

    def log_in_code(self, request: HttpRequest) -> Any:
        return log_in.code_step(self, request)

    def two_factor(self, request: HttpRequest) -> Any:
        return two_factor.two_factor(self, request)

    def qr_code(self, request: HttpRequest) -> Any:
        return two_factor.qr_code(request)

    def log_ins(self, request: HttpRequest) -> Any:
        return log_in.log_ins(self, request)

    def bulk(self, request: HttpRequest) -> Any:
        return bulk.bulk(self, request)

    def bulk_progress(self, request: HttpRequest, pk: int) -> Any:
        return bulk.progress(self, request, pk)

    def export(self, request: HttpRequest) -> Any:
        return export.export(self, request)

    def payouts(self, request: HttpRequest) -> Any:
        return switch.payouts(self, request)

    def store_check(self, request: HttpRequest) -> Any:
        return store_check.store_check(self, request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        context: dict[str, Any] = {"last_log_in": log_in.last_log_in(request)}
        if request.user.has_perm("refunds.view_refundrequest"):
            context |= {"counts": _counts(), **dashboard.context(request)}
        return super().index(request, context | (extra_context or {}))


def _counts() -> list[dict[str, Any]]:
    """How many cases need a person, state by state, the worst first."""
    found = dict(
        RefundRequest.objects.filter(status__in=OPEN_STATES).order_by().values_list("status").annotate(Count("pk"))
    )
    needing = [{"status": s, "label": s.label, "tone": TONES[s], "count": found.get(s, 0)} for s in NEEDS_PERSON]
    others = sum(count for status, count in found.items() if status not in NEEDS_PERSON)
    return [*needing, {"status": "open", "label": _("On their way"), "tone": "quiet", "count": others}]
