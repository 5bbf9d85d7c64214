"""Runs the matrix in several processes, each with a database, a store and a share of the faults of its own."""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from refunds import audit

from . import cases, report, steps
from .cases import Case
from .disturb import Disturber
from .story import colleague
from .tell import Told, tell
from .world import World

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "faults.md"
AT_ONCE = 200
"""So many cases share a database before it is emptied."""


def main() -> int:
    options = _options()
    chosen = cases.every(only=options.only)
    if options.limit is not None:
        chosen = cases.sample(chosen, options.limit, options.seed)
    began = time.monotonic()
    told: list[Told] = []
    for one in _told(chosen, options.jobs, options.seed):
        told.append(one)
        if one.broken:
            print(f"BROKEN {one.case}", *one.broken, sep="\n    ", flush=True)
            if options.first:
                break
    found = report.Report(told)
    print(found.text())
    print(f"{len(told)} cases run in {time.monotonic() - began:.0f} s, seed {options.seed}")
    whole = options.limit is None and not options.only
    if whole and (never := found.never_struck()):
        print(f"Nothing was ever struck at: {', '.join(never)}")
        return 1
    if whole and not found.broken:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(found.document())
    return 1 if found.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the sample and of every jitter")
    parser.add_argument("--limit", type=int, help="so many cases, chosen by chance; all of them by default")
    parser.add_argument("--jobs", type=int, default=1, help="so many processes")
    parser.add_argument("--only", default="", help="cases with this in their name, as it is printed")
    parser.add_argument("--first", action="store_true", help="end with the first case that breaks a promise")
    return parser.parse_args()


def _told(chosen: list[Case], jobs: int, seed: int) -> Iterator[Told]:
    """Whole faults are shared out, so that each process knows which steps a fault never comes to."""
    groups = [
        list(group) for _placed, group in itertools.groupby(chosen, lambda one: (one.road, one.origin, one.placed))
    ]
    random.Random(seed).shuffle(groups)
    if jobs == 1:
        yield from _process(groups, seed)
        return
    with multiprocessing.get_context("fork").Pool(jobs, _begin, (seed,)) as pool:
        for told in pool.imap_unordered(_group, groups):
            yield from told


def _process(groups: Iterable[list[Case]], seed: int) -> Iterator[Told]:
    _begin(seed)
    try:
        for group in groups:
            yield from _group(group)
    finally:
        _runner[0].world.close()


class Runner:
    """One per process."""

    def __init__(self, seed: int) -> None:
        logging.disable(logging.CRITICAL)
        self.world = World()
        self.disturber = Disturber(self.world)
        self.seed, self.number = seed, 0
        steps.hook(self.disturber)

    def group(self, group: list[Case]) -> list[Told]:
        """Cases that differ in their disturbance alone. Those at steps the first ones never came to are left out."""
        told: list[Told] = []
        known: frozenset[str] | None = None
        for case in group:
            if known is not None and case.step and case.step not in known:
                continue
            one = self.one(case)
            told.append(one)
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
        self.world.forget()
        colleague.cache_clear()


_runner: list[Runner] = []


def _begin(seed: int) -> None:
    _runner[:] = [Runner(seed)]


def _group(group: list[Case]) -> list[Told]:
    return _runner[0].group(group)
