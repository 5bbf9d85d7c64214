"""The matrix itself: tables, their product, and the rules that take the impossible out of it.

    case = road / origin / fault at a call of a step / disturbance at a step

A road is what the jobs do; an origin is how things stood before; only steps in the origin's focus are combined.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from portal.sandbox.store.faults import FAULTS

from .steps import SMTP, STEPS

MAIL_FAULTS = {
    "refuses": "does not accept the connection",
    "busy": "answers 451, try again later",
    "rejects": "answers 550, no such mailbox",
    "drops-after": "accepts the mail and closes the connection before it says so",
    "silent-after": "accepts the mail and never says so",
}
GATEWAY = {name for name, fault in FAULTS.items() if fault.stage == "gateway"}
WORKS_ON = ("slow-before", "gateway-slow")
"""The store still does it when nobody listens any more."""

SPOILED_IN_EVERY_WAY = ("refund.create", SMTP)
WRITTEN_DOWN = {
    ("payout", "plain"): ("hold_back",),
    ("payout", "restored"): ("hold_back", "adopt"),
    ("payout", "another shop"): ("hold_back",),
    ("reconcile", "answer lost"): ("adopt", "postpone"),
    ("reconcile", "gone"): ("record_watch", "postpone"),
    ("look-up", "known"): ("found", "later"),
}
"""Where the portal writes down what it made of an answer to a read, or that there was none."""

AT_A_STEP = {
    "twin before": "the same job runs from beginning to end just before the step",
    "twin after": "the same job runs from beginning to end just after the step",
    "stall": "the process stops before the step for longer than its lease; others do what is due at that moment",
    "overtaken": "the same, for an hour and more: others go through with everything",
    "kill before": "the process is killed just before the step",
    "kill after": "the process is killed just after the step",
}
KILLS = ("kill before", "kill after")
ALL_ALONG = {
    "late twins": "every job of the case runs again at every turn, due or not",
    "late effect": "the store comes to do it when the first looks are over",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault that strikes one call of one step, for as long as the step takes."""

    step: str
    call: str
    fault: str

    def __str__(self) -> str:
        return f"{self.step}:{self.call}={self.fault}"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """`step` is empty for those that last all along."""

    kind: str
    step: str = ""

    def __str__(self) -> str:
        return f"{self.kind}@{self.step}" if self.step else self.kind


@dataclass(frozen=True, slots=True)
class Case:
    road: str
    origin: str
    placed: Placed | None = None
    disturbance: Disturbance | None = None

    def __str__(self) -> str:
        return f"{self.road}/{self.origin}/{self.placed or 'no fault'}/{self.disturbance or 'undisturbed'}"

    @property
    def fault(self) -> str:
        return self.placed.fault if self.placed else ""

    @property
    def kind(self) -> str:
        return self.disturbance.kind if self.disturbance else ""

    @property
    def step(self) -> str:
        return self.disturbance.step if self.disturbance else ""


# --- Roads, and how things stood before ------------------------------------------------------------------------------

IN_A_MOVE = ("own", "move", "ledger", "outbox", "nudge")
PAYING = (
    "claim", "prepare", "home", "order", "carries", "hold_back", "write_ahead", "post", "call", "record", "breaker",
    "sum", *IN_A_MOVE,
)  # fmt: skip
LOOKING = ("home", "rows", "notes", "adopt", "record_look", "postpone", *IN_A_MOVE)

ORIGINS: dict[str, dict[str, tuple[str, ...]]] = {
    "payout": {
        "plain": PAYING,
        "transfer": ("call", "record", "sum"),
        "restored": ("order", "ours", "hold_back", "adopt", *IN_A_MOVE),
        "restored unpaid": ("ours", "doubt", *IN_A_MOVE),
        "changed": ("carries", "hold_back", *IN_A_MOVE),
        "order gone": ("order", "hold_back", *IN_A_MOVE),
        "order goes": ("call", "record", "breaker"),
        "spent elsewhere": ("call", "record", "breaker"),
        "another shop": ("home", "hold_back", *IN_A_MOVE),
        "meanwhile": ("call", "record", "sum", "mismatch"),
        "sibling": ("claim", "order", "write_ahead", "call", "record"),
        "sibling at once": ("claim", "write_ahead"),
        "stale page": ("claim", "call"),
    },
    "reconcile": {
        "died prepared": ("expire", *IN_A_MOVE),
        "died sending": ("expire", "rows", "notes", *IN_A_MOVE),
        "died after": ("expire", *LOOKING),
        "answer lost": LOOKING,
        "nothing arrived": ("rows", "notes", "record_look", "postpone"),
        "row unpaid": ("rows", "notes", "record_look", "postpone"),
        "row unpaid, money gone": ("rows", "record_look"),
        "refused": ("rows", "notes", "record_look", "postpone"),
        "refused, money gone": ("rows", "record_look"),
        "refused, booked later": ("rows", "adopt", *IN_A_MOVE),
        "declined, booked later": ("rows", "adopt", "after_all", *IN_A_MOVE),
        "paid": ("watched", "rows", "record_watch", "postpone"),
        "gone": ("watched", "rows", "record_watch", "postpone", *IN_A_MOVE),
    },
    "look-up": {
        "known": (
            "start", "find", "snapshot", "found", "later", "outbox", "nudge", "claim_mail", "hand_over", "delivered",
            "prove", "proven",
        ),
        "unknown": ("start", "find", "found", "later"),
    },
    "mail": {
        "refunded": ("claim_mail", "hand_over", "try_again", "delivered"),
        "in doubt": ("claim_mail", "hand_over", "try_again", "delivered"),
    },
}  # fmt: skip
"""By road and origin, the steps at which faults and disturbances are combined. `story` brings each origin about."""


# --- The product -----------------------------------------------------------------------------------------------------


def every(*, only: str = "") -> list[Case]:
    """The whole matrix, each fault undisturbed first. Steps that a case never comes to are left out by the run."""
    roads = ((road, origin, steps) for road, origins in ORIGINS.items() for origin, steps in origins.items())
    cases = itertools.chain.from_iterable(_of(road, origin, steps) for road, origin, steps in roads)
    return [case for case in cases if only in str(case)]


def sample(cases: list[Case], limit: int, seed: int) -> list[Case]:
    """`limit` cases by chance, still in order."""
    if limit >= len(cases):
        return cases
    chosen = sorted(random.Random(seed).sample(range(len(cases)), limit))
    return [cases[n] for n in chosen]


def _of(road: str, origin: str, steps: tuple[str, ...]) -> Iterator[Case]:
    placed = [None, *_placements(steps)]
    disturbances = [None, *map(Disturbance, ALL_ALONG), *itertools.starmap(_disturbance, _struck(steps))]
    for fault, disturbance in itertools.product(placed, disturbances):
        case = Case(road, origin, fault, disturbance)
        if possible(case):
            yield case


def _disturbance(step: str, kind: str) -> Disturbance:
    return Disturbance(kind, step)


def _struck(steps: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return itertools.product(steps, AT_A_STEP)


def _placements(steps: tuple[str, ...]) -> Iterator[Placed]:
    for step in steps:
        for call, fault in itertools.product(STEPS[step].calls, (*FAULTS, *MAIL_FAULTS)):
            if (call == SMTP) == (fault in MAIL_FAULTS) and (fault not in GATEWAY or call == "refund.create"):
                yield Placed(step, call, fault)


def possible(case: Case) -> bool:
    """Inside a transaction there are only kills; a late effect needs a call that the store still works on.

    The refund call is spoiled in every way, whatever else happens at any step. A fault of anything that is only read
    meets what happens at that step, and where the portal writes down what came of it: other steps know nothing of it.
    """
    if case.step and STEPS[case.step].inside and case.kind not in KILLS:
        return False
    if case.kind == "late effect":
        return case.placed is not None and case.placed.call == "refund.create" and case.fault in WORKS_ON
    if case.placed is None or not case.step or case.placed.call in SPOILED_IN_EVERY_WAY:
        return True
    return case.step == case.placed.step or case.step in WRITTEN_DOWN.get((case.road, case.origin), ())
