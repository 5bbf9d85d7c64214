"""What a customer reads about a case, in every state. The page and the mails take the same sentences from here.

They are true whatever happens next: nothing is called paid before the store has confirmed it, and nobody is promised
that money has arrived.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .formats import amount_text
from .models import RefundEvent, RefundRequest, Shop
from .states import Status

BANKS_FIRST, BANKS_LAST = 5, 10
"""Working days after which banks usually show a refund: most by the first, nearly all by the second."""

DECIDED = frozenset({Status.APPROVED, Status.SENDING, Status.REFUNDED, Status.FAILED, Status.CHECK_NEEDED})


@dataclass(frozen=True, slots=True)
class State:
    """A headline, what follows from it, and a tone: `waiting`, `good`, `attention` or `over`."""

    tone: str
    headline: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the history."""

    at: datetime
    text: str


def asked(refund_request: RefundRequest) -> str:
    return amount_text(refund_request.requested_amount, refund_request.currency, refund_request.decimals)


def decided_amount(refund_request: RefundRequest) -> Decimal | None:
    """What was approved. None while it is only a proposal among colleagues, of which the customer knows nothing."""
    if refund_request.status not in DECIDED or refund_request.decided_at is None:
        return None
    return refund_request.approved_amount


def decided(refund_request: RefundRequest) -> str:
    """The same as text, or empty."""
    amount = decided_amount(refund_request)
    return "" if amount is None else amount_text(amount, refund_request.currency, refund_request.decimals)


def state(refund_request: RefundRequest, shop: Shop) -> State:
    match Status(refund_request.status):
        case Status.SUBMITTED:
            return State("waiting", _("We have your request."), _answer_by(refund_request.created_at, shop))
        case Status.NEEDS_INFO:
            return State("attention", _("We need something from you."), (_("We go on when we have your answer."),))
        case Status.APPROVED:
            return State("good", _approved(refund_request), (_("It is being prepared."), _we_write()))
        case Status.SENDING:
            return State("good", _approved(refund_request), (_("It is being paid now."), _we_write()))
        case Status.REFUNDED:
            return _refunded(refund_request)
        case Status.FAILED | Status.CHECK_NEEDED:
            return State("waiting", _("Approved. We are checking the payment."), _checking())
        case Status.DECLINED:
            return State("attention", _("We cannot refund this."))
        case Status.WITHDRAWN:
            return State("over", _withdrawn(refund_request), (_("Nothing more will happen."),))


def _answer_by(asked_at: datetime, shop: Shop) -> tuple[str, ...]:
    days = shop.answer_days
    by = shop.calendar.end_of_open_day(asked_at, days)
    if timezone.now() > by:
        late = ngettext(
            "It is taking us longer than the %(days)s working day we promised.",
            "It is taking us longer than the %(days)s working days we promised.",
            days,
        )
        return (late % {"days": days},)
    soon = ngettext(
        "We answer within %(days)s working day, by %(date)s.",
        "We answer within %(days)s working days, by %(date)s.",
        days,
    )
    return soon % {"days": days, "date": day(by)}, _("You need not do anything until then.")


def _approved(refund_request: RefundRequest) -> str:
    return _("Approved: %(amount)s.") % {"amount": decided(refund_request)}


def _we_write() -> str:
    return _("We write to you as soon as the refund is issued.")


def _checking() -> tuple[str, ...]:
    return (
        _("We are making sure with the payment provider that it is paid once and correctly. This can take a few days."),
        _("You need not do anything. We write to you as soon as we know more."),
    )


def _refunded(refund_request: RefundRequest) -> State:
    at = issued_at(refund_request)
    facts = {"amount": decided(refund_request), "date": day(at), "way": payment_method(refund_request)}
    latest = {"days": BANKS_LAST, "first": BANKS_FIRST}
    return State(
        "good",
        _("Refund of %(amount)s issued on %(date)s.") % facts,
        (
            _way_back(refund_request) % facts,
            _banks_show() % latest,
            _if_not_seen(working_days_after(at, BANKS_LAST)),
        ),
    )


def _banks_show() -> str:
    return ngettext(
        "Banks usually show it within %(first)s to %(days)s working day.",
        "Banks usually show it within %(first)s to %(days)s working days.",
        BANKS_LAST,
    )


def _if_not_seen(by: datetime) -> str:
    if timezone.now() > by:
        return _("You should see it by now. If you do not, ask your bank first, then write to us.")
    return _("If you do not see it by %(date)s, ask your bank first, then write to us.") % {"date": day(by)}


def _way_back(refund_request: RefundRequest) -> str:
    if not refund_request.api_refund:
        return _("We made this payment by hand, by bank transfer or as agreed with you.")
    if not payment_method(refund_request):
        return _("It goes back the way you paid.")
    return _("It goes back the way you paid: %(way)s.")


def _withdrawn(refund_request: RefundRequest) -> str:
    return _("You took this request back on %(date)s.") % {"date": day(refund_request.closed_at or timezone.now())}


def payment_method(refund_request: RefundRequest) -> str:
    """How the order was paid, in the shop's words; empty where it does not say."""
    return refund_request.order_now.order.payment_method_title


def issued_at(refund_request: RefundRequest) -> datetime:
    """When the payout left, which may be long before the portal learnt of it."""
    attempt = refund_request.paid_attempt
    sent_at = attempt.sent_at if attempt is not None else None
    return sent_at or refund_request.closed_at or timezone.now()


def day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATE_FORMAT")


def working_days_after(at: datetime, days: int) -> datetime:
    """The end of the n-th day from Monday to Friday after that instant, in the shop's time zone."""
    last = timezone.localtime(at).replace(hour=23, minute=59, second=59, microsecond=0)
    while days:
        last += timedelta(days=1)
        days -= last.weekday() < 5
    return last


def facts(refund_request: RefundRequest, shop: Shop) -> dict[str, str]:
    """What saved replies can name, in the language that is active."""
    return {
        "name": refund_request.customer_name or refund_request.email,
        "order_number": refund_request.order_number,
        "reference": refund_request.reference,
        "amount": decided(refund_request) or asked(refund_request),
        "shop": shop.name,
    }


# --- History ---------------------------------------------------------------------------------------------------------

PHASE: Final = {
    "submitted": "requested",
    "opened": "requested",
    "asked": "question",
    "answered": "answer",
    "wrote": "message",
    "corrected": "message",
    "customer_wrote": "answer",
    "withdrawn": "withdrawn",
    "approved": "approved",
    "approval_taken_back": "looking_again",
    "declined": "declined",
    "reopened": "looking_again",
    "sending": "paying",
    "paid": "issued",
    "adopted": "issued",
    "settled_paid": "issued",
    "refused": "checking",
    "changed_in_store": "checking",
    "in_doubt": "checking",
    "doubt_reopened": "checking",
    "settled_not_paid": "checking",
    "reversed": "checking",
}
"""Kinds of event that a customer is told of, and as what. What colleagues propose among themselves is not here."""


def history(refund_request: RefundRequest, events: Iterable[RefundEvent]) -> list[Moment]:
    """What happened, oldest first. A payout that is tried again is told once, and so is a check that goes on."""
    moments: list[Moment] = []
    told = ""
    for event in events:
        phase = PHASE.get(event.kind, told)
        if phase != told:
            moments.append(Moment(event.at, _happened(phase, refund_request, event)))
            told = phase
    return moments


def _happened(phase: str, refund_request: RefundRequest, event: RefundEvent) -> str:
    amount = _amount_of(event, refund_request)
    return {
        "requested": _("You asked for %(amount)s back.") % amount,
        "question": _("We asked you for something."),
        "answer": _("You wrote to us."),
        "message": _("We wrote to you."),
        "withdrawn": _("You took the request back."),
        "approved": _("We approved a refund of %(amount)s.") % amount,
        "looking_again": _("We are looking at your request once more."),
        "declined": _("We declined the request."),
        "paying": _("We began to pay it."),
        "issued": _("The refund was issued."),
        "checking": _("We are checking the payment."),
    }[phase]


def _amount_of(event: RefundEvent, refund_request: RefundRequest) -> dict[str, str]:
    amount = Decimal(event.data["amount"]) if "amount" in event.data else refund_request.requested_amount
    return {"amount": amount_text(amount, refund_request.currency, refund_request.decimals)}
