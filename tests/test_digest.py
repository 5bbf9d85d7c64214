"""The summary of the day: written once, when work begins, with figures that are those of the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from refunds import digest
from refunds.models import Digest, Mail, RefundEvent, RefundRequest, Shop
from refunds.states import Status
from tests.test_admin_queue import a_case

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_utc(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"


def due(case: RefundRequest, at: datetime) -> RefundRequest:
    RefundRequest.objects.filter(pk=case.pk).update(due_at=at)
    return case


def test_the_team_reads_what_waits_and_what_is_late() -> None:
    with time_machine.travel(MONDAY, tick=False):
        late = due(a_case(), MONDAY - timedelta(hours=3, minutes=59))
        later = due(a_case(Status.CHECK_NEEDED), MONDAY)
        due(a_case(), MONDAY + timedelta(hours=14))
        due(a_case(Status.FAILED), MONDAY + timedelta(hours=15))
        a_case(Status.DECLINED)

        written = digest.write_if_due()

    mail = Mail.objects.get()
    assert written
    assert (mail.kind, mail.recipient) == ("digest", "after-sales@shop.example")
    assert mail.subject == "2 refund requests are overdue"
    assert RefundEvent.objects.get().data == {
        "open": 4,
        "waiting": 2,
        "failed": 1,
        "in_doubt": 1,
        "overdue": 2,
        "due_today": 1,
        "late": [{"reference": late.reference, "hours": 3}, {"reference": later.reference, "hours": 0}],
    }
    assert f"- {late.reference}: 3 h late\n- {later.reference}: 0 h late" in mail.text
    assert "- Overdue: 2\n- Due today: 1\n- Waiting for review: 2\n- Outcome unknown: 1\n" in mail.text


def test_it_is_written_once_a_day() -> None:
    a_case()

    with time_machine.travel(MONDAY, tick=False):
        first, second = digest.write_if_due(), digest.write_if_due()
    with time_machine.travel(MONDAY + timedelta(days=1), tick=False):
        third = digest.write_if_due()

    assert (first, second, third) == (True, False, True)
    assert (Mail.objects.count(), Digest.objects.count()) == (2, 2)


@pytest.mark.parametrize(
    "at",
    [
        MONDAY - timedelta(minutes=1),  # before work begins
        MONDAY - timedelta(days=1),  # a Sunday
        MONDAY + timedelta(days=4),  # a holiday
    ],
)
def test_it_is_not_written_outside_of_work(at: datetime) -> None:
    a_case()
    Shop.current()
    Shop.objects.update(holidays="2026-03-06")

    with time_machine.travel(at, tick=False):
        written = digest.write_if_due()

    assert (written, Mail.objects.count(), Digest.objects.count()) == (False, 0, 0)


def test_it_can_be_turned_off_and_an_empty_desk_gets_none() -> None:
    with time_machine.travel(MONDAY, tick=False):
        empty = digest.write_if_due()
    Shop.objects.update(daily_digest=False)
    a_case()
    with time_machine.travel(MONDAY + timedelta(days=1), tick=False):
        off = digest.write_if_due()

    assert (empty, off, Mail.objects.count()) == (False, False, 0)


def test_a_day_without_anything_late_says_so() -> None:
    a_case()

    with time_machine.travel(MONDAY, tick=False):
        digest.write_if_due()

    mail = Mail.objects.get()
    assert mail.subject == "1 refund request is open, none is overdue"
    assert "Late for longest" not in mail.text + mail.html
