"""A site with customers in every situation: each scene is one order and all that can be under way about it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import time_machine
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail as django_mail
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.color import no_style
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import links, mail, orders, payout, photos, privacy, timing, verification, workflow
from refunds.models import DeclineReason, LookUp, Mail, OrderSnapshot, Photo, Reason, RefundRequest, Shop
from refunds.money import price
from refunds.woocommerce.types import Order

from ..factories import LookUpFactory, UserFactory, approver
from ..matrix.environment import Place
from ..test_photos import picture
from .visitor import Visitor

KEPT = {"auth_group", "auth_permission", "auth_group_permissions", "django_content_type"}
STATES = ("submitted", "needs_info", "approved", "refunded", "declined", "withdrawn", "erased")
SPARE = 6
"""Lines of the order that nobody has asked for yet."""
PROVEN = 4
"""Customers who have proven the order and have not asked for anything yet."""


class Site:
    """The portal over an empty database of its own. Nothing but the pages is called by strangers."""

    def __init__(self, place: Place) -> None:
        place.make()
        settings.DEBUG = False
        settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        settings.TRUSTED_PROXY_HOPS = 1
        django_mail.outbox = []
        folder = FileSystemStorage(location=place.directory / "photos", base_url=None)
        Photo._meta.get_field("file").storage = folder  # type: ignore[union-attr]  # it is a file field
        self.directory: Path = place.directory
        self.store = SandboxStore(place.directory / "store", orders=[], race_window=0)
        self.store.start()
        settings.WOOCOMMERCE_URL = self.store.base_url
        self.staff: User = self._open()

    def close(self) -> None:
        self.store.stop()
        connection.close()

    def _open(self) -> User:
        Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")
        UserFactory.create(username="boss").set_password("right")
        return approver()

    def forget(self) -> None:
        """Empties everything: thousands of rows would make every count slower."""
        self.store.shop.reset()
        django_mail.outbox.clear()
        tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed]
        flush = connection.ops.sql_flush(no_style(), [table for table in tables if table not in KEPT])
        connection.ops.execute_sql_flush(flush)
        self.staff = self._open()

    def work(self) -> None:
        """The workers' part: orders are found, mails delivered, until nothing is due."""
        for pk in LookUp.objects.filter(next_try_at__lte=timezone.now()).values_list("pk", flat=True):
            verification.find(pk)
        for pk in Mail.objects.filter(next_try_at__lte=timezone.now()).values_list("pk", flat=True):
            mail.deliver(pk, owner="fuzz")


@dataclass
class Scene:
    """One order, whose names are words that stand nowhere else."""

    number: str
    email: str
    secrets: tuple[str, ...]
    order: Order
    found: LookUp
    unknown: LookUp
    spent: LookUp
    proven: list[Visitor]
    stale: Visitor
    stranger: Visitor
    cases: dict[str, RefundRequest] = field(default_factory=dict)
    photos: list[str] = field(default_factory=list)

    def look_ups(self) -> list[LookUp]:
        return [self.found, self.unknown, self.spent]

    def tokens(self) -> list[str]:
        """Every token of the scene that is good for something, and such as were."""
        made = [token(links.status_path(case)) for case in self.cases.values()]
        made += [token(links.proof_url(look_up)) for look_up in self.look_ups()]
        with time_machine.travel(timezone.now() - timing.STATUS_LINK_LIFE - timedelta(days=1)):
            made.append(token(links.status_path(self.cases["submitted"])))
            made.append(token(links.proof_url(self.found)))
        made.append(token(links.status_path(RefundRequest(reference="RF-22222222"))))
        return made


def token(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def play(site: Site, rng: random.Random) -> Scene:
    """Customers come as far as they can; each of them asked for a line of its own."""
    word = f"zq{rng.randrange(10**9):09d}"
    order = _in_store(site, word)
    look_up = _front_door(site, order)
    snapshot = look_up.snapshot
    if snapshot is None:
        raise RuntimeError("The worker did not find the order.")
    scene = Scene(
        stranger=Visitor(),
        number=order.number,
        email=order.email,
        secrets=(f"Berg{word}", f"Shirt{word}"),
        order=order,
        found=look_up,
        unknown=verification.start(number=f"no-{word}", email=f"no-{word}@example.com", address="192.0.2.9"),
        spent=LookUpFactory.create(snapshot=snapshot, proven_at=None, tries_left=0, email=order.email),
        proven=[_let_in(snapshot) for _unused in range(PROVEN)],
        stale=_let_in(snapshot, proven_at=timezone.now() - timing.PROOF_LIFE - timedelta(minutes=1)),
    )
    for n, state in enumerate(STATES):
        scene.cases[state] = _case(site, snapshot, order.lines[n].id, state)
    shown = photos.add(_photo(), refund_request=scene.cases["submitted"])
    scene.photos = [shown.public_id]
    return scene


def _in_store(site: Site, word: str) -> Order:
    line = {"name": f"Shirt{word}", "quantity": 2, "total": "40.00", "taxes": [{"id": 1, "total": "7.60"}]}
    made = site.store.add_order(
        number=word,
        billing={"email": f"{word}@example.com", "first_name": "Anna", "last_name": f"Berg{word}"},
        line_items=[line] * (len(STATES) + SPARE),
        shipping_lines=[{"method_title": "Parcel", "total": "5.00", "taxes": [{"id": 1, "total": "0.95"}]}],
    )
    return orders.read(made["id"], patience=10)


def _front_door(site: Site, order: Order) -> LookUp:
    """Through the page, the worker and the mail."""
    client = Client()
    client.post("/", {"number": order.number, "email": order.email}, headers={"X-Forwarded-For": "192.0.2.8"})
    site.work()
    code = re.search(r"\b\d{6}\b", str(django_mail.outbox[-1].body))
    look_up = LookUp.objects.latest("pk")
    if code is None or not links.code_matches(look_up, code[0]):
        raise RuntimeError("The code did not arrive.")
    return look_up


def _let_in(snapshot: OrderSnapshot, **fields: Any) -> Visitor:
    look_up = LookUpFactory.create(snapshot=snapshot, email=snapshot.order.email, **fields)
    session = Client().session
    session["look_up"] = look_up.pk
    session.save()
    return Visitor(session.session_key or "")


def _case(site: Site, snapshot: OrderSnapshot, line_id: int, state: str) -> RefundRequest:
    look_up = LookUpFactory.create(snapshot=snapshot, email=snapshot.order.email)
    case = workflow.submit(look_up, chosen={line_id: 1}, reason=Reason.DAMAGED, note="It came with a hole in it.")
    by, version = site.staff, case.version
    if state == "needs_info":
        workflow.ask(case, by=by, version=version, text="Which one?")
    elif state in ("declined", "erased"):
        workflow.decline(case, by=by, version=version, decline_reason=DeclineReason.USED, words="It was worn.")
    elif state == "withdrawn":
        workflow.withdraw(case)
    elif state in ("approved", "refunded"):
        breakdown = price(snapshot.order, {line_id: 1})
        workflow.approve(case, by=by, version=version, breakdown=breakdown, api_refund=True, restock=False)
    if state == "refunded":
        payout.pay(case.pk)
    if state == "erased":
        privacy.erase(case)
    return RefundRequest.objects.get(pk=case.pk)


def _photo() -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.jpg", picture())
