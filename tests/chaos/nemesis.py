"""What goes wrong, about once a second, from a seed: kills, pauses, restarts, lost queues, doubled and late jobs."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from refunds import dispatch, timing
from tests.postgres import Postgres, PostgresError

from .processes import Process, strike
from .site import Site

TICK = 0.02
PAUSE = (0.5, 1.5)
"""Seconds between two strikes."""
RESTART_AFTER = (0.1, 1.0)
STORE_DOWN = (0.5, 2.0)
STOPPED = 1.15
"""How many leases of a payout a process is stopped for."""
FAULT_RATE = 0.2
FAULT_SECONDS = (0.2, 1.0, 2.2, 3.0)
"""Of slow faults: two of them end within the deadline of a call, two after it."""
FAULTS_AGAIN = 3.0
HORSE_WITHIN = 0.5
DUPLICATES = 15
POSTGRES_TRIES = 40

OFTEN = (
    "slow-before", "closed-before", "429", "429-html", "429-date", "200-html", "502-before", "database-down",
    "gateway-slow", "gateway-declines", "gateway-returns-false", "gateway-throws", "gateway-pays-but-errors",
    "killed-before-payment", "killed-after-payment", "slow-after", "closed-after", "trickle", "500-after", "502-after",
    "504-after", "fatal-after", "truncated", "notice-prefix", "bom", "cached", "cached-stubborn",
)  # fmt: skip
SELDOM = (
    "403-html",
    "redirect-301",
    "redirect-302",
    "redirect-308",
    "redirect-elsewhere",
    "no-route",
    "503-html",
    "huge",
)
"""A wrong key or address opens the breaker for the whole shop: often enough, nothing else would ever be tried."""
FAULTS = OFTEN * 6 + SELDOM


class Nemesis(threading.Thread):
    """Strikes until it is told to leave."""

    def __init__(self, site: Site, chance: random.Random, postgres: Postgres | None, case_pks: Sequence[int]) -> None:
        super().__init__(name="nemesis", daemon=True)
        self.kills: Counter[str] = Counter()
        self.stops: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._site = site
        self._chance = chance
        self._postgres = postgres
        self._case_pks = case_pks
        self._down: set[str] = set()
        self._ending = threading.Event()
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._strikes = self._table()

    def _table(self) -> list[tuple[int, Callable[[], None]]]:
        """How often each happens, out of their sum."""
        strikes = [
            (28, self._kill_horse),
            (8, lambda: self._kill("payouts", Process.kill, "parent")),
            (8, lambda: self._kill("payouts", Process.kill_all, "parent and horse")),
            (10, self._pause_horse),
            (3, lambda: self._pause("payouts")),
            (4, lambda: self._kill("messages", Process.kill_all, "parent and horse")),
            (5, lambda: self._kill("sweep", Process.kill, "sweep")),
            (3, lambda: self._pause("sweep")),
            (2, lambda: self._kill("web", Process.kill_all, "web")),
            (5, self._flush),
            (3, self._lose_valkey),
            (3, self._restart_store),
            (1, self._maintenance),
            (8, self._duplicate_jobs),
        ]
        return [*strikes, (4, self._restart_postgres)] if self._postgres else strikes

    def run(self) -> None:
        try:
            self._arm()
            strike_at = time.monotonic()
            while not self._ending.wait(TICK):
                self._do_what_is_due()
                self.others["ended by itself"] += self._site.revive(but=self._down)
                if time.monotonic() >= strike_at:
                    weights, strikes = zip(*self._strikes, strict=True)
                    self._chance.choices(strikes, weights)[0]()
                    strike_at = time.monotonic() + self._chance.uniform(*PAUSE)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which fails the run
            self.failure = error

    def leave(self) -> None:
        """No more strikes."""
        self._ending.set()
        if self.is_alive():
            self.join()

    def make_good(self) -> None:
        """No more strikes; what was stopped goes on, what was killed runs again, and the store is without faults."""
        self.leave()
        for _at, action in sorted(self._later, key=lambda entry: entry[0]):
            action()
        self._site.store.disarm()
        for process in self._site.processes.values():
            process.send(signal.SIGCONT)
        self._site.revive()

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        due = [entry for entry in self._later if entry[0] <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for _at, action in due:
            action()

    def _in(self, seconds: float, action: Callable[[], object]) -> None:
        self._later.append((time.monotonic() + seconds, action))

    # --- Kills and pauses ---

    def _kill(self, kind: str, how: Callable[[Process], object], name: str) -> None:
        process = self._one_of(kind)
        if process is not None:
            self._down.add(process.name)
            how(process)
            self.kills[name] += 1
            self._in(self._chance.uniform(*RESTART_AFTER), lambda: self._restart(process))

    def _restart(self, process: Process) -> None:
        process.start()
        self._down.discard(process.name)

    def _kill_horse(self) -> None:
        found = self._horse()
        if found and strike(found, signal.SIGKILL):
            self.kills["horse"] += 1

    def _pause_horse(self) -> None:
        found = self._horse()
        if found and strike(found, signal.SIGSTOP):
            self.stops["horse"] += 1
            self._in(_stopped_for(), lambda: strike(found, signal.SIGCONT))

    def _pause(self, kind: str) -> None:
        process = self._one_of(kind)
        if process is not None:
            process.send(signal.SIGSTOP)
            self.stops[kind] += 1
            self._in(_stopped_for(), lambda: process.send(signal.SIGCONT))

    def _one_of(self, kind: str) -> Process | None:
        alive = [process for name, process in self._site.processes.items() if name.startswith(kind) and process.alive]
        return self._chance.choice(alive) if alive else None

    def _horse(self) -> int:
        """A work-horse that is at a payout or a look right now; 0 where there is none for a while."""
        until = time.monotonic() + HORSE_WITHIN
        workers = [process for name, process in self._site.processes.items() if name.startswith("payouts")]
        while time.monotonic() < until:
            self._chance.shuffle(workers)
            for worker in workers:
                if horses := worker.horses():
                    return self._chance.choice(horses)
        return 0

    # --- Everything around them ---

    def _flush(self) -> None:
        self._site.valkey.flush()
        self.others["Valkey flushed"] += 1

    def _lose_valkey(self) -> None:
        self._site.lose_valkey()
        self._site.valkey.start()
        self.others["Valkey lost and restarted"] += 1

    def _restart_store(self) -> None:
        self._site.store.process.kill()
        self.others["store killed"] += 1
        time.sleep(self._chance.uniform(*STORE_DOWN))
        self._site.store.start()
        self._arm_now()

    def _maintenance(self) -> None:
        self._site.store.arm(fault="503-maintenance", times=1, on="refund.create")
        self.others["maintenance"] += 1

    def _restart_postgres(self) -> None:
        if self._postgres is None:
            return
        if self._chance.random() < 0.5:
            self._postgres.stop()
        else:
            self._postgres.kill()
        self.others["PostgreSQL restarted"] += 1
        for _unused in range(POSTGRES_TRIES):
            # The children of a killed server need a moment to notice.
            with suppress(PostgresError):
                self._postgres.start()
                return
        raise PostgresError("PostgreSQL does not come back.")

    def _duplicate_jobs(self) -> None:
        for _unused in range(DUPLICATES):
            job, pk = self._chance.choice(["pay", "pay", "look", "deliver"]), self._chance.choice(self._case_pks)
            dispatch.enqueue(job, pk)
        self.others["doubled or late jobs"] += DUPLICATES

    def _arm(self) -> None:
        """Other faults every few seconds, so that slow ones are slow in different ways."""
        self._arm_now()
        self._in(FAULTS_AGAIN, self._arm)

    def _arm_now(self) -> None:
        self._site.store.arm(
            random={
                "rate": FAULT_RATE,
                "seed": self._chance.randrange(2**32),
                "faults": FAULTS,
                "delay": self._chance.choice(FAULT_SECONDS),
            }
        )


def _stopped_for() -> float:
    return STOPPED * timing.seconds(timing.LEASE)
