"""The shop as one thing: its books, its settings, what is switched to go wrong, and a log of who called."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from .books import Books, Json
from .clock import now
from .faults import Switchboard
from .gateways import Till
from .journal import Journal, Stopped
from .settings import Settings
from .wire import Answer

COPIES_KEPT = 500
"""A page cache of this many answers is enough for every test and stays small in a long run."""


class CallLog:
    """Every API call, numbered from 1, in a journal of its own: a call is in it before it is answered."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._calls: list[Json] = []
        self._lock = threading.Lock()
        for entry in journal.entries():
            self._apply(entry)

    def began(self, method: str, path: str, call: str, order_id: int | None, faults: list[str]) -> int:
        """Writes down that a call came in and returns its number."""
        with self._lock:
            n = len(self._calls) + 1
            entry: Json = {"n": n, "at": now().isoformat(timespec="milliseconds").replace("+00:00", "Z")}
            entry |= {"method": method, "path": path, "call": call, "order": order_id, "faults": faults}
            self._write({**entry, "status": "at work"})
        return n

    def ended(self, n: int, status: int | str) -> None:
        """`status` is that of the answer, or a word for what happened instead of one."""
        with self._lock:
            self._write({"n": n, "status": status})

    def since(self, n: int) -> list[Json]:
        """The calls after number `n`."""
        with self._lock:
            return self._calls[n:]

    def reset(self) -> None:
        with self._lock:
            self._journal.clear()
            self._calls.clear()

    def _write(self, entry: Json) -> None:
        self._journal.append(entry)
        self._apply(entry)

    def _apply(self, entry: Json) -> None:
        if entry["n"] > len(self._calls):
            self._calls.append(entry)
        else:
            self._calls[entry["n"] - 1] = {**self._calls[entry["n"] - 1], **entry}


@dataclass(slots=True)
class Copy:
    """An answer as a page cache keeps it."""

    answer: Answer
    kept_at: float


@dataclass(slots=True)
class Shop:
    """`first_orders` are those of a fresh shop; `nonces` are those of signed calls, which are answered once."""

    books: Books
    log: CallLog
    settings: Settings
    first_orders: Callable[[], list[Json]]
    faults: Switchboard = field(default_factory=Switchboard)
    copies: dict[str, Copy] = field(default_factory=dict)
    nonces: set[tuple[str, str]] = field(default_factory=set)
    _interrupted: threading.Event = field(default_factory=threading.Event)
    _at_the_start: Settings = field(init=False)

    def __post_init__(self) -> None:
        self._at_the_start = self.settings

    def pause(self, seconds: float) -> None:
        """Waits. Raises `Stopped` if the shop is stopped or reset meanwhile."""
        if seconds > 0 and self._interrupted.wait(seconds):
            raise Stopped

    def interrupt(self) -> None:
        """Whatever waits now waits no longer, and gets no further."""
        before, self._interrupted = self._interrupted, threading.Event()
        before.set()

    def till(self, faults: dict[str, float]) -> Till:
        return Till(self.books, faults, self.pause, self.settings.gateway_delay)

    def keep_copy(self, address: str, copy: Copy) -> None:
        """Keeps the first answer to an address: a cache that was told seven days keeps it for seven days."""
        if len(self.copies) < COPIES_KEPT:
            self.copies.setdefault(address, copy)

    def reset(self) -> None:
        """No orders, and the settings of the start. Calls that still wait for something get no further."""
        self.interrupt()
        self.books.reset()
        self.log.reset()
        self.faults.clear()
        self.copies.clear()
        self.settings = self._at_the_start
