"""Verbs of the worker after the call: leases that ran out, and what the store's own rows prove later.

A payout whose process died is given back only if it provably sent nothing. Evidence settles the rest, or a person.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import timing
from ..models import PayoutAttempt
from ..states import AttemptStatus
from ..woocommerce.types import Verdict
from .moves import WORKER, LostRace, NotAllowed, log, move
from .payouts import doubt, give_back, move_attempt, own, succeed, tell_staff


def expire_lease(attempt_id: int) -> None:
    """The owner is gone. Not sent: the case is approved again. Sent: it is in doubt, and is never sent again."""
    with transaction.atomic(durable=True):
        attempt = (
            PayoutAttempt.objects.select_for_update()
            .filter(
                pk=attempt_id,
                status__in=[AttemptStatus.PREPARED, AttemptStatus.SENT],
                lease_until__lte=timezone.now(),
            )
            .select_related("refund_request")
            .first()
        )
        if attempt is None:
            return
        if attempt.status == AttemptStatus.PREPARED:
            why = _("The payout was interrupted before anything was sent.")
            give_back(attempt, why, None, {"verdict": Verdict.NOT_SENT, "rule": "lease_expired"}, {})
        else:
            doubt(attempt, {"verdict": Verdict.IN_DOUBT, "rule": "lease_expired"}, {"rule": "lease_expired"})


def adopt(attempt: PayoutAttempt, *, store_refund_id: int, found: dict[str, Any]) -> bool:
    """The store's own row proves that the money went back: from `prepared` (an earlier life sent it) or from doubt.

    False where the case has gone on without it (paid by another attempt) or the row proves another payout: nothing is
    moved then, and staff are told.
    """
    try:
        with transaction.atomic(durable=True):
            current = _open_again(attempt)
            fields = {"evidence": [*current.evidence, found], "looked_at": timezone.now(), "verdict": "adopted"}
            succeed(current, store_refund_id, "adopted", fields, {})
    except (IntegrityError, NotAllowed):
        paid_after_all(attempt, found=found)
        return False
    return True


def paid_after_all(attempt: PayoutAttempt, *, found: dict[str, Any]) -> None:
    """Money seems to have moved for an attempt whose case is elsewhere by now. Staff are told, once, and it is kept."""
    found = {**found, "finding": "paid_after_all"}
    if not attempt.evidence or _substance(attempt.evidence[-1]) != _substance(found):
        with transaction.atomic(durable=True):
            event = log("paid_after_all", WORKER, refund_request=attempt.refund_request, attempt=attempt, data=found)
            tell_staff(attempt, event)
    record_look(attempt, found=found, next_look_at=timezone.now() + timing.scaled(timing.LOOK_DAILY))


def _open_again(attempt: PayoutAttempt) -> PayoutAttempt:
    """The attempt in a state from which evidence can settle it; a refusal that proved untrue becomes a doubt first."""
    current = PayoutAttempt.objects.select_for_update().select_related("refund_request").get(pk=attempt.pk)
    if current.status == AttemptStatus.PREPARED:
        move_attempt(current, AttemptStatus.SENT, sent_at=timezone.now(), baseline={"refund_ids": [], "refunded": "0"})
    elif current.status == AttemptStatus.REFUSED:
        move_attempt(current, AttemptStatus.UNKNOWN)
        move(current.refund_request, "doubt_reopened", WORKER, attempt=current, take_lines=False)
    elif current.status not in (AttemptStatus.SENT, AttemptStatus.UNKNOWN, AttemptStatus.REVERSED):
        raise LostRace
    return current


def doubt_before_sending(attempt: PayoutAttempt, *, found: dict[str, Any]) -> None:
    """The store shows a row with this case's marker that does not prove the payout: a person looks, nothing is sent."""
    with transaction.atomic(durable=True):
        current = _open_again(own(attempt))
        doubt(
            current,
            {"verdict": Verdict.IN_DOUBT, "rule": "marker_in_store", "evidence": [*current.evidence, found]},
            {"rule": "marker_in_store"},
        )


def record_look(attempt: PayoutAttempt, *, found: dict[str, Any], next_look_at: datetime | None) -> None:
    """Keeps what a look found, and when to look again. Moves nothing."""
    with transaction.atomic(durable=True):
        current = PayoutAttempt.objects.select_for_update().get(pk=attempt.pk)
        evidence = current.evidence
        if not evidence or _substance(evidence[-1]) != _substance(found):
            evidence = [*evidence, found]
        PayoutAttempt.objects.filter(pk=attempt.pk, status=attempt.status).update(
            evidence=evidence,
            looks=current.looks + 1,
            failed_looks=0,
            looked_at=timezone.now(),
            next_look_at=next_look_at,
            nudged_at=None,
        )


def postpone_look(attempt: PayoutAttempt, *, retry_after: float | None) -> None:
    """The store could not be read: that is no look. Another one is due soon, and later each time."""
    failed = attempt.failed_looks + 1
    PayoutAttempt.objects.filter(pk=attempt.pk, status=attempt.status, next_look_at__isnull=False).update(
        failed_looks=failed, next_look_at=timezone.now() + timing.backoff(failed, retry_after), nudged_at=None
    )


def stop_looking(attempt: PayoutAttempt) -> None:
    """There is nothing to look for: the attempt sent nothing, or what it sent is no longer in the store's books."""
    PayoutAttempt.objects.filter(pk=attempt.pk, status=attempt.status).update(next_look_at=None)


def _substance(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "at"}


def record_watch(attempt: PayoutAttempt, *, found: dict[str, Any], next_look_at: datetime | None, gone: bool) -> None:
    """What became of a paid refund. `gone`: the store or the gateway took it back, so the case is open again."""
    if not gone:
        record_look(attempt, found=found, next_look_at=next_look_at)
        return
    with transaction.atomic(durable=True):
        current = PayoutAttempt.objects.select_for_update().select_related("refund_request").get(pk=attempt.pk)
        if current.status != AttemptStatus.SUCCEEDED:
            return  # another watch was faster
        move_attempt(
            current,
            AttemptStatus.REVERSED,
            evidence=[*current.evidence, found],
            looked_at=timezone.now(),
            next_look_at=None,
            proposed_by=None,
            proposal="",
        )
        event = move(
            current.refund_request,
            "reversed",
            WORKER,
            attempt=current,
            data=found,
            take_lines=False,
            paid_attempt=None,
        )
        tell_staff(current, event)


def note_sum_mismatch(attempt: PayoutAttempt, *, expected: Decimal, found: Decimal) -> None:
    """After the payout the order's refunded sum is not what it should be: somebody refunded it in the same moments."""
    with transaction.atomic(durable=True):
        event = log(
            "sum_mismatch",
            WORKER,
            refund_request=attempt.refund_request,
            attempt=attempt,
            data={"expected": str(expected), "found": str(found)},
        )
        tell_staff(attempt, event)
