"""Verbs of the worker: one payout from claim to outcome. The crash between any two of them is survivable:

    before `write_ahead` commits   nothing was sent; `expire_lease` gives the case back to be claimed again
    after it                       the money may have moved; `expire_lease` puts the case in doubt, never back

Every move out of `sending` happens only if the compare-and-set of the attempt itself counted one. What later evidence
proves, and what happens when a process dies, is in `evidence`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import commitments, dispatch, links, mail, timing
from ..models import PayoutAttempt, RefundEvent, RefundRequest, StoreHealth
from ..states import ATTEMPT_MOVES, OPEN_ATTEMPT, AttemptStatus, Status
from ..woocommerce.types import Outcome, Verdict
from .moves import WORKER, LostRace, NotAllowed, move


def attempt_owner() -> str:
    """This process, told apart from every other one on any host."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(6).hex()}"


# --- Claim -----------------------------------------------------------------------------------------------------------


def claim(refund_request_id: int, *, owner: str) -> PayoutAttempt | None:
    """Takes an approved, due case to `sending` with a prepared attempt, or does nothing and returns None.

    Does nothing while payouts are paused or the store is left alone, where somebody else won, and where another payout
    of the same order is open: then the case says what it waits for and loses no try.
    """
    try:
        with transaction.atomic(durable=True):
            return _claim(refund_request_id, owner)
    except LostRace:
        return None
    except IntegrityError:
        # Another payout of this order was prepared in the same moment.
        with transaction.atomic(durable=True):
            refund_request = RefundRequest.objects.get(pk=refund_request_id)
            _wait_for_sibling(refund_request, commitments.payouts_of(refund_request.order_id))
        return None


def _claim(refund_request_id: int, owner: str) -> PayoutAttempt | None:
    now = timezone.now()
    refund_request = RefundRequest.objects.select_for_update().filter(pk=refund_request_id).due(now).first()
    if refund_request is None or not _may_send(StoreHealth.current(), now):
        return None
    payouts = commitments.payouts_of(refund_request.order_id)
    if commitments.in_the_way(payouts, of=refund_request) is not None:
        _wait_for_sibling(refund_request, payouts)
        return None
    earlier = [payout for payout in payouts if payout.refund_request_id == refund_request.pk]
    if any(payout.status == AttemptStatus.SUCCEEDED for payout in earlier):
        raise NotAllowed("paid", "An approved case has a succeeded attempt already.")
    attempt = _prepare(refund_request, len(earlier) + 1, owner, now)
    move(refund_request, "sending", WORKER, attempt=attempt, next_action_at=None, waits_for="")
    return attempt


def _may_send(health: StoreHealth, now: datetime) -> bool:
    return health.payouts_paused_at is None and (health.breaker_until is None or health.breaker_until <= now)


def _wait_for_sibling(refund_request: RefundRequest, payouts: Sequence[PayoutAttempt]) -> None:
    sibling = commitments.in_the_way(payouts, of=refund_request)
    if sibling is not None:
        RefundRequest.objects.filter(pk=refund_request.pk, status=Status.APPROVED).update(
            next_action_at=timezone.now() + timing.scaled(timing.SIBLING_WAIT),
            nudged_at=None,
            waits_for=_("Waits for %(reference)s of the same order.") % {"reference": sibling.reference},
        )


def _call_sibling(attempt: PayoutAttempt) -> None:
    """The next case of the order that waits for this one need not wait for its own next look."""
    now = timezone.now()
    waiting = RefundRequest.objects.filter(
        order_id=attempt.order_id, status=Status.APPROVED, next_action_at__gt=now, not_sent_count=0
    ).exclude(waits_for="")
    pk = waiting.order_by("decided_at", "pk").values_list("pk", flat=True).first()
    # Asked once more: taken back and approved anew in this moment, it is held, and not waiting.
    if pk is not None and waiting.filter(pk=pk).update(next_action_at=now, nudged_at=now):
        dispatch.nudge("pay", pk)


def _prepare(refund_request: RefundRequest, n: int, owner: str, now: datetime) -> PayoutAttempt:
    if refund_request.approved_amount is None or refund_request.api_refund is None:
        raise NotAllowed("undecided", "An approved case lacks its decision.")
    return PayoutAttempt.objects.create(
        refund_request=refund_request,
        n=n,
        marker=f"{refund_request.reference}-{n}",
        order_id=refund_request.order_id,
        amount=refund_request.approved_amount,
        currency=refund_request.currency,
        api_refund=refund_request.api_refund,
        payload=_payload(refund_request),
        owner=owner,
        lease_until=now + timing.scaled(timedelta(seconds=timing.LEASE)),
        prepared_at=now,
    )


def _payload(refund_request: RefundRequest) -> dict[str, Any]:
    """Everything that the payout needs, frozen. The e-mail is compared through a digest, so that none is kept."""
    return {
        "order_number": refund_request.order_number,
        "email_digest": links.address_digest(refund_request.email),
        "decimals": refund_request.decimals,
        "reason": str(refund_request.get_reason_display()),
        "restock": refund_request.restock,
        "breakdown": refund_request.approved_breakdown,
    }


# --- Write ahead -----------------------------------------------------------------------------------------------------


def write_ahead(attempt: PayoutAttempt, *, refund_ids: list[int], refunded: Decimal) -> bool:
    """The point of no return, on disk before anything leaves: True means send now, False means that it may not be.

    Only for the owner, only while the lease still covers the whole call, only while payouts are not paused.
    """
    now = timezone.now()
    covers = now + timing.scaled(timedelta(seconds=timing.POST_DEADLINE + timing.CONNECT_TIMEOUT))
    fields = {
        "status": AttemptStatus.SENT,
        "sent_at": now,
        "baseline": {"refund_ids": refund_ids, "refunded": str(refunded)},
    }
    with transaction.atomic(durable=True):
        # Locked, so that a pause is either seen here, or waits and comes after the call has begun.
        if not _may_send(StoreHealth.objects.select_for_update().get(pk=StoreHealth.ONLY), now):
            return False
        counted = PayoutAttempt.objects.filter(
            pk=attempt.pk, owner=attempt.owner, status=AttemptStatus.PREPARED, lease_until__gt=covers
        ).update(**fields)
    for name, value in fields.items():
        setattr(attempt, name, value if counted else getattr(attempt, name))
    return counted == 1


# --- Outcome ---------------------------------------------------------------------------------------------------------

ATTEMPT_AFTER = {
    Verdict.ACCEPTED: AttemptStatus.SUCCEEDED,
    Verdict.NOT_SENT: AttemptStatus.NOT_SENT,
    Verdict.MISCONFIGURED: AttemptStatus.NOT_SENT,
    Verdict.REFUSED: AttemptStatus.REFUSED,
    Verdict.GATEWAY_REFUSED: AttemptStatus.REFUSED,
    Verdict.IN_DOUBT: AttemptStatus.UNKNOWN,
}


def record(attempt: PayoutAttempt, outcome: Outcome) -> None:
    """Writes what one answer proves: attempt, case, event, mail and nudge together.

    The answer may come late, when the lease ran out and the attempt is in doubt already: it is applied from there. A
    case that was in doubt never becomes approved again by itself: if the process knows that nothing was sent, it fails,
    for a person to approve anew. `LostRace` where the attempt was settled by somebody else meanwhile.
    """
    with transaction.atomic(durable=True):
        current = own(attempt)
        if current.status == AttemptStatus.UNKNOWN and outcome.verdict == Verdict.IN_DOUBT:
            # Proves nothing new, but a person who settles it wants to read what came back.
            PayoutAttempt.objects.filter(pk=current.pk).update(**_told(outcome))
            return
        _apply(current, outcome)


def own(attempt: PayoutAttempt) -> PayoutAttempt:
    current = (
        PayoutAttempt.objects.select_for_update()
        .filter(pk=attempt.pk, owner=attempt.owner, status__in=OPEN_ATTEMPT)
        .select_related("refund_request")
        .first()
    )
    if current is None:
        raise LostRace
    return current


def _apply(attempt: PayoutAttempt, outcome: Outcome) -> None:
    to = ATTEMPT_AFTER[outcome.verdict]
    data = {"verdict": outcome.verdict, "rule": outcome.rule, "http_status": outcome.http_status, "code": outcome.code}
    in_doubt = attempt.status == AttemptStatus.UNKNOWN
    fields = _told(outcome)
    if to == AttemptStatus.SUCCEEDED:
        succeed(attempt, outcome.store_refund.id if outcome.store_refund else None, "paid", fields, data)
        _call_sibling(attempt)
    elif to == AttemptStatus.NOT_SENT and not in_doubt:
        give_back(attempt, outcome.message, outcome.retry_after, fields, data)
    elif to == AttemptStatus.UNKNOWN:
        doubt(attempt, fields, data)
    else:
        _fail(attempt, to, "refused" if to == AttemptStatus.REFUSED else "nothing_sent", fields, data)


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "verdict": outcome.verdict,
        "rule": outcome.rule,
        "http_status": outcome.http_status,
        "code": outcome.code[:120],
        "message": outcome.message,
    }


def move_attempt(attempt: PayoutAttempt, to: AttemptStatus, **fields: Any) -> None:
    """The compare-and-set of one's own attempt, off which every move out of `sending` hangs."""
    if to not in ATTEMPT_MOVES[AttemptStatus(attempt.status)]:
        raise NotAllowed("attempt_state", f"An attempt does not go from {attempt.status} to {to}.")
    fields["status"] = to
    counted = PayoutAttempt.objects.filter(pk=attempt.pk, owner=attempt.owner, status=attempt.status).update(**fields)
    if counted != 1:
        raise LostRace
    for name, value in fields.items():
        setattr(attempt, name, value)


def succeed(
    attempt: PayoutAttempt, store_refund_id: int | None, kind: str, fields: dict[str, Any], data: dict[str, Any]
) -> None:
    now = timezone.now()
    move_attempt(
        attempt,
        AttemptStatus.SUCCEEDED,
        settled_at=now,
        store_refund_id=store_refund_id,
        looks=0,
        next_look_at=now + timing.scaled(timing.WATCHES[0]),
        nudged_at=None,
        **fields,
    )
    event = move(
        attempt.refund_request,
        kind,
        WORKER,
        attempt=attempt,
        data=data | {"store_refund_id": store_refund_id, "amount": str(attempt.amount)},
        **what_was_paid(attempt),
        next_action_at=None,
        waits_for="",
    )
    mail.write("refunded", refund_request=attempt.refund_request, event=event)


def what_was_paid(attempt: PayoutAttempt) -> dict[str, Any]:
    """Fields of the case. An approval begun since, for another payout that is not needed now, counts no more."""
    paid: dict[str, Any] = {"paid_attempt": attempt}
    if attempt.amount != attempt.refund_request.approved_amount:
        paid |= {"approved_amount": attempt.amount, "approved_breakdown": attempt.payload["breakdown"]}
    return paid


def give_back(
    attempt: PayoutAttempt, why: str, retry_after: float | None, fields: dict[str, Any], data: dict[str, Any]
) -> None:
    """Nothing was sent: the case waits, longer each time, and goes out again by itself. A pause costs no try."""
    move_attempt(attempt, AttemptStatus.NOT_SENT, settled_at=timezone.now(), next_look_at=None, **fields)
    refund_request = attempt.refund_request
    paused = fields.get("rule") in ("paused", "not_begun")
    count = refund_request.not_sent_count + (0 if paused else 1)
    move(
        refund_request,
        "not_sent",
        WORKER,
        attempt=attempt,
        data=data,
        not_sent_count=count,
        next_action_at=timezone.now() + (timedelta(0) if paused else timing.backoff(count, retry_after)),
        nudged_at=None,
        waits_for=why[:300],
    )


def _fail(attempt: PayoutAttempt, to: AttemptStatus, kind: str, fields: dict[str, Any], data: dict[str, Any]) -> None:
    looks_on = fields.get("verdict") == Verdict.GATEWAY_REFUSED
    move_attempt(
        attempt,
        to,
        settled_at=timezone.now(),
        looks=0,
        next_look_at=timezone.now() + timing.scaled(timing.LOOKS[0]) if looks_on else None,
        nudged_at=None,
        **fields,
    )
    event = move(
        attempt.refund_request,
        kind,
        WORKER,
        attempt=attempt,
        data=data,
        next_action_at=None,
        waits_for="",
    )
    tell_staff(attempt, event)


def doubt(attempt: PayoutAttempt, fields: dict[str, Any], data: dict[str, Any]) -> None:
    sent_at = attempt.sent_at or timezone.now()
    move_attempt(
        attempt,
        AttemptStatus.UNKNOWN,
        looks=0,
        next_look_at=sent_at + timing.scaled(timing.LOOKS[0]),
        nudged_at=None,
        **fields,
    )
    event = move(attempt.refund_request, "in_doubt", WORKER, attempt=attempt, data=data)
    tell_staff(attempt, event)


def tell_staff(attempt: PayoutAttempt, event: RefundEvent) -> None:
    mail.write("needs_staff", refund_request=attempt.refund_request, event=event, recipient=settings.STAFF_EMAIL)


def hold_back(attempt: PayoutAttempt, outcome: Outcome, *, difference: dict[str, Any] | None = None) -> None:
    """Ends an attempt that sent nothing: given back to wait or, with a `difference`, failed as changed in the store.

    For the process that knows: from `prepared`, or from `sent` and `unknown` when the call was never made.
    """
    with transaction.atomic(durable=True):
        current = own(attempt)
        if difference is None:
            _apply(current, outcome)
            return
        fields = {"rule": outcome.rule, "message": outcome.message, "evidence": [difference]}
        _fail(current, AttemptStatus.NOT_SENT, "changed_in_store", fields, {"rule": outcome.rule})
