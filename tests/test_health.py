"""What is wrong now: each problem from its own threshold on, counted, since when, and two queries for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refunds import health, timing
from refunds.models import Mail, RefundEvent, RefundRequest, StoreHealth
from refunds.states import Status
from tests.desk import all_is_well
from tests.factories import UserFactory
from tests.test_admin_mails import a_mail
from tests.test_admin_queue import a_case

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _still_and_well() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        StoreHealth.current()
        all_is_well()
        yield


def found() -> list[tuple[str, datetime, str]]:
    return [(problem.code, problem.since, problem.message) for problem in health.problems()]


def a_decided_case(status: Status, at: datetime, **fields: Any) -> RefundRequest:
    case = a_case(status)
    RefundRequest.objects.filter(pk=case.pk).update(decided_at=at, decided_by=UserFactory.create(), **fields)
    return case


CASES = [
    (Status.APPROVED, {}, timing.ALARM_APPROVED, "Approved refunds that are not on their way: 2."),
    (Status.SENDING, {}, timing.ALARM_APPROVED, "Refunds that have been on their way for too long: 2."),
    (Status.FAILED, {}, timing.ALARM_FAILED, "Approved refunds that failed and wait for a person: 2."),
    (Status.SUBMITTED, {"needs_second": True}, timing.ALARM_FAILED, "Requests that wait for a second approval: 2."),
]


@pytest.mark.parametrize(("status", "fields", "at_most", "words"), CASES)
def test_cases_that_wait_too_long_are_counted(
    status: Status, fields: dict[str, Any], at_most: timedelta, words: str
) -> None:
    for late in (SECOND, 2 * SECOND, -SECOND):
        a_decided_case(status, NOW - at_most - late, **fields)

    code = "second" if fields else status.value
    assert found() == [(code, NOW - at_most - 2 * SECOND, words)]


def test_a_case_that_waits_for_its_first_decision_is_no_problem() -> None:
    a_decided_case(Status.SUBMITTED, NOW - timedelta(days=30))

    assert found() == []


def test_doubts_are_counted_from_when_they_began() -> None:
    for late in (SECOND, 2 * SECOND, -SECOND):
        case = a_decided_case(Status.CHECK_NEEDED, NOW - timedelta(days=9))
        RefundEvent.objects.create(
            refund_request=case, kind="in_doubt", actor="worker", to_status=Status.CHECK_NEEDED,
            at=NOW - timing.ALARM_DOUBT - late,
        )  # fmt: skip
        RefundEvent.objects.create(refund_request=case, kind="noted", actor="staff", at=NOW - timedelta(days=9))

    assert found() == [
        (
            "doubts",
            NOW - timing.ALARM_DOUBT - 2 * SECOND,
            "2 payouts are in doubt and wait for a person to look at the payment provider.",
        )
    ]


def test_a_doubt_that_is_over_is_no_problem() -> None:
    case = a_decided_case(Status.DECLINED, NOW - timedelta(days=9))
    RefundEvent.objects.create(
        refund_request=case, kind="in_doubt", actor="worker", to_status=Status.CHECK_NEEDED, at=NOW - timedelta(days=8)
    )

    assert found() == []


def test_mails_that_wait_and_mails_that_were_given_up_are_counted() -> None:
    late = NOW - timing.ALARM_MAIL - SECOND
    a_mail(next_try_at=NOW, created_at=late)
    a_mail(next_try_at=NOW, created_at=late - SECOND)
    a_mail(next_try_at=NOW, created_at=late + 2 * SECOND)
    a_mail(state=Mail.State.SENT, created_at=late)
    a_mail(state=Mail.State.FAILED, created_at=NOW - SECOND)

    assert found() == [
        ("mails", late - SECOND, "Mails that could not be delivered yet: 2."),
        ("lost-mails", NOW - SECOND, "Mails that were given up: 1. Send them again."),
    ]


def test_everything_at_once_is_named_most_urgent_first() -> None:
    for status, fields, at_most, _words in CASES:
        a_decided_case(status, NOW - at_most - SECOND, **fields)
    case = a_decided_case(Status.CHECK_NEEDED, NOW)
    RefundEvent.objects.create(
        refund_request=case, kind="in_doubt", actor="worker", to_status=Status.CHECK_NEEDED, at=NOW - timedelta(days=8)
    )
    StoreHealth.objects.update(payouts_paused_at=NOW, pause_reason="Why", unreachable_since=NOW, breaker_reason="No.")
    a_mail(state=Mail.State.FAILED)

    assert [code for code, _since, _words in found()] == [
        "doubts", "second", "approved", "sending", "failed", "paused", "store", "lost-mails",
    ]  # fmt: skip
    assert found()[5][2] == "Payouts are paused: Why. Approved refunds that wait: 1."


def test_a_site_that_never_ran_has_no_row_yet() -> None:
    StoreHealth.objects.all().delete()

    assert found() == []
    assert StoreHealth.objects.count() == 1


@pytest.mark.parametrize("rows", [0, 3])
def test_it_costs_two_queries_whatever_is_wrong(rows: int) -> None:
    for _unused in range(rows):
        for status, fields, _at_most, _words in CASES:
            a_decided_case(status, NOW - timedelta(days=9), **fields)
        a_mail(state=Mail.State.FAILED, created_at=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        assert len(health.problems()) == (5 if rows else 0)

    assert len(queries) == 2
