"""Everything that can go wrong between the portal and a real shop, one name each, and the switches that cause it.

A fault is switched on with `POST /_sandbox/faults`, for a number of calls, or asked for by a single call itself with
the header `X-Sandbox-Fault: name` (`name=seconds` for those that take time; several with commas).
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Any

DEFAULT_SECONDS = 5.0
"""How long a slow fault takes unless it says otherwise: longer than an impatient client, shorter than a patient one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`stage` is where it strikes: before anything happens, in the payment gateway, or after everything happened."""

    name: str
    stage: str
    summary: str


def _named(*faults: Fault) -> dict[str, Fault]:
    return {fault.name: fault for fault in faults}


FAULTS = _named(
    Fault("slow-before", "before", "waits, and only then begins to work; works on after the client has left"),
    Fault("closed-before", "before", "closes the connection without doing or answering anything"),
    Fault("429", "before", "answers 429 as JSON with Retry-After in seconds; does nothing"),
    Fault("429-html", "before", "answers 429 as a web server's page with Retry-After in seconds; does nothing"),
    Fault("429-date", "before", "answers 429 as JSON with Retry-After as a date; does nothing"),
    Fault("403-html", "before", "answers 403 with a firewall's page; does nothing"),
    Fault("200-html", "before", "answers 200 with a page that checks the browser; does nothing"),
    Fault("503-maintenance", "before", "is in maintenance: 503 with Retry-After, a page for GET, JSON wp_die for POST"),
    Fault("503-html", "before", "answers 503 with a page and Retry-After to every method; does nothing"),
    Fault("502-before", "before", "answers a web server's 502, as if PHP were down; does nothing"),
    Fault("database-down", "before", "cannot reach its database: 500, a page for GET, JSON wp_die for POST"),
    Fault("redirect-301", "before", "answers 301 to another path of this shop, where the call would work"),
    Fault("redirect-302", "before", "answers 302 to another path of this shop, where the call would work"),
    Fault("redirect-308", "before", "answers 308 to another path of this shop, where the call would work"),
    Fault("redirect-elsewhere", "before", "answers 301 to another host, localhost for 127.0.0.1, where it would work"),
    Fault("no-route", "before", "answers 404 rest_no_route, as a shop whose WooCommerce is switched off"),
    Fault("cached", "before", "answers the first answer it ever gave to this address, with Age and X-Cache, unless the "
          "query has a cache-buster named _"),
    Fault("cached-stubborn", "before", "the same, and ignores cache-busters"),
    Fault("gateway-slow", "gateway", "the payment takes its time; it goes on after the client has left"),
    Fault("gateway-declines", "gateway", "the gateway declines: no money moves, the row is removed, 500"),
    Fault("gateway-returns-false", "gateway", "the gateway says no without a reason: no money moves, row removed, 500"),
    Fault("gateway-throws", "gateway", "the gateway's code throws: no money moves, the row is removed, 500"),
    Fault("gateway-pays-but-errors", "gateway", "money moves, an error is reported: the row is removed, 500"),
    Fault("killed-before-payment", "gateway", "killed before money moved: 502, the row stays, refunded_payment false"),
    Fault("killed-after-payment", "gateway", "killed after money moved: 502, the row stays, refunded_payment false"),
    Fault("slow-after", "after", "does everything, waits, and answers"),
    Fault("closed-after", "after", "does everything and closes the connection without an answer"),
    Fault("trickle", "after", "does everything and sends the answer a few bytes at a time"),
    Fault("500-after", "after", "does everything and answers an empty 500"),
    Fault("502-after", "after", "does everything and answers a web server's 502"),
    Fault("504-after", "after", "does everything and answers a web server's 504"),
    Fault("fatal-after", "after", "does everything and answers WordPress' 500 for a PHP fatal error"),
    Fault("truncated", "after", "does everything and breaks off in the middle of the answer"),
    Fault("notice-prefix", "after", "does everything and answers with a PHP warning before the JSON"),
    Fault("bom", "after", "does everything and answers with a byte order mark before the JSON"),
    Fault("huge", "after", "does everything and answers with 32 MB of blanks before the JSON"),
)  # fmt: skip

TAKES_TIME = ("slow-before", "slow-after", "gateway-slow", "trickle")
CALLS = (
    "order.list", "order.view", "order.create", "order.update", "order.delete",
    "refund.list", "refund.create", "refund.view", "refund.update", "refund.delete", "refunds.list",
    "note.list", "note.create", "note.view", "note.delete", "gateway.list", "gateway.view",
    "settings.list", "settings.view", "status.view", "index", "other",
)  # fmt: skip
"""What `on` may name, besides "any"."""


class Unknown(Exception):
    """No such fault, or no such call. The message says which ones there are."""


@dataclass(slots=True)
class Switch:
    """One fault (or several at once, with commas) for the next `times` calls that fit; for ever if that is None."""

    fault: str
    times: int | None = 1
    order: int | None = None
    on: str = "any"
    delay: float | None = None

    def fits(self, call: str, order_id: int | None) -> bool:
        return self.on in ("any", call) and self.order in (None, order_id) and self.times != 0

    def described(self) -> dict[str, Any]:
        return {"fault": self.fault, "times": self.times, "order": self.order, "on": self.on, "delay": self.delay}


@dataclass(slots=True)
class Dice:
    """Random faults: `rate` of all calls get one of `faults` that can strike them; all but the huge one by default."""

    rate: float
    seed: int
    faults: tuple[str, ...]
    on: str
    delay: float | None
    generator: random.Random

    def thrown(self, call: str) -> str:
        fitting = [name for name in self.faults if FAULTS[name].stage != "gateway" or call == "refund.create"]
        if self.on not in ("any", call) or not fitting or self.generator.random() >= self.rate:
            return ""
        return self.generator.choice(fitting)

    def described(self) -> dict[str, Any]:
        faults = list(self.faults)
        return {"rate": self.rate, "seed": self.seed, "faults": faults, "on": self.on, "delay": self.delay}


class Switchboard:
    def __init__(self) -> None:
        self._switches: list[Switch] = []
        self._dice: Dice | None = None
        self._lock = threading.Lock()

    def arm(self, wanted: dict[str, Any]) -> None:
        """Takes the body of `POST /_sandbox/faults`. Raises `Unknown`."""
        if "random" in wanted:
            self._dice = _dice(wanted["random"])
            return
        switch = Switch(
            fault=str(wanted.get("fault", "")),
            times=wanted.get("times", 1),
            order=wanted.get("order"),
            on=wanted.get("on") or "any",
            delay=wanted.get("delay"),
        )
        seconds_of(switch.fault, switch.delay)
        _check_call(switch.on)
        with self._lock:
            self._switches.append(switch)

    def clear(self) -> None:
        with self._lock:
            self._switches.clear()
            self._dice = None

    def described(self) -> dict[str, Any]:
        with self._lock:
            switches = [switch.described() for switch in self._switches if switch.times != 0]
        return {
            "armed": switches,
            "random": self._dice and self._dice.described(),
            "known": {name: fault.summary for name, fault in FAULTS.items()},
            "calls": list(CALLS),
        }

    def take(self, call: str, order_id: int | None, header: str) -> dict[str, float]:
        """The faults of one call, with their seconds: the header's, or the oldest switch's that fits, or chance's."""
        if header:
            return seconds_of(header, None)
        with self._lock:
            for switch in self._switches:
                if switch.fits(call, order_id):
                    switch.times = switch.times and switch.times - 1
                    return seconds_of(switch.fault, switch.delay)
            dice = self._dice
            thrown = dice.thrown(call) if dice else ""
        return seconds_of(thrown, dice.delay) if dice and thrown else {}


def seconds_of(text: str, delay: float | None) -> dict[str, float]:
    """ "slow-after=2,closed-after" as {"slow-after": 2.0, "closed-after": 0.0}. Raises `Unknown`."""
    chosen: dict[str, float] = {}
    for part in text.split(","):
        name, _, seconds = part.strip().partition("=")
        if name not in FAULTS:
            raise Unknown(f"No fault is named {name!r}. There are: {', '.join(FAULTS)}.")
        default = DEFAULT_SECONDS if delay is None else delay
        chosen[name] = (float(seconds) if seconds else default) if name in TAKES_TIME else 0.0
    return chosen


def _dice(wanted: dict[str, Any]) -> Dice:
    names = tuple(wanted.get("faults") or (name for name in FAULTS if name != "huge"))
    for name in names:
        seconds_of(name, None)
    on = wanted.get("on") or "any"
    _check_call(on)
    seed = int(wanted.get("seed", 0))
    return Dice(float(wanted["rate"]), seed, names, on, wanted.get("delay"), random.Random(seed))


def _check_call(on: str) -> None:
    if on != "any" and on not in CALLS:
        raise Unknown(f"No call is named {on!r}. There are: any, {', '.join(CALLS)}.")
