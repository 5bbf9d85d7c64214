"""Business time: on what days and hours it runs, across changed clocks and the turn of the year, and for which case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from refunds import workflow
from refunds.clocks import Calendar, Clock, Clocks, after, holidays, started
from refunds.models import DeclineReason, RefundRequest, Shop
from refunds.states import Status
from tests.factories import LookUpFactory, RefundRequestFactory, approver
from tests.test_workflow import approve

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar(BERLIN, time(9), time(17), frozenset({1, 2, 3, 4, 5}))


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


# --- Business time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "length", "due"),
    [
        ("2026-03-04 10:00", 3, "2026-03-04 13:00"),  # within a day
        ("2026-03-04 15:00", 3, "2026-03-05 10:00"),  # over the night
        ("2026-03-04 09:00", 8, "2026-03-04 17:00"),  # until the very end of the day
        ("2026-03-04 16:59", 8, "2026-03-05 16:59"),
        ("2026-03-04 03:00", 1, "2026-03-04 10:00"),  # before work begins
        ("2026-03-04 22:00", 1, "2026-03-05 10:00"),  # after it ended
        ("2026-03-06 16:00", 2, "2026-03-09 10:00"),  # over the weekend
        ("2026-03-07 12:00", 8, "2026-03-09 17:00"),  # from a Saturday
        ("2026-03-04 10:00", 80, "2026-03-18 10:00"),  # ten working days
        ("2026-03-04 17:00", 0, "2026-03-05 09:00"),
    ],
)
def test_business_time_runs_while_the_shop_is_open(at: str, length: float, due: str) -> None:
    assert OFFICE.after(local(at), hours(length)) == local(due)


def test_holidays_of_one_year_and_of_every_year_do_not_count() -> None:
    calendar = replace(OFFICE, holidays=holidays("2026-12-24 Christmas Eve\n12-25 Christmas\n\n01-01\n"))

    due = [calendar.after(local(f"{year}-12-23 16:00"), hours(2)) for year in (2026, 2027)]

    assert due == [local("2026-12-28 10:00"), local("2027-12-24 10:00")]


def test_the_turn_of_the_year_is_counted_through() -> None:
    calendar = replace(OFFICE, holidays=holidays("12-31\n01-01"))

    due = calendar.after(local("2026-12-30 16:00"), hours(10))

    assert due == local("2027-01-05 10:00")  # 30 Dec 1 h, then Monday 4 Jan 8 h, then 1 h
    assert calendar.between(local("2026-12-30 16:00"), due) == hours(10)


@pytest.mark.parametrize(
    ("at", "due"), [("2026-03-27 16:00", "2026-03-30 10:00"), ("2026-10-23 16:00", "2026-10-26 10:00")]
)
def test_a_changed_clock_over_the_weekend_moves_no_closing_time(at: str, due: str) -> None:
    assert OFFICE.after(local(at), hours(2)) == local(due)


@pytest.mark.parametrize(("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-07", 24)])
def test_a_day_that_is_open_throughout_is_as_long_as_it_really_is(day: str, length: int) -> None:
    always = Calendar(BERLIN, time(0), time(0), frozenset(range(1, 8)))
    start = local(f"{day} 00:00")
    end = always.end_of_day(start, 0) + timedelta(seconds=1)

    assert always.between(start, end) == end - start == hours(length)
    assert always.after(start, hours(length)) == end


def test_the_hour_that_comes_twice_is_worked_twice() -> None:
    night = Calendar(BERLIN, time(1), time(4), frozenset(range(1, 8)))

    assert night.after(local("2026-10-25 01:00"), hours(2)) == local("2026-10-25 02:00", fold=1)
    assert night.after(local("2026-03-29 01:00"), hours(2)) == local("2026-03-29 04:00")


def test_the_limit_of_the_law_counts_every_day_to_its_end() -> None:
    assert OFFICE.end_of_day(local("2026-12-20 23:30"), 14) == local("2027-01-03 23:59:59")
    assert OFFICE.end_of_day(local("2026-03-20 00:10"), 14) == local("2026-04-03 23:59:59")


def test_working_days_are_counted_to_the_end_of_the_last() -> None:
    calendar = replace(OFFICE, holidays=holidays("2026-03-09"))

    assert calendar.end_of_open_day(local("2026-03-06 10:00"), 2) == local("2026-03-11 23:59:59")
    assert calendar.end_of_open_day(local("2026-03-07 10:00"), 1) == local("2026-03-10 23:59:59")


instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


@given(at=instants, minutes=st.integers(1, 6000))
def test_what_was_added_lies_between(at: datetime, minutes: int) -> None:
    length = timedelta(minutes=minutes)

    assert OFFICE.between(at, OFFICE.after(at, length)) == length


@given(start=instants, end=instants)
def test_time_between_is_never_negative_and_adds_up(start: datetime, end: datetime) -> None:
    middle = start + (end - start) / 2

    whole = OFFICE.between(start, end)

    assert whole >= timedelta(0)
    if start <= end:
        assert OFFICE.between(start, middle) + OFFICE.between(middle, end) == whole


@pytest.mark.parametrize("line", ["24.12.2026", "2026-13-01", "02-30", "Christmas", "2026-12", "12-24-2026"])
def test_a_line_that_is_no_date_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=line):
        holidays(f"2026-12-24\n{line}\n")


def test_the_29_february_can_be_a_holiday() -> None:
    assert holidays("02-29 leap day") == {(2, 29)}
    assert holidays("2026-05-01\n2026-05-01 again") == {date(2026, 5, 1)}


# --- The clocks of a case --------------------------------------------------------------------------------------------

MONDAY = local("2026-03-02 10:00")


@pytest.fixture
def berlin(settings: object) -> Iterator[None]:
    settings.TIME_ZONE = "Europe/Berlin"  # type: ignore[attr-defined]  # the fixture of pytest-django has no such type
    return


@pytest.fixture
def person() -> User:
    return approver()


def a_new_case() -> RefundRequest:
    look_up = LookUpFactory.create()
    return workflow.submit(look_up, chosen={11: 1}, reason="damaged", note="")  # type: ignore[arg-type]  # as the form gives it


def running(refund_request: RefundRequest) -> tuple[str, datetime] | None:
    """The clock that runs out first, as the instance and as the database have it."""
    row = RefundRequest.objects.get(pk=refund_request.pk)
    found = row.clocks.next(row.status)
    assert row.due_at == (found and found[0])
    return (found[1].value, found[0]) if found else None


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_a_new_case_has_a_first_answer_a_decision_and_the_law(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        case = a_new_case()

    assert case.clocks == Clocks(
        answer_due_at=local("2026-03-03 10:00"),
        decision_due_at=local("2026-03-04 10:00"),
        legal_due_at=local("2026-03-16 23:59:59"),
    )
    assert running(case) == ("answer", local("2026-03-03 10:00"))


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_a_message_is_a_first_answer_and_the_decision_is_next(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        case = a_new_case()

    with time_machine.travel(MONDAY + hours(1), tick=False):
        workflow.write(case, by=person, text="We have it.")
    with time_machine.travel(MONDAY + hours(2), tick=False):
        workflow.write(case, by=person, text="Still looking.")

    assert running(case) == ("decision", local("2026-03-04 10:00"))
    assert RefundRequest.objects.get().first_answer_at == MONDAY + hours(1)


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_a_note_among_colleagues_is_no_answer(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        case = a_new_case()
        workflow.note(case, by=person, text="Odd.")

    assert running(case) == ("answer", local("2026-03-03 10:00"))


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_the_decision_waits_while_the_customer_must_answer(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        case = a_new_case()
    with time_machine.travel(MONDAY + hours(4), tick=False):
        workflow.ask(case, by=person, version=case.version, text="Which size?")
    waiting = running(case)

    with time_machine.travel(local("2026-03-09 20:00"), tick=False):
        workflow.answer(case, text="Large.")

    assert waiting == ("legal", local("2026-03-16 23:59:59"))
    assert running(case) == ("decision", local("2026-03-11 13:00"))  # 12 of 16 hours were left
    assert RefundRequest.objects.get().paused_at is None


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_what_was_late_before_the_question_is_late_after_the_answer(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        case = a_new_case()
    with time_machine.travel(local("2026-03-05 10:00"), tick=False):
        workflow.ask(case, by=person, version=case.version, text="Which size?")

    with time_machine.travel(local("2026-03-06 10:00"), tick=False):
        workflow.answer(case, text="Large.")

    assert running(case) == ("decision", local("2026-03-04 10:00"))


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_the_payout_has_its_own_clock_until_the_money_is_back(person: User, settings: object) -> None:
    settings.APPROVAL_HOLD = 30  # type: ignore[attr-defined]  # as above
    with time_machine.travel(MONDAY, tick=False):
        case = RefundRequestFactory.create()
        approve(case, person)
        approved = running(case)
        workflow.take_back(case, by=person, version=case.version)

    assert approved == ("payout", local("2026-03-03 10:00"))
    assert RefundRequest.objects.get().payout_due_at is None


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_a_closed_case_has_no_clock_and_a_reopened_one_a_new_decision(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        case = a_new_case()
        workflow.decline(case, by=person, version=case.version, decline_reason=DeclineReason.USED, words="It was worn.")
    closed = running(case)

    with time_machine.travel(local("2026-03-05 09:00"), tick=False):
        workflow.reopen(case, by=person, version=case.version)

    assert closed is None
    assert running(case) == ("decision", local("2026-03-06 17:00"))


@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_a_case_opened_on_the_phone_is_answered_already(person: User) -> None:
    with time_machine.travel(MONDAY, tick=False):
        clocks = started(Shop.current().clock_rules, MONDAY, kind="opened")

    assert clocks.next(Status.SUBMITTED) == (local("2026-03-04 10:00"), Clock.DECISION)


@pytest.mark.parametrize(
    ("kind", "before", "due"),
    [
        ("approved", None, "2026-03-03 10:00"),
        ("approved", "2026-02-01 10:00", "2026-02-01 10:00"),  # once more after a failure: the promise is the old one
        ("reversed", "2026-02-01 10:00", "2026-03-03 10:00"),  # the money went back: it is owed anew
        ("doubt_reopened", None, "2026-03-03 10:00"),
        ("refused", "2026-02-01 10:00", "2026-02-01 10:00"),
    ],
)
@pytest.mark.django_db
@pytest.mark.usefixtures("berlin")
def test_the_clock_of_the_payout(kind: str, before: str | None, due: str) -> None:
    clocks = Clocks(payout_due_at=local(before) if before else None)

    found = after(clocks, kind, MONDAY, lambda: Shop.current().clock_rules)

    assert found.payout_due_at == local(due)


def test_every_open_state_has_a_clock_and_no_closed_one() -> None:
    clocks = Clocks(None, MONDAY, MONDAY, MONDAY, MONDAY)

    without = {status for status in Status if clocks.next(status) is None}

    assert without == {Status.REFUNDED, Status.DECLINED, Status.WITHDRAWN}


@pytest.mark.django_db
def test_what_is_overdue_is_one_query_on_an_index() -> None:
    case = RefundRequestFactory.create()
    RefundRequest.objects.update(due_at=MONDAY)

    assert list(RefundRequest.objects.overdue(MONDAY)) == [case]
    assert list(RefundRequest.objects.overdue(MONDAY - hours(1))) == []
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # it would read so small a table from end to end
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "request_clock" in RefundRequest.objects.overdue(MONDAY).explain()


# --- What a shop may set ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"opens_at": time(17), "closes_at": time(9)}, "closes_at"),
        ({"opens_at": time(9), "closes_at": time(9)}, "closes_at"),
        ({"holidays": "24.12.2026"}, "holidays"),
        ({"holidays": "\n".join(f"{m:02}-{d:02}" for m in range(1, 12) for d in range(1, 11))}, "holidays"),
        ({"working_days": ""}, "working_days"),
        ({"working_days": "0"}, "working_days"),
        ({"answer_hours": 0}, "answer_hours"),
        ({"decision_hours": 1001}, "decision_hours"),
        ({"legal_days": 0}, "legal_days"),
    ],
)
def test_impossible_hours_are_refused(fields: dict[str, object], wrong: str) -> None:
    shop = Shop(**fields)

    with pytest.raises(ValidationError) as refusal:
        shop.full_clean(validate_constraints=False, validate_unique=False)

    assert set(refusal.value.message_dict) == {wrong}


def test_a_shop_may_be_open_until_midnight() -> None:
    shop = Shop(opens_at=time(0), closes_at=time(0), working_days="1234567")

    shop.full_clean(validate_constraints=False, validate_unique=False)

    assert shop.calendar.between(MONDAY, MONDAY + timedelta(days=1)) == hours(24)
