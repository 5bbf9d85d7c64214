"""Doubts are settled, and paid refunds watched, from the store's own rows. Nothing here ever sends a refund."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import audit, money, orders, payout, reconcile, timing, workflow
from refunds.models import Mail, PayoutAttempt, RefundEvent, RefundRequest, StoreHealth
from refunds.states import AttemptStatus, Status
from tests.factories import RefundRequestFactory, approver
from tests.test_payout import approved, mails, now_of, paid, posts, somebody_refunds, the_attempt

pytestmark = pytest.mark.django_db


def doubt(sandbox: SandboxStore, fault: str) -> RefundRequest:
    refund_request = approved(sandbox)
    sandbox.arm(fault, on="refund.create")
    payout.pay(refund_request.pk)
    return now_of(refund_request)


def look_at(wait: timedelta) -> None:
    with time_machine.travel(timezone.now() + wait):
        reconcile.look(PayoutAttempt.objects.latest("pk").pk)


# --- Doubts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["closed-after", "504-after", "fatal-after", "truncated"])
def test_a_lost_answer_is_settled_by_the_row_of_the_store(sandbox: SandboxStore, fault: str) -> None:
    refund_request = doubt(sandbox, fault)

    look_at(timedelta(minutes=3))

    assert now_of(refund_request).status == Status.REFUNDED
    assert the_attempt().store_refund_id == sandbox.refunds(refund_request.order_id)[0]["id"]
    assert (paid(sandbox), posts(sandbox)) == (["50.00"], 1)
    assert mails().count("refunded") == 1


def test_a_look_before_its_time_does_nothing(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "closed-after")
    calls = len(sandbox.calls)

    look_at(timedelta(minutes=1))

    assert len(sandbox.calls) == calls
    assert now_of(refund_request).status == Status.CHECK_NEEDED


@pytest.mark.parametrize(
    ("fault", "finding"),
    [("closed-before", "nothing"), ("killed-before-payment", "unfinished"), ("killed-after-payment", "unfinished")],
)
def test_what_the_store_cannot_prove_stays_in_doubt(sandbox: SandboxStore, fault: str, finding: str) -> None:
    refund_request = doubt(sandbox, fault)

    for wait in (timedelta(minutes=3), timedelta(minutes=6), timedelta(hours=2), timedelta(days=3)):
        look_at(wait)

    assert now_of(refund_request).status == Status.CHECK_NEEDED
    assert [look["finding"] for look in the_attempt().evidence] == [finding]
    assert the_attempt().looks == 4
    assert posts(sandbox) == 1


def test_a_cached_answer_is_no_evidence(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    sandbox.arm("cached-stubborn", on="refund.list", times=None)
    orders.refunds(refund_request.order_id, patience=5)
    sandbox.arm("closed-after", on="refund.create")
    payout.pay(refund_request.pk)

    look_at(timedelta(minutes=3))

    assert the_attempt().evidence == []
    assert now_of(refund_request).status == Status.CHECK_NEEDED


def test_a_store_that_cannot_be_read_is_looked_at_again_soon(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "closed-after")
    sandbox.arm("database-down", on="refund.list", times=None)

    look_at(timedelta(minutes=3))

    attempt = the_attempt()
    assert (attempt.looks, attempt.evidence) == (0, [])
    assert attempt.next_look_at is not None
    assert attempt.next_look_at > timezone.now()
    assert now_of(refund_request).status == Status.CHECK_NEEDED


def test_two_rows_of_ours_are_left_to_a_person(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "killed-before-payment")
    sandbox.order(refund_request.order_id)["total"] = "100.00"
    somebody_refunds(sandbox, refund_request.order_id, "50.00", f"{refund_request.reference}-1 again")

    look_at(timedelta(minutes=3))

    assert the_attempt().evidence[-1]["finding"] == "unclear"
    assert now_of(refund_request).status == Status.CHECK_NEEDED


def test_the_schedule_of_looks() -> None:
    sent_at = datetime.fromisoformat("2026-05-03T12:00:00+00:00")
    attempt = PayoutAttempt(sent_at=sent_at, prepared_at=sent_at)

    at = sent_at
    times = []
    while (next_at := reconcile.next_look(attempt, at)) is not None:
        times.append(next_at - sent_at)
        at = next_at

    assert times[:7] == [*timing.LOOKS, timedelta(days=2), timedelta(days=3)]
    assert times[-1] == timedelta(days=31)


# --- Refusals by the gateway -----------------------------------------------------------------------------------------


def test_a_refusal_that_stays_a_refusal_changes_nothing(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "gateway-declines")

    look_at(timedelta(minutes=3))

    assert now_of(refund_request).status == Status.FAILED
    assert the_attempt().evidence[-1]["finding"] == "nothing"


def test_a_refusal_that_proves_untrue_is_settled_as_paid(sandbox: SandboxStore) -> None:
    """The gateway's own notice books the refund later, under our marker."""
    refund_request = doubt(sandbox, "gateway-declines")
    somebody_refunds(sandbox, refund_request.order_id, "50.00", f"{refund_request.reference}-1 Damaged")

    look_at(timedelta(minutes=3))

    assert now_of(refund_request).status == Status.REFUNDED
    assert mails()[-1] == "refunded"


@pytest.mark.parametrize("by_a_person", [False, True])
def test_an_old_payout_that_comes_to_light_counts_and_not_the_approval_begun_since(
    sandbox: SandboxStore, by_a_person: bool
) -> None:
    refund_request = doubt(sandbox, "gateway-declines")
    approved_then = refund_request.breakdown
    assert approved_then is not None
    lower = money.lower(approved_then, Decimal("30.00"))
    RefundRequest.objects.filter(pk=refund_request.pk).update(
        needs_second=True, approved_amount=lower.amount, approved_breakdown=lower.as_json()
    )

    if by_a_person:
        reconcile.look_now(the_attempt(), patience=5)
        for by in (approver(), approver()):  # above the limit, so by two people
            half_approved = now_of(refund_request)
            workflow.settle_paid(half_approved, by=by, version=half_approved.version, reference="re_1")
    else:
        somebody_refunds(sandbox, refund_request.order_id, "50.00", f"{refund_request.reference}-1 Damaged")
        look_at(timedelta(minutes=3))

    told = now_of(refund_request)
    assert (told.status, told.approved_amount) == (Status.REFUNDED, Decimal("50.00"))
    assert told.breakdown == approved_then
    assert "EUR\u00a050.00" in Mail.objects.get(kind="refunded").text
    assert list(audit.violations()) == []


def test_after_a_person_saw_no_payout_a_second_approval_pays_once(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "killed-before-payment")
    by = approver()
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        reconcile.look_now(the_attempt(), patience=5)
        workflow.settle_not_paid(refund_request, by=by, version=refund_request.version)
        orders.store().delete_refund(refund_request.order_id, sandbox.refunds(refund_request.order_id)[0]["id"])
        orders.refresh(refund_request)
        breakdown = refund_request.breakdown
        assert breakdown is not None
        workflow.approve(
            refund_request,
            by=by,
            version=refund_request.version,
            breakdown=breakdown,
            api_refund=True,
            restock=False,
        )
        payout.pay(refund_request.pk)

    assert paid(sandbox) == ["50.00"]
    assert now_of(refund_request).status == Status.REFUNDED
    assert list(PayoutAttempt.objects.values_list("marker", "status")) == [
        (f"{refund_request.reference}-1", AttemptStatus.REFUSED),
        (f"{refund_request.reference}-2", AttemptStatus.SUCCEEDED),
    ]


def test_notes_that_cannot_be_read_hold_up_nothing(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "closed-after")
    sandbox.arm("403-html", on="note.list", times=None)

    look_at(timedelta(minutes=3))

    assert now_of(refund_request).status == Status.REFUNDED
    assert StoreHealth.current().breaker_until is None


def test_a_doubt_about_an_order_that_is_gone_can_be_settled(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "closed-before")
    del sandbox.shop.books.orders[refund_request.order_id]

    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert reconcile.look_now(the_attempt(), patience=5) is True
        workflow.settle_not_paid(refund_request, by=approver(), version=refund_request.version)

    assert now_of(refund_request).status == Status.FAILED


def test_money_that_moved_after_a_person_saw_no_payout_is_told_once(sandbox: SandboxStore) -> None:
    refund_request = doubt(sandbox, "killed-after-payment")
    by = approver()
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        reconcile.look_now(the_attempt(), patience=5)
        workflow.settle_not_paid(refund_request, by=by, version=refund_request.version)
    sandbox.refunds(refund_request.order_id)[0]["refunded_payment"] = True

    for days in (2, 4, 6):
        look_at(timedelta(days=days))

    assert list(RefundEvent.objects.filter(kind="paid_after_all").values_list("attempt", flat=True)) == [
        the_attempt().pk
    ]
    assert mails()[-1] == "needs_staff"


# --- Watching what is paid -------------------------------------------------------------------------------------------


def paid_case(sandbox: SandboxStore) -> RefundRequest:
    refund_request = approved(sandbox)
    payout.pay(refund_request.pk)
    return now_of(refund_request)


def test_a_refund_that_is_still_there_is_left_alone(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)

    for wait in (timedelta(hours=2), timedelta(days=2), timedelta(days=8), timedelta(days=31)):
        look_at(wait)

    assert now_of(refund_request).status == Status.REFUNDED
    assert the_attempt().looks == 4
    assert the_attempt().next_look_at is None


def test_a_refund_that_vanishes_opens_the_case_again(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    orders.store().delete_refund(refund_request.order_id, sandbox.refunds(refund_request.order_id)[0]["id"])

    look_at(timedelta(hours=2))
    assert now_of(refund_request).status == Status.REFUNDED
    look_at(timedelta(hours=2, minutes=10))

    assert now_of(refund_request).status == Status.CHECK_NEEDED
    assert the_attempt().status == AttemptStatus.REVERSED
    assert mails()[-1] == "needs_staff"


def test_one_odd_answer_of_the_store_reverses_nothing(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    row = sandbox.refunds(refund_request.order_id)[0]
    row["refunded_payment"] = False
    look_at(timedelta(hours=2))
    row["refunded_payment"] = True
    look_at(timedelta(hours=2, minutes=10))

    assert now_of(refund_request).status == Status.REFUNDED
    assert the_attempt().evidence[-1]["finding"] == "still_there"


def test_a_reversal_is_recorded_though_another_case_holds_the_line(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    line = refund_request.lines.get().order_line_id
    order = refund_request.order_now.order
    other = RefundRequestFactory.create(order=order, chosen={line: 1}, lines={line: 1})
    orders.store().delete_refund(refund_request.order_id, sandbox.refunds(refund_request.order_id)[0]["id"])

    look_at(timedelta(hours=2))
    look_at(timedelta(hours=2, minutes=10))

    assert now_of(refund_request).status == Status.CHECK_NEEDED
    assert [held.is_open for held in (refund_request.lines.get(), other.lines.get())] == [False, True]


def test_a_store_that_does_not_say_whether_it_paid_reverses_nothing(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    sandbox.refunds(refund_request.order_id)[0]["refunded_payment"] = None
    rows = orders.refunds(refund_request.order_id, patience=5)

    assert rows[0].refunded_payment is None
    look_at(timedelta(hours=2))

    assert the_attempt().evidence[-1]["finding"] == "still_there"


def test_a_paid_refund_of_an_order_that_is_gone_is_left_alone_and_not_hammered(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    sandbox.arm("no-route", on="order.view", times=None)
    look_at(timedelta(hours=2))
    sandbox.shop.faults.clear()
    del sandbox.shop.books.orders[refund_request.order_id]
    look_at(timedelta(hours=3))

    attempt = the_attempt()
    assert now_of(refund_request).status == Status.REFUNDED
    assert attempt.evidence[-1]["finding"] == "not_seen"
    assert attempt.next_look_at is not None
    assert attempt.next_look_at > timezone.now() + timedelta(hours=12)


def test_a_refund_whose_money_came_back_opens_the_case_again(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    sandbox.refunds(refund_request.order_id)[0]["refunded_payment"] = False

    look_at(timedelta(hours=2))
    look_at(timedelta(hours=2, minutes=10))

    assert now_of(refund_request).status == Status.CHECK_NEEDED
    assert the_attempt().evidence[-1]["finding"] == "changed"


def test_an_order_in_the_bin_or_a_store_that_is_down_proves_nothing(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    sandbox.order(refund_request.order_id)["status"] = "trash"
    look_at(timedelta(hours=2))
    sandbox.arm("database-down", on="order.view", times=None)
    look_at(timedelta(days=2))

    assert now_of(refund_request).status == Status.REFUNDED
    assert the_attempt().looks == 1


def test_a_person_can_settle_a_refund_that_was_taken_back(sandbox: SandboxStore) -> None:
    refund_request = paid_case(sandbox)
    orders.store().delete_refund(refund_request.order_id, sandbox.refunds(refund_request.order_id)[0]["id"])
    look_at(timedelta(hours=2))
    look_at(timedelta(hours=2, minutes=10))
    refund_request = now_of(refund_request)

    with time_machine.travel(timezone.now() + timedelta(hours=2, minutes=11)):
        PayoutAttempt.objects.update(looked_at=timezone.now())
        workflow.settle_paid(refund_request, by=approver(), version=refund_request.version, reference="re_9")

    assert now_of(refund_request).status == Status.REFUNDED
    assert RefundEvent.objects.filter(kind="settled_paid").exists()
    assert Mail.objects.filter(kind="refunded").count() == 2


@pytest.mark.parametrize("row", ["left unfinished", "deleted"])
def test_a_payout_settled_by_a_person_stays_settled(sandbox: SandboxStore, row: str) -> None:
    """The store knows nothing of it, so there is nothing in the store to watch."""
    refund_request = doubt(sandbox, "killed-after-payment")
    if row == "deleted":
        orders.store().delete_refund(refund_request.order_id, sandbox.refunds(refund_request.order_id)[0]["id"])
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        reconcile.look_now(the_attempt(), patience=5)
        workflow.settle_paid(refund_request, by=approver(), version=refund_request.version, reference="re_1")

    look_at(timedelta(hours=25))

    assert now_of(refund_request).status == Status.REFUNDED
    assert the_attempt().next_look_at is None
