"""Runs the matrix in several processes, each with a database, a store and a share of the faults of its own."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from . import cases, report, sigkill
from .cases import Case
from .environment import Place, places
from .runner import Runner
from .tell import Told

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "faults.md"


def main() -> int:
    options = _options()
    if options.sigkill:
        with places(1) as (place,):
            return 0 if sigkill.agree(Runner(place, options.seed), options.sigkill, options.seed) else 1
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
    parser.add_argument("--sigkill", type=int, help="so many kills, once as in every case and once by a real SIGKILL")
    return parser.parse_args()


def _told(chosen: list[Case], jobs: int, seed: int) -> Iterator[Told]:
    """Whole faults are shared out, so that each process knows which steps a fault never comes to."""
    groups = [
        list(group) for _placed, group in itertools.groupby(chosen, lambda one: (one.road, one.origin, one.placed))
    ]
    random.Random(seed).shuffle(groups)
    with places(jobs) as there:
        if jobs == 1:
            yield from _here(groups, there[0], seed)
        else:
            yield from _in_processes(groups, there, seed)


def _here(groups: Iterable[list[Case]], place: Place, seed: int) -> Iterator[Told]:
    runner = Runner(place, seed)
    try:
        for group in groups:
            yield from runner.group(group)
    finally:
        runner.world.close()


def _in_processes(groups: Iterable[list[Case]], there: list[Place], seed: int) -> Iterator[Told]:
    context = multiprocessing.get_context("fork")
    free = context.SimpleQueue()
    for place in there:
        free.put(place)
    with ProcessPoolExecutor(len(there), context, _begin, (free, seed)) as pool:
        under_way = [pool.submit(_group, group) for group in groups]
        try:
            for done in as_completed(under_way):
                yield from done.result()
        finally:
            pool.shutdown(cancel_futures=True)


_runner: list[Runner] = []


def _begin(free: SimpleQueue[Place], seed: int) -> None:
    _runner[:] = [Runner(free.get(), seed)]


def _group(group: list[Case]) -> list[Told]:
    return _runner[0].group(group)
