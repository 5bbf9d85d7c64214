"""Refunds from approval to "refunded" with its mail written, beside a bare loop that makes the same calls.

    python -m tests.benchmarks.refunds [--data DIRECTORY] [--quick]

The bare loop is one `requests.Session` that reads the order, posts the refund and reads the order again. The portal
does that too, and claims, writes ahead, records, and writes a mail and a ledger. Real workers, PostgreSQL that keeps
what it commits, and the sandbox store as a process of its own.
"""

from __future__ import annotations

import importlib
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import requests
from woocommerce import API

from tests.chaos.processes import Process, wait_until
from tests.chaos.site import Site, Store
from tests.postgres import Postgres

from .scene import options
from .table import Row, tell

WITHIN = 600.0
TICKS = os.sysconf("SC_CLK_TCK")
SLOW = 0.1
RATIO, CPU, SCALES, APART = 1.10, 12.0, 0.95, 1.15
KEYS = ("ck_sandbox", "cs_sandbox")
BODY = {"amount": "50.00", "reason": "RF-7K2M9QXD-1 damaged", "api_refund": True, "api_restock": False}
ORDER = {"line_items": [{"name": "Item", "total": "50.00"}], "billing": {"email": "a@example.com"}}


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one refund: seconds, and CPU milliseconds of whoever made it."""

    seconds: float
    cpu: float


def main() -> int:
    batch = 10 if options().quick else 40
    rounds = 1 if options().quick else 3
    with tempfile.TemporaryDirectory(prefix="refunds-bench-") as name, Postgres(durable=True) as postgres:
        site = Site(Path(name), database_url=postgres.url, time_scale=1)
        try:
            office = Office(site)
            for row in itertools.chain(
                beside_a_loop(office, batch, rounds), workers(office, batch), one_order(office, batch // 2)
            ):
                tell(row)
        finally:
            site.close()
    return 0


class Office:
    """A running site whose staff approve as much as is wanted."""

    def __init__(self, site: Site) -> None:
        os.environ.update(site.environment)
        django.setup()
        self.site = site
        self.store = site.store
        self._cases = importlib.import_module("tests.chaos.cases")
        self._models = importlib.import_module("refunds.models")
        site.valkey.start()
        site.store.start()
        importlib.import_module("django.core.management").call_command("migrate", interactive=False, verbosity=0)
        users = importlib.import_module("django.contrib.auth.models").User.objects
        self._by = users.create_superuser("staff", password="not-needed")
        self._workers: list[Process] = []

    def employ(self, count: int) -> None:
        """So many payouts workers, all of them up and waiting."""
        for process in self._workers:
            process.end()
        self.site.processes.clear()
        self._workers = [self.site.add_worker(f"payouts{n}", "payouts") for n in range(count)]
        for process in self._workers:
            process.start()
        with self.site.valkey.client as client:
            wait_until(lambda: client.scard("rq:workers:payouts") >= count, "The workers are up")
        self.pay(self.orders(2 * count))

    def orders(self, count: int, lines: int = 1) -> list[Any]:
        """Cases that wait for a decision, each of one line; `lines` of them to an order."""
        wanted = [{**ORDER, "line_items": ORDER["line_items"] * lines} for _nth in range(count // lines)]
        return list(self._cases.of(self.store.add_orders(wanted)))

    def pay(self, *cases: Sequence[Any]) -> list[float]:
        """Approves all of them, and says for each group after how many seconds the last one was refunded."""
        began = time.monotonic()
        for case in itertools.chain(*cases):
            self._cases.approve(case, self._by)
        return list(self._times(cases, began))

    def _times(self, groups: Sequence[Sequence[Any]], began: float) -> Iterator[float]:
        ends: dict[int, float] = {}

        def all_through() -> bool:
            for nth, group in enumerate(groups):
                if nth not in ends and self._paid(group) == len(group):
                    ends[nth] = time.monotonic() - began
            return len(ends) == len(groups)

        wait_until(all_through, "All are refunded", within=WITHIN, every=0.01)
        yield from (ends[nth] for nth in range(len(groups)))

    def _paid(self, group: Sequence[Any]) -> int:
        paid = self._models.RefundRequest.objects.filter(pk__in=[case.pk for case in group], status="refunded")
        return int(paid.count())

    def cpu(self) -> float:
        """CPU seconds of the workers and all they forked, once the forks have left and were waited for."""
        pids = [process.pid for process in self._workers if process.pid is not None]
        wait_until(lambda: not any(_children(pid) for pid in pids), "The forks have left")
        return sum(_used(pid) for pid in pids)


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


# --- Beside a bare loop ----------------------------------------------------------------------------------------------


def beside_a_loop(office: Office, batch: int, rounds: int) -> Iterator[Row]:
    office.employ(1)
    slow(office.store, SLOW)
    ours, bare = _in_turns(rounds, lambda: _portal(office, batch), lambda: _loop(office.store, batch))
    ratio = ours.seconds / bare.seconds
    yield Row(
        f"refunds, approved to refunded, store at {SLOW * 1000:.0f} ms, one worker",
        "the same calls in a bare requests.Session",
        f"≤ {RATIO:.2f} ×",
        f"{ratio:.2f} × ({ours.seconds * 1000:.0f} ms and {bare.seconds * 1000:.0f} ms a refund)",
        met=ratio <= RATIO,
    )
    slow(office.store, 0)
    ours, bare, official = _in_turns(
        rounds,
        lambda: _portal(office, batch),
        lambda: _loop(office.store, batch),
        lambda: _loop(office.store, batch, _official),
    )
    yield Row(
        "CPU of a worker for one refund, store answering at once",
        f"bare loop {bare.cpu:.1f} ms, the official client in a loop {official.cpu:.1f} ms",
        f"≤ {CPU:.0f} ms",
        f"{ours.cpu:.1f} ms",
        met=ours.cpu <= CPU,
    )


def _in_turns(rounds: int, *each: Callable[[], Measured]) -> list[Measured]:
    found = [[measure() for measure in each] for _round in range(rounds)]
    return [
        Measured(statistics.median(one.seconds for one in column), statistics.median(one.cpu for one in column))
        for column in zip(*found, strict=True)
    ]


def _portal(office: Office, count: int) -> Measured:
    cases, before = office.orders(count), office.cpu()
    (seconds,) = office.pay(cases)
    return Measured(seconds / count, (office.cpu() - before) / count * 1000)


def _loop(store: Store, count: int, refund: Callable[[Store, list[int]], None] | None = None) -> Measured:
    made = [order["id"] for order in store.add_orders([ORDER] * count)]
    began, cpu = time.monotonic(), time.process_time()
    (refund or _bare)(store, made)
    return Measured((time.monotonic() - began) / count, (time.process_time() - cpu) / count * 1000)


def _bare(store: Store, order_ids: list[int]) -> None:
    with requests.Session() as session:
        session.auth, session.trust_env = KEYS, False
        for order_id in order_ids:
            order = f"{store.url}/wp-json/wc/v3/orders/{order_id}"
            session.get(order, params={"dp": 8}, timeout=30).json()
            session.post(f"{order}/refunds", json=BODY, timeout=95).raise_for_status()
            session.get(order, params={"dp": 8}, timeout=30).json()


def _official(store: Store, order_ids: list[int]) -> None:
    client = API(url=store.url, consumer_key=KEYS[0], consumer_secret=KEYS[1], version="wc/v3", timeout=95)
    for order_id in order_ids:
        client.get(f"orders/{order_id}", params={"dp": 8}).json()
        client.post(f"orders/{order_id}/refunds", BODY).raise_for_status()
        client.get(f"orders/{order_id}", params={"dp": 8}).json()


def slow(store: Store, delay: float) -> None:
    """From now on the store thinks so many seconds before each answer."""
    store.disarm()
    for call in ("order.view", "refund.create", "refund.list") if delay else ():
        store.arm(fault="slow-before", on=call, times=None, delay=delay)


# --- Several workers -------------------------------------------------------------------------------------------------


def workers(office: Office, batch: int) -> Iterator[Row]:
    slow(office.store, SLOW)
    rates = {}
    for count in (1, 2, 4, 8):
        office.employ(count)
        (seconds,) = office.pay(office.orders(batch * count // 2))
        rates[count] = batch * count // 2 / seconds
    cores = os.cpu_count() or 1
    for count in (2, 4, 8):
        share = rates[count] / rates[1] / count
        yield Row(
            f"refunds a second with {count} workers, store at {SLOW * 1000:.0f} ms",
            f"one worker ({rates[1]:.1f} a second) × {count}",
            f"≥ {SCALES} × until the {cores} cores are full",
            f"{share:.2f} × ({rates[count]:.1f} a second)",
            met=share >= SCALES,
        )


def one_order(office: Office, count: int) -> Iterator[Row]:
    """Whether the refunds of one order, which go one after the other, hold up those of others."""
    office.employ(4)
    (alone,) = office.pay(office.orders(count))
    beside, own = office.pay(office.orders(count), office.orders(count, lines=count))
    yield Row(
        f"{count} refunds on {count} orders, while {count} on one order go out, 4 workers",
        f"the {count} without the others, {alone:.1f} s",
        f"≤ {APART} × with a worker taken",
        f"{beside / alone:.2f} × ({count} on one order: {own:.1f} s)",
        met=beside / alone <= APART,
    )


if __name__ == "__main__":
    sys.exit(main())
