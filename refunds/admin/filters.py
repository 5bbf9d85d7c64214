"""Which cases the queue shows, and how it finds one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, IntegerField, Min, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from ..models import PayoutAttempt, Reason, RefundRequest, Shop
from ..states import OPEN, Status
from .paging import count_text, counts

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


def _with_store_refund(number: str) -> list[int]:
    """Sought beforehand: as a part of the search it would keep the database from using the index of order numbers."""
    store_refund_id = int(number) if len(number) < 19 else -1
    found = PayoutAttempt.objects.filter(store_refund_id=store_refund_id)
    return list(found.values_list("refund_request_id", flat=True))


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
        """Open states where there are any, and the closed ones, with their counts."""
        found = counts([*WORST_FIRST, *CLOSED_STATES])
        found["open"] = sum(found[status] for status in WORST_FIRST)
        selected = self.state()
        for value, label in self.lookup_choices:
            if value in OPEN and not found[value] and value != selected:
                continue
            yield {
                "selected": value == selected,
                "query_string": changelist.get_query_string({self.parameter_name: value}, ["p"]),
                "display": label,
                "count": count_text(found[value]) if value in found else None,
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


class DateFilter(admin.SimpleListFilter):
    """When it was asked: a year, then a month of it, then a day. Nothing is counted for it."""

    title = _("asked")
    parameter_name = "asked"
    template = "admin/refunds/menu.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        first = RefundRequest.objects.aggregate(first=Min("created_at"))["first"] or timezone.now()
        years = range(timezone.localtime().year, timezone.localtime(first).year - 1, -1)
        return [(str(year), str(year)) for year in years]

    def span(self) -> tuple[datetime, datetime] | None:
        """The chosen time, in the shop's time zone; None if there is none, or no such day."""
        parts = [int(part) for part in (self.value() or "").split("-") if part.isascii() and part.isdigit()]
        if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", self.value() or ""):
            return None
        year, month, day = (*parts, 1, 1)[:3]
        try:
            begin = datetime(year, month, day)  # noqa: DTZ001 - made aware below
            last = begin + timedelta(days=1) if len(parts) == 3 else _next(year, month if len(parts) == 2 else 12)
            return timezone.make_aware(begin), timezone.make_aware(last)
        except (ValueError, OverflowError):
            return None

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        span = self.span()
        return queryset.filter(created_at__gte=span[0], created_at__lt=span[1]) if span else queryset

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """The way back up, then what is within the chosen time."""
        value = str(self.value()) if self.span() else ""
        parents = ["", *(value[:length] for length in (4, 7, 10) if 0 < length <= len(value))]
        within = self._within(value)
        for each in [*parents, *within]:
            query = changelist.get_query_string({self.parameter_name: each}, ["p"])
            if not each:
                query = changelist.get_query_string(remove=[self.parameter_name, "p"])
            yield {"selected": each == value, "query_string": query, "display": self._label(each)}

    def _within(self, value: str) -> list[str]:
        if not value:
            return [year for year, _label in self.lookup_choices]
        if len(value) == 4:
            return [f"{value}-{month:02}" for month in MONTHS]
        if len(value) == 7:
            days = (_next(int(value[:4]), int(value[5:])) - timedelta(days=1)).day
            return [f"{value}-{day:02}" for day in range(1, days + 1)]
        return []

    def _label(self, value: str) -> str:
        if not value:
            return str(_("any time"))
        if len(value) == 7:
            return f"{MONTHS[int(value[5:])]} {value[:4]}"
        return value


def _next(year: int, month: int) -> datetime:
    """The first day of the month after."""
    return datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - a day, not an instant
