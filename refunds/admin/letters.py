"""Mails that would be sent, as the desk shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from .. import mail
from ..mail import Draft
from .consequences import language_name


@dataclass(frozen=True, slots=True)
class Letter:
    recipient: str
    language: str
    subject: str
    text: str


def letters(drafts: Iterable[Draft]) -> list[Letter]:
    """Word for word, but for the link: it is made at delivery."""
    link = _("[link to the request]")
    return [
        Letter(
            recipient=draft.recipient,
            language=language_name(draft.language),
            subject=draft.subject,
            text=draft.text.replace(mail.STATUS_URL, link),
        )
        for draft in drafts
    ]
