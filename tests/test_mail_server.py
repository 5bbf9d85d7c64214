"""Delivery over real SMTP to a server that refuses, drops the line before and after it took the mail, or is away.

No settled refund stays without its mail, and a mail that may have arrived goes out again under the same Message-ID.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from refunds import mail, sweep
from refunds.models import Mail
from tests.test_mail import written

pytestmark = pytest.mark.django_db


class Sink(socketserver.ThreadingTCPServer):
    """Takes mails, or misbehaves as the next entry of `plan` says: refuse, busy, drop-before, drop-after."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.plan: list[str] = []
        self.taken: list[str] = []


class Conversation(socketserver.StreamRequestHandler):
    server: Sink

    def handle(self) -> None:
        how = self.server.plan.pop(0) if self.server.plan else ""
        self._say("220 sink")
        while line := self.rfile.readline().decode("ascii", "replace").strip().upper():
            if line.startswith("RCPT") and how in ("refuse", "busy"):
                self._say("550 no such mailbox" if how == "refuse" else "451 try later")
            elif line == "DATA":
                if how == "drop-before":
                    return
                self._say("354 go on")
                self._take()
                if how == "drop-after":
                    return
                self._say("250 taken")
            elif line == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.taken.append(b"".join(lines).decode("utf-8", "replace"))


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with Sink() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def deliver_until_done() -> None:
    """As the sweep and the worker do, with the clock moved to whatever is due next."""
    for _unused in range(20):
        due = Mail.objects.exclude(next_try_at=None).order_by("next_try_at").first()
        if due is None or due.next_try_at is None:
            return
        with time_machine.travel(due.next_try_at + timedelta(seconds=1)):
            for pk in list(sweep._mails(timezone.now()).values_list("pk", flat=True)):
                mail.deliver(pk, owner="worker")


def message_ids(sink: Sink) -> list[str]:
    return [re.findall(r"(?im)^message-id: (\S+)", text)[0] for text in sink.taken]


@pytest.mark.parametrize(
    ("plan", "copies"),
    [
        ([], 1),
        (["refuse"], 1),
        (["busy", "busy"], 1),
        (["drop-before"], 1),
        (["drop-after"], 2),
        (["drop-before", "busy", "refuse", "drop-after"], 2),
    ],
)
def test_every_mail_arrives_and_copies_are_the_same_mail(sink: Sink, plan: list[str], copies: int) -> None:
    sink.plan = plan
    row = written()

    deliver_until_done()

    assert message_ids(sink) == [row.message_id] * copies
    assert Mail.objects.get().state == Mail.State.SENT


def test_the_mail_goes_to_the_customer_alone_and_has_both_parts(sink: Sink) -> None:
    written()

    deliver_until_done()

    (text,) = sink.taken
    assert re.findall(r"(?im)^to: (.*?)\r?$", text) == ["anna@example.com"]
    assert "text/plain" in text
    assert "text/html" in text


def test_a_server_that_is_away_for_an_hour_costs_nothing_but_time(sink: Sink, settings: Any) -> None:
    row = written()
    there = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    for minutes in (0, 2, 10):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            mail.deliver(row.pk, owner="worker")
    assert (Mail.objects.get().state, Mail.objects.get().tries) == (Mail.State.PENDING, 3)

    settings.EMAIL_PORT = there
    deliver_until_done()

    assert message_ids(sink) == [row.message_id]
