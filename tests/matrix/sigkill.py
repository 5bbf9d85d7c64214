"""Proof that a kill in here ends a case as a real one does: the same cases, with every job in a process of its own that
SIGKILL takes away in the middle of the step.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from typing import Any

from django.db import connection

from refunds import orders

from . import cases, story
from .cases import Case
from .disturb import Disturber
from .runner import Runner
from .steps import Killed
from .world import World

TOLD_BY_THE_CHILD = ("sendings", "entered", "still_to_come", "fault_struck", "struck")
ORIGINS = ("plain", "transfer", "restored", "answer lost", "died after")
FAULTS = ("", "closed-after", "500-after", "gateway-declines", "gateway-pays-but-errors", "killed-after-payment", "429")


def chosen(limit: int, seed: int) -> list[Case]:
    fitting = [
        case
        for case in cases.every()
        if case.road in ("payout", "reconcile")
        and case.origin in ORIGINS
        and case.kind in cases.KILLS
        and case.fault in FAULTS
    ]
    return cases.sample(fitting, limit, seed)


def agree(runner: Runner, limit: int, seed: int) -> bool:
    """Tells `limit` cases both ways and says whether all came to the same end."""
    these = chosen(limit, seed)
    try:
        in_here = [runner.one(case) for case in these]
        runner.forget()
        _jobs_die_for_real(runner.world, runner.disturber)
        for_real = [runner.one(case) for case in these]
    finally:
        runner.world.close()
    for one, other in zip(in_here, for_real, strict=True):
        print("same" if one == other else "OTHERWISE", one.case, *one.statuses, sep="  ")
        if one != other:
            print(f"    {one}\n    {other}")
    kills = sum(other.reached for other in for_real)
    print(f"{kills} processes killed by SIGKILL")
    return in_here == for_real and kills > 0


def _jobs_die_for_real(world: World, disturber: Disturber) -> None:
    """From now on each payout and each look of this process runs in a child."""
    for name in ("pay", "look"):
        story.JOBS[name] = _in_a_child(story.JOBS[name], world, disturber)


def _in_a_child(job: Callable[[int], None], world: World, disturber: Disturber) -> Callable[[int], None]:
    def run(pk: int) -> None:
        connection.close()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _child(lambda: job(pk), writing, world, disturber)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pickle.loads(pipe.read())  # noqa: S301 - our own child wrote it
        _pid, status = os.waitpid(pid, 0)
        vars(disturber).update(said["state"])
        world.disarm()
        if said["error"] is not None:
            raise RuntimeError(said["error"])
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            raise Killed

    return run


def _child(job: Callable[[], None], writing: int, world: World, disturber: Disturber) -> None:
    """Never returns."""

    def tell(error: str | None) -> None:
        state: dict[str, Any] = {name: getattr(disturber, name) for name in TOLD_BY_THE_CHILD}
        os.write(writing, pickle.dumps({"state": state, "error": error}))

    def die() -> None:
        tell(None)
        os.kill(os.getpid(), signal.SIGKILL)

    world.remote = True
    orders._connect.cache_clear()
    disturber.kill = die
    error = None
    try:
        job()
    except Exception as raised:  # noqa: BLE001 - whatever it is, the parent says so
        error = f"{type(raised).__name__}: {raised}"
    tell(error)
    os._exit(0)
