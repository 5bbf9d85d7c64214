"""One run, from the first order to the last: approvals under strikes, calm, judgement, staff, judgement again."""

from __future__ import annotations

import random
import time
from collections import Counter

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from refunds import audit
from refunds.models import Mail, PayoutAttempt, RefundEvent, StoreHealth
from refunds.states import Status
from tests.postgres import Postgres

from . import cases as case_list
from . import mails, oracle
from .cases import patiently, statuses
from .nemesis import Nemesis
from .oracle import Truth
from .processes import wait_until
from .report import Report
from .site import Site
from .staff import Desk
from .standing import Standing, compare, on_the_way
from .visitors import Visitors

WAITING_AT_MOST = 80
"""Staff approve as fast as the portal pays: so many are on their way at any moment."""
CALM_BELOW = 20
"""The strikes go on until all are approved and no more than so many are still on their way."""
STRIKES_WITHIN = 120.0, 1.5
"""Seconds in all, and for each refund: far more than it takes where nothing else runs on the machine."""
SETTLED_WITHIN = 150.0
STAFF_WITHIN = 120.0
UP_WITHIN = 60.0
LOOK_AT_STATUSES_EVERY = 0.25
JUDGE_EVERY = 1.0


class Run:
    def __init__(self, site: Site, postgres: Postgres | None, *, seed: int, refunds: int) -> None:
        self._site = site
        self._postgres = postgres
        self._refunds = refunds
        self._seed = seed
        self.report = Report()

    def play(self) -> Report:
        by = self._prepare()
        nemesis = Nemesis(self._site, random.Random(self._seed + 1), self._postgres, [case.pk for case in self._cases])
        visitors = Visitors(self._site.url, random.Random(self._seed + 2))
        try:
            self._play(by, nemesis, visitors)
        finally:
            nemesis.leave()
            visitors.leave()
        return self.report

    def _play(self, by: User, nemesis: Nemesis, visitors: Visitors) -> None:
        began = time.monotonic()
        visitors.start()
        nemesis.start()
        self._approve_all(by, nemesis)
        nemesis.make_good()
        self.report.struck(nemesis, seconds=time.monotonic() - began)
        standing, truths = self._wait_until_settled()
        self.report.settled(standing, truths, self._cases, times_to_settle(), seconds=time.monotonic() - began)
        self._staff(by, standing, truths)
        visitors.leave()
        self._judge_the_end(visitors)
        self.report.seconds = time.monotonic() - began

    def _prepare(self) -> User:
        self._site.start()
        call_command("migrate", interactive=False, verbosity=0)
        by: User = User.objects.create_superuser("staff", password="not-needed")
        self._cases = case_list.make(self._site.store, random.Random(self._seed), self._refunds)
        wait_until(self._all_up, "All processes are up", within=UP_WITHIN)
        return by

    def _all_up(self) -> bool:
        self._site.revive()
        with self._site.valkey.client as client:
            workers = sum(name.startswith(("payouts", "messages")) for name in self._site.processes)
            return client.scard("rq:workers") == workers and PayoutAttempt.objects.count() == 0

    # --- Under strikes ---

    def _approve_all(self, by: User, nemesis: Nemesis) -> None:
        within = STRIKES_WITHIN[0] + STRIKES_WITHIN[1] * self._refunds
        until = time.monotonic() + within
        left = list(reversed(self._cases))
        while left or self._on_the_way() > CALM_BELOW:
            if nemesis.failure is not None:
                raise nemesis.failure
            if time.monotonic() > until:
                self.report.problems.append(f"{len(left)} cases were not approved within {within:.0f} seconds.")
                return
            for _unused in range(min(WAITING_AT_MOST - self._on_the_way(), len(left))):
                case_list.approve(left.pop(), by)
            time.sleep(LOOK_AT_STATUSES_EVERY)

    def _on_the_way(self) -> int:
        return on_the_way(self._cases, statuses())

    # --- In calm ---

    def _wait_until_settled(self) -> tuple[Standing, dict[str, Truth]]:
        until = time.monotonic() + SETTLED_WITHIN
        while True:
            self._site.revive()
            standing, truths = self._judge()
            if standing.is_settled or time.monotonic() > until:
                return standing, truths
            time.sleep(JUDGE_EVERY)

    def _judge(self) -> tuple[Standing, dict[str, Truth]]:
        said = statuses()
        books = self._site.store.books()
        truths = oracle.judge(self._cases, self._site.store.money(), books["refunds"], self._site.store.calls())
        return compare(self._cases, truths, said, written_ahead()), truths

    def _staff(self, by: User, standing: Standing, truths: dict[str, Truth]) -> None:
        desk = Desk(by)
        desk.settle([case for case in self._cases if case.reference in standing.parked], truths)
        try:
            wait_until(self._all_refunded, "Everything is refunded and told", within=STAFF_WITHIN, every=0.5)
        except AssertionError as error:
            self.report.problems.append(str(error))
        self.report.staffed(desk)

    def _all_refunded(self) -> bool:
        self._site.revive()
        return (
            set(statuses().values()) == {Status.REFUNDED}
            and not Mail.objects.filter(kind="refunded", next_try_at__isnull=False).exists()
        )

    def _judge_the_end(self, visitors: Visitors) -> None:
        said = statuses()
        calls, money = self._site.store.calls(), self._site.store.money()
        truths = oracle.judge(self._cases, money, self._site.store.books()["refunds"], calls)
        refunded = [reference for reference, status in said.items() if status == Status.REFUNDED]
        told = mails.judge(self._site.mails(), self._cases, truths, refunded)
        self.report.judged(self._cases, truths, calls, told, Counter(said.values()))
        self.report.visited(visitors, truths)
        self.report.problems += [f"{found.reference}: {found.sentence}" for found in audit.violations()]
        if StoreHealth.current().payouts_paused_at is not None:
            self.report.problems.append(f"Payouts are paused: {StoreHealth.current().pause_reason}")
        connections.close_all()


def written_ahead() -> frozenset[str]:
    return patiently(
        lambda: frozenset(
            PayoutAttempt.objects.exclude(sent_at=None).values_list("refund_request__reference", flat=True)
        )
    )


def times_to_settle() -> list[float]:
    """Seconds from each approval to its payout, for those that no person touched, shortest first."""
    events = RefundEvent.objects.filter(kind__in=["approved", "paid", "adopted"]).order_by("pk")
    began: dict[int, float] = {}
    times = []
    for pk, kind, at in events.values_list("refund_request_id", "kind", "at"):
        if kind == "approved":
            began[pk] = at.timestamp()
        else:
            times.append(at.timestamp() - began[pk])
    return sorted(times)
