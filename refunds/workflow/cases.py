"""Verbs of people: what customers and staff can do to a case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .. import commitments, dispatch, mail, money, timing
from ..amounts import AmountError
from ..models import (
    DeclineReason,
    LookUp,
    Message,
    OrderSnapshot,
    PayoutAttempt,
    Reason,
    RefundLine,
    RefundRequest,
    Shop,
)
from ..money import Breakdown
from ..states import OPEN, VERBS, Status
from ..woocommerce.codec import order_to_json
from ..woocommerce.matching import email_key
from ..woocommerce.types import Order
from .moves import CUSTOMER, Actor, LostRace, NotAllowed, edit, log, move, new_clocks, require_person, staff

NUMBER_LENGTH = 64
"""Longer order numbers are compared by their beginning here, and in full at the look-up."""
MOST_DECIMALS = 4
"""What an amount is kept with. No currency has more."""


def submit(look_up: LookUp, *, chosen: Mapping[int, int], reason: Reason, note: str) -> RefundRequest:
    """The customer's request for `chosen` quantities by order line, priced here from the order and from nothing else.

    One proven look-up makes one request, however often it is sent. Raises `NotAllowed` where the proof is missing or
    old, or another open request holds a line; `AmountError` where the choice cannot be paid.
    """
    if look_up.vouched_by_id is not None:
        raise NotAllowed("not_proven", _("Please confirm again that this order is yours."))
    return _submit(look_up, CUSTOMER, chosen=chosen, reason=reason, note=note)


def vouch(order: Order, *, by: User, language: str, address: str | None = None) -> LookUp:
    """A member of staff has the customer on the phone and has made sure of them: the proof that a code is otherwise.

    Counts for nobody else. Without number and e-mail, so that it takes no look-up from the customer's own limits.
    """
    staff(by, "work_refundrequest", address)
    with transaction.atomic():
        snapshot = OrderSnapshot.objects.create(order_id=order.id, data=order_to_json(order), read_at=timezone.now())
        return LookUp.objects.create(
            snapshot=snapshot, language=language, vouched_by=by, proven_at=timezone.now(), tries_left=0
        )


def open_for_customer(
    look_up: LookUp,
    *,
    by: User,
    chosen: Mapping[int, int],
    reason: Reason,
    note: str,
    address: str | None = None,
) -> RefundRequest:
    """The same request, made by staff for a customer on the phone. Who makes it is never one of two who approve it."""
    actor = staff(by, "work_refundrequest", address)
    if look_up.vouched_by_id != by.pk:
        raise NotAllowed("not_proven", _("Find the order again: somebody else has looked it up."))
    return _submit(look_up, actor, chosen=chosen, reason=reason, note=note)


def _submit(look_up: LookUp, actor: Actor, *, chosen: Mapping[int, int], reason: Reason, note: str) -> RefundRequest:
    if look_up.refund_request is not None:
        return look_up.refund_request
    if look_up.proven_at is None or look_up.proven_at < timezone.now() - timing.PROOF_LIFE or look_up.snapshot is None:
        raise NotAllowed("not_proven", _("Please confirm again that this order is yours."))
    if look_up.snapshot.order.decimals > MOST_DECIMALS:
        raise NotAllowed("decimals", _("This shop’s amounts cannot be refunded here. Please write to us."))
    breakdown = money.price(look_up.snapshot.order, chosen)
    try:
        with transaction.atomic():
            return _create(look_up, look_up.snapshot, breakdown, reason, note, actor)
    except (IntegrityError, LostRace):
        # The same look-up from another tab has made its case, or another case holds one of the lines.
        look_up.refresh_from_db()
        if look_up.refund_request is None:
            raise NotAllowed("lines_taken", _("You have asked for one of these items already.")) from None
        return look_up.refund_request


def _create(
    look_up: LookUp, snapshot: OrderSnapshot, breakdown: Breakdown, reason: Reason, note: str, actor: Actor
) -> RefundRequest:
    order, kind = snapshot.order, "opened" if actor.user else "submitted"
    now = timezone.now()
    refund_request = RefundRequest.objects.create(
        created_at=now,
        order_id=order.id,
        order_number=order.number[:NUMBER_LENGTH],
        currency=order.currency,
        decimals=order.decimals,
        email=order.email,
        customer_name=f"{order.first_name} {order.last_name}".strip()[:200],
        language=look_up.language if actor.user else get_language() or settings.LANGUAGE_CODE,
        opened_by=actor.user,
        reason=reason,
        note=note,
        requested_amount=breakdown.amount,
        order_asked=snapshot,
        order_now=snapshot,
        **new_clocks(now, kind=kind),
    )
    RefundLine.objects.bulk_create(
        RefundLine(
            refund_request=refund_request,
            order_line_id=line.line_id,
            kind=line.kind,
            name=line.name[:500],
            quantity=line.quantity,
            amount=line.amount,
        )
        for line in breakdown.lines
    )
    if LookUp.objects.filter(pk=look_up.pk, refund_request=None).update(refund_request=refund_request) != 1:
        raise LostRace
    look_up.refund_request = refund_request
    look_up.photos.update(refund_request=refund_request)
    event = log(
        kind,
        actor,
        refund_request=refund_request,
        to_status=Status.SUBMITTED,
        data={"amount": str(breakdown.amount), "currency": order.currency},
    )
    mail.write("received", refund_request=refund_request, event=event)
    mail.write("new_request", refund_request=refund_request, event=event, recipient=settings.STAFF_EMAIL)
    return refund_request


def withdraw(refund_request: RefundRequest) -> None:
    """The customer takes the request back, while nothing is decided."""
    with transaction.atomic():
        event = move(refund_request, "withdrawn", CUSTOMER)
        mail.write("withdrawn", refund_request=refund_request, event=event)


def log_erasure(refund_request: RefundRequest, *, mails_dropped: list[str]) -> None:
    """Notes in the ledger that personal data was blanked. Only of a case that is closed and no longer watched.

    `mails_dropped` are the kinds of those that were still waiting. The row is kept until the transaction ends.
    """
    status = RefundRequest.objects.select_for_update().values_list("status", flat=True).get(pk=refund_request.pk)
    if status in OPEN:
        raise NotAllowed("open", _("While a request is open its data is needed. It can be erased when it is closed."))
    if refund_request.attempts.filter(next_look_at__isnull=False).exists():
        raise NotAllowed("watched", _("The payment is still being watched. The data can be erased when that is over."))
    log("erased", CUSTOMER, refund_request=refund_request, data={"mails_dropped": mails_dropped})


# --- Deciding --------------------------------------------------------------------------------------------------------


def edit_amount(
    refund_request: RefundRequest, *, by: User, version: int, breakdown: Breakdown, address: str | None = None
) -> None:
    """Proposes another amount for others to approve. Clears a first approval: it was given for other figures."""
    actor = staff(by, "work_refundrequest", address)
    if refund_request.status != Status.SUBMITTED:
        raise NotAllowed("state", _("The amount can only be changed while the request waits for a decision."))
    _require_order(refund_request, breakdown)
    with transaction.atomic():
        edit(
            refund_request,
            version=version,
            approved_amount=breakdown.amount,
            approved_breakdown=breakdown.as_json(),
            edited_by=by,
            **UNDECIDED,
        )
        log("amount_edited", actor, refund_request=refund_request, data={"amount": str(breakdown.amount)})


UNDECIDED: dict[str, Any] = {"decided_by": None, "decided_at": None, "needs_second": False, "second_by": None}


def approve(
    refund_request: RefundRequest,
    *,
    by: User,
    version: int,
    breakdown: Breakdown,
    api_refund: bool,
    restock: bool,
    manual_reference: str = "",
    words: str = "",
    note: str = "",
    address: str | None = None,
) -> None:
    """Decides that `breakdown` is paid, through the gateway or, with `api_refund` off, as a transfer already made.

    Needs the order as it was at most a minute ago (the page refreshes it) and checks everything against that. Above the
    shop's limit the first approval is only recorded; the second, by another person, moves the case. Payment begins when
    the time to take it back is over.
    """
    actor = staff(by, "approve_refundrequest", address)
    if refund_request.status not in VERBS["approved"][0]:
        raise NotAllowed("state", _("This request does not wait for a decision."))
    _require_no_doubt(refund_request)
    _require_order(refund_request, breakdown)
    _require_no_payout_seen(refund_request)
    if not api_refund and not manual_reference.strip():
        raise NotAllowed("manual_reference", _("Enter the reference of the transfer that you have made."))
    fields = decision(refund_request, breakdown, api_refund=api_refund, restock=restock, words=words)
    fields |= {"manual_reference": manual_reference.strip()}
    with transaction.atomic():
        if _needs_second(breakdown):
            if not _second_approval(refund_request, actor, version, fields):
                return
        else:
            fields |= {"decided_by": by, "decided_at": timezone.now(), "needs_second": False, "second_by": None}
        _send_after_hold(refund_request, actor, version, fields)
        _note(refund_request, by, note)


def decision(
    refund_request: RefundRequest, breakdown: Breakdown, *, api_refund: bool, restock: bool, words: str
) -> dict[str, Any]:
    """What an approval writes into the case: the payload of the payout is made of this, and the mails are."""
    return {
        "approved_amount": breakdown.amount,
        "approved_breakdown": breakdown.as_json(),
        "order_decided": refund_request.order_now,
        "api_refund": api_refund,
        "restock": restock,
        "amount_words": words.strip(),
    }


def _needs_second(breakdown: Breakdown) -> bool:
    limit = Shop.current().second_approval_above
    return limit is not None and breakdown.amount > limit


def _second_approval(refund_request: RefundRequest, actor: Actor, version: int, fields: dict[str, Any]) -> bool:
    """True if this is the second of two matching approvals; the first is recorded, and False returned."""
    by = actor.user
    if by is None or not by.has_perm("refunds.approve_above_limit"):
        raise NotAllowed("limit", _("This amount is above the limit. Your permissions do not cover it."))
    changed = fields["approved_amount"] not in (refund_request.requested_amount, refund_request.approved_amount)
    if changed or by.pk in (refund_request.opened_by_id, refund_request.edited_by_id):
        raise NotAllowed(
            "two_people",
            _("Above the limit, two people approve who neither opened the case nor changed the amount."),
        )
    waiting = refund_request.needs_second and refund_request.second_by_id is None
    first = refund_request.decided_by_id if waiting else None
    same = all(
        getattr(refund_request, name) == fields[name] for name in ("approved_breakdown", "api_refund", "restock")
    )
    if first is not None and same and first != by.pk:
        fields |= {"second_by": by}
        return True
    if first == by.pk and same:
        raise NotAllowed("two_people", _("You have approved this already. A second person has to approve it too."))
    first_fields = fields | {"decided_by": by, "decided_at": timezone.now(), "needs_second": True, "second_by": None}
    edit(refund_request, version=version, **first_fields)
    log("first_approval", actor, refund_request=refund_request, data={"amount": str(fields["approved_amount"])})
    return False


def _send_after_hold(refund_request: RefundRequest, actor: Actor, version: int, fields: dict[str, Any]) -> None:
    hold = timedelta(seconds=settings.APPROVAL_HOLD)
    event = move(
        refund_request,
        "approved",
        actor,
        version=version,
        data={
            "amount": str(fields["approved_amount"]),
            "currency": refund_request.currency,
            "api_refund": fields["api_refund"],
            "restock": fields["restock"],
        },
        next_action_at=timezone.now() + hold,
        nudged_at=None,
        not_sent_count=0,
        waits_for="",
        **fields,
    )
    mail.write("approved", refund_request=refund_request, event=event, after=hold)
    if not hold:
        dispatch.nudge("pay", refund_request.pk)


def _require_order(refund_request: RefundRequest, breakdown: Breakdown) -> None:
    snapshot = refund_request.order_now
    if snapshot.read_at < timezone.now() - timing.SNAPSHOT_FRESH:
        raise NotAllowed(
            "stale_order", _("The order was not read within the last minute. Refresh it, then decide again.")
        )
    order = snapshot.order
    if problem := identity_problem(refund_request, order):
        raise NotAllowed("changed_in_store", problem)
    if breakdown.currency != order.currency:
        raise NotAllowed("changed_in_store", _("The order’s currency has changed in the shop."))
    if code := _no_longer_carries(order, breakdown):
        raise NotAllowed(
            "changed_in_store", _("The order no longer holds this refund (%(code)s). Refresh it.") % {"code": code}
        )
    unseen = commitments.unseen(order, besides=refund_request)
    if breakdown.amount > order.remaining - unseen:
        raise NotAllowed(
            "paid_elsewhere",
            _("%(amount)s %(currency)s of this order were paid by other requests and do not show in the shop.")
            % {"amount": unseen, "currency": order.currency},
        )


def _no_longer_carries(order: Order, breakdown: Breakdown) -> str | None:
    try:
        return money.still_carries(order, breakdown)
    except AmountError as error:
        return error.code


def identity_problem(refund_request: RefundRequest, order: Order) -> str:
    """Why this is not the order that the customer proved, in plain words; empty if it is."""
    if order.id != refund_request.order_id or order.number[:NUMBER_LENGTH] != refund_request.order_number:
        return _("The order’s number has changed in the shop.")
    if email_key(order.email) != email_key(refund_request.email):
        return _("The order’s e-mail address has changed in the shop.")
    if order.currency != refund_request.currency:
        return _("The order’s currency has changed in the shop.")
    return ""


def _require_no_doubt(refund_request: RefundRequest) -> None:
    doubt = commitments.doubt_of(refund_request.order_id, besides=refund_request)
    if doubt is not None:
        raise NotAllowed(
            "sibling_in_doubt",
            _("The outcome of %(reference)s of the same order is unknown. Settle that one first.")
            % {"reference": doubt.reference},
        )


def _require_no_payout_seen(refund_request: RefundRequest) -> None:
    if unconfirmed_refusal(refund_request) is not None:
        raise NotAllowed(
            "no_payout_unconfirmed",
            _("The payment provider is said to have refused. Confirm first that the provider shows no payout."),
        )


def unconfirmed_refusal(refund_request: RefundRequest) -> PayoutAttempt | None:
    """The attempt whose refusal by the gateway nobody has checked at the provider yet."""
    return refund_request.attempts.filter(commitments.UNCONFIRMED).first()


def take_back(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """Undoes an approval of which nothing has been sent."""
    actor = staff(by, "approve_refundrequest", address)
    with transaction.atomic():
        move(
            refund_request,
            "approval_taken_back",
            actor,
            version=version,
            next_action_at=None,
            waits_for="",
            approved_amount=None,
            approved_breakdown=None,
            amount_words="",
            **UNDECIDED,
        )
        mail.cancel("approved", refund_request)


def decline(
    refund_request: RefundRequest,
    *,
    by: User,
    version: int,
    decline_reason: DeclineReason,
    words: str,
    note: str = "",
    address: str | None = None,
) -> None:
    """Refuses the request. `words` go to the customer, `note` stays among colleagues."""
    actor = staff(by, "decline_refundrequest", address)
    if not words.strip():
        raise NotAllowed("words", _("Tell the customer why."))
    _require_no_payout_seen(refund_request)
    with transaction.atomic():
        event = move(
            refund_request,
            "declined",
            actor,
            version=version,
            data={"reason": decline_reason},
            decline_reason=decline_reason,
            decline_words=words.strip(),
            needs_second=False,
            second_by=None,
            decided_by=by,
            decided_at=timezone.now(),
        )
        _note(refund_request, by, note)
        mail.write("declined", refund_request=refund_request, event=event)


def reopen(refund_request: RefundRequest, *, by: User, version: int, address: str | None = None) -> None:
    """Takes a declined case up again, if no other request holds its lines by now."""
    actor = staff(by, "decline_refundrequest", address)
    with transaction.atomic():
        require_person(refund_request)
        move(refund_request, "reopened", actor, version=version, **UNDECIDED)


def _note(refund_request: RefundRequest, by: User, text: str) -> None:
    if text.strip():
        Message.objects.create(refund_request=refund_request, by=by, internal=True, text=text.strip())
