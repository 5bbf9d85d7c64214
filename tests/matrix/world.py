"""What a case lives in: a database, the sandbox store in this process, a mail server, a clock that is moved by hand."""

from __future__ import annotations

import shutil
import smtplib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any

import requests
import time_machine
from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from portal.sandbox.store.journal import Stopped
from portal.sandbox.store.shop import Shop as StoreShop
from refunds import orders, payout
from refunds.models import StoreHealth
from refunds.woocommerce import store as client
from refunds.woocommerce import v3

from . import environment

BEGINNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
"""Every case begins on this Monday morning."""
SCALE, SCALE_OF_SLOW = 0.05, 0.002
"""TIME_SCALE. The second is for cases in which the client has to lose its patience with a refund: 180 ms."""
PATIENCE = 0.03
"""Seconds of one read, retries included, while a fault is switched on: that it is retried is proved elsewhere."""
HELD = 1000.0
"""Seconds. A call that is slower than anybody's patience: it waits at the gate until the story opens it."""
TRICKLE = 0.2
"""Seconds: longer than the deadline of a call in a slow case."""
AT_REST_WITHIN = 30.0


@dataclass(frozen=True)
class Delivered:
    """A mail as its receiver has it. `money` is what had left the store's bank account by then."""

    message_id: str
    to: str
    text: str
    money: tuple[dict[str, Any], ...]


class World:
    """One per process."""

    def __init__(self) -> None:
        self.directory = environment.scratch()
        environment.make_database(self.directory)
        self.store = SandboxStore(self.directory / "store", orders=[], race_window=0)
        self.store.start()
        self.faults_of_mail: str | None = None
        self.delivered: list[Delivered] = []
        self.broken_rules: list[str] = []
        self.gate = threading.Event()
        self.slept = 0.0
        self._travel = time_machine.travel(BEGINNING, tick=False)
        self._clock = self._travel.start()
        settings.WOOCOMMERCE_URL = self.store.base_url
        settings.EMAIL_BACKEND = "tests.matrix.world.MailServer"
        MailServer.world = self
        _rules(self)

    def close(self) -> None:
        self._travel.stop()
        self.store.stop()
        environment.drop_database()
        shutil.rmtree(self.directory, ignore_errors=True)

    def begin(self, *, slow: bool) -> None:
        """As new: morning, and a store in good health whose home address has to be read."""
        self.gate.set()
        self.gate = threading.Event()
        self._clock.move_to(BEGINNING)
        self.slept = 0.0
        settings.TIME_SCALE = SCALE_OF_SLOW if slow else SCALE
        self.store.shop.faults.clear()
        self.store.shop.copies.clear()
        self.faults_of_mail = None
        self.delivered.clear()
        self.broken_rules.clear()
        StoreHealth.objects.all().delete()
        StoreHealth.objects.create(pk=1, decimals=2)

    def forget(self) -> None:
        """Empties database and store: thousands of cases in one process would slow each other down."""
        self.store.shop.reset()
        kept = {"auth_group", "auth_permission", "auth_group_permissions", "django_content_type", "refunds_heartbeat"}
        tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed]
        flush = connection.ops.sql_flush(no_style(), [table for table in tables if table not in kept])
        connection.ops.execute_sql_flush(flush)

    def move_to(self, at: datetime) -> None:
        """Nobody's time goes back."""
        if at > timezone.now():
            self._clock.move_to(at)

    def sleep(self, wait: timedelta) -> None:
        """The process that runs is stopped for so long; its own clock of waits sees that too."""
        self._clock.shift(wait)
        self.slept += wait.total_seconds() / settings.TIME_SCALE

    @property
    def spoiled(self) -> bool:
        """Whether a fault of the store is switched on."""
        return bool(self.store.shop.faults._switches)

    def arm(self, call: str, fault: str, order_id: int | None) -> None:
        delay = TRICKLE if fault == "trickle" else HELD
        self.store.arm(fault, times=None, order=order_id, on=call, delay=delay)

    def disarm(self) -> None:
        self.store.shop.faults.clear()
        self.faults_of_mail = None

    def open_gate(self) -> None:
        """Whatever the store was still at, it goes through with it now. Returns when it is done."""
        self.gate.set()
        until = time.monotonic() + AT_REST_WITHIN
        while any(call["status"] == "at work" for call in self.store.shop.log._calls[-20:]):
            if time.monotonic() > until:
                raise RuntimeError("The store does not come to rest.")
            time.sleep(0.001)
        self.gate = threading.Event()


class MailServer(BaseEmailBackend):
    """Takes mails, or does to them what `cases.MAIL_FAULTS` says."""

    world: World

    def send_messages(self, email_messages: Any) -> int:
        fault = self.world.faults_of_mail
        if fault == "refuses":
            raise ConnectionRefusedError
        if fault == "busy":
            raise smtplib.SMTPDataError(451, b"try again later")
        if fault == "rejects":
            raise smtplib.SMTPRecipientsRefused({"somebody": (550, b"no such mailbox")})
        self.world.delivered += [_delivered(message, self.world.store.money) for message in email_messages]
        if fault == "drops-after":
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        if fault == "silent-after":
            raise TimeoutError
        return len(email_messages)


def _delivered(message: EmailMultiAlternatives, money: list[dict[str, Any]]) -> Delivered:
    built: Message = message.message()
    return Delivered(str(built["Message-ID"]), message.to[0], str(message.body), tuple(money))


# --- What holds in this process from now on --------------------------------------------------------------------------


def _rules(world: World) -> None:
    _no_calls_in_transactions(world)
    _short_patience(world)
    _clock_that_sleeps_too(world)
    _gate(world)


def _no_calls_in_transactions(world: World) -> None:
    send = requests.Session.send

    def checked(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if connection.in_atomic_block:
            world.broken_rules.append(f"the store was called inside a transaction: {request.method} {request.url}")
        return send(session, request, **options)

    requests.Session.send = checked  # type: ignore[method-assign]


def _short_patience(world: World) -> None:
    def until(patience: float) -> float:
        return time.monotonic() + (min(patience, PATIENCE) if world.spoiled else patience)

    client.until = v3.until = until


def _clock_that_sleeps_too(world: World) -> None:
    """Between write-ahead and call the payout looks at a clock that nobody can move: so much is added to it instead."""
    boot_time = payout._clock
    payout._clock = lambda: boot_time() + world.slept


def _gate(world: World) -> None:
    pause: Callable[[StoreShop, float], None] = StoreShop.pause

    def held(shop: StoreShop, seconds: float) -> None:
        if seconds < HELD:
            pause(shop, seconds)
        elif not world.gate.wait(AT_REST_WITHIN):
            raise Stopped

    StoreShop.pause = held  # type: ignore[method-assign]


def fresh_process() -> None:
    """The portal's client as a new process has it: nothing learned yet, not even the store's decimals."""
    orders._connect.cache_clear()
    StoreHealth.objects.filter(pk=1).update(decimals=None)
