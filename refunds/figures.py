"""How the desk is doing: figures of now and of a period, each worked out by the database in one query.

Days are those of the site's time zone. Amounts are never added across currencies. A percentile is the nearest rank:
the smallest length that so many in a hundred do not exceed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, DateField, DurationField, ExpressionWrapper, F, Max, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber, TruncDay, TruncMonth, TruncWeek
from django.db.models.functions.datetime import TruncBase
from django.utils import timezone

from .models import RefundEvent, RefundLine, RefundRequest
from .states import OPEN, Status
from .woocommerce.types import LineKind

TOP = 10
"""How many products are shown."""
UNDECIDED = (Status.SUBMITTED, Status.NEEDS_INFO)
"""One that was approved by the first of two people is not decided yet."""


@dataclass(frozen=True, slots=True)
class Period:
    """The last `count` days, weeks or months, today's included; it begins with the first of them."""

    key: str
    step: str
    count: int

    def starts(self, today: date) -> list[date]:
        """The first day of each part, oldest first."""
        if self.step == "day":
            return [today - timedelta(days=back) for back in reversed(range(self.count))]
        if self.step == "week":
            monday = today - timedelta(days=today.weekday())
            return [monday - timedelta(weeks=back) for back in reversed(range(self.count))]
        months = today.year * 12 + today.month - 1
        return [date((months - back) // 12, (months - back) % 12 + 1, 1) for back in reversed(range(self.count))]

    def part_of(self, column: str) -> TruncBase:
        kind = {"day": TruncDay, "week": TruncWeek, "month": TruncMonth}[self.step]
        return kind(column, output_field=DateField(), tzinfo=timezone.get_default_timezone())


PERIODS = {
    period.key: period
    for period in (
        Period("7d", "day", 7),
        Period("30d", "day", 30),
        Period("13w", "week", 13),
        Period("12m", "month", 12),
    )
}


@dataclass(frozen=True, slots=True)
class Now:
    waiting: int
    overdue: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """Confirmed refunds in one currency. `trend` is the amount in each part of the period."""

    currency: str
    decimals: int
    today: Decimal
    month: Decimal
    trend: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long something took, of `count` cases; None where there was none."""

    count: int = 0
    median: timedelta | None = None
    p90: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions in one part of the period, and how many of them refused, or came later than they should have."""

    count: int = 0
    declined: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """How often something occurred in the period, and in the one of the same length before it."""

    name: str
    count: int
    before: int


@dataclass(frozen=True, slots=True)
class Figures:
    starts: tuple[date, ...]
    now: Now
    waiting: tuple[int, ...]
    in_doubt: tuple[int, ...]
    """How many there were at the end of each part."""
    refunded: tuple[Refunded, ...]
    decided: tuple[Decided, ...]
    to_decision: Lengths
    to_decision_trend: tuple[Lengths, ...]
    to_money: Lengths
    to_money_trend: tuple[Lengths, ...]
    reasons: tuple[Counted, ...]
    products: tuple[Counted, ...]


def figures(period: Period, at: datetime) -> Figures:
    today = timezone.localtime(at, timezone.get_default_timezone()).date()
    starts = period.starts(today)
    since = midnight(starts[0])
    before = midnight(starts[0] - (today + timedelta(days=1) - starts[0]))
    now = _now(at)
    flows = _flows(period, since)
    decided = RefundRequest.objects.filter(decided_at__gte=since).exclude(status__in=UNDECIDED)
    paid = RefundRequest.objects.filter(status=Status.REFUNDED, closed_at__gte=since)
    return Figures(
        starts=tuple(starts),
        now=now,
        waiting=_levels(now.waiting, starts, {day: flow[0] for day, flow in flows.items()}),
        in_doubt=_levels(now.in_doubt, starts, {day: flow[1] for day, flow in flows.items()}),
        refunded=_refunded(period, starts, today),
        decided=_decided(period, starts, decided),
        to_decision=_lengths(decided, "decided_at", None).get(None, Lengths()),
        to_decision_trend=_by_part(starts, _lengths(decided, "decided_at", period)),
        to_money=_lengths(paid, "closed_at", None).get(None, Lengths()),
        to_money_trend=_by_part(starts, _lengths(paid, "closed_at", period)),
        reasons=_reasons(since, before),
        products=_products(since, before),
    )


def midnight(day: date) -> datetime:
    """The beginning of a day on this site."""
    return datetime.combine(day, time(0), timezone.get_default_timezone()).astimezone(UTC)


def _now(at: datetime) -> Now:
    counts = RefundRequest.objects.filter(status__in=sorted(OPEN)).aggregate(
        waiting=Count("pk", filter=Q(status=Status.SUBMITTED)),
        overdue=Count("pk", filter=Q(due_at__lte=at)),
        in_doubt=Count("pk", filter=Q(status=Status.CHECK_NEEDED)),
    )
    return Now(**counts)


# --- How many there were ---------------------------------------------------------------------------------------------


def _flows(period: Period, since: datetime) -> dict[date, tuple[int, int]]:
    """By how much the waiting and the doubtful became more or fewer in each part, from the ledger."""
    moves = RefundEvent.objects.filter(at__gte=since).exclude(to_status="")
    parts = (
        moves.order_by()
        .values(part=period.part_of("at"))
        .annotate(waiting=_into(Status.SUBMITTED), doubtful=_into(Status.CHECK_NEEDED))
    )
    return {row["part"]: (row["waiting"], row["doubtful"]) for row in parts}


def _into(status: Status) -> Any:
    came, went = Count("pk", filter=Q(to_status=status)), Count("pk", filter=Q(from_status=status))
    return came - went


def _levels(now: int, starts: Sequence[date], flows: Mapping[date, int]) -> tuple[int, ...]:
    """Backwards from now: what there was at the end of a part is what there is, less what came after it."""
    levels, level = [], now
    for start in reversed(starts):
        levels.append(level)
        level -= flows.get(start, 0)
    return tuple(reversed(levels))


# --- Money -----------------------------------------------------------------------------------------------------------


def _refunded(period: Period, starts: Sequence[date], today: date) -> tuple[Refunded, ...]:
    """Of every currency that was paid in the period or this month."""
    first = midnight(min(starts[0], today.replace(day=1)))
    paid = RefundRequest.objects.filter(status=Status.REFUNDED, closed_at__gte=first)
    rows = (
        paid.values("currency", part=period.part_of("closed_at"))
        .annotate(
            decimals=Max("decimals"),
            paid=Sum("approved_amount"),
            today=Sum("approved_amount", filter=Q(closed_at__gte=midnight(today))),
            month=Sum("approved_amount", filter=Q(closed_at__gte=midnight(today.replace(day=1)))),
        )
        .order_by("currency", "part")
    )
    by_currency: dict[str, list[Any]] = {}
    for row in rows:
        by_currency.setdefault(row["currency"], []).append(row)
    return tuple(_of_currency(currency, found, starts) for currency, found in by_currency.items())


def _of_currency(currency: str, rows: Sequence[Any], starts: Sequence[date]) -> Refunded:
    by_part = {row["part"]: row["paid"] for row in rows}
    return Refunded(
        currency=currency,
        decimals=max(row["decimals"] for row in rows),
        today=sum((row["today"] or Decimal(0) for row in rows), Decimal(0)),
        month=sum((row["month"] or Decimal(0) for row in rows), Decimal(0)),
        trend=tuple(by_part.get(start, Decimal(0)) for start in starts),
    )


# --- Decisions and how long things took ------------------------------------------------------------------------------


def _decided(period: Period, starts: Sequence[date], decided: QuerySet[RefundRequest]) -> tuple[Decided, ...]:
    rows = (
        decided.order_by()
        .values(part=period.part_of("decided_at"))
        .annotate(
            count=Count("pk"),
            declined=Count("pk", filter=Q(status=Status.DECLINED)),
            late=Count("pk", filter=Q(decided_at__gt=F("decision_due_at"))),
        )
    )
    by_part = {row["part"]: Decided(row["count"], row["declined"], row["late"]) for row in rows}
    return tuple(by_part.get(start, Decided()) for start in starts)


def _lengths(cases: QuerySet[RefundRequest], until: str, period: Period | None) -> dict[date | None, Lengths]:
    """Median and 90th percentile from the request `until` then, by part, or of all under None."""
    parts = {} if period is None else {"part": period.part_of(until)}
    length = ExpressionWrapper(F(until) - F("created_at"), output_field=DurationField())
    ranked = (
        cases.annotate(**parts, length=length)
        .annotate(
            of=Window(Count("pk"), partition_by=[*parts] or None),
            rank=Window(RowNumber(), partition_by=[*parts] or None, order_by="length"),
        )
        .filter(Q(rank=(F("of") + 1) / 2) | Q(rank=(F("of") * 9 + 9) / 10))
        .order_by("rank")
    )
    found: dict[date | None, list[Any]] = {}
    for row in ranked.values("of", "length", *parts):
        found.setdefault(row.get("part"), []).append(row)
    return {part: Lengths(rows[0]["of"], rows[0]["length"], rows[-1]["length"]) for part, rows in found.items()}


def _by_part(starts: Sequence[date], found: Mapping[date | None, Lengths]) -> tuple[Lengths, ...]:
    return tuple(found.get(start, Lengths()) for start in starts)


# --- What is asked for -----------------------------------------------------------------------------------------------


def _reasons(since: datetime, before: datetime) -> tuple[Counted, ...]:
    rows = (
        RefundRequest.objects.filter(created_at__gte=before)
        .values("reason")
        .annotate(
            count=Count("pk", filter=Q(created_at__gte=since)), before=Count("pk", filter=Q(created_at__lt=since))
        )
        .order_by("-count", "-before", "reason")
    )
    return tuple(Counted(row["reason"], row["count"], row["before"]) for row in rows)


def _products(since: datetime, before: datetime) -> tuple[Counted, ...]:
    """By how many cases asked for them of those that were refunded."""
    paid = Q(refund_request__status=Status.REFUNDED, refund_request__closed_at__gte=before)
    rows = (
        RefundLine.objects.filter(paid, kind=LineKind.PRODUCT)
        .values("name")
        .annotate(
            count=Count("pk", filter=Q(refund_request__closed_at__gte=since)),
            before=Count("pk", filter=Q(refund_request__closed_at__lt=since)),
        )
        .filter(count__gt=0)
        .order_by("-count", "-before", "name")[:TOP]
    )
    return tuple(Counted(row["name"], row["count"], row["before"]) for row in rows)
