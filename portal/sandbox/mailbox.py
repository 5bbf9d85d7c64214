"""The mailbox of the sandbox: every mail is kept as a file instead of being sent."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}")


class MailboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keeps every mail, whole or not at all. Raises `OSError` where the disk refuses it."""
        for message in email_messages:
            _keep(message.message().as_bytes())
        return len(email_messages)


@dataclass(frozen=True)
class KeptMail:
    name: str
    at: datetime
    sender: str
    to: str
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str


def newest(limit: int, *, to: str = "") -> list[KeptMail]:
    """At most `limit` mails, newest first; with `to` only those to exactly this address."""
    found: list[KeptMail] = []
    for mail in _all():
        if len(found) == limit:
            break
        if not to or mail.to.lower() == to.lower():
            found.append(mail)
    return found


def get(name: str) -> KeptMail | None:
    path = directory() / f"{name}.eml"
    return _read(path) if NAME.fullmatch(name) and path.exists() else None


def directory() -> Path:
    return Path(settings.STATE_DIR) / "mailbox"


def _all() -> Iterator[KeptMail]:
    for path in sorted(directory().glob("*.eml"), reverse=True):
        yield _read(path)


def _keep(content: bytes) -> None:
    directory().mkdir(parents=True, exist_ok=True)
    # The time first, so that names sort by it.
    name = f"{time.time_ns():020}-{secrets.token_hex(4)}"
    unfinished = directory() / f"{name}.tmp"
    unfinished.write_bytes(content)
    os.replace(unfinished, directory() / f"{name}.eml")


def _read(path: Path) -> KeptMail:
    parsed = message_from_bytes(path.read_bytes(), _class=Parsed, policy=policy.default)
    return KeptMail(
        name=path.stem,
        at=datetime.fromtimestamp(int(path.stem.partition("-")[0]) / 1e9, tz=UTC),
        sender=str(parsed["From"] or ""),
        to=str(parsed["To"] or ""),
        subject=str(parsed["Subject"] or ""),
        headers=tuple((name, str(value)) for name, value in parsed.items()),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
    )


def _body(parsed: Parsed, kind: str) -> str:
    part = parsed.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""
