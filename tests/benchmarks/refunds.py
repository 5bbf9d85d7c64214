"""What a refund costs from approval to "refunded" with its mail written, beside a bare loop that makes the same calls.

    python -m tests.benchmarks.refunds [--refunds 200] [--delay 0.1] [--workers 1] [--database postgresql]

The bare loop is one `requests.Session` that reads the order, posts the refund and reads the order again, and does
nothing else. The portal does that too, and claims, writes ahead, records, and writes a mail and a ledger.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import requests

from tests.chaos.__main__ import _database
from tests.chaos.processes import Process, wait_until
from tests.chaos.site import Site, Store

WITHIN = 900.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from the first to the last, and CPU seconds of whoever did it."""

    refunds: int
    seconds: float
    cpu: float

    @property
    def milliseconds(self) -> float:
        return self.cpu / self.refunds * 1000


def main() -> int:
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="refunds-bench-") as name,
        _database(options.database, Path(name)) as (url, _postgres),
    ):
        site = Site(Path(name), database_url=url, time_scale=1)
        try:
            os.environ.update(site.environment)
            django.setup()
            ours = portal(site, options.refunds, options.workers, options.delay)
            bare = loop(site.store, options.refunds)
        finally:
            site.close()
    print(f"portal     {ours.seconds:6.2f} s  {ours.milliseconds:6.2f} ms CPU a refund")
    print(f"bare loop  {bare.seconds:6.2f} s  {bare.milliseconds:6.2f} ms CPU a refund")
    print(f"ratio      {ours.seconds / bare.seconds:6.2f}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.refunds", description=__doc__.partition("\n")[0])
    parser.add_argument("--refunds", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds the store takes for each answer")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    return parser.parse_args()


def portal(site: Site, refunds: int, workers: int, delay: float) -> Measured:
    """Approves while no worker runs, then starts the workers and waits for the last refund."""
    cases = importlib.import_module("tests.chaos.cases")
    models = importlib.import_module("refunds.models")
    call_command = importlib.import_module("django.core.management").call_command
    users = importlib.import_module("django.contrib.auth.models").User.objects
    site.valkey.start()
    site.store.start()
    call_command("migrate", interactive=False, verbosity=0)
    by = users.create_superuser("staff", password="not-needed")
    made = cases.make(site.store, random.Random(1), refunds)
    for case in made:
        cases.approve(case, by)
    slow(site.store, delay)
    processes = [site.add_worker(f"payouts{n}", "payouts") for n in range(workers)]
    for process in processes:
        process.start()
    attempts = models.PayoutAttempt.objects
    wait_until(lambda: attempts.filter(status="succeeded").exists(), "The first is through", every=0.005)
    done, began, cpu = attempts.filter(status="succeeded").count(), time.monotonic(), used(processes)
    wait_until(lambda: attempts.filter(status="succeeded").count() == refunds, "All are", within=WITHIN, every=0.01)
    seconds = time.monotonic() - began
    # What a child used is told by its parent once the child has left.
    wait_until(lambda: not any(process.horses() for process in processes), "The forks have left")
    return Measured(refunds - done, seconds, used(processes) - cpu)


def slow(store: Store, delay: float) -> None:
    if delay:
        for call in ("order.view", "refund.create", "refund.list"):
            store.arm(fault="slow-before", on=call, times=None, delay=delay)


def used(processes: Sequence[Process]) -> float:
    """CPU seconds of these processes and all they forked, the dead ones that were waited for included."""
    pids = {pid for process in processes for pid in (process.pid, *process.horses()) if pid is not None}
    return sum(_used(pid) for pid in pids)


def _used(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def loop(store: Store, refunds: int) -> Measured:
    """The same calls, one after the other."""
    made: list[dict[str, Any]] = store.add_orders(
        [{"line_items": [{"name": "Item", "total": "50.00"}], "billing": {"email": "a@example.com"}}] * refunds
    )
    with requests.Session() as session:
        session.auth = ("ck_sandbox", "cs_sandbox")
        session.trust_env = False
        began, cpu = time.monotonic(), time.process_time()
        for order in made:
            _refund(session, f"{store.url}/wp-json/wc/v3/orders/{order['id']}")
        return Measured(refunds, time.monotonic() - began, time.process_time() - cpu)


def _refund(session: requests.Session, order: str) -> None:
    session.get(order, params={"dp": 8}, timeout=30).json()
    refund = {"amount": "50.00", "reason": "RF-7K2M9QXD-1 damaged", "api_refund": True, "api_restock": False}
    session.post(f"{order}/refunds", json=refund, timeout=95).raise_for_status()
    session.get(order, params={"dp": 8}, timeout=30).json()


if __name__ == "__main__":
    sys.exit(main())
