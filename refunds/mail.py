"""The outbox: a mail is a stored row, written in the transaction that caused it and delivered by the worker.

A mail that cannot be delivered is tried again for about a day and a half and never changes the state of a case. Codes
and signed links are put in at delivery: the stored row has placeholders in their place. The only importer of
`django.core.mail`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from email.utils import make_msgid
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db.models import Q
from django.template.loader import get_template, render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import escape

from . import colours, dispatch, formats, links, timing, words
from .models import LookUp, Mail, Message, RefundEvent, RefundRequest, Shop

logger = logging.getLogger(__name__)

CODE = "{{ code }}"
PROOF_URL = "{{ proof_url }}"
STATUS_URL = "{{ status_url }}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail as it would be written: for whom, in which language, and every word of it."""

    kind: str
    recipient: str
    language: str
    subject: str
    text: str
    html: str


def compose(
    kind: str,
    *,
    refund_request: RefundRequest | None = None,
    look_up: LookUp | None = None,
    event: RefundEvent | None = None,
    recipient: str | None = None,
    message: Message | None = None,
    shop: Shop | None = None,
) -> Draft:
    """A mail of `kind` (`templates/mail/<kind>.*`) in the language of its case. Writes nothing."""
    about = None if recipient else refund_request or look_up
    language = about.language if about else settings.LANGUAGE_CODE
    with translation.override(language):
        context = {**_context(refund_request, look_up, event, shop or Shop.current()), "message": message}
        subject = " ".join(render_to_string(f"mail/{kind}.subject.txt", context).split())
        return Draft(
            kind=kind,
            recipient=recipient or _customer(refund_request, look_up),
            language=language,
            subject=subject[:300],
            text=render_to_string(f"mail/{kind}.txt", context).strip() + "\n",
            html=render_to_string(f"mail/{kind}.html", context),
        )


def write(
    kind: str,
    *,
    refund_request: RefundRequest | None = None,
    look_up: LookUp | None = None,
    event: RefundEvent | None = None,
    recipient: str | None = None,
    message: Message | None = None,
    after: timedelta = timedelta(0),
) -> Mail:
    """Writes the mail that `compose` makes of these, due at once or `after` a while.

    Must run in the transaction of what it tells. One of a kind per event: the database refuses a second.
    """
    shop = Shop.current()
    draft = compose(
        kind,
        refund_request=refund_request,
        look_up=look_up,
        event=event,
        recipient=recipient,
        message=message,
        shop=shop,
    )
    mail = Mail.objects.create(
        **asdict(draft),
        refund_request=refund_request,
        look_up=look_up,
        event=event,
        message_id=make_msgid(domain=_domain()),
        next_try_at=timezone.now() + after,
    )
    if kind == "refunded" and not shop.mails_refunded:
        # The shop wants WooCommerce's own mail. Ours stays in the books, and is not sent.
        Mail.objects.filter(pk=mail.pk).update(state=Mail.State.CANCELLED, next_try_at=None)
    elif not after:
        dispatch.nudge("deliver", mail.pk)
    return mail


def _customer(refund_request: RefundRequest | None, look_up: LookUp | None) -> str:
    """The address on the order, never the one somebody typed."""
    if refund_request is not None:
        return refund_request.email
    if look_up is None or look_up.snapshot is None:
        raise ValueError("A look-up that found no order has nobody to write to.")
    return look_up.snapshot.order.email


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"


def _context(
    refund_request: RefundRequest | None, look_up: LookUp | None, event: RefundEvent | None, shop: Shop
) -> Mapping[str, Any]:
    context: dict[str, Any] = {
        "shop": shop,
        "light": colours.light(shop.accent),
        "dark": colours.dark(shop.accent),
        "event": event,
        "code": CODE,
        "proof_url": PROOF_URL,
        "status_url": STATUS_URL,
        "code_minutes": int(timing.CODE_LIFE.total_seconds() // 60),
        "look_up": look_up,
        "desk_url": settings.SITE_URL + reverse("admin:index"),
    }
    if refund_request is not None:
        context |= {
            "refund_request": refund_request,
            "lines": list(refund_request.lines.all()),
            "asked": words.asked(refund_request),
            "decided": words.decided(refund_request),
            "state": words.state(refund_request, shop),
            "case_url": settings.SITE_URL + reverse("admin:refunds_refundrequest_change", args=[refund_request.pk]),
        }
    return context


def warm_up() -> None:
    """Loads what the first mail of a process would load: templates, addresses, and how amounts are written."""
    reverse("admin:index")
    for template in ("approved", "refunded", "code", "received", "new_request"):
        for ending in ("subject.txt", "txt", "html"):
            get_template(f"mail/{template}.{ending}")
    formats.amount_text(Decimal(1), "EUR", 2)


def cancel(kind: str, refund_request: RefundRequest) -> None:
    """Takes mails of a kind back that have not left yet, because what they tell is no longer true."""
    left = Q(state=Mail.State.PENDING) | Q(state=Mail.State.SENDING, lease_until__lte=timezone.now())
    refund_request.mails.filter(left, kind=kind).update(state=Mail.State.CANCELLED, next_try_at=None)


# --- Delivery --------------------------------------------------------------------------------------------------------


def deliver(mail_id: int, *, owner: str) -> bool:
    """Claims a due mail, hands it to SMTP and writes down how that went. True if it was handed over.

    A crash between hand-over and record delivers it again after its lease, under the same Message-ID: better twice than
    never.
    """
    mail = _claim(mail_id, owner)
    if mail is None:
        return False
    try:
        _send(mail)
    except Exception as error:  # noqa: BLE001 - whatever a mail server does, the mail is tried again
        _try_again(mail, error)
        return False
    now = timezone.now()
    Mail.objects.filter(pk=mail.pk, owner=owner).update(
        state=Mail.State.SENT, sent_at=now, next_try_at=None, lease_until=None, last_error=""
    )
    if mail.look_up_id is not None:
        # The ten minutes begin when the mail has left, not when the queue was long.
        LookUp.objects.filter(pk=mail.look_up_id).update(code_until=now + timing.CODE_LIFE)
    return True


def _claim(mail_id: int, owner: str) -> Mail | None:
    now = timezone.now()
    lease = now + timing.scaled(timing.MAIL_LEASE)
    counted = Mail.objects.filter(
        pk=mail_id, state__in=[Mail.State.PENDING, Mail.State.SENDING], next_try_at__lte=now
    ).update(state=Mail.State.SENDING, owner=owner, lease_until=lease, next_try_at=lease, nudged_at=None)
    return Mail.objects.select_related("look_up", "refund_request").get(pk=mail_id) if counted else None


def _send(mail: Mail) -> None:
    secrets = _secrets(mail)
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=_filled(mail.text, secrets),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[mail.recipient],
        reply_to=[Shop.current().support_email or settings.STAFF_EMAIL],
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
        connection=get_connection(),
    )
    message.attach_alternative(
        _filled(mail.html, {name: escape(value) for name, value in secrets.items()}), "text/html"
    )
    message.send()


def _secrets(mail: Mail) -> dict[str, str]:
    if mail.look_up is not None:
        # Valid from before the hand-over, so that no mail arrives with a dead code.
        LookUp.objects.filter(pk=mail.look_up.pk).update(
            code_until=timezone.now() + timing.CODE_LIFE + timedelta(seconds=settings.EMAIL_TIMEOUT)
        )
        return {CODE: links.code(mail.look_up), PROOF_URL: links.proof_url(mail.look_up)}
    if mail.refund_request is not None and mail.recipient == mail.refund_request.email:
        # To nobody else: a customer can write the placeholder into words that staff are mailed.
        return {STATUS_URL: links.status_url(mail.refund_request)}
    return {}


def _filled(text: str, secrets: Mapping[str, str]) -> str:
    for placeholder, value in secrets.items():
        text = text.replace(placeholder, value)
    return text


def _try_again(mail: Mail, error: Exception) -> None:
    tries = mail.tries + 1
    again = tries <= len(timing.MAIL_RETRIES)
    wait = timing.scaled(timing.MAIL_RETRIES[min(tries, len(timing.MAIL_RETRIES)) - 1])
    logger.warning("Mail %s was not delivered (try %s): %s", mail.pk, tries, type(error).__name__)
    # Cancelled meanwhile, it is not taken up again.
    Mail.objects.filter(pk=mail.pk, owner=mail.owner, state=Mail.State.SENDING).update(
        state=Mail.State.PENDING if again else Mail.State.FAILED,
        tries=tries,
        next_try_at=timezone.now() + wait if again else None,
        lease_until=None,
        last_error=type(error).__name__,
    )


def resend(mail: Mail) -> bool:
    """Delivers a mail that was given up, or once more one that was delivered, under the same Message-ID.

    False, and nothing else, for one that is still on its way, was cancelled, or whose receiver was erased.
    """
    over = Mail.objects.filter(pk=mail.pk, state__in=[Mail.State.SENT, Mail.State.FAILED]).exclude(recipient="")
    counted = over.update(
        state=Mail.State.PENDING, tries=0, next_try_at=timezone.now(), nudged_at=None, lease_until=None
    )
    if counted:
        dispatch.nudge("deliver", mail.pk)
    return bool(counted)
