"""The mails of a verb, word for word, before anybody has pressed. From a case as it would be; nothing is written."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.utils import timezone

from .. import mail
from ..mail import Draft
from ..models import Message, RefundRequest, Shop
from ..money import Breakdown
from ..states import Status
from .cases import decision


def mails_of_approval(
    refund_request: RefundRequest, breakdown: Breakdown, *, api_refund: bool, words: str
) -> list[Draft]:
    """What goes out when the approval can no longer be taken back, and what once the store has confirmed the refund."""
    fields = decision(refund_request, breakdown, api_refund=api_refund, restock=False, words=words)
    approved = _as(refund_request, status=Status.APPROVED, decided_at=timezone.now(), **fields)
    drafts = [mail.compose("approved", refund_request=approved)]
    if Shop.current().mails_refunded:
        paid = _as(approved, status=Status.REFUNDED, closed_at=timezone.now())
        drafts.append(mail.compose("refunded", refund_request=paid))
    return drafts


def mails_of_decline(refund_request: RefundRequest, *, words: str) -> list[Draft]:
    declined = _as(refund_request, status=Status.DECLINED, decline_words=words.strip())
    return [mail.compose("declined", refund_request=declined)]


def mails_of_message(refund_request: RefundRequest, *, text: str, waits: bool) -> list[Draft]:
    """`waits`: the case waits for the answer, so it is a question."""
    message = Message(refund_request=refund_request, text=text.strip())
    if not waits:
        return [mail.compose("message", refund_request=refund_request, message=message)]
    asked = _as(refund_request, status=Status.NEEDS_INFO)
    return [mail.compose("needs_info", refund_request=asked, message=message)]


def mails_of_correction(refund_request: RefundRequest) -> list[Draft]:
    return [mail.compose("correction", refund_request=refund_request)]


def _as(refund_request: RefundRequest, **fields: Any) -> RefundRequest:
    """A copy that is never saved."""
    imagined = copy(refund_request)
    for name, value in fields.items():
        setattr(imagined, name, value)
    return imagined
