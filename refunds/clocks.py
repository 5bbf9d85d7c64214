"""The clocks of a case, in the shop's business hours. Pure: no row is read or written here.

    first answer   from the request to the shop's first word to the customer, or its decision
    decision       from the request to the decision; stands still while the customer must answer
    payout         from the approval to the confirmed refund
    legal limit    so many calendar days from the request: the law knows neither business hours nor pauses

A clock that is set keeps its time: rules that change count for clocks that start afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from .states import OPEN, Status

MIDNIGHT = time(0)
MOST_HOLIDAYS = 100
"""Fewer than there are days in a year: there is always a day on which the shop is open."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the shop works. `closes` at midnight is the end of the day; `days` counts from Monday, 1.

    A holiday is a date, or a month and a day that come back every year.
    """

    zone: ZoneInfo
    opens: time
    closes: time
    days: frozenset[int]
    holidays: frozenset[date | tuple[int, int]] = frozenset()

    def is_open(self, day: date) -> bool:
        return day.isoweekday() in self.days and not {day, (day.month, day.day)} & self.holidays

    def after(self, at: datetime, hours: timedelta) -> datetime:
        """The instant when so much business time has passed since `at`."""
        day, left = self._local(at), hours
        while True:
            opens, closes = self._window(day)
            start = max(opens, at)
            if self.is_open(day) and start < closes:
                if left <= closes - start:
                    return start + left
                left -= closes - start
            day += timedelta(days=1)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much business time lies between two instants; none if they are the wrong way round."""
        day, found = self._local(start), timedelta(0)
        while day <= self._local(end):
            opens, closes = self._window(day)
            if self.is_open(day):
                found += max(min(closes, end) - max(opens, start), timedelta(0))
            day += timedelta(days=1)
        return found

    def end_of_day(self, at: datetime, days: int) -> datetime:
        """The last instant of the n-th calendar day after the one of `at`."""
        return self._instant(self._local(at) + timedelta(days=days + 1), MIDNIGHT) - timedelta(seconds=1)

    def end_of_open_day(self, at: datetime, days: int) -> datetime:
        """The same, counting only days on which the shop is open."""
        day = self._local(at)
        while days:
            day += timedelta(days=1)
            days -= self.is_open(day)
        return self.end_of_day(self._instant(day, MIDNIGHT), 0)

    def _local(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _window(self, day: date) -> tuple[datetime, datetime]:
        closing_day = day + timedelta(days=self.closes == MIDNIGHT)
        return self._instant(day, self.opens), self._instant(closing_day, self.closes)

    def _instant(self, day: date, clock: time) -> datetime:
        # In UTC, because differences of local times do not see that a clock was changed between them.
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def holidays(text: str) -> frozenset[date | tuple[int, int]]:
    """One in a line: `2026-12-24` for one year or `12-25` for every year, and then whatever it is called.

    Raises `ValueError` with the first line that is neither.
    """
    found: set[date | tuple[int, int]] = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        typed = line.split()[0]
        try:
            if typed.count("-") == 1:
                every = date.fromisoformat(f"2024-{typed}")  # a leap year, for 29 February
                found.add((every.month, every.day))
            else:
                found.add(date.fromisoformat(typed))
        except ValueError:
            raise ValueError(line) from None
    return frozenset(found)


class Clock(StrEnum):
    ANSWER = "answer"
    DECISION = "decision"
    PAYOUT = "payout"
    LEGAL = "legal"


RUNNING = {
    Status.SUBMITTED: (Clock.ANSWER, Clock.DECISION, Clock.LEGAL),
    Status.NEEDS_INFO: (Clock.LEGAL,),
    **dict.fromkeys((Status.APPROVED, Status.SENDING, Status.FAILED, Status.CHECK_NEEDED), (Clock.PAYOUT, Clock.LEGAL)),
    **dict.fromkeys(set(Status) - OPEN, ()),
}
"""Which clocks run in a state. That of the first answer runs until there was one."""

FIRST_ANSWERS = frozenset({"asked", "wrote", "approved", "declined", "opened"})
"""Kinds of event with which the customer has heard from the shop."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The shop's calendar and the time that it gives itself, in business hours and, by law, in days."""

    calendar: Calendar
    answer: timedelta
    decision: timedelta
    payout: timedelta
    legal_days: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """When each clock of a case runs out, as far as it was started."""

    first_answer_at: datetime | None = None
    answer_due_at: datetime | None = None
    decision_due_at: datetime | None = None
    payout_due_at: datetime | None = None
    legal_due_at: datetime | None = None
    paused_at: datetime | None = None

    def next(self, status: str) -> tuple[datetime, Clock] | None:
        """The running clock that runs out first."""
        due = {
            Clock.ANSWER: None if self.first_answer_at else self.answer_due_at,
            Clock.DECISION: self.decision_due_at,
            Clock.PAYOUT: self.payout_due_at,
            Clock.LEGAL: self.legal_due_at,
        }
        running = [(at, clock) for clock in RUNNING[Status(status)] if (at := due[clock]) is not None]
        return min(running, default=None)


def started(rules: Rules, at: datetime, *, kind: str) -> Clocks:
    """Those of a new case, which the customer (`submitted`) or staff for them (`opened`) has made."""
    return Clocks(
        first_answer_at=at if kind in FIRST_ANSWERS else None,
        answer_due_at=rules.calendar.after(at, rules.answer),
        decision_due_at=rules.calendar.after(at, rules.decision),
        legal_due_at=rules.calendar.end_of_day(at, rules.legal_days),
    )


def after(clocks: Clocks, kind: str, at: datetime, rules: Callable[[], Rules]) -> Clocks:
    """The clocks after an event of this kind. `rules` are only asked for where a clock starts or goes on."""
    if kind in FIRST_ANSWERS and clocks.first_answer_at is None:
        clocks = replace(clocks, first_answer_at=at)
    if kind == "asked":
        return replace(clocks, paused_at=at)
    if kind == "answered":
        return _gone_on(clocks, at, rules().calendar)
    if kind == "reopened":
        due = rules().calendar.after(at, rules().decision)
        return replace(clocks, decision_due_at=due, payout_due_at=None, paused_at=None)
    if kind == "approval_taken_back":
        return replace(clocks, payout_due_at=None)
    if kind == "reversed" or (kind in ("approved", "doubt_reopened") and clocks.payout_due_at is None):
        return replace(clocks, payout_due_at=rules().calendar.after(at, rules().payout))
    return clocks


def _gone_on(clocks: Clocks, at: datetime, calendar: Calendar) -> Clocks:
    """The time that was left when the customer was asked is left now. What was late then stays as late."""
    due, paused_at = clocks.decision_due_at, clocks.paused_at
    if due is not None and paused_at is not None and paused_at < due:
        due = calendar.after(at, calendar.between(paused_at, due))
    return replace(clocks, decision_due_at=due, paused_at=None)
