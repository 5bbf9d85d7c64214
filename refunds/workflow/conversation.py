"""Verbs of talking: questions, answers, messages both ways, notes among colleagues, and whose case it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from .. import mail
from ..limits import require_room
from ..models import Mail, Message, Photo, RefundRequest, Shop
from ..states import OPEN, Status
from .moves import CUSTOMER, LostRace, NotAllowed, answered_first, log, move, require_person, staff


def ask(refund_request: RefundRequest, *, by: User, version: int, text: str, address: str | None = None) -> Message:
    """Asks the customer for something. Until the answer the case waits for them, and its clocks stand still."""
    actor = staff(by, "work_refundrequest", address)
    with transaction.atomic():
        message = _say(refund_request, text, by)
        event = move(refund_request, "asked", actor, version=version, data={"message": message.pk})
        mail.write("needs_info", refund_request=refund_request, event=event, message=message)
    return message


def answer(refund_request: RefundRequest, *, text: str, photos: Iterable[Photo] = ()) -> Message:
    """The customer's answer: the case waits for the shop again."""
    with transaction.atomic():
        message = _say(refund_request, text, None, photos)
        event = move(refund_request, "answered", CUSTOMER, data={"message": message.pk})
        mail.write("customer_wrote", refund_request=refund_request, event=event, recipient=settings.STAFF_EMAIL)
    return message


def write(refund_request: RefundRequest, *, by: User, text: str, address: str | None = None) -> Message:
    """A message to the customer. Moves nothing."""
    actor = staff(by, "work_refundrequest", address)
    with transaction.atomic():
        require_person(refund_request)
        message = _say(refund_request, text, by)
        event = log("wrote", actor, refund_request=refund_request, data={"message": message.pk})
        answered_first(refund_request)
        mail.write("message", refund_request=refund_request, event=event, message=message)
    return message


def write_back(refund_request: RefundRequest, *, text: str, photos: Iterable[Photo] = ()) -> Message:
    """A message of the customer's: an answer, if the shop waits for one. Raises `TooMany` at a limit of the shop.

    Two at once are counted one after the other.
    """
    if refund_request.status not in OPEN | {Status.DECLINED, Status.REFUNDED}:
        raise NotAllowed("state", _("This request is closed. Please write to us by e-mail."))
    with transaction.atomic():
        require_person(refund_request)
        theirs = refund_request.messages.filter(by=None)
        require_room(theirs, "at", most=Shop.current().per_case_and_hour, within=timedelta(hours=1))
        if refund_request.status == Status.NEEDS_INFO:
            return answer(refund_request, text=text, photos=photos)
        message = _say(refund_request, text, None, photos)
        event = log("customer_wrote", CUSTOMER, refund_request=refund_request, data={"message": message.pk})
        mail.write("customer_wrote", refund_request=refund_request, event=event, recipient=settings.STAFF_EMAIL)
    return message


def note(refund_request: RefundRequest, *, by: User, text: str, address: str | None = None) -> Message:
    """A note among colleagues. The customer never sees it."""
    actor = staff(by, "work_refundrequest", address)
    with transaction.atomic():
        message = _say(refund_request, text, by, internal=True)
        log("noted", actor, refund_request=refund_request, data={"message": message.pk})
    return message


def assign(
    refund_request: RefundRequest, *, by: User, to: User | None, seen: User | None, address: str | None = None
) -> None:
    """Whose case it is: taken, passed on, or nobody's. `LostRace` if it is no longer that of whom `by` saw."""
    actor = staff(by, "work_refundrequest", address)
    if to is not None and not to.has_perm("refunds.work_refundrequest"):
        raise NotAllowed("assignee", _("This person cannot work on cases."))
    with transaction.atomic():
        counted = RefundRequest.objects.filter(pk=refund_request.pk, assigned_to=seen).update(assigned_to=to)
        if counted != 1:
            raise LostRace
        log("assigned", actor, refund_request=refund_request, data={"from": seen and seen.pk, "to": to and to.pk})
    refund_request.assigned_to = to


def resend(letter: Mail, *, by: User, address: str | None = None) -> None:
    """Once more a mail that was delivered or given up. One that is no longer true, or on its way, does not go again."""
    actor = staff(by, "work_refundrequest", address)
    with transaction.atomic():
        if not mail.resend(letter):
            raise NotAllowed("state", _("This mail is on its way already, or is not sent any more."))
        data = {"mail": letter.pk, "mail_kind": letter.kind}
        log("mail_resent", actor, refund_request=letter.refund_request, data=data)


def _say(
    refund_request: RefundRequest,
    text: str,
    by: User | None,
    photos: Iterable[Photo] = (),
    *,
    internal: bool = False,
) -> Message:
    photos = list(photos)
    if not text.strip() and not photos:
        raise NotAllowed("words", _("Write something first."))
    message = Message.objects.create(refund_request=refund_request, by=by, internal=internal, text=text.strip())
    for photo in photos:
        photo.refund_request, photo.message = refund_request, message
        photo.save(update_fields=["refund_request", "message"])
    return message
