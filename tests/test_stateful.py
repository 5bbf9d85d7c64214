"""A model of cases, attempts, sweeps, crashes, late effects and staff: any order of events, and the money stays right.

hypothesis makes up the order of events and shrinks it when a promise breaks. The provider is the sandbox store's
ledger: staff look there, and nowhere else, before they say whether something was paid.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from portal.sandbox.store import SandboxStore
from refunds import audit, evidence, money, orders, payout, reconcile, sweep, workflow
from refunds.models import DeclineReason, Mail, PayoutAttempt, RefundRequest
from refunds.states import AttemptStatus, Status
from tests.factories import RefundRequestFactory, UserFactory

FAULTS = (
    "", "", "429", "503-maintenance", "gateway-declines", "gateway-pays-but-errors", "killed-before-payment",
    "killed-after-payment", "closed-before", "closed-after", "504-after", "fatal-after", "truncated", "200-html",
)  # fmt: skip
WAITS = st.sampled_from([timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=3)])
EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "15"))


class Money(RuleBasedStateMachine):
    cases = Bundle("cases")

    def __init__(self, store: SandboxStore) -> None:
        super().__init__()
        self.store = store
        self.before = len(store.money)
        self.block = transaction.atomic()
        self.block._from_testcase = True  # durable blocks inside of it are real ones for the code under test
        self.block.__enter__()
        self.clock = time_machine.travel(timezone.now(), tick=False)
        self.now = self.clock.start()
        self.killed: list[PayoutAttempt] = []

    def teardown(self) -> None:
        self.clock.stop()
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    @initialize()
    def staff(self) -> None:
        self.user: User = UserFactory.create(
            permissions=["approve_refundrequest", "decline_refundrequest", "settle_doubts", "work_refundrequest"]
        )

    # --- What happens ------------------------------------------------------------------------------------------------

    @rule(target=cases, parts=st.integers(1, 2))
    def approve_new(self, parts: int) -> int:
        made = self.store.add_order(
            line_items=[{"total": "30.00"}] * 2,
            total="60.00",
            number=f"N{timezone.now().timestamp()}-{os.urandom(3).hex()}",
        )
        order = orders.read(made["id"], patience=5)
        lines = {line.id: 1 for line in order.lines[:parts]}
        refund_request = RefundRequestFactory.create(order=order, chosen=lines, lines=lines)
        self._approve(refund_request, money.price(order, lines))
        return int(refund_request.pk)

    @rule(pk=cases, fault=st.sampled_from(FAULTS))
    def a_worker_pays(self, pk: int, fault: str) -> None:
        case = RefundRequest.objects.get(pk=pk)
        if fault:
            self.store.arm(fault, on="refund.create", order=case.order_id)
        payout.pay(pk)
        self.store.shop.faults.clear()

    @rule(pk=cases)
    def a_worker_is_killed_before_it_sends(self, pk: int) -> None:
        workflow.claim(pk, owner=f"killed-{pk}")

    @rule(pk=cases)
    def a_worker_is_killed_before_the_call_leaves(self, pk: int) -> None:
        self._begin(pk)

    @rule(pk=cases)
    def a_worker_is_stopped_during_the_call(self, pk: int) -> None:
        attempt = self._begin(pk)
        if attempt is not None:
            self.killed.append(attempt)

    def _begin(self, pk: int) -> PayoutAttempt | None:
        attempt = workflow.claim(pk, owner=f"killed-{pk}-{os.urandom(3).hex()}")
        if attempt is None:
            return None
        order = orders.read(attempt.order_id, patience=5)
        if any(evidence.is_ours(refund.reason, attempt.refund_request.reference) for refund in order.refunds):
            return None
        begun = workflow.write_ahead(attempt, refund_ids=sorted(order.refund_ids), refunded=order.refunded)
        return attempt if begun else None

    @rule()
    def the_call_of_a_stopped_worker_takes_effect_late(self) -> None:
        """Within the hour that staff wait before they settle anything."""
        fresh = [a for a in self.killed if a.sent_at and a.sent_at > timezone.now() - timedelta(minutes=55)]
        self.killed = []
        if fresh:
            orders.store().create_refund(fresh[0].order_id, payout._instruction(fresh[0]))

    @rule(wait=WAITS)
    def time_passes(self, wait: timedelta) -> None:
        self.now.shift(wait)

    @rule()
    def the_sweep_comes_by(self) -> None:
        now = timezone.now()
        for errand in sweep.ERRANDS:
            for pk in list(errand.due(now).values_list("pk", flat=True)):
                {"pay": payout.pay, "look": reconcile.look}.get(errand.job, lambda _pk: None)(pk)

    @rule(pk=cases)
    def staff_look_at_the_provider(self, pk: int) -> None:
        """Truthfully: at the ledger, an hour after the call and not sooner."""
        case = RefundRequest.objects.get(pk=pk)
        attempt = case.attempts.order_by("-n").first()
        if attempt is None or case.status not in (Status.CHECK_NEEDED, Status.FAILED):
            return
        if attempt.sent_at and attempt.sent_at > timezone.now() - timedelta(minutes=61):
            return
        self.killed = [other for other in self.killed if other.refund_request_id != pk]
        if case.status == Status.CHECK_NEEDED:
            reconcile.look_now(attempt, patience=5)
            case.refresh_from_db()
        with contextlib.suppress(workflow.NotAllowed):
            self._settle(case, attempt)

    def _settle(self, case: RefundRequest, attempt: PayoutAttempt) -> None:
        paid = self._paid()[case.reference] > 0
        if case.status == Status.CHECK_NEEDED and paid:
            workflow.settle_paid(case, by=self.user, version=case.version, reference="provider")
        elif case.status == Status.CHECK_NEEDED:
            workflow.settle_not_paid(case, by=self.user, version=case.version)
        elif case.status == Status.FAILED and paid:
            workflow.settle_paid(case, by=self.user, version=case.version, reference="provider")
        elif case.status == Status.FAILED and attempt.status == AttemptStatus.REFUSED and attempt.no_payout_by is None:
            workflow.confirm_no_payout(case, by=self.user, version=case.version)

    @rule(pk=cases)
    def staff_approve_again(self, pk: int) -> None:
        case = RefundRequest.objects.get(pk=pk)
        if case.status == Status.FAILED and case.breakdown is not None:
            orders.refresh(case)
            self._approve(case, case.breakdown)

    @rule(pk=cases)
    def staff_decline(self, pk: int) -> None:
        case = RefundRequest.objects.get(pk=pk)
        with contextlib.suppress(workflow.NotAllowed):
            workflow.decline(case, by=self.user, version=case.version, decline_reason=DeclineReason.USED, words="No.")

    @rule(pk=cases)
    def staff_take_back(self, pk: int) -> None:
        case = RefundRequest.objects.get(pk=pk)
        with contextlib.suppress(workflow.NotAllowed):
            workflow.take_back(case, by=self.user, version=case.version)

    def _approve(self, case: RefundRequest, breakdown: money.Breakdown) -> None:
        with contextlib.suppress(workflow.NotAllowed):
            workflow.approve(
                case, by=self.user, version=case.version, breakdown=breakdown, api_refund=True, restock=False
            )

    # --- What must hold whatever happened ----------------------------------------------------------------------------

    def _payments(self) -> list[dict[str, Any]]:
        return self.store.money[self.before :]

    def _paid(self) -> Counter[str]:
        """How often each case was paid, by the provider's ledger."""
        return Counter(evidence.marker_of(line["reason"]).rpartition("-")[0] for line in self._payments())

    @invariant()
    def nobody_is_paid_twice(self) -> None:
        assert [reference for reference, times in self._paid().items() if times > 1] == []

    @invariant()
    def amounts_are_as_approved(self) -> None:
        for line in self._payments():
            attempt = PayoutAttempt.objects.get(marker=evidence.marker_of(line["reason"]))
            assert Decimal(line["amount"]) == attempt.amount

    @invariant()
    def refunded_means_paid_and_told(self) -> None:
        refunded = set(RefundRequest.objects.filter(status=Status.REFUNDED).values_list("reference", flat=True))
        told = set(Mail.objects.filter(kind="refunded").values_list("refund_request__reference", flat=True))
        assert refunded <= set(self._paid())
        assert told <= set(self._paid())

    @invariant()
    def the_books_are_clean(self) -> None:
        assert list(audit.violations()) == []


@pytest.mark.django_db
def test_any_order_of_events_leaves_the_money_right(sandbox: SandboxStore) -> None:
    run_state_machine_as_test(
        lambda: Money(sandbox),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
