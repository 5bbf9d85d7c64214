"""Codes and signed links. They are made from the secret key when a mail is delivered, and stored nowhere."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from . import timing
from .models import LookUp, RefundRequest
from .woocommerce.matching import email_key

STATUS_SALT = "refunds.status"
PROOF_SALT = "refunds.proof"
CODE_DIGITS = 6


def code(look_up: LookUp) -> str:
    """The six digits of the look-up's present issue. The same for every try to deliver it."""
    digest = hmac.digest(
        hashlib.sha256(b"refunds.code" + settings.SECRET_KEY.encode()).digest(),
        f"{look_up.public_id}:{look_up.code_issue}".encode(),
        "sha256",
    )
    return str(int.from_bytes(digest[:8], "big") % 10**CODE_DIGITS).zfill(CODE_DIGITS)


def code_matches(look_up: LookUp, typed: str) -> bool:
    """Compared in constant time, and worked out for unknown orders too, so that they take as long."""
    return constant_time_compare(code(look_up), typed)


def proof_url(look_up: LookUp) -> str:
    """The link in the code mail, for another device. It proves nothing before its button is pressed."""
    token = signing.dumps([look_up.public_id, look_up.code_issue], salt=PROOF_SALT)
    return settings.SITE_URL + reverse("refunds:proof", args=[token])


def read_proof(token: str) -> tuple[str, int] | None:
    """Public id and issue of a look-up, or None for a link that is not ours or too old."""
    try:
        public_id, issue = signing.loads(token, salt=PROOF_SALT, max_age=timing.CODE_LIFE + timing.LOOK_UP_LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(public_id), int(issue)


def status_path(refund_request: RefundRequest) -> str:
    return reverse("refunds:status", args=[signing.dumps(refund_request.reference, salt=STATUS_SALT)])


def status_url(refund_request: RefundRequest) -> str:
    return settings.SITE_URL + status_path(refund_request)


def read_status(token: str) -> str | None:
    """The reference of a status link, or None for one that is not ours or too old."""
    try:
        return str(signing.loads(token, salt=STATUS_SALT, max_age=timing.STATUS_LINK_LIFE))
    except signing.BadSignature:
        return None


def is_too_old(token: str) -> bool:
    """Whether this is a status link of ours whose time is over."""
    try:
        signing.loads(token, salt=STATUS_SALT, max_age=timing.STATUS_LINK_LIFE)
    except signing.SignatureExpired:
        return True
    except signing.BadSignature:
        return False
    return False


def address_digest(email: str) -> str:
    """Tells whether two addresses are the same without keeping either."""
    return salted_hmac("refunds.address", email_key(email), algorithm="sha256").hexdigest()
