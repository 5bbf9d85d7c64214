"""Verbs of people about payouts whose outcome is not certain: what they saw at the payment provider, written down."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import mail, timing
from ..models import PayoutAttempt, RefundRequest
from ..states import AttemptStatus, Status
from .cases import unconfirmed_refusal
from .moves import Actor, LostRace, NotAllowed, edit, log, move, staff


def settle_paid(
    refund_request: RefundRequest, *, by: User, version: int, reference: str, address: str | None = None
) -> None:
    """A person saw the payout at the payment provider; `reference` says under which number.

    Also after a refusal by the gateway that proved untrue: the case goes through doubt to refunded then.
    """
    actor = staff(by, "settle_doubts", address)
    if not reference.strip():
        raise NotAllowed("reference", _("Enter the provider’s reference of the payout."))
    refusal = unconfirmed_refusal(refund_request) if refund_request.status == Status.FAILED else None
    attempt = refusal or _doubt(refund_request)
    with transaction.atomic():
        if not _two_agree(refund_request, attempt, actor, version, f"paid {reference.strip()}"):
            return
        if refusal is not None:
            _reopen_doubt(refusal)
            move(refund_request, Status.CHECK_NEEDED, "doubt_reopened", actor, version=version, attempt=refusal)
            version = refund_request.version
        _settle(
            attempt,
            AttemptStatus.SUCCEEDED,
            settled_by=by,
            settled_reference=reference.strip(),
            verdict="person_paid",
            # The store knows nothing of this payout, so there is nothing in it to watch.
            next_look_at=None,
        )
        event = move(
            refund_request,
            Status.REFUNDED,
            "settled_paid",
            actor,
            version=version,
            attempt=attempt,
            data={"reference": reference.strip()},
            paid_attempt=attempt,
        )
        mail.write("refunded", refund_request=refund_request, event=event)


def settle_not_paid(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """A person saw that the provider shows no payout. Nothing is sent again without a new approval."""
    actor = staff(by, "settle_doubts", address)
    attempt = _doubt(refund_request)
    with transaction.atomic():
        if not _two_agree(refund_request, attempt, actor, version, "not paid"):
            return
        to = AttemptStatus.REFUSED if attempt.status == AttemptStatus.UNKNOWN else None
        _settle(attempt, to, settled_by=by, no_payout_by=by, verdict="person_no_payout")
        move(refund_request, Status.FAILED, "settled_not_paid", actor, version=version, attempt=attempt)


def confirm_no_payout(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """The tick after a refusal by the gateway: a person saw that the provider shows no payout."""
    actor = staff(by, "settle_doubts", address)
    attempt = unconfirmed_refusal(refund_request)
    if refund_request.status != Status.FAILED or attempt is None:
        raise NotAllowed("state", _("There is nothing to confirm."))
    with transaction.atomic():
        edit(refund_request, version=version)
        _settle(attempt, None, no_payout_by=by)
        log("no_payout_confirmed", actor, refund_request=refund_request, attempt=attempt)


def _two_agree(
    refund_request: RefundRequest, attempt: PayoutAttempt, actor: Actor, version: int, proposal: str
) -> bool:
    """True below the limit, or if another person has said the same before; otherwise writes down who says so first."""
    if not refund_request.needs_second or (
        attempt.proposed_by not in (None, actor.user) and attempt.proposal == proposal
    ):
        return True
    if attempt.proposed_by == actor.user and attempt.proposal == proposal:
        raise NotAllowed("two_people", _("You have said so already. A second person has to confirm it."))
    edit(refund_request, version=version)
    _settle(attempt, None, proposed_by=actor.user, proposal=proposal)
    log("settlement_proposed", actor, refund_request=refund_request, attempt=attempt)
    return False


def _doubt(refund_request: RefundRequest) -> PayoutAttempt:
    """The attempt in doubt, if a person may settle it by now: `NotAllowed` otherwise."""
    in_doubt = {AttemptStatus.UNKNOWN, AttemptStatus.REVERSED}
    attempt = refund_request.attempts.filter(status__in=in_doubt).order_by("-n").first()
    if refund_request.status != Status.CHECK_NEEDED or attempt is None or attempt.sent_at is None:
        raise NotAllowed("state", _("This payout is not in doubt."))
    now = timezone.now()
    if attempt.sent_at > now - timing.scaled(timing.PERSON_MAY_SETTLE_AFTER):
        raise NotAllowed("too_early", _("A late answer can still come. You can settle this an hour after it was sent."))
    if attempt.looked_at is None or attempt.looked_at < now - timing.SNAPSHOT_FRESH:
        raise NotAllowed("stale_look", _("The shop was not looked at within the last minute. Look again first."))
    return attempt


def _reopen_doubt(refusal: PayoutAttempt) -> None:
    try:
        with transaction.atomic():
            _settle(refusal, AttemptStatus.UNKNOWN)
    except IntegrityError:
        raise NotAllowed(
            "sibling_open", _("Another payout of this order is under way. Try again when it is through.")
        ) from None


def _settle(attempt: PayoutAttempt, to: AttemptStatus | None, **fields: Any) -> None:
    if to is not None:
        fields |= {"status": to, "settled_at": timezone.now()}
    counted = PayoutAttempt.objects.filter(pk=attempt.pk, status=attempt.status).update(**fields)
    if counted != 1:
        raise LostRace
    for name, value in fields.items():
        setattr(attempt, name, value)
