"""Which cases the queue shows, and how it finds one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import PayoutAttempt, Reason, RefundRequest, Shop
from ..states import OPEN, Status

if TYPE_CHECKING:
    Cases = QuerySet[RefundRequest]

OPEN_STATES = sorted(OPEN)
WORST_FIRST = (Status.CHECK_NEEDED, Status.FAILED, Status.SUBMITTED, Status.NEEDS_INFO, Status.APPROVED, Status.SENDING)
NEEDS_PERSON = (Status.CHECK_NEEDED, Status.FAILED, Status.SUBMITTED)
CLOSED_STATES = (Status.REFUNDED, Status.DECLINED, Status.WITHDRAWN)


def urgency() -> Case:
    """0 for what needs a person most. Sorts open cases only: few enough to be sorted in memory."""
    return Case(
        *(When(status=status, then=Value(nth)) for nth, status in enumerate(WORST_FIRST)),
        default=Value(len(WORST_FIRST)),
        output_field=IntegerField(),
    )


def lateness(now: datetime) -> Case:
    """0 for what is overdue: it comes before everything else."""
    return Case(When(due_at__lte=now, then=Value(0)), default=Value(1), output_field=IntegerField())


def search(queryset: Cases, typed: str) -> Cases:
    """A reference or marker, an order number, a store refund id, an e-mail address from its beginning, or a name.

    What the term looks like decides where it is looked for, so that the common searches read an index.
    """
    term = typed.strip()
    if term.upper().startswith("RF-"):
        return queryset.filter(reference__startswith=term.upper()[:11])
    if "@" in term:
        return queryset.filter(Q(email__startswith=term) | Q(email__startswith=term.casefold()))
    number = term.removeprefix("#").strip()
    if number.isascii() and number.isdigit():
        return queryset.filter(Q(order_number=number) | Q(pk__in=_with_store_refund(number)))
    return queryset.filter(
        Q(customer_name__icontains=term) | Q(order_number=number) | Q(email__startswith=term.casefold())
    )


def _with_store_refund(number: str) -> QuerySet[PayoutAttempt, int]:
    store_refund_id = int(number) if len(number) < 19 else -1
    return PayoutAttempt.objects.filter(store_refund_id=store_refund_id).values_list("refund_request_id", flat=True)


class StateFilter(admin.SimpleListFilter):
    """Open cases at first; with a search all of them, because who searches wants to find."""

    title = _("state")
    parameter_name = "state"
    template = "admin/refunds/tabs.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        self.is_search = bool(request.GET.get("q"))
        states = [(status.value, status.label) for status in (*WORST_FIRST, *CLOSED_STATES)]
        return [("open", _("All open")), *states, ("all", _("All"))]

    def state(self) -> str:
        value = self.value()
        return value if value in self._values() else "all" if self.is_search else "open"

    def _values(self) -> set[str]:
        return {str(value) for value, _label in self.lookup_choices}

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        state = self.state()
        if state == "open":
            return queryset.filter(status__in=OPEN_STATES)
        return queryset if state == "all" else queryset.filter(status=state)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Open states with their count, where there are any; closed ones are not counted, there may be a million."""
        open_cases = RefundRequest.objects.filter(status__in=OPEN_STATES).order_by()
        counts = dict(open_cases.values_list("status").annotate(Count("pk")))
        counts["open"] = sum(counts.values())
        selected = self.state()
        for value, label in self.lookup_choices:
            if value in OPEN and not counts.get(value) and value != selected:
                continue
            yield {
                "selected": value == selected,
                "query_string": changelist.get_query_string({self.parameter_name: value}, ["p"]),
                "display": label,
                "count": counts.get(value) if value in OPEN or value == "open" else None,
                "value": value,
            }


class LateFilter(admin.SimpleListFilter):
    title = _("due")
    parameter_name = "due"
    template = "admin/refunds/menu.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("overdue", _("Overdue")), ("today", _("Due today"))]

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        now = timezone.now()
        if self.value() == "overdue":
            return queryset.filter(due_at__lte=now)
        if self.value() == "today":
            return queryset.filter(due_at__lte=Shop.current().calendar.end_of_day(now, 0))
        return queryset


class WhoseFilter(admin.SimpleListFilter):
    title = _("whose")
    parameter_name = "whose"
    template = "admin/refunds/menu.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mine", _("Mine")), ("nobody", _("Nobody’s"))]

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        if self.value() == "mine":
            return queryset.filter(assigned_to=request.user.pk)
        return queryset.filter(assigned_to=None) if self.value() == "nobody" else queryset


class ReasonFilter(admin.SimpleListFilter):
    title = _("reason")
    parameter_name = "reason"
    template = "admin/refunds/menu.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(reason.value, reason.label) for reason in Reason]

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        return queryset.filter(reason=self.value()) if self.value() in Reason.values else queryset
