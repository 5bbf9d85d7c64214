"""Personal data: what is held of a customer, and how it is blanked. Amounts, states and history always stay."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from . import amounts, workflow
from .models import LookUp, Mail, OrderSnapshot, PayoutAttempt, Photo, RefundRequest, Shop
from .states import OPEN
from .woocommerce.codec import order_to_json

NOBODY = ""
WAITING = (Mail.State.PENDING, Mail.State.SENDING)


def held(refund_request: RefundRequest) -> dict[str, Any]:
    """Everything personal that is kept about a case, and the case itself, for the customer to take along.

    Amounts have the decimals of the order's currency.
    """
    amount = functools.partial(amounts.canonical, decimals=refund_request.decimals)
    return {
        "reference": refund_request.reference,
        "order_number": refund_request.order_number,
        "asked_at": refund_request.created_at.isoformat(),
        "state": refund_request.status,
        "name": refund_request.customer_name,
        "email": refund_request.email,
        "language": refund_request.language,
        "reason": refund_request.reason,
        "note": refund_request.note,
        "currency": refund_request.currency,
        "amount_asked": amount(refund_request.requested_amount),
        "amount_approved": refund_request.approved_amount and amount(refund_request.approved_amount),
        "lines": [
            {"name": line.name, "quantity": line.quantity, "amount": amount(line.amount)}
            for line in refund_request.lines.all()
        ],
        "messages": [
            {"at": message.at.isoformat(), "from": "shop" if message.by_id else "customer", "text": message.text}
            for message in refund_request.messages.filter(internal=False)
        ],
        "photos": [photo.public_id for photo in refund_request.photos.all()],
        "mails": [
            {"at": mail.created_at.isoformat(), "to": mail.recipient, "subject": mail.subject, "text": mail.text}
            for mail in _letters(refund_request).order_by("pk")
        ],
        "look_ups": [
            {"at": look_up.created_at.isoformat(), "email": look_up.email, "network": look_up.network}
            for look_up in LookUp.objects.filter(refund_request=refund_request)
        ],
        "history": [
            {"at": event.at.isoformat(), "what": event.kind, "to": event.to_status}
            for event in refund_request.events.all()
        ],
    }


def _letters(refund_request: RefundRequest) -> QuerySet[Mail]:
    """The mails to the customer, the code of the look-up included."""
    to_them = Q(refund_request=refund_request, recipient=refund_request.email)
    return Mail.objects.filter(to_them | Q(look_up__refund_request=refund_request))


def erase(refund_request: RefundRequest) -> None:
    """Blanks names, addresses, free text and photos of a closed case. Raises `workflow.NotAllowed` while it is open.

    A mail to the customer that still waits does not go out any more: it would carry what was erased. One that is being
    handed over in this moment may arrive, and is not tried again.
    """
    photos = Photo.objects.filter(Q(refund_request=refund_request) | Q(look_up__refund_request=refund_request))
    with transaction.atomic():
        waiting = _letters(refund_request).filter(state__in=WAITING).order_by("pk")
        workflow.log_erasure(refund_request, mails_dropped=list(waiting.values_list("kind", flat=True)))
        _blank_mails(refund_request)
        files = [photo.file for photo in photos]
        photos.delete()
        refund_request.messages.update(text=NOBODY)
        _blank_snapshots(refund_request.order_id)
        LookUp.objects.filter(refund_request=refund_request).update(email=NOBODY, network=NOBODY)
        RefundRequest.objects.filter(pk=refund_request.pk).update(
            email=NOBODY,
            customer_name=NOBODY,
            note=NOBODY,
            decline_words=NOBODY,
            amount_words=NOBODY,
            erased_at=timezone.now(),
        )
    for file in files:
        file.delete(save=False)
    refund_request.refresh_from_db()


def _blank_mails(refund_request: RefundRequest) -> None:
    """Those to staff hold figures only: the ones that wait still go out."""
    _letters(refund_request).filter(state__in=WAITING).update(state=Mail.State.CANCELLED, next_try_at=None)
    every = Mail.objects.filter(Q(refund_request=refund_request) | Q(look_up__refund_request=refund_request))
    every.exclude(state__in=WAITING).update(recipient=NOBODY, subject=NOBODY, text=NOBODY, html=NOBODY)


def _blank_snapshots(order_id: int) -> None:
    """The order's name and address go, its figures stay, unless another open case of it still needs them."""
    if RefundRequest.objects.filter(order_id=order_id, status__in=OPEN).exists():
        return
    asking = LookUp.objects.filter(refund_request=None, snapshot__isnull=False).values("snapshot")
    for snapshot in OrderSnapshot.objects.filter(order_id=order_id).exclude(pk__in=asking):
        anonymous = replace(snapshot.order, email=NOBODY, first_name=NOBODY, last_name=NOBODY)
        OrderSnapshot.objects.filter(pk=snapshot.pk).update(data=order_to_json(anonymous))


# --- Retention -------------------------------------------------------------------------------------------------------


def due_look_ups(now: datetime) -> Any:
    """Look-ups that led to no case and are past their time."""
    return LookUp.objects.filter(
        refund_request=None, created_at__lt=now - timedelta(days=Shop.current().keep_look_ups_days)
    )


def due_cases(now: datetime) -> Any:
    """Closed cases whose personal data is past its time and not blanked yet. Not while their payment is watched."""
    closed_before = now - timedelta(days=Shop.current().keep_closed_days)
    watched = PayoutAttempt.objects.filter(next_look_at__isnull=False).values("refund_request")
    return RefundRequest.objects.filter(closed_at__lt=closed_before, erased_at=None).exclude(pk__in=watched)


def purge(*, dry_run: bool = False) -> Iterator[tuple[str, int]]:
    """Blanks and deletes what is past its time; yields what and how much. With `dry_run` only counts."""
    now = timezone.now()
    look_ups, cases = due_look_ups(now), due_cases(now)
    sessions = Session.objects.filter(expire_date__lt=now)
    yield "look-ups without a case", look_ups.count()
    yield "closed cases", cases.count()
    yield "sessions that are over, with what was typed in them", sessions.count()
    if not dry_run:
        sessions.delete()
        for refund_request in cases.iterator():
            with contextlib.suppress(workflow.NotAllowed):  # taken up again meanwhile
                erase(refund_request)
        _delete_look_ups(look_ups)


def _delete_look_ups(look_ups: Any) -> None:
    pks = list(look_ups.values_list("pk", flat=True))
    snapshots = list(look_ups.exclude(snapshot=None).values_list("snapshot", flat=True))
    photos = [photo for look_up in look_ups.prefetch_related("photos") for photo in look_up.photos.all()]
    with transaction.atomic():
        Mail.objects.filter(look_up__in=pks).delete()
        for photo in photos:
            photo.delete()
        LookUp.objects.filter(pk__in=pks).delete()
        OrderSnapshot.objects.filter(pk__in=snapshots).exclude(
            pk__in=RefundRequest.objects.filter(order_asked__in=snapshots).values("order_asked")
        ).delete()
    for photo in photos:
        photo.file.delete(save=False)
