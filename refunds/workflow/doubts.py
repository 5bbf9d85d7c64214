"""Verbs of people about payouts whose outcome is not certain: what they saw at the payment provider, written down."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import mail, timing
from ..models import PayoutAttempt, RefundEvent, RefundRequest
from ..states import AttemptStatus, Status
from ..woocommerce.types import Verdict
from .cases import unconfirmed_refusal
from .moves import Actor, LostRace, NotAllowed, edit, log, move, staff
from .payouts import what_was_paid


def settle_paid(
    refund_request: RefundRequest, *, by: User, version: int, reference: str, address: str | None = None
) -> None:
    """A person saw the payout at the payment provider; `reference` says under which number.

    Of a doubt, and also of a refusal that proved untrue, even after somebody had said that there was no payout: the
    case goes through doubt to refunded then.
    """
    actor = staff(by, "settle_doubts", address)
    if not reference.strip():
        raise NotAllowed("reference", _("Enter the provider’s reference of the payout."))
    refusal = _refusal(refund_request)
    attempt = refusal or _doubt(refund_request)
    with transaction.atomic():
        if not _two_agree(refund_request, attempt, actor, version, f"paid {reference.strip()}"):
            return
        if refusal is not None:
            _reopen_doubt(refusal)
            move(
                refund_request,
                "doubt_reopened",
                actor,
                version=version,
                attempt=refusal,
                take_lines=False,
            )
            version = refund_request.version
        _settle(
            attempt,
            AttemptStatus.SUCCEEDED,
            settled_by=by,
            settled_reference=reference.strip(),
            verdict="person_paid",
            no_payout_by=None,
            # The store knows nothing of this payout, so there is nothing in it to watch.
            next_look_at=None,
        )
        event = move(
            refund_request,
            "settled_paid",
            actor,
            version=version,
            attempt=attempt,
            data={"reference": reference.strip()},
            **what_was_paid(attempt),
        )
        mail.write("refunded", refund_request=refund_request, event=event)


def _refusal(refund_request: RefundRequest) -> PayoutAttempt | None:
    """The newest attempt that the gateway or a person said was not paid, of a case that ended there."""
    if refund_request.status not in (Status.FAILED, Status.DECLINED):
        return None
    refusals = refund_request.attempts.filter(status=AttemptStatus.REFUSED).filter(
        Q(verdict=Verdict.GATEWAY_REFUSED) | Q(no_payout_by__isnull=False)
    )
    attempt = refusals.order_by("-n").first()
    if attempt is not None:
        _require_fresh_look(attempt)
    return attempt


def settle_not_paid(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """A person saw that the provider shows no payout. Nothing is sent again without a new approval."""
    actor = staff(by, "settle_doubts", address)
    attempt = _doubt(refund_request)
    with transaction.atomic():
        if not _two_agree(refund_request, attempt, actor, version, "not paid"):
            return
        to = AttemptStatus.REFUSED if attempt.status == AttemptStatus.UNKNOWN else None
        _settle(attempt, to, settled_by=by, no_payout_by=by, verdict="person_no_payout")
        move(refund_request, "settled_not_paid", actor, version=version, attempt=attempt)


def confirm_no_payout(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """The tick after a refusal by the gateway: a person saw that the provider shows no payout."""
    actor = staff(by, "settle_doubts", address)
    attempt = unconfirmed_refusal(refund_request)
    if refund_request.status != Status.FAILED or attempt is None:
        raise NotAllowed("state", _("There is nothing to confirm."))
    with transaction.atomic():
        if not _two_agree(refund_request, attempt, actor, version, "not paid"):
            return
        _settle(attempt, None, no_payout_by=by)
        edit(refund_request, version=version)
        log("no_payout_confirmed", actor, refund_request=refund_request, attempt=attempt)


def to_correct(refund_request: RefundRequest) -> RefundEvent | None:
    """The reversal of a refund that the customer still believes in: told of as issued, and not corrected since."""
    if refund_request.status not in (Status.CHECK_NEEDED, Status.FAILED):
        return None
    told = refund_request.events.filter(kind__in=["reversed", "corrected", "paid", "adopted", "settled_paid"])
    last = told.order_by("-pk").first()
    return last if last is not None and last.kind == "reversed" else None


def correct(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """Writes to the customer that the refund was taken back, once for each time that it was."""
    actor = staff(by, "settle_doubts", address)
    reversal = to_correct(refund_request)
    if reversal is None:
        raise NotAllowed("state", _("There is nothing to correct: no refund was taken back, or it is said already."))
    with transaction.atomic():
        edit(refund_request, version=version)
        event = log("corrected", actor, refund_request=refund_request, attempt=reversal.attempt)
        mail.write("correction", refund_request=refund_request, event=event)


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
    # The attempt first, as everywhere: the other way round two people can wait for each other for ever.
    _settle(attempt, None, proposed_by=actor.user, proposal=proposal)
    edit(refund_request, version=version)
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
    _require_fresh_look(attempt)
    return attempt


def _require_fresh_look(attempt: PayoutAttempt) -> None:
    if attempt.looked_at is None or attempt.looked_at < timezone.now() - timing.SNAPSHOT_FRESH:
        raise NotAllowed("stale_look", _("The shop was not looked at within the last minute. Look again first."))


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
        fields = {"status": to, "settled_at": timezone.now(), "proposed_by": None, "proposal": "", **fields}
    counted = PayoutAttempt.objects.filter(pk=attempt.pk, status=attempt.status).update(**fields)
    if counted != 1:
        raise LostRace
    for name, value in fields.items():
        setattr(attempt, name, value)
