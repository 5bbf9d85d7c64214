"""One payout, from claim to outcome: claim, look, write ahead, send once, record. Each step's crash is survivable.

Money can only move between `workflow.write_ahead` and `workflow.record`, and only one call is ever made in between.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from . import breaker, commitments, evidence, links, money, orders, timing, woocommerce, workflow
from .evidence import Finding, Sought
from .models import PayoutAttempt
from .money import Breakdown
from .woocommerce.types import Order, Outcome, RefundInstruction, Verdict

logger = logging.getLogger(__name__)

RECORD_TRIES = 6
RECORD_PAUSE = timing.RECORD_FOR / RECORD_TRIES
"""Seconds. A database that restarts is back within this many tries; if not, the lease runs out and evidence decides."""


def pay(refund_request_id: int) -> None:
    """Pays an approved, due case, or does nothing. Any number of these may run at once, late, or again."""
    attempt = workflow.claim(refund_request_id, owner=workflow.attempt_owner())
    if attempt is None:
        return
    try:
        order = _look(attempt)
        if order is not None:
            _send(attempt, order)
    except workflow.LostRace:
        logger.warning("Payout %s was taken from this process: its lease had run out", attempt.marker)


# --- Look ------------------------------------------------------------------------------------------------------------


def _look(attempt: PayoutAttempt) -> Order | None:
    """The order as it is now, if it still carries this refund. Otherwise the attempt is over, and None is returned."""
    try:
        if not home_confirmed():
            _hold_back(attempt, _("Payouts are paused."), rule="paused")
            return None
        order = orders.read(attempt.order_id, patience=timing.seconds(timing.LOOK_PATIENCE))
        ours = any(evidence.is_ours(refund.reason, attempt.refund_request.reference) for refund in order.refunds)
        if ours and not _none_of_ours(attempt):
            return None
    except woocommerce.StoreMisconfigured as error:
        workflow.hold_back(attempt, _outcome(Verdict.MISCONFIGURED, "unreadable", error))
        return None
    except woocommerce.OrderNotFound:
        _changed(attempt, "order_gone", {})
        return None
    except woocommerce.StoreError as error:
        workflow.hold_back(attempt, _outcome(Verdict.NOT_SENT, "unreadable", error))
        return None
    return order if _carries(attempt, order) else None


def home_confirmed() -> bool:
    """True if the store is the one that payouts were confirmed for. Raises `StoreError` where it cannot be asked."""
    return not orders.home_due() or workflow.confirm_home(
        orders.read_home(patience=timing.seconds(timing.LOOK_PATIENCE))
    )


def _none_of_ours(attempt: PayoutAttempt) -> bool:
    """False if the store already has a row of this case: it is adopted, or left to a person."""
    found = evidence.judge(
        sought(attempt), orders.refunds(attempt.order_id, patience=timing.seconds(timing.LOOK_PATIENCE))
    )
    kept = found.as_json(timezone.now().isoformat())
    if found.finding is Finding.NOTHING:
        return True
    proven = found.finding is Finding.PAID and found.store_refund_id is not None
    if not (proven and workflow.adopt(attempt, store_refund_id=found.store_refund_id or 0, found=kept)):
        workflow.doubt_before_sending(attempt, found=kept)
    return False


def sought(attempt: PayoutAttempt) -> Sought:
    settled = attempt.refund_request.attempts.filter(no_payout_by__isnull=False)
    return Sought(
        reference=attempt.refund_request.reference,
        amount=attempt.amount,
        api_refund=attempt.api_refund,
        baseline=frozenset((attempt.baseline or {}).get("refund_ids", ())),
        settled=frozenset(settled.values_list("marker", flat=True)),
    )


def _carries(attempt: PayoutAttempt, order: Order) -> bool:
    """True if number, e-mail, currency, money and quantities still carry what was approved."""
    payload = attempt.payload
    breakdown = Breakdown.from_json(payload["breakdown"])
    unseen = commitments.unseen(order, besides=attempt.refund_request)
    problem = (
        ("number", order.number) if not order.number.startswith(payload["order_number"])
        else ("email", "") if links.address_digest(order.email) != payload["email_digest"]
        else ("currency", order.currency) if order.currency != attempt.currency
        else ("decimals", str(order.decimals)) if order.decimals != breakdown.decimals
        else ("paid_elsewhere", str(unseen)) if breakdown.amount > order.remaining - unseen
        else (money.still_carries(order, breakdown), str(order.remaining))
    )  # fmt: skip
    if problem[0]:
        _changed(attempt, problem[0], {"now": problem[1], "remaining": str(order.remaining)})
    return not problem[0]


def _changed(attempt: PayoutAttempt, what: str, facts: dict[str, Any]) -> None:
    message = _("The order has changed in the shop since the approval (%(what)s). Nothing was sent.") % {"what": what}
    workflow.hold_back(
        attempt,
        Outcome(Verdict.NOT_SENT, "changed_in_store", message),
        difference={"at": timezone.now().isoformat(), "finding": "changed_in_store", "what": what, **facts},
    )


def _outcome(verdict: Verdict, rule: str, error: woocommerce.StoreError) -> Outcome:
    return Outcome(verdict, rule, error.message, retry_after=error.retry_after)


def _hold_back(attempt: PayoutAttempt, why: str, *, rule: str) -> None:
    workflow.hold_back(attempt, Outcome(Verdict.NOT_SENT, rule, why))


# --- Send ------------------------------------------------------------------------------------------------------------


def _send(attempt: PayoutAttempt, order: Order) -> None:
    instruction = _instruction(attempt)
    orders.check(instruction)  # a mistake of ours must show before the point of no return, not after it
    began = _clock()
    if not workflow.write_ahead(attempt, refund_ids=sorted(order.refund_ids), refunded=order.refunded):
        _hold_back(attempt, _("Payouts were paused, or the time for this payout had run out."), rule="not_begun")
        return
    outcome = _post(attempt, instruction, began)
    recorded = _record(attempt, outcome)
    _tell_breaker(outcome)
    if recorded and outcome.verdict is Verdict.ACCEPTED:
        check_sum(attempt)


def _clock() -> float:
    """Seconds that go on while this process, or the whole machine, is stopped."""
    return woocommerce.clock()


def _post(attempt: PayoutAttempt, instruction: RefundInstruction, began: float) -> Outcome:
    """The one call. A process that was stopped since the write-ahead does not make it any more."""
    send_by = began + timing.WRITE_AHEAD_FRESH
    if _clock() > send_by:
        return Outcome(Verdict.NOT_SENT, "stalled", _("The payout was interrupted before anything was sent."))
    try:
        return orders.store().create_refund(attempt.order_id, instruction, send_by=send_by)
    except Exception as error:
        logger.exception("Payout %s ended in an error", attempt.marker)
        return Outcome(Verdict.IN_DOUBT, "exception", type(error).__name__)


def _instruction(attempt: PayoutAttempt) -> RefundInstruction:
    """What goes to the store: from the frozen payload alone, never with a word of the customer's."""
    breakdown = Breakdown.from_json(attempt.payload["breakdown"])
    return RefundInstruction(
        amount=breakdown.amount,
        reason=f"{attempt.marker} {attempt.payload['reason']}",
        marker=attempt.marker,
        api_refund=attempt.api_refund,
        api_restock=attempt.payload["restock"],
        lines=breakdown.instruction_lines(),
    )


def _tell_breaker(outcome: Outcome) -> None:
    if outcome.verdict is Verdict.MISCONFIGURED:
        breaker.payouts_refused(outcome.message)
    elif outcome.verdict is Verdict.ACCEPTED:
        breaker.payouts_work()
    elif outcome.verdict is Verdict.NOT_SENT and outcome.rule != "stalled":
        breaker.failed(outcome.message, outcome.retry_after)


def _record(attempt: PayoutAttempt, outcome: Outcome) -> bool:
    """Writes the outcome down, patiently: an answer about money is not dropped because the database restarts."""
    for nth in range(RECORD_TRIES):
        try:
            workflow.record(attempt, outcome)
        except workflow.LostRace:
            logger.warning("Payout %s was settled by somebody else: %s", attempt.marker, outcome.rule)
            if outcome.verdict is Verdict.ACCEPTED:
                found = {"at": timezone.now().isoformat(), "rule": outcome.rule, "code": outcome.code}
                workflow.paid_after_all(attempt, found=found)
            return False
        except workflow.NotAllowed:
            logger.exception("Payout %s could not be recorded: %s", attempt.marker, outcome.rule)
            return False
        except IntegrityError:
            # The store named a refund that settled another payout: that is no proof for this one.
            outcome = replace(outcome, verdict=Verdict.IN_DOUBT, rule="refund_of_another", store_refund=None)
        except (DatabaseError, InterfaceError):
            if nth == RECORD_TRIES - 1:
                raise
            connection.close()
            time.sleep(timing.seconds(RECORD_PAUSE))
        else:
            return True
    return False


def check_sum(attempt: PayoutAttempt) -> None:
    """After the payout the order must have exactly this much more refunded; otherwise somebody was at it too."""
    try:
        order = orders.read_only(attempt.order_id, patience=timing.seconds(timing.LOOK_PATIENCE))
    except woocommerce.StoreError:
        return  # The first watch looks at it again.
    expected = Decimal((attempt.baseline or {}).get("refunded", "0")) + attempt.amount
    if order.refunded != expected:
        workflow.note_sum_mismatch(attempt, expected=expected, found=order.refunded)
