"""One payout against the sandbox store: what it sends, what it makes of every answer, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import dispatch, money, orders, payout, reconcile, timing, woocommerce, workflow
from refunds.models import Mail, PayoutAttempt, RefundEvent, RefundRequest, StoreHealth
from refunds.states import AttemptStatus, Status
from refunds.woocommerce import wire
from refunds.woocommerce.types import Order, Outcome, Verdict
from tests.factories import RefundRequestFactory, approver

pytestmark = pytest.mark.django_db


def in_store(sandbox: SandboxStore, **fields: Any) -> Order:
    made = sandbox.add_order(**{"total": "50.00", "number": "1001", "billing": {"email": "anna@example.com"}, **fields})
    return orders.read(made["id"], patience=5)


def approved(sandbox: SandboxStore, order: Order | None = None, **fields: Any) -> RefundRequest:
    """A case of 50.00 that is approved and due, as is its order in the store."""
    order = order or in_store(sandbox)
    line = {order.lines[0].id: 1}
    refund_request = RefundRequestFactory.create(order=order, chosen=line, lines=line)
    workflow.approve(
        refund_request,
        **{
            "by": fields.get("by") or approver(),
            "version": refund_request.version,
            "breakdown": money.price(order, line),
            "api_refund": True,
            "restock": True,
            **fields,
        },
    )
    return refund_request


def now_of(refund_request: RefundRequest) -> RefundRequest:
    return RefundRequest.objects.get(pk=refund_request.pk)


def the_attempt() -> PayoutAttempt:
    return PayoutAttempt.objects.get()


def paid(sandbox: SandboxStore) -> list[str]:
    return [line["amount"] for line in sandbox.money]


def posts(sandbox: SandboxStore) -> int:
    return sum(1 for call in sandbox.calls if call["call"] == "refund.create")


def mails() -> list[str]:
    """The kinds of mail written, without the one that every approval writes."""
    return list(Mail.objects.exclude(kind="approved").order_by("pk").values_list("kind", flat=True))


# --- It pays ---------------------------------------------------------------------------------------------------------


def test_pay_refunds_exactly_what_was_approved_once(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)

    payout.pay(refund_request.pk)

    (row,) = sandbox.refunds(refund_request.order_id)
    attempt = the_attempt()
    assert paid(sandbox) == ["50.00"]
    assert row["reason"] == f"{refund_request.reference}-1 Arrived damaged"
    assert row["refunded_payment"] is True
    assert now_of(refund_request).status == Status.REFUNDED
    assert now_of(refund_request).paid_attempt == attempt
    assert (attempt.status, attempt.store_refund_id, attempt.verdict) == ("succeeded", row["id"], Verdict.ACCEPTED)
    assert attempt.baseline == {"refund_ids": [], "refunded": "0"}
    assert list(RefundEvent.objects.values_list("kind", "from_status", "to_status")) == [
        ("approved", "submitted", "approved"),
        ("sending", "approved", "sending"),
        ("paid", "sending", "refunded"),
    ]
    assert mails() == ["refunded"]


def test_pay_any_number_of_times_pays_once(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)

    for _unused in range(3):
        payout.pay(refund_request.pk)

    assert paid(sandbox) == ["50.00"]
    assert posts(sandbox) == 1


def test_pay_by_hand_books_without_moving_money(sandbox: SandboxStore) -> None:
    order = in_store(sandbox, payment_method="cod")
    refund_request = approved(sandbox, order, api_refund=False, manual_reference="SEPA 4711")

    payout.pay(refund_request.pk)

    assert paid(sandbox) == []
    assert [row["refunded_payment"] for row in sandbox.refunds(order.id)] == [False]
    assert now_of(refund_request).status == Status.REFUNDED


def test_restock_is_as_decided(sandbox: SandboxStore) -> None:
    kept = approved(sandbox, restock=False)
    back = approved(sandbox, in_store(sandbox, number="1002"), restock=True)

    payout.pay(kept.pk)
    untouched = dict(sandbox.shop.books.stock)
    payout.pay(back.pk)

    assert untouched == {}
    assert sandbox.shop.books.stock == {10: 1001}


# --- It does not even begin ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.DECLINED])
def test_pay_of_a_case_that_is_not_approved_does_nothing(sandbox: SandboxStore, status: Status) -> None:
    refund_request = RefundRequestFactory.create(status=status)

    payout.pay(refund_request.pk)

    assert sandbox.calls == []
    assert PayoutAttempt.objects.count() == 0


def test_pay_waits_for_the_hold(sandbox: SandboxStore, settings: LazySettings) -> None:
    order = in_store(sandbox)
    settings.APPROVAL_HOLD = 30
    refund_request = approved(sandbox, order)

    payout.pay(refund_request.pk)
    assert (posts(sandbox), now_of(refund_request).status) == (0, Status.APPROVED)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        payout.pay(refund_request.pk)

    assert paid(sandbox) == ["50.00"]


def test_pay_does_nothing_while_payouts_are_paused(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    by = approver()
    workflow.pause(by=by, reason="Stock-taking")

    payout.pay(refund_request.pk)
    assert (posts(sandbox), now_of(refund_request).status) == (0, Status.APPROVED)
    workflow.resume(by=by)
    payout.pay(refund_request.pk)

    assert paid(sandbox) == ["50.00"]


def test_a_pause_between_claim_and_write_ahead_stops_the_payout(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="me")
    assert attempt is not None
    workflow.pause_automatically("test")

    assert workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0)) is False
    assert the_attempt().status == AttemptStatus.PREPARED


def two_of_one_order(sandbox: SandboxStore) -> tuple[RefundRequest, RefundRequest]:
    order = in_store(sandbox, line_items=[{"total": "30.00"}, {"total": "20.00"}])
    first, second = (
        RefundRequestFactory.create(order=order, chosen={line.id: 1}, lines={line.id: 1}) for line in order.lines
    )
    for refund_request, line in zip((first, second), order.lines, strict=True):
        workflow.approve(
            refund_request, by=approver(), version=1, breakdown=money.price(order, {line.id: 1}), api_refund=True,
            restock=False,
        )  # fmt: skip
    return first, second


def test_a_second_payout_of_the_same_order_waits_and_loses_no_try(sandbox: SandboxStore) -> None:
    first, second = two_of_one_order(sandbox)
    assert workflow.claim(first.pk, owner="me") is not None

    payout.pay(second.pk)

    waiting = now_of(second)
    assert (waiting.status, waiting.not_sent_count) == (Status.APPROVED, 0)
    assert first.reference in waiting.waits_for
    assert waiting.next_action_at is not None
    assert waiting.next_action_at > timezone.now()
    assert posts(sandbox) == 0


def test_what_waits_for_a_payout_of_its_order_goes_on_when_that_is_through(
    sandbox: SandboxStore, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = two_of_one_order(sandbox)
    attempt = workflow.claim(first.pk, owner="me")
    assert attempt is not None
    payout.pay(second.pk)
    nudged: list[tuple[str, int]] = []
    monkeypatch.setattr(dispatch, "enqueue", lambda job, pk: nudged.append((job, pk)) or True)
    workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))

    with django_capture_on_commit_callbacks(execute=True):
        workflow.record(attempt, Outcome(Verdict.ACCEPTED, "accepted", ""))

    assert ("pay", second.pk) in nudged
    payout.pay(second.pk)
    assert now_of(second).status == Status.REFUNDED


@pytest.mark.parametrize("why", ["held", "not sent before"])
def test_what_waits_for_something_else_is_not_called(sandbox: SandboxStore, why: str) -> None:
    first, second = two_of_one_order(sandbox)
    attempt = workflow.claim(first.pk, owner="me")
    assert attempt is not None
    later = timezone.now() + timedelta(seconds=20)
    fields = {"waits_for": ""} if why == "held" else {"waits_for": "The shop does not answer.", "not_sent_count": 1}
    RefundRequest.objects.filter(pk=second.pk).update(next_action_at=later, **fields)
    workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))

    workflow.record(attempt, Outcome(Verdict.ACCEPTED, "accepted", ""))

    assert now_of(second).next_action_at == later


# --- It looks first --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("number", {"number": "2002"}),
        ("email", {"billing": {"email": "eve@example.com"}}),
        ("currency", {"currency": "USD"}),
    ],
)
def test_an_order_that_changed_after_the_approval_is_not_paid(
    sandbox: SandboxStore, what: str, change: dict[str, Any]
) -> None:
    refund_request = approved(sandbox)
    sandbox.order(refund_request.order_id).update(change)

    payout.pay(refund_request.pk)

    attempt = the_attempt()
    assert posts(sandbox) == 0
    assert now_of(refund_request).status == Status.FAILED
    assert (attempt.status, attempt.rule, attempt.evidence[0]["what"]) == ("not_sent", "changed_in_store", what)
    assert mails() == ["needs_staff"]


def test_a_refund_made_in_the_store_meanwhile_leaves_too_little(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    somebody_refunds(sandbox, refund_request.order_id, "10.00")

    payout.pay(refund_request.pk)

    assert paid(sandbox) == ["10.00"]
    assert now_of(refund_request).status == Status.FAILED
    assert the_attempt().rule == "changed_in_store"


def somebody_refunds(sandbox: SandboxStore, order_id: int, amount: str, reason: str = "by hand") -> int:
    """A refund made by a colleague in the store's own pages."""
    by_hand = requests.post(
        f"{sandbox.base_url}/wp-json/wc/v3/orders/{order_id}/refunds",
        json={"amount": amount, "reason": reason},
        auth=("ck_manager", "cs_manager"),
        timeout=10,
    )
    made: int = by_hand.json()["id"]
    return made


def test_a_row_with_our_marker_is_adopted_instead_of_paid_again(sandbox: SandboxStore) -> None:
    """As after restoring a backup that does not know the attempt any more."""
    refund_request = approved(sandbox)
    row_id = somebody_refunds(sandbox, refund_request.order_id, "50.00", f"{refund_request.reference}-1 Damaged")

    payout.pay(refund_request.pk)

    assert posts(sandbox) == 1
    assert paid(sandbox) == ["50.00"]
    assert now_of(refund_request).status == Status.REFUNDED
    assert (the_attempt().status, the_attempt().store_refund_id) == (AttemptStatus.SUCCEEDED, row_id)


def test_a_row_with_our_marker_but_another_amount_is_left_to_a_person(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    somebody_refunds(sandbox, refund_request.order_id, "20.00", f"{refund_request.reference}-1 Damaged")

    payout.pay(refund_request.pk)

    assert paid(sandbox) == ["20.00"]
    assert now_of(refund_request).status == Status.CHECK_NEEDED
    assert the_attempt().status == AttemptStatus.UNKNOWN


@pytest.mark.parametrize("fault", ["503-maintenance", "closed-before", "database-down", "200-html", "cached-stubborn"])
def test_an_order_that_cannot_be_read_is_not_paid_and_tried_again_later(sandbox: SandboxStore, fault: str) -> None:
    order = in_store(sandbox)
    refund_request = approved(sandbox, order)
    sandbox.arm(fault, on="order.view", times=None)

    payout.pay(refund_request.pk)

    waiting = now_of(refund_request)
    assert posts(sandbox) == 0
    assert (waiting.status, waiting.not_sent_count) == (Status.APPROVED, 1)
    assert waiting.waits_for
    assert the_attempt().status == AttemptStatus.NOT_SENT


# --- What the answer proves ------------------------------------------------------------------------------------------

ANSWERS = [
    # fault, money moved, case, attempt
    ("429", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("429-date", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("503-maintenance", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("no-route", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("redirect-301", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("redirect-308", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("gateway-declines", [], Status.FAILED, AttemptStatus.REFUSED),
    ("gateway-returns-false", [], Status.FAILED, AttemptStatus.REFUSED),
    ("gateway-throws", [], Status.FAILED, AttemptStatus.REFUSED),
    ("gateway-pays-but-errors", ["50.00"], Status.FAILED, AttemptStatus.REFUSED),
    ("closed-before", [], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("200-html", [], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("403-html", [], Status.APPROVED, AttemptStatus.NOT_SENT),
    ("502-before", [], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("database-down", [], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("killed-before-payment", [], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("killed-after-payment", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("closed-after", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("500-after", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("504-after", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("fatal-after", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("truncated", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("notice-prefix", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
    ("huge", ["50.00"], Status.CHECK_NEEDED, AttemptStatus.UNKNOWN),
]


@pytest.mark.parametrize(("fault", "moved", "status", "attempt_status"), ANSWERS)
def test_every_answer_leads_where_it_proves(
    sandbox: SandboxStore, fault: str, moved: list[str], status: Status, attempt_status: AttemptStatus
) -> None:
    refund_request = approved(sandbox)
    sandbox.arm(fault, on="refund.create")

    payout.pay(refund_request.pk)

    assert paid(sandbox) == moved
    assert posts(sandbox) == 1
    assert (now_of(refund_request).status, the_attempt().status) == (status, attempt_status)
    assert ("refunded" in mails()) is (status == Status.REFUNDED)


@pytest.mark.parametrize(("fault", "moved", "status", "attempt_status"), ANSWERS)
def test_whatever_the_answer_another_nudge_never_pays_twice(
    sandbox: SandboxStore, fault: str, moved: list[str], status: Status, attempt_status: AttemptStatus
) -> None:
    refund_request = approved(sandbox)
    sandbox.arm(fault, on="refund.create")
    payout.pay(refund_request.pk)

    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        payout.pay(refund_request.pk)

    expected = ["50.00"] if status == Status.APPROVED else moved
    assert paid(sandbox) == expected


def test_a_store_that_cannot_be_reached_is_left_alone_and_named(sandbox: SandboxStore, settings: LazySettings) -> None:
    refund_request = approved(sandbox)
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    settings.TIME_SCALE = 0.02

    for hours in range(timing.BREAKER_OPENS_AFTER):
        with time_machine.travel(timezone.now() + timedelta(hours=hours)):
            payout.pay(refund_request.pk)

    health = StoreHealth.current()
    assert health.unreachable_since is not None
    assert health.breaker_until is not None
    assert now_of(refund_request).status == Status.APPROVED
    assert posts(sandbox) == 0


def test_after_the_payout_a_second_refund_by_somebody_else_is_noticed(
    sandbox: SandboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = in_store(sandbox, total="100.00", line_items=[{"total": "50.00"}, {"total": "50.00"}])
    refund_request = approved(sandbox, order)
    write_ahead = workflow.write_ahead

    def a_colleague_is_faster(*given: Any, **more: Any) -> bool:
        begun = write_ahead(*given, **more)
        somebody_refunds(sandbox, order.id, "10.00")
        return begun

    monkeypatch.setattr(workflow, "write_ahead", a_colleague_is_faster)

    payout.pay(refund_request.pk)

    assert paid(sandbox) == ["10.00", "50.00"]
    assert "sum_mismatch" in RefundEvent.objects.values_list("kind", flat=True)
    assert "needs_staff" in mails()


# --- Stalls and leases -----------------------------------------------------------------------------------------------


def test_a_process_stopped_after_the_write_ahead_does_not_send(
    sandbox: SandboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_request = approved(sandbox)
    ticks = iter([0.0, timing.WRITE_AHEAD_FRESH + 0.1])
    monkeypatch.setattr(payout, "_clock", lambda: next(ticks))

    payout.pay(refund_request.pk)

    assert posts(sandbox) == 0
    assert (now_of(refund_request).status, the_attempt().status) == (Status.APPROVED, AttemptStatus.NOT_SENT)


def test_a_lease_that_does_not_cover_the_call_is_not_used(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="me")
    assert attempt is not None

    with time_machine.travel(timezone.now() + timedelta(seconds=timing.LEASE - timing.POST_DEADLINE)):
        assert workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0)) is False


def test_killed_before_the_write_ahead_is_approved_again(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="killed")
    assert attempt is not None

    reconcile.look(attempt.pk)
    assert now_of(refund_request).status == Status.SENDING
    with time_machine.travel(timezone.now() + timedelta(seconds=timing.LEASE + 1)):
        reconcile.look(attempt.pk)

    assert (now_of(refund_request).status, the_attempt().status) == (Status.APPROVED, AttemptStatus.NOT_SENT)


def test_killed_after_the_write_ahead_is_in_doubt_and_never_sent_again(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="killed")
    assert attempt is not None
    assert workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0)) is True

    with time_machine.travel(timezone.now() + timedelta(seconds=timing.LEASE + 1)):
        reconcile.look(attempt.pk)
        payout.pay(refund_request.pk)

    assert (now_of(refund_request).status, the_attempt().status) == (Status.CHECK_NEEDED, AttemptStatus.UNKNOWN)
    assert posts(sandbox) == 0


def test_a_late_answer_is_applied_from_doubt(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="slow")
    assert attempt is not None
    workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))
    outcome = payout._post(attempt, payout._instruction(attempt), payout._clock())
    with time_machine.travel(timezone.now() + timedelta(seconds=timing.LEASE + 1)):
        workflow.expire_lease(attempt.pk)

    workflow.record(attempt, outcome)

    assert now_of(refund_request).status == Status.REFUNDED
    assert paid(sandbox) == ["50.00"]


def test_a_stalled_process_that_wakes_after_its_lease_fails_the_case_it_knows_it_never_sent(
    sandbox: SandboxStore,
) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="stopped")
    assert attempt is not None
    workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))
    with time_machine.travel(timezone.now() + timedelta(seconds=timing.LEASE + 1)):
        workflow.expire_lease(attempt.pk)

    workflow.record(attempt, payout._post(attempt, payout._instruction(attempt), began=-1000.0))

    assert (now_of(refund_request).status, the_attempt().status) == (Status.FAILED, AttemptStatus.NOT_SENT)
    assert posts(sandbox) == 0


def test_only_the_owner_records_an_outcome(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    attempt = workflow.claim(refund_request.pk, owner="me")
    assert attempt is not None
    workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))
    outcome = payout._post(attempt, payout._instruction(attempt), payout._clock())
    attempt.owner = "somebody else"

    with pytest.raises(workflow.LostRace):
        workflow.record(attempt, outcome)

    assert now_of(refund_request).status == Status.SENDING


# --- The stop switch that turns itself on ----------------------------------------------------------------------------


def test_payouts_pause_themselves_when_the_site_has_moved(sandbox: SandboxStore, settings: LazySettings) -> None:
    first = approved(sandbox)
    payout.pay(first.pk)
    StoreHealth.objects.update(home_read_at=None)
    second = approved(sandbox, in_store(sandbox, number="1002"))
    settings.SITE_URL = "https://copy.example"

    payout.pay(second.pk)

    assert posts(sandbox) == 1
    assert now_of(second).status == Status.APPROVED
    assert "copy.example" in StoreHealth.current().pause_reason


def test_payouts_pause_themselves_when_the_store_is_another(sandbox: SandboxStore) -> None:
    StoreHealth.objects.create(pk=1, home_url="https://other.example", site_url="")
    refund_request = approved(sandbox)

    payout.pay(refund_request.pk)
    assert posts(sandbox) == 0
    workflow.resume(by=approver())
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        payout.pay(refund_request.pk)

    assert paid(sandbox) == ["50.00"]


def test_a_change_of_the_stores_decimals_is_noticed_before_money_moves(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    sandbox.shop.settings = replace(sandbox.shop.settings, decimals=0)

    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        payout.pay(refund_request.pk)

    assert posts(sandbox) == 0
    assert the_attempt().evidence[0]["what"] == "decimals"


def test_a_pause_between_claim_and_write_ahead_costs_no_try(
    sandbox: SandboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_request = approved(sandbox)
    write_ahead = workflow.write_ahead

    def paused(*given: Any, **more: Any) -> bool:
        workflow.pause_automatically("test")
        return write_ahead(*given, **more)

    monkeypatch.setattr(workflow, "write_ahead", paused)

    payout.pay(refund_request.pk)

    waiting = now_of(refund_request)
    assert (waiting.status, waiting.not_sent_count, posts(sandbox)) == (Status.APPROVED, 0, 0)
    assert waiting.next_action_at is not None
    assert waiting.next_action_at <= timezone.now()


def test_a_key_that_may_read_but_not_refund_stays_named(sandbox: SandboxStore, settings: LazySettings) -> None:
    order = in_store(sandbox)
    refund_request = approved(sandbox, order)
    settings.WOOCOMMERCE_CONSUMER_KEY, settings.WOOCOMMERCE_CONSUMER_SECRET = "ck_read", "cs_read"
    payout.pay(refund_request.pk)

    orders.read(order.id, patience=5)

    assert StoreHealth.current().unreachable_since is not None
    settings.WOOCOMMERCE_CONSUMER_KEY, settings.WOOCOMMERCE_CONSUMER_SECRET = "ck_sandbox", "cs_sandbox"
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        payout.pay(refund_request.pk)
    assert StoreHealth.current().unreachable_since is None
    assert paid(sandbox) == ["50.00"]


def test_a_case_that_is_being_sent_cannot_be_decided_anew(sandbox: SandboxStore) -> None:
    refund_request = approved(sandbox)
    order = refund_request.order_now.order
    attempt = workflow.claim(refund_request.pk, owner="me")
    assert attempt is not None
    assert workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))
    seen = now_of(refund_request)
    by = approver()

    with pytest.raises(workflow.NotAllowed):
        workflow.approve(
            seen,
            by=by,
            version=seen.version,
            breakdown=money.price(order, {order.lines[0].id: 1}),
            api_refund=True,
            restock=True,
        )
    for verb in (workflow.take_back, workflow.reopen):
        with pytest.raises(workflow.NotAllowed):
            verb(seen, by=by, version=seen.version)

    assert now_of(refund_request).status == Status.SENDING


def test_a_call_whose_connection_takes_too_long_is_not_begun(
    sandbox: SandboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name resolution has no time-out, and a machine can be suspended while it connects."""
    refund_request = approved(sandbox)
    later = woocommerce.clock() + timing.WRITE_AHEAD_FRESH + 60
    monkeypatch.setattr(wire, "clock", lambda: later)

    payout.pay(refund_request.pk)

    assert posts(sandbox) == 0
    assert (now_of(refund_request).status, the_attempt().status) == (Status.APPROVED, AttemptStatus.NOT_SENT)
