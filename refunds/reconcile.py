"""Settles what is in doubt, and watches what is settled, from evidence: the store's own rows, read uncached.

Nothing here ever sends a refund.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.utils import timezone

from . import evidence, orders, payout, timing, woocommerce, workflow
from .evidence import Finding
from .models import PayoutAttempt
from .states import AttemptStatus

logger = logging.getLogger(__name__)


def look(attempt_id: int) -> None:
    """One due look at an attempt: a lease that ran out, a doubt, a refusal, or a paid refund to watch."""
    now = timezone.now()
    attempt = PayoutAttempt.objects.select_related("refund_request").filter(pk=attempt_id).first()
    if attempt is None:
        return
    try:
        if attempt.status in (AttemptStatus.PREPARED, AttemptStatus.SENT):
            workflow.expire_lease(attempt_id)
        elif attempt.next_look_at is not None and attempt.next_look_at <= now:
            look_now(attempt, patience=timing.seconds(timing.LOOK_PATIENCE))
    except workflow.LostRace:
        logger.info("Attempt %s was settled by somebody else meanwhile", attempt_id)


def look_now(attempt: PayoutAttempt, *, patience: float) -> bool:
    """Looks whether due or not, as for a person who is about to settle it. False if the store could not be read.

    A store that is not the one payouts were confirmed for is not looked at: a copy of the shop knows nothing of ours.
    """
    try:
        if not payout.home_confirmed():
            workflow.postpone_look(attempt, retry_after=None)
            return False
        if attempt.status == AttemptStatus.SUCCEEDED and attempt.store_refund_id is not None:
            _watch(attempt, patience)
        elif attempt.status in LOOKED_FOR:
            _look_at_doubt(attempt, patience)
        else:
            workflow.stop_looking(attempt)
    except woocommerce.StoreError as error:
        workflow.postpone_look(attempt, retry_after=error.retry_after)
        return False
    return True


LOOKED_FOR = frozenset({AttemptStatus.UNKNOWN, AttemptStatus.REFUSED, AttemptStatus.REVERSED})


def _look_at_doubt(attempt: PayoutAttempt, patience: float) -> None:
    found = evidence.judge(payout.sought(attempt), orders.refunds(attempt.order_id, patience=patience))
    kept = found.as_json(timezone.now().isoformat()) | {"notes": _notes(attempt, patience)}
    if found.finding is Finding.PAID and found.store_refund_id is not None:
        if workflow.adopt(attempt, store_refund_id=found.store_refund_id, found=kept):
            attempt.refresh_from_db()
            payout.check_sum(attempt)
    elif found.finding is Finding.UNCLEAR and attempt.status != AttemptStatus.UNKNOWN:
        workflow.paid_after_all(attempt, found=kept)
    else:
        workflow.record_look(attempt, found=kept, next_look_at=next_look(attempt, timezone.now()))


def _notes(attempt: PayoutAttempt, patience: float) -> list[int] | None:
    """Ids of order notes that name this case: a gateway that paid often says so there. The text stays in the store."""
    notes = orders.notes(attempt.order_id, patience=patience)
    return None if notes is None else [note.id for note in notes if attempt.refund_request.reference in note.text]


def next_look(attempt: PayoutAttempt, now: datetime) -> datetime | None:
    """The next point of the schedule after `now`; None when a month is over."""
    sent_at = attempt.sent_at or attempt.prepared_at
    for wait in timing.LOOKS:
        if (at := sent_at + timing.scaled(wait)) > now:
            return at
    if now > sent_at + timing.scaled(timing.LOOK_FOR):
        return None
    return now + timing.scaled(timing.LOOK_DAILY)


def _watch(attempt: PayoutAttempt, patience: float) -> None:
    """Whether a paid refund is still there as it was recorded. An order in the bin or gone proves nothing.

    What looks taken back is looked at once more some minutes later: one odd answer of a store reverses nothing.
    """
    now = timezone.now()
    found = {"at": now.isoformat(), **_seen(attempt, patience)}
    suspect = found["finding"] in ("gone", "changed")
    again = bool(attempt.evidence) and attempt.evidence[-1]["finding"] == found["finding"]
    next_look_at = now + timing.scaled(timing.LOOKS[1]) if suspect else next_watch(attempt, now)
    workflow.record_watch(attempt, found=found, next_look_at=next_look_at, gone=suspect and again)


def _seen(attempt: PayoutAttempt, patience: float) -> dict[str, Any]:
    try:
        order = orders.read_only(attempt.order_id, patience=patience)
    except woocommerce.OrderNotFound:
        return {"finding": "not_seen"}
    if order.status == "trash":
        return {"finding": "not_seen"}
    rows = orders.refunds(attempt.order_id, patience=patience)
    row = next((row for row in rows if row.id == attempt.store_refund_id), None)
    if row is None:
        return {"finding": "gone"}
    # Some releases and the legacy API do not say whether the gateway paid: that is no change.
    as_recorded = row.amount == attempt.amount and row.refunded_payment in (attempt.api_refund, None)
    facts = {"amount": str(row.amount), "refunded_payment": row.refunded_payment}
    return {"finding": "still_there" if as_recorded else "changed", **facts}


def next_watch(attempt: PayoutAttempt, now: datetime) -> datetime | None:
    settled_at = attempt.settled_at or now
    return next((at for wait in timing.WATCHES if (at := settled_at + timing.scaled(wait)) > now), None)
