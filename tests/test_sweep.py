"""The sweep finds all that is due from the rows alone, fills the queues a little, and floods nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from refunds import audit, dispatch, health, sweep, timing, verification, workflow
from refunds.models import Alarm, Heartbeat, Mail, PayoutAttempt, RefundEvent, RefundRequest, StoreHealth
from refunds.states import AttemptStatus, Status
from tests.factories import RefundRequestFactory, approver
from tests.test_states import attempt
from tests.test_workflow import approve

pytestmark = pytest.mark.django_db


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[tuple[str, int]]:
    """What the sweep hands to Redis, which has room for everything here."""
    settings.APPROVAL_HOLD = 0
    jobs: list[tuple[str, int]] = []
    monkeypatch.setattr(dispatch, "room", lambda _queue: timing.QUEUE_DEPTH)
    monkeypatch.setattr(dispatch, "enqueue", lambda job, pk: jobs.append((job, pk)) or True)
    return jobs


def approved() -> RefundRequest:
    refund_request = RefundRequestFactory.create()
    approve(refund_request, approver())
    Mail.objects.update(state=Mail.State.SENT, next_try_at=None)
    return refund_request


def test_an_approved_case_is_nudged(nudged: list[tuple[str, int]]) -> None:
    refund_request = approved()

    due = sweep.run_once()

    assert nudged == [("pay", refund_request.pk)]
    assert due["approved, not sent"] == 1


def test_a_row_is_nudged_once_a_minute(nudged: list[tuple[str, int]]) -> None:
    approved()

    for wait in (0, 30, 59, 61):
        with time_machine.travel(timezone.now() + timedelta(seconds=wait)):
            sweep.run_once()

    assert [job for job, _pk in nudged] == ["pay", "pay"]


def test_everything_due_is_found(nudged: list[tuple[str, int]]) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    lease = attempt(RefundRequestFactory.create(), status=AttemptStatus.SENT, lease_until=long_ago)
    doubt = attempt(
        RefundRequestFactory.create(lines={12: 1}), status=AttemptStatus.REFUSED, next_look_at=long_ago, order_id=7
    )
    look_up = verification.start(number="1", email="a@example.com", address="192.0.2.1")
    event = RefundEvent.objects.create(kind="alarm", actor="sweep", data={"problems": []})
    mail = Mail.objects.create(kind="x", event=event, recipient="a@example.com", message_id="1", next_try_at=long_ago)

    sweep.run_once()

    assert nudged == [("look", lease.pk), ("look", doubt.pk), ("look_up", look_up.pk), ("deliver", mail.pk)]


def test_what_is_not_due_is_left_alone(nudged: list[tuple[str, int]]) -> None:
    later = timezone.now() + timedelta(hours=1)
    attempt(RefundRequestFactory.create(), status=AttemptStatus.SENT, lease_until=later)
    attempt(RefundRequestFactory.create(lines={12: 1}), status=AttemptStatus.REFUSED, next_look_at=later, order_id=7)

    sweep.run_once()

    assert nudged == []


@pytest.mark.parametrize(
    "stop", [{"payouts_paused_at": timezone.now()}, {"breaker_until": timezone.now() + timedelta(hours=1)}]
)
def test_nothing_is_nudged_to_a_store_that_is_left_alone(nudged: list[tuple[str, int]], stop: dict[str, Any]) -> None:
    approved()
    StoreHealth.objects.update_or_create(pk=1, defaults=stop)

    sweep.run_once()

    assert nudged == []


def test_a_full_queue_is_not_filled_further(nudged: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    approved()
    monkeypatch.setattr(dispatch, "room", lambda _queue: 0)

    sweep.run_once()

    assert nudged == []
    assert RefundRequest.objects.get().nudged_at is None


def test_a_pass_with_nothing_due_reads_a_little_and_writes_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    StoreHealth.current()

    with django_assert_num_queries(9):
        sweep.run_once()


# --- Alarms ----------------------------------------------------------------------------------------------------------


def alive() -> None:
    for name in health.PROCESSES:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def codes() -> list[str]:
    return [problem.code for problem in health.problems()]


def test_all_is_well() -> None:
    alive()

    assert codes() == []


@pytest.mark.parametrize("name", health.PROCESSES)
def test_a_process_without_a_sign_of_life_is_missed(name: str) -> None:
    alive()
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - timedelta(minutes=3))

    assert codes() == [f"no-{name}"]


def test_a_worker_shows_its_life_by_a_job(nudged: list[tuple[str, int]]) -> None:
    health.beat_of_sweep()
    with time_machine.travel(timezone.now() + timedelta(seconds=21)):
        sweep.run_once()
        for _job, pk in nudged:
            health.beat(pk)

    assert [job for job, _pk in nudged] == ["beat_payouts", "beat_messages"]
    assert Heartbeat.objects.get(name="payouts").at > timezone.now() + timedelta(seconds=10)


def test_money_that_waits_too_long_is_an_alarm(settings: Any) -> None:
    refund_request = approved()

    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        alive()
        assert codes() == ["approved"]
    RefundRequest.objects.filter(pk=refund_request.pk).update(status=Status.CHECK_NEEDED)
    RefundEvent.objects.create(
        kind="in_doubt", actor="worker", refund_request=refund_request, to_status=Status.CHECK_NEEDED
    )
    with time_machine.travel(timezone.now() + timedelta(minutes=76)):
        alive()
        assert codes()[0] == "doubts"


def test_a_store_that_does_not_answer_is_named_with_what_waits() -> None:
    alive()
    approved()
    StoreHealth.objects.update_or_create(
        pk=1, defaults={"unreachable_since": timezone.now(), "breaker_reason": "Connection refused."}
    )

    (problem,) = health.problems()

    assert problem.code == "store"
    assert problem.message.endswith("Approved refunds that wait: 1.")


def test_an_alarm_is_told_once_and_again_while_it_lasts(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    alive()
    workflow.pause_automatically("test")

    told = []
    for hours in (0, 1, 5):
        with time_machine.travel(timezone.now() + timedelta(hours=hours)):
            alive()
            told.append(sweep.watch(owner="test"))
    workflow.resume(by=approver())
    alive()
    sweep.watch(owner="test")

    assert told == [["paused"], [], ["paused"]]
    assert Mail.objects.filter(kind="alarm", state=Mail.State.SENT).count() == 2
    assert Alarm.objects.count() == 0


# --- Audit -----------------------------------------------------------------------------------------------------------

BREAKS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    # invariant broken, how the case is falsified, the attempt that is made beside it
    ("sending-has-attempt", {"status": Status.SENDING}, None),
    ("check-has-doubt", {"status": Status.CHECK_NEEDED}, None),
    ("attempt-has-sending", {}, {"status": AttemptStatus.SENT}),
    ("doubt-is-shown", {}, {"status": AttemptStatus.UNKNOWN}),
    ("paid-is-refunded", {}, {"status": AttemptStatus.SUCCEEDED}),
    ("as-approved", {}, {"status": AttemptStatus.SUCCEEDED, "amount": 1}),
    ("ledger-agrees", {"status": Status.FAILED}, None),
]


@pytest.mark.parametrize(("name", "fields", "beside"), BREAKS)
def test_the_audit_finds_what_cannot_be_true(
    settings: Any, name: str, fields: dict[str, Any], beside: dict[str, Any] | None
) -> None:
    refund_request = approved()
    RefundRequest.objects.filter(pk=refund_request.pk).update(**fields)
    if beside is not None:
        attempt(refund_request, **beside)

    broken = {violation.invariant for violation in audit.violations()}

    assert name in broken
    assert {violation.invariant for violation in audit.violations(since=timezone.now() - timedelta(hours=1))} == broken


def test_the_audit_finds_a_refund_nobody_was_told_of_and_a_mail_about_none() -> None:
    refund_request = approved()
    paid = attempt(refund_request, status=AttemptStatus.SUCCEEDED)
    RefundRequest.objects.update(status=Status.REFUNDED, paid_attempt=paid)
    assert "refunded-is-told" in {violation.invariant for violation in audit.violations()}

    event = RefundEvent.objects.create(kind="paid", actor="worker", refund_request=refund_request)
    Mail.objects.create(kind="refunded", refund_request=refund_request, event=event, recipient="a@example.com")
    RefundRequest.objects.update(status=Status.APPROVED, paid_attempt=None)
    PayoutAttempt.objects.update(status=AttemptStatus.REFUSED)

    assert "told-is-paid" in {violation.invariant for violation in audit.violations()}


def test_a_broken_promise_pauses_payouts_and_alarms() -> None:
    alive()
    refund_request = approved()
    RefundRequest.objects.filter(pk=refund_request.pk).update(status=Status.CHECK_NEEDED)

    told = sweep.watch(owner="test")

    assert "audit" in told
    assert refund_request.reference in StoreHealth.current().pause_reason


def test_a_site_that_works_has_clean_books(sandbox: Any) -> None:
    alive()
    approved()

    assert list(audit.violations()) == []
    assert sweep.watch(owner="test") == []
