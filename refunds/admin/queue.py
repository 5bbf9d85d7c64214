"""The queue, and the doors to the case page and its decisions."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ..models import Photo, RefundRequest
from ..photos import photo_response
from ..states import OPEN
from ..workflow import MOST_AT_ONCE
from . import bulk, case, columns, decisions, show
from .case import Opening
from .filters import (
    CLOSED_STATES,
    NEEDS_PERSON,
    WORST_FIRST,
    DateFilter,
    LateFilter,
    ReasonFilter,
    StateFilter,
    WhoseFilter,
    lateness,
    search,
    urgency,
)
from .offers import PERMISSIONS
from .paging import CappedPaginator
from .people import actor
from .readonly import ReadOnlyAdmin, number


class CaseList(ChangeList):
    """Facts that have to be looked up are looked up for the rows of one page, not for those skipped or counted."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        pks = list(self.result_list.values_list("pk", flat=True))
        self.result_list = self.queryset.filter(pk__in=pks).annotate(**columns.facts())


class RefundRequestAdmin(ReadOnlyAdmin):
    list_display = (
        "case_link", "order", "customer", "shown_amount", "reason", "assignee", "state", "flags", "due", "age",
    )  # fmt: skip
    list_display_links = None
    list_filter = (StateFilter, LateFilter, WhoseFilter, ReasonFilter, DateFilter)
    paginator = CappedPaginator
    list_select_related = ("assigned_to",)
    list_per_page = 50
    search_fields = ("reference",)
    empty_value_display = ""
    sortable_by = ("due", "age")
    change_list_template = "admin/refunds/list.html"
    actions = ("in_bulk",)

    # --- The queue ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundRequest]:
        plain = RefundRequest.objects.defer("approved_breakdown", "note", "decline_words")
        return plain.annotate(lateness=lateness(timezone.now()), urgency=urgency())

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return CaseList

    def get_paginator(self, request: HttpRequest, *args: Any, **options: Any) -> CappedPaginator:
        paginator: Any = super().get_paginator(request, *args, **options)
        paginator.is_search = bool(request.GET.get("q"))
        return paginator  # type: ignore[no-any-return]  # Django promises its own class only

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """What is overdue, then what needs a person, oldest first; what is over or searched through all, newest."""
        state = request.GET.get("state", "")
        by_urgency = state in {"open", *WORST_FIRST} or (not request.GET.get("q") and state not in self._over())
        return ["lateness", "urgency", "created_at"] if by_urgency else ["-created_at", "-id"]

    def _over(self) -> set[str]:
        return {*CLOSED_STATES, "all"}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        words = {
            "title": _("Refund requests"),
            "search_hint": _("Reference, order number, e-mail, name or store refund id"),
            "empty": _("Nothing waits here. Well done."),
        }
        return super().changelist_view(request, words | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (search(queryset, search_term) if search_term.strip() else queryset), False

    @admin.display(description=_("reference"))
    def case_link(self, refund_request: RefundRequest) -> SafeString:
        return format_html('<a class="reference" href="{}/change/">{}</a>', refund_request.pk, refund_request.reference)

    @admin.display(description=_("order"))
    def order(self, refund_request: RefundRequest) -> str:
        return refund_request.order_number

    @admin.display(description=_("customer"))
    def customer(self, refund_request: RefundRequest) -> SafeString:
        return format_html(
            '<span class="customer">{}</span> <span class="quiet">{}</span>',
            refund_request.customer_name,
            refund_request.email,
        )

    @admin.display(description=_("amount"))
    def shown_amount(self, refund_request: RefundRequest) -> SafeString:
        figure = show.amount(refund_request, refund_request.amount)
        if refund_request.amount == refund_request.requested_amount:
            return format_html('<span class="money">{}</span>', figure)
        asked = show.amount(refund_request, refund_request.requested_amount)
        return format_html('<span class="money">{}</span> <span class="quiet">{} {}</span>', figure, _("of"), asked)

    @admin.display(description=_("whose"))
    def assignee(self, refund_request: RefundRequest) -> str:
        return str(refund_request.assigned_to or "")

    @admin.display(description=_("state"))
    def state(self, refund_request: RefundRequest) -> SafeString:
        waits_for = show.waits_for(refund_request, timezone.now())
        return format_html('{} <span class="quiet">{}</span>', show.badge(refund_request.status), waits_for)

    @admin.display(description=_("due"), ordering="due_at")
    def due(self, refund_request: RefundRequest) -> SafeString | str:
        return show.due(refund_request, timezone.now())

    @admin.display(description=_("look twice"))
    def flags(self, refund_request: RefundRequest) -> SafeString:
        words = ((flag,) for flag in columns.flags(refund_request))
        return format_html_join(" ", '<span class="flag">{}</span>', words)

    @admin.display(description=_("age"), ordering="created_at")
    def age(self, refund_request: RefundRequest) -> SafeString:
        clock = columns.clock(refund_request)
        if not clock.waits_for:
            return show.age(clock.since)
        return format_html('{} <span class="quiet">{}</span>', show.age(clock.since), clock.waits_for)

    @admin.action(description=_("Decide several at once"), permissions=["work"])
    def in_bulk(self, request: HttpRequest, queryset: QuerySet[RefundRequest]) -> HttpResponse:
        return bulk.to_page([case.pk for case in queryset[: MOST_AT_ONCE + 1]])

    def has_work_permission(self, request: HttpRequest) -> bool:
        return actor(request).has_perm("refunds.work_refundrequest")

    # --- The case ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = [self._door("preview", partial(decisions.preview, page=self._page))]
        own += [self._door(name, partial(decisions.decide, name=name, page=self._page)) for name in PERMISSIONS]
        photo = self.admin_site.admin_view(require_safe(self.photo))
        own.append(path("<int:pk>/photo/<str:public_id>/", photo, name="refunds_refundrequest_photo"))
        return own + super().get_urls()

    def photo(self, request: HttpRequest, pk: int, public_id: str) -> HttpResponseBase:
        """A photo of this case, for those who may see the case."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        photo = Photo.objects.filter(refund_request=pk, public_id=public_id).first()
        if photo is None:
            raise Http404
        return photo_response(photo)

    def _door(self, name: str, view: Any) -> URLPattern:
        def guarded(request: HttpRequest, pk: int) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            if request.method != "POST":  # As after logging in again: the form is on the case page.
                return HttpResponseRedirect(reverse("admin:refunds_refundrequest_change", args=[pk]))
            answer: HttpResponse = view(request, pk)
            return answer

        return path(f"<int:pk>/{name}/", self.admin_site.admin_view(guarded), name=f"refunds_refundrequest_{name}")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The case, with its order read anew. A store that is down is said plainly; the page works on what was read."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        refund_request = case.find(number(object_id))
        if refund_request is None:
            raise Http404
        opening = Opening()
        # A closed case has nothing to decide, and what was erased of it must not come back.
        if refund_request.status in OPEN:
            opening.store_problem = decisions.read_order(refund_request)
        return self._page(request, refund_request, opening, 200)

    def _page(self, request: HttpRequest, refund_request: RefundRequest, opening: Opening, status: int) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **case.context(refund_request, actor(request), opening),
            "opts": self.opts,
            "title": refund_request.reference,
            "next_case": self._next(refund_request),
        }
        return TemplateResponse(request, "admin/refunds/case/page.html", context, status=status)

    def _next(self, refund_request: RefundRequest) -> RefundRequest | None:
        """The case that needs a person most, this one aside."""
        needing = RefundRequest.objects.filter(status__in=NEEDS_PERSON).exclude(pk=refund_request.pk)
        return needing.order_by(lateness(timezone.now()), urgency(), "created_at").only("pk", "reference").first()

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history is the ledger on the case page."""
        raise Http404
