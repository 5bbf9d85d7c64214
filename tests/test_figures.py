"""The figures of the front page, against cases whose every figure was worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refunds.figures import PERIODS, Counted, Decided, Figures, Lengths, Now, Refunded, figures
from refunds.models import Reason, RefundEvent, RefundLine, RefundRequest
from refunds.states import Status
from tests.factories import approver
from tests.test_admin_queue import a_case
from tests.test_states import attempt

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
"""A Tuesday, at noon."""


@pytest.fixture(autouse=True)
def _in_utc(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"


def march(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def case(status: Status, asked: datetime, **fields: Any) -> RefundRequest:
    """A case with its times and figures written straight into the row."""
    made = a_case(status if status != Status.REFUNDED else Status.APPROVED)
    if status == Status.REFUNDED:
        fields |= {"status": status, "paid_attempt": attempt(made, status="succeeded", sent_at=asked, baseline={})}
    RefundRequest.objects.filter(pk=made.pk).update(created_at=asked, **fields)
    return RefundRequest.objects.get(pk=made.pk)


def moved(made: RefundRequest, at: datetime, seen: str, to: str) -> None:
    RefundEvent.objects.create(refund_request=made, kind="x", actor="staff", at=at, from_status=seen, to_status=to)


def paid(asked: datetime, at: datetime, amount: str, **fields: Any) -> RefundRequest:
    return case(
        Status.REFUNDED, asked, decided_at=asked + timedelta(hours=1), closed_at=at, approved_amount=Decimal(amount),
        **fields,
    )  # fmt: skip


def week() -> Figures:
    """3 to 10 March would be eight days: the seven are 4 to 10."""
    return figures(PERIODS["7d"], NOW)


def test_what_waits_now() -> None:
    case(Status.SUBMITTED, march(9), due_at=march(10, 11))
    case(Status.SUBMITTED, march(9), due_at=march(10, 13))
    case(Status.CHECK_NEEDED, march(2), due_at=NOW, decided_at=march(2))
    case(Status.NEEDS_INFO, march(9))
    paid(march(1), march(2), "5.00")

    assert week().now == Now(waiting=2, overdue=2, in_doubt=1)


def test_how_many_waited_at_the_end_of_each_day_is_read_from_the_ledger() -> None:
    early, late, doubtful = (case(Status.SUBMITTED, march(3)) for _unused in range(3))
    moved(early, march(3), "", "submitted")
    moved(early, march(5), "submitted", "needs_info")
    moved(early, march(8, 0), "needs_info", "submitted")
    moved(late, march(9, 23), "", "submitted")
    moved(doubtful, march(4), "", "submitted")
    moved(doubtful, march(6), "submitted", "approved")
    moved(doubtful, march(6), "approved", "sending")
    moved(doubtful, march(6), "sending", "check_needed")
    RefundRequest.objects.filter(pk=doubtful.pk).update(status=Status.FAILED)
    moved(doubtful, march(10), "check_needed", "failed")

    found = week()

    #        of March: 4  5  6  7  8  9  10
    assert found.waiting == (2, 1, 0, 0, 1, 2, 2)
    assert found.in_doubt == (0, 0, 1, 1, 1, 1, 0)
    assert found.starts == tuple(date(2026, 3, day) for day in range(4, 11))


def test_money_is_added_by_currency_for_today_the_month_and_each_day() -> None:
    paid(march(1), march(10, 0), "10.10")
    paid(march(1), march(10, 11), "0.20")
    paid(march(1), march(9, 23), "5.00")
    paid(march(1), march(1, 0), "100.00")  # this month, before the week
    paid(march(1), datetime(2026, 2, 28, 23, tzinfo=UTC), "1000.00")
    paid(march(1), march(4), "700", currency="JPY", decimals=0)
    case(Status.DECLINED, march(5), closed_at=march(6), decided_at=march(6), approved_amount=Decimal(9))

    zero = Decimal(0)
    assert week().refunded == (
        Refunded(
            "EUR", 2, Decimal("10.30"), Decimal("115.30"), (zero, zero, zero, zero, zero, Decimal(5), Decimal("10.30"))
        ),
        Refunded("JPY", 0, zero, Decimal(700), (Decimal(700), zero, zero, zero, zero, zero, zero)),
    )


def test_time_to_the_decision_and_to_the_money() -> None:
    for nth, hours in enumerate((1, 2, 3, 4, 100), start=4):  # decided on 4, 5, 6, 7 and 8 March
        at = march(nth)
        case(Status.DECLINED, at - timedelta(hours=hours), decided_at=at, closed_at=at)
    case(Status.SUBMITTED, march(1), decided_at=march(9), decided_by=approver())  # by the first of two people only
    paid(march(3), march(8), "5.00")
    paid(march(4), march(8), "5.00")

    found = week()

    hour = timedelta(hours=1)
    # 1 1 2 3 4 100: of six the 3rd is the median, the 6th (5.4 rounded up) nine tenths. One decision was on 3 March.
    assert found.to_decision == Lengths(6, hour * 2, hour * 100)
    assert found.to_decision_trend == (
        Lengths(2, hour, hour), Lengths(1, hour * 2, hour * 2), Lengths(1, hour * 3, hour * 3),
        Lengths(1, hour * 4, hour * 4), Lengths(1, hour * 100, hour * 100), Lengths(), Lengths(),
    )  # fmt: skip
    assert found.to_money == Lengths(2, timedelta(days=4), timedelta(days=5))
    assert found.to_money_trend == (
        *[Lengths()] * 4,
        Lengths(2, timedelta(days=4), timedelta(days=5)),
        *[Lengths()] * 2,
    )


@pytest.mark.parametrize(("count", "median", "p90"), [(1, 1, 1), (2, 1, 2), (9, 5, 9), (10, 5, 9), (11, 6, 10)])
def test_a_percentile_is_the_nearest_rank(count: int, median: int, p90: int) -> None:
    for minutes in range(1, count + 1):
        case(Status.DECLINED, march(9), decided_at=march(9) + timedelta(minutes=minutes))

    assert week().to_decision == Lengths(count, timedelta(minutes=median), timedelta(minutes=p90))


def test_decisions_are_counted_with_those_that_refused_and_those_that_were_late() -> None:
    case(Status.DECLINED, march(4), decided_at=march(5), decision_due_at=march(5))
    case(Status.DECLINED, march(4), decided_at=march(5, 13), decision_due_at=march(5))
    case(Status.APPROVED, march(4), decided_at=march(5))
    paid(march(9), march(10), "5.00", decision_due_at=march(9))

    found = week().decided

    assert found == (Decided(), Decided(3, 2, 1), Decided(), Decided(), Decided(), Decided(1, 0, 1), Decided())


def test_reasons_are_counted_beside_the_period_before() -> None:
    for reason, asked in [
        (Reason.FAULTY, march(4, 0)), (Reason.FAULTY, march(10)), (Reason.FAULTY, march(3, 23)),
        (Reason.OTHER, march(5)), (Reason.DAMAGED, datetime(2026, 2, 25, tzinfo=UTC)),
        (Reason.NOT_ARRIVED, datetime(2026, 2, 24, 23, tzinfo=UTC)),
    ]:  # fmt: skip
        case(Status.SUBMITTED, asked, reason=reason)

    assert week().reasons == (Counted("faulty", 2, 1), Counted("other", 1, 0), Counted("damaged", 0, 1))


def test_products_are_counted_where_the_money_went_back() -> None:
    lamp, other, earlier = paid(march(4), march(5), "5"), paid(march(4), march(5), "5"), paid(march(1), march(3), "5")
    RefundLine.objects.filter(refund_request__in=[lamp, earlier]).update(name="Lamp")
    RefundLine.objects.filter(refund_request=other).update(name="Chair")
    RefundLine.objects.create(
        refund_request=lamp, order_line_id=1, kind="shipping", name="Parcel", quantity=1, amount=1, is_open=False
    )
    case(Status.DECLINED, march(5), closed_at=march(5), decided_at=march(5))

    assert week().products == (Counted("Lamp", 1, 1), Counted("Chair", 1, 0))


@pytest.mark.parametrize(
    ("key", "first", "last", "count"),
    [
        ("30d", date(2026, 2, 9), date(2026, 3, 10), 30),
        ("13w", date(2025, 12, 15), date(2026, 3, 9), 13),
        ("12m", date(2025, 4, 1), date(2026, 3, 1), 12),
    ],
)
def test_longer_periods_have_weeks_and_months(key: str, first: date, last: date, count: int) -> None:
    paid(march(1), march(9), "5.00")
    paid(march(1), datetime(first.year, first.month, first.day, tzinfo=UTC), "7.00")

    found = figures(PERIODS[key], NOW)

    assert (found.starts[0], found.starts[-1], len(found.starts)) == (first, last, count)
    (euro,) = found.refunded
    assert (euro.trend[0], sum(euro.trend)) == (Decimal(7), Decimal(12))


def test_days_are_those_of_the_site(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    paid(march(1), march(10, 3), "5.00")  # 22 or 23 o'clock of the 9th there

    (euro,) = week().refunded

    assert (euro.today, euro.trend[-2]) == (Decimal(0), Decimal(5))


def test_an_empty_desk_has_no_figures() -> None:
    found = week()

    assert (found.now, found.refunded, found.to_decision) == (Now(0, 0, 0), (), Lengths())
    assert (found.reasons, found.products, found.waiting) == ((), (), (0,) * 7)


@pytest.mark.parametrize("rows", [0, 3])
def test_the_number_of_queries_does_not_depend_on_the_cases(rows: int) -> None:
    for _unused in range(rows):
        paid(march(4), march(9), "5.00")

    with CaptureQueriesContext(connection) as queries:
        week()

    # now, the ledger, money, decisions, two each of how long decisions and refunds took, reasons, products
    assert len(queries) == 10
