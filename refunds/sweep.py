"""The sweep: finds all that is due from the rows alone, and nudges it. Guarantees that nothing approved is forgotten.

Any number of sweeps may run at once. A pass over a site with nothing due reads a few small indexes and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from . import audit, dispatch, health, timing, workflow
from .models import Alarm, BulkRow, Heartbeat, LookUp, Mail, PayoutAttempt, RefundRequest, StoreHealth
from .states import AttemptStatus


@dataclass(frozen=True)
class Errand:
    """One kind of thing that can be due: its name, its job, the rows, and what they are ordered by."""

    name: str
    job: str
    due: Callable[[datetime], QuerySet[Any]]
    oldest_first: str


def _approved(now: datetime) -> QuerySet[RefundRequest]:
    health = StoreHealth.current()
    if health.payouts_paused_at is not None or (health.breaker_until is not None and health.breaker_until > now):
        return RefundRequest.objects.none()
    return RefundRequest.objects.due(now)


def _leases(now: datetime) -> QuerySet[PayoutAttempt]:
    return PayoutAttempt.objects.filter(status__in=[AttemptStatus.PREPARED, AttemptStatus.SENT], lease_until__lte=now)


def _looks(now: datetime) -> QuerySet[PayoutAttempt]:
    return PayoutAttempt.objects.filter(next_look_at__lte=now)


def _mails(now: datetime) -> QuerySet[Mail]:
    return Mail.objects.filter(next_try_at__lte=now)


def _bulk_rows(now: datetime) -> QuerySet[BulkRow]:
    return BulkRow.objects.filter(next_try_at__lte=now)


def _look_ups(now: datetime) -> QuerySet[LookUp]:
    return LookUp.objects.filter(next_try_at__lte=now)


def _heartbeat(name: str) -> Callable[[datetime], QuerySet[Heartbeat]]:
    """The worker of a queue shows its life by running a job: that proves Redis, the worker and the database at once."""
    return lambda now: Heartbeat.objects.filter(name=name, at__lte=now - timing.BEAT_EVERY)


ERRANDS = (
    Errand("leases run out", "look", _leases, "lease_until"),
    Errand("approved, not sent", "pay", _approved, "next_action_at"),
    Errand("doubts and watches", "look", _looks, "next_look_at"),
    Errand("look-ups", "look_up", _look_ups, "next_try_at"),
    Errand("cases decided in bulk", "decide", _bulk_rows, "next_try_at"),
    Errand("mails", "deliver", _mails, "next_try_at"),
    Errand("sign of life of payouts", "beat_payouts", _heartbeat("payouts"), "at"),
    Errand("sign of life of messages", "beat_messages", _heartbeat("messages"), "at"),
)


def run_once() -> dict[str, int]:
    """One pass: nudges what is due, as far as the queues have room. Returns how much is due, by name."""
    now = timezone.now()
    due: dict[str, int] = {}
    for errand in ERRANDS:
        rows = errand.due(now)
        waiting = _not_nudged(rows, now).order_by(errand.oldest_first, "pk")
        pks = list(waiting.values_list("pk", flat=True)[: timing.QUEUE_DEPTH])
        if pks:
            _nudge(errand, rows.model, pks, now)
        due[errand.name] = len(pks)
    return due


def count_due() -> dict[str, int]:
    """How much is due, all of it, nudged or not."""
    now = timezone.now()
    return {errand.name: errand.due(now).count() for errand in ERRANDS}


def watch(*, owner: str) -> list[str]:
    """Raises the alarms there are, and audits what has happened lately: a broken promise pauses all payouts."""
    found = health.problems()
    broken = list(audit.violations(since=timezone.now() - timing.AUDIT_BACK))
    known = Alarm.objects.filter(code="audit").exists()
    if broken:
        what = "; ".join(f"{violation.reference}: {violation.sentence}" for violation in broken[:5])
        if not known:  # once: a person who has seen it and resumes is not overruled
            workflow.pause_automatically(_("A check of the books failed. %(what)s") % {"what": what})
        found = [health.Problem("audit", timezone.now(), what), *found]
    return health.raise_alarms(found, owner=owner)


def _not_nudged(rows: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    again = now - timing.scaled(timing.NUDGE_AGAIN)
    return rows.filter(Q(nudged_at=None) | Q(nudged_at__lte=again))


def _nudge(errand: Errand, model: type[Model], pks: list[int], now: datetime) -> None:
    for pk in pks[: dispatch.room(dispatch.JOBS[errand.job][0])]:
        mine = _not_nudged(model._default_manager.filter(pk=pk), now).update(nudged_at=now)
        if mine and not dispatch.enqueue(errand.job, pk):
            return
