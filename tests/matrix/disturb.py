"""What spoils a case: arms the fault at its step, strikes with the disturbance, and keeps what only a witness can know.

The store's books cannot show whether a process that wrote ahead lived to hear the answer. The witness saw it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from refunds import timing
from refunds.models import PayoutAttempt
from refunds.states import OPEN_ATTEMPT

from .cases import Disturbance, Placed
from .steps import SMTP, Killed, Step
from .world import World


@dataclass
class Sending:
    """One process beyond the point of no return, as somebody who stood beside it tells it."""

    refund_request_id: int
    call: int | None = None
    """Number of its call in the store's log; None if none left."""
    recorded: bool = False
    lapsed: bool = False
    """It was stopped for longer than its lease before it wrote down what it had heard."""


class Others(Protocol):
    """The rest of the world, for as long as a process is stopped or has a twin."""

    def twin(self) -> None: ...

    def what_is_due(self) -> None: ...

    def an_hour(self) -> None: ...


class Disturber:
    def __init__(self, world: World) -> None:
        self._world = world
        self.begin()

    def begin(self) -> None:
        """As new, and nothing strikes."""
        self.watch(None, None)
        self.sendings: list[Sending] = []
        self.entered: dict[str, int] = {}
        self.at_step: dict[str, Callable[[], object]] = {}
        self.others: Others | None = None
        self.order_id: int | None = None
        self._calls_before = 0

    def watch(self, placed: Placed | None, disturbance: Disturbance | None) -> None:
        """From now on these strike, once each. Nothing does where they are None."""
        self._placed, self._disturbance = placed, disturbance
        self.fault_struck, self.struck = placed is None, disturbance is None or not disturbance.step
        self.kill: Callable[[], None] = _die
        self._armed_at, self._busy, self.still_to_come = 0, False, placed is not None
        self._stack: list[str] = []

    # --- As `steps.Watcher` ---

    def entering(self, step: Step, args: tuple[Any, ...]) -> None:
        self._stack.append(step.name)
        self.entered[step.name] = self.entered.get(step.name, 0) + 1
        if step.name == "nudge" and "record" in self._stack:
            self._sendings_here()[-1].recorded = True  # the commit is behind it
        if not self._busy:
            if step.name in self.at_step:
                self.at_step.pop(step.name)()
            self._strike(step, "before", "stall", "overtaken")
            self._arm(step)
        if step.name == "call":
            self._calls_before = len(self._world.calls())

    def leaving(self, step: Step, args: tuple[Any, ...], result: Any) -> None:
        self._disarm()
        self._stack.pop()
        if step.name == "call":
            self._note_call()
        if step.name == "write_ahead" and result is True:
            self.sendings.append(Sending(args[0].refund_request_id))
            self._alone(args[0].order_id)
        elif step.name == "record":
            self._of(args[0].refund_request_id).recorded = True
        if not self._busy:
            self._strike(step, "after")

    def died(self, step: Step, args: tuple[Any, ...]) -> None:
        """A call is cut before or after, never half-way: what it has done the store alone knows either way."""
        self._disarm(dead=True)
        self._stack.clear()

    # --- Faults ---

    def _arm(self, step: Step) -> None:
        placed = self._placed
        if placed is None or not self.still_to_come or placed.step != step.name:
            return
        self.still_to_come, self._armed_at, self._armed_after = False, len(self._stack), len(self._world.calls())
        if placed.call == SMTP:
            self._world.faults_of_mail = placed.fault
        else:
            in_an_order = placed.call not in ("index", "settings.view", "order.list")
            self._world.arm(placed.call, placed.fault, self.order_id if in_an_order else None)

    def _disarm(self, *, dead: bool = False) -> None:
        if self._busy or not self._armed_at or (len(self._stack) != self._armed_at and not dead):
            return
        self._armed_at = 0
        self.fault_struck = self._has_struck()
        self._world.disarm()
        if self._disturbance is None or self._disturbance.kind != "late effect":
            self._world.open_gate()

    def _has_struck(self) -> bool:
        """Whether the step made the call that was to be spoiled."""
        if self._placed is None or self._placed.call == SMTP:
            return True
        return any(self._placed.fault in call["faults"] for call in self._world.calls(self._armed_after))

    # --- Disturbances ---

    def _strike(self, step: Step, *kinds: str) -> None:
        disturbance = self._disturbance
        if disturbance is None or self.struck or disturbance.step != step.name:
            return
        if disturbance.kind.split()[-1] not in kinds:
            return
        self.struck = True
        if disturbance.kind.startswith("kill"):
            self.kill()
        self._busy = True
        stack, self._stack = self._stack, []
        self._meanwhile(disturbance.kind)
        self._busy, self._stack = False, stack

    def _meanwhile(self, kind: str) -> None:
        if self.others is None:
            return
        if kind.startswith("twin"):
            self.others.twin()
            return
        for sending in self._open():
            sending.lapsed = True
        self._world.sleep(timing.scaled(timedelta(seconds=timing.LEASE + 1)))
        if kind == "stall":
            self.others.what_is_due()
        else:
            self.others.an_hour()

    # --- Witness ---

    def _alone(self, order_id: int) -> None:
        """While one payout of an order is on its way, no other has begun."""
        if PayoutAttempt.objects.filter(order_id=order_id, status__in=OPEN_ATTEMPT).count() > 1:
            self._world.broken_rules.append("TWO AT ONCE: two payouts of one order have begun")

    def _open(self) -> list[Sending]:
        return [sending for sending in self.sendings if not sending.recorded]

    def _sendings_here(self) -> list[Sending]:
        return self._open() or self.sendings

    def _of(self, refund_request_id: int) -> Sending:
        return [sending for sending in self.sendings if sending.refund_request_id == refund_request_id][-1]

    def _note_call(self) -> None:
        made = [call["n"] for call in self._world.calls(self._calls_before) if call["call"] == "refund.create"]
        self._sendings_here()[-1].call = made[-1] if made else None


def _die() -> None:
    raise Killed
