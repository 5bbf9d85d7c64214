"""One case from its beginning to its rest: how things stood, what is spoiled, then every job that is due, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from refunds import tasks, timing
from refunds.models import LookUp, Mail, PayoutAttempt, RefundRequest

from . import agenda
from .cases import Case
from .disturb import Disturber
from .steps import Killed
from .world import World

JOBS: dict[str, Callable[[int], None]] = {
    "pay": tasks.pay, "look": tasks.look, "look_up": tasks.look_up, "deliver": tasks.deliver,
}  # fmt: skip
ASKED_ENOUGH = 3
MOST_TURNS = 120
"""A case that still has something due after so many turns never comes to rest."""
DAYS_OF_LOOKS = timedelta(hours=26)
"""So long every look has its turn; the daily ones after that are skipped but for the last."""
MONTH = timedelta(days=30, hours=2)
REST = timedelta(days=33)
HOURS = timedelta(hours=3)


class Story:
    """`requests` are the cases of one order, `look_ups` those for it. `broken` are sentences about what must not be."""

    def __init__(self, world: World, disturber: Disturber, case: Case, number: int) -> None:
        self.world, self.disturber, self.case = world, disturber, case
        self.number = str(700_000_000 + number)
        self.email = f"customer{number}@example.com"
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.order_id = 0
        self.requests: list[RefundRequest] = []
        self.look_ups: list[LookUp] = []
        self.broken: list[str] = []
        self.declined = False
        self.agreed: Decimal | None = None
        """What people agreed on at last, where that is not what was asked for."""
        self._under_way: Callable[[], Any] | None = None

    # --- Running jobs ------------------------------------------------------------------------------------------------

    def run(self, job: str, pk: int) -> None:
        """One job as a worker runs it. A job has no business raising anything."""
        self._alive(f"the job {job}", lambda: JOBS[job](pk))

    def person(self, what: str, act: Callable[[], Any]) -> None:
        """What a person does on a page. The process may die under them."""
        self._alive(what, act)

    def _alive(self, what: str, act: Callable[[], Any]) -> None:
        before, self._under_way = self._under_way, lambda: self._alive(what, act)
        try:
            act()
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.broken.append(f"{what} ended in {type(error).__name__}: {error}")
        self._under_way = before

    def what_is_due(self) -> None:
        """Every job that is due now, once."""
        self._do(self._agenda())

    def _do(self, entries: list[agenda.Entry]) -> set[str]:
        """Runs what is due of these. Returns which jobs those were."""
        now = timezone.now()
        due = [entry for entry in entries if entry.at <= now]
        for entry in due:
            self.run(entry.job, entry.pk)
        if due and self.case.kind == "late twins":
            self.everything()
        return {entry.job for entry in due}

    def _agenda(self) -> list[agenda.Entry]:
        if self.case.road == "look-up":
            return agenda.of_look_ups(self.number)
        return agenda.of_requests([refund_request.pk for refund_request in self.requests])

    def everything(self) -> None:
        """Every job that this story has ever had, due or not."""
        for refund_request in self.requests:
            self.run("pay", refund_request.pk)
        for job, rows in (("look", self.attempts()), ("look_up", self.started()), ("deliver", self.mails())):
            for pk in rows.values_list("pk", flat=True):
                self.run(job, pk)

    def settle(self, *, within: timedelta | None = None) -> None:
        """Until nothing is due any more: the clock goes from one due time to the next.

        Disturbed cases are followed for some hours, which settles all that can be settled; the others for a month.
        """
        since = timezone.now()
        if within is None:
            within = {"": REST, "overtaken": DAYS_OF_LOOKS}.get(self.case.kind, HOURS)
        asked = 0
        for _turn in range(MOST_TURNS):
            entries = self._agenda()
            if ran := self._do(entries):
                asked = asked + 1 if ran == {"pay"} else 0
                continue
            at = self._next(entries, waits=asked > ASKED_ENOUGH)
            if self.case.kind == "late effect" and (at is None or self.disturber.entered.get("record_look", 0) > 1):
                self.world.open_gate()
            if at is None or at > since + timing.scaled(within):
                return
            if at > since + timing.scaled(DAYS_OF_LOOKS):
                at = max(at, since + timing.scaled(MONTH))
            self.world.move_to(at)
        self.broken.append("it never comes to rest")

    def _next(self, entries: list[agenda.Entry], *, waits: bool) -> datetime | None:
        """A sibling that waits asks again every few seconds: once that is seen, something else has to happen first."""
        others = [entry for entry in entries if entry.job != "pay"]
        entries = others if waits and len(self.requests) > 1 else entries
        return min((entry.at for entry in entries), default=None)

    def forgotten(self) -> Iterator[str]:
        """What is still to come and would not be found by the sweep when its time has come."""
        for entry in self._agenda():
            if not agenda.found_by_the_sweep(entry):
                yield f"FORGOTTEN: the sweep does not find the {entry.job} that is due at {entry.at}"

    def attempts(self) -> QuerySet[PayoutAttempt]:
        return PayoutAttempt.objects.filter(refund_request__in=[one.pk for one in self.requests]).order_by("pk")

    def mails(self) -> QuerySet[Mail]:
        if self.case.road == "look-up":
            return Mail.objects.filter(look_up__order_number=self.number).order_by("pk")
        return Mail.objects.filter(refund_request__in=[one.pk for one in self.requests]).order_by("pk")

    def started(self) -> QuerySet[LookUp]:
        return LookUp.objects.filter(order_number=self.number).order_by("pk")

    # --- The others, for `disturb` -----------------------------------------------------------------------------------

    def twin(self) -> None:
        """The job that is being done, done by somebody else at this moment; and a sibling's, where there is one."""
        if self._under_way is not None:
            self._under_way()
        for sibling in self.requests[1:]:
            self.run("pay", sibling.pk)

    def an_hour(self) -> None:
        self.settle(within=timedelta(hours=1))
