"""Runs cases one after the other in one process, with a database and a store of its own."""

from __future__ import annotations

import logging
import random

from refunds import audit

from . import cases, steps
from .cases import Case
from .disturb import Disturber
from .environment import Place
from .people import colleague
from .tell import Told, tell
from .world import World

AT_ONCE = 200
"""So many cases share a database before it is emptied."""


class Runner:
    """One per process."""

    def __init__(self, place: Place, seed: int) -> None:
        logging.disable(logging.CRITICAL)
        self.world = World(place)
        self.disturber = Disturber(self.world)
        self.seed, self.number = seed, 0
        steps.hook(self.disturber)

    def group(self, group: list[Case]) -> list[Told]:
        """Cases that differ in their disturbance alone, the undisturbed one first.

        Left out is what cannot be: a fault of a call that is never made, a disturbance at a step that is never come to.
        """
        told: list[Told] = []
        known: frozenset[str] | None = None
        for case in group:
            if known is not None and case.step and case.step not in known:
                continue
            one = self.one(case)
            told.append(one)
            if not case.kind and not one.reached:
                break
            if case.kind not in cases.AT_A_STEP:
                known = (known or frozenset()) | one.entered
        return told

    def one(self, case: Case) -> Told:
        self.number += 1
        random.seed(f"{self.seed} {case}")
        told = tell(self.world, self.disturber, case, self.number)
        if self.number % AT_ONCE == 0:
            self.audited()
        return told

    def audited(self) -> None:
        """The portal's own audit agrees with the oracle: nothing to complain of in all these cases together."""
        found = [f"{one.reference}: {one.sentence}" for one in audit.violations()]
        if found:
            raise SystemExit(f"The audit found what no case showed: {found}")
        self.forget()

    def forget(self) -> None:
        self.world.forget()
        colleague.cache_clear()
