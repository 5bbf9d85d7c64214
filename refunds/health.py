"""Whether money waits longer than it should, and whether everything that moves it is alive. From the rows alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import mail, timing
from .models import Alarm, Heartbeat, Mail, RefundEvent, RefundRequest, StoreHealth
from .states import Status

PROCESSES = ("payouts", "messages", "sweep")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should see to, in plain words."""

    code: str
    since: datetime
    message: str


def problems() -> list[Problem]:
    """What is wrong now, most urgent first."""
    now = timezone.now()
    return [*_money_that_waits(now), *_store(now), *_dead_processes(now), *_mails_that_wait(now)]


def _money_that_waits(now: datetime) -> Iterator[Problem]:
    doubts = RefundEvent.objects.filter(
        to_status=Status.CHECK_NEEDED,
        refund_request__status=Status.CHECK_NEEDED,
        at__lt=now - timing.scaled(timing.ALARM_DOUBT),
    ).aggregate(count=Count("refund_request", distinct=True), oldest=Min("at"))
    if doubts["count"]:
        yield Problem(
            "doubts",
            doubts["oldest"],
            ngettext(
                "%(count)s payout is in doubt and waits for a person to look at the payment provider.",
                "%(count)s payouts are in doubt and wait for a person to look at the payment provider.",
                doubts["count"],
            )
            % doubts,
        )
    half_approved = RefundRequest.objects.filter(
        status=Status.SUBMITTED, needs_second=True, decided_at__lt=now - timing.scaled(timing.ALARM_FAILED)
    ).aggregate(count=Count("pk"), oldest=Min("decided_at"))
    if half_approved["count"]:
        words = _("Requests that wait for a second approval: %(count)s.")
        yield Problem("second", half_approved["oldest"], words % half_approved)
    for status, wait, words in _waits():
        waiting = RefundRequest.objects.filter(status=status, decided_at__lt=now - timing.scaled(wait)).aggregate(
            count=Count("pk"), oldest=Min("decided_at")
        )
        if waiting["count"]:
            yield Problem(status.value, waiting["oldest"], words % waiting)


def _waits() -> tuple[tuple[Status, timedelta, str], ...]:
    return (
        (Status.APPROVED, timing.ALARM_APPROVED, _("Approved refunds that are not on their way: %(count)s.")),
        (Status.SENDING, timing.ALARM_APPROVED, _("Refunds that have been on their way for too long: %(count)s.")),
        (Status.FAILED, timing.ALARM_FAILED, _("Approved refunds that failed and wait for a person: %(count)s.")),
    )


def _store(now: datetime) -> Iterator[Problem]:
    health = StoreHealth.current()
    waiting = RefundRequest.objects.filter(status=Status.APPROVED).count()
    if health.payouts_paused_at is not None:
        yield Problem(
            "paused",
            health.payouts_paused_at,
            _("Payouts are paused: %(reason)s Approved refunds that wait: %(count)s.")
            % {"reason": health.pause_reason.rstrip(".") + ".", "count": waiting},
        )
    if health.unreachable_since is not None:
        yield Problem(
            "store",
            health.unreachable_since,
            _("The shop does not answer since %(time)s (%(reason)s) Approved refunds that wait: %(count)s.")
            % {
                "time": date_format(timezone.localtime(health.unreachable_since), "H:i"),
                "reason": health.breaker_reason,
                "count": waiting,
            },
        )


def _dead_processes(now: datetime) -> Iterator[Problem]:
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    for name in PROCESSES:
        at = beats.get(name)
        if at is None or at < now - timing.ALARM_HEARTBEAT:
            yield Problem(f"no-{name}", at or now, _("The process “%(name)s” gives no sign of life.") % {"name": name})


def _mails_that_wait(now: datetime) -> Iterator[Problem]:
    late = Mail.objects.filter(
        next_try_at__isnull=False, created_at__lt=now - timing.scaled(timing.ALARM_MAIL)
    ).aggregate(count=Count("pk"), oldest=Min("created_at"))
    if late["count"]:
        yield Problem("mails", late["oldest"], _("Mails that could not be delivered yet: %(count)s.") % late)
    lost = Mail.objects.filter(state=Mail.State.FAILED).aggregate(count=Count("pk"), oldest=Min("created_at"))
    if lost["count"]:
        yield Problem("lost-mails", lost["oldest"], _("Mails that were given up: %(count)s. Send them again.") % lost)


# --- Signs of life ---------------------------------------------------------------------------------------------------


def beat(heartbeat_id: int) -> None:
    Heartbeat.objects.filter(pk=heartbeat_id).update(at=timezone.now())


def beat_of_sweep() -> None:
    """Written a few times a minute, not with every pass."""
    now = timezone.now()
    for name in PROCESSES:
        # A process that was never seen has as long as any other before it is missed.
        Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    Heartbeat.objects.filter(name="sweep", at__lte=now - timing.BEAT_EVERY).update(at=now)


# --- Alarms ----------------------------------------------------------------------------------------------------------


def raise_alarms(found: list[Problem], *, owner: str) -> list[str]:
    """Tells staff of every problem that is new, and of lasting ones again after some hours. Returns the codes told.

    The mail is delivered here and now: the worker that delivers mails may be what is dead.
    """
    now = timezone.now()
    Alarm.objects.exclude(code__in=[problem.code for problem in found]).delete()
    due = [problem for problem in found if _claim_alarm(problem, now)]
    if due:
        with transaction.atomic():
            event = RefundEvent.objects.create(
                kind="alarm", actor="sweep", data={"problems": [problem.message for problem in due]}
            )
            written = mail.write("alarm", event=event, recipient=settings.STAFF_EMAIL)
        mail.deliver(written.pk, owner=owner)
    return [problem.code for problem in due]


def _claim_alarm(problem: Problem, now: datetime) -> bool:
    """True for the one sweep that tells of it."""
    alarm, made = Alarm.objects.get_or_create(code=problem.code, defaults={"since": problem.since, "told_at": now})
    if made:
        return True
    again = now - timing.scaled(timing.ALARM_AGAIN)
    return bool(Alarm.objects.filter(pk=alarm.pk, told_at__lte=again).update(told_at=now))
