"""What a case lives in: a database, the sandbox store in this process, a mail server, a clock that is moved by hand."""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from portal.sandbox.store.faults import TAKES_TIME
from portal.sandbox.store.journal import Stopped
from portal.sandbox.store.shop import Shop as StoreShop
from refunds import orders, timing, woocommerce
from refunds.models import StoreHealth
from refunds.woocommerce import store as client
from refunds.woocommerce import v3, wire

from .environment import Place

BEGINNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
"""Every case begins on this Monday morning."""
SCALE = 0.05
"""TIME_SCALE. Still long enough for a machine with other things to do: nothing waits that long unless it has to."""
PATIENCE = 0.03
"""Seconds of one read, retries included, while a fault is switched on: that it is retried is proved elsewhere."""
HELD = 1000.0
"""Seconds. A call that is slower than anybody's patience: it waits at the gate until the story opens it."""
REFUND_PATIENCE = 0.1
"""Seconds of a refund call that is slow. The others have `POST_DEADLINE` seconds, scaled."""
TRICKLE = 3 * REFUND_PATIENCE
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

    def __init__(self, place: Place) -> None:
        place.make()
        self.store = SandboxStore(place.directory / "store", orders=[], race_window=0)
        self.store.start()
        self.remote = False
        """In a child process the store is another process: its switches are then reached over HTTP."""
        self.faults_of_mail: str | None = None
        self.delivered: list[Delivered] = []
        self.broken_rules: list[str] = []
        self.gate = threading.Event()
        self.slept = 0.0
        self._travel = time_machine.travel(BEGINNING, tick=False)
        self._clock = self._travel.start()
        settings.TIME_SCALE = SCALE
        settings.WOOCOMMERCE_URL = self.store.base_url
        settings.EMAIL_BACKEND = "tests.matrix.world.MailServer"
        MailServer.world = self
        _rules(self)

    def close(self) -> None:
        self._travel.stop()
        self.store.stop()
        connection.close()

    def begin(self) -> None:
        """As new: morning, and a store in good health whose home address has to be read."""
        self.gate.set()
        self.gate = threading.Event()
        self._clock.move_to(BEGINNING)
        self.slept = 0.0
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
        if call == "refund.create" and fault in TAKES_TIME:
            self._impatient(REFUND_PATIENCE)
        delay = TRICKLE if fault == "trickle" else HELD
        wanted = {"fault": fault, "times": None, "order": order_id, "on": call, "delay": delay}
        if self.remote:
            requests.post(self._control("faults"), json=wanted, timeout=10).raise_for_status()
        else:
            self.store.shop.faults.arm(wanted)

    def disarm(self) -> None:
        self.faults_of_mail = None
        if self.remote:
            requests.delete(self._control("faults"), timeout=10).raise_for_status()
        else:
            self.store.shop.faults.clear()

        self._impatient(None)

    def _impatient(self, seconds: float | None) -> None:
        """How long the portal's client waits for a refund; None for as long as it likes."""
        transport = orders.store().transport
        scaled = {"refund_read": timing.POST_READ_TIMEOUT * SCALE, "refund_total": timing.POST_DEADLINE * SCALE}
        waits = scaled if seconds is None else {"refund_read": seconds, "refund_total": seconds}
        transport.timeouts = replace(transport.timeouts, **waits)

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """Those after call number `since`."""
        if self.remote:
            return list(requests.get(self._control(f"log?since={since}"), timeout=10).json())
        return self.store.shop.log.since(since)

    def _control(self, what: str) -> str:
        return f"{self.store.base_url}/_sandbox/{what}"

    def open_gate(self) -> None:
        """Whatever the store was still at, it goes through with it now. Returns when it is done."""
        if self.remote:
            return
        self.gate.set()
        until = time.monotonic() + AT_REST_WITHIN
        while any(call["status"] == "at work" for call in self.calls()[-20:]):
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

    requests.Session.send = checked  # type: ignore[method-assign,assignment]  # handed on as they came


def _short_patience(world: World) -> None:
    def until(patience: float) -> float:
        return time.monotonic() + (min(patience, PATIENCE) if world.spoiled else patience)

    for module in (client, v3):
        vars(module)["until"] = until


def _clock_that_sleeps_too(world: World) -> None:
    """Between write-ahead and call the payout looks at a clock that nobody can move: so much is added to it instead."""
    boot_time = wire.clock
    woocommerce.clock = wire.clock = lambda: boot_time() + world.slept


def _gate(world: World) -> None:
    pause: Callable[[StoreShop, float], None] = StoreShop.pause

    def held(shop: StoreShop, seconds: float) -> None:
        if seconds < HELD:
            pause(shop, seconds)
        elif not world.gate.wait(AT_REST_WITHIN):
            raise Stopped

    StoreShop.pause = held  # type: ignore[method-assign,assignment]  # a method by another name
