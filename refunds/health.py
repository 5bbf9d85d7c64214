"""Whether money waits longer than it should, and whether everything that moves it is alive. From the rows alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Func, Min, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import mail, timing
from .models import Alarm, Heartbeat, Mail, RefundEvent, RefundRequest, StoreHealth
from .states import OPEN, Status

PROCESSES = ("payouts", "messages", "sweep")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should see to, in plain words."""

    code: str
    since: datetime
    message: str


def problems() -> list[Problem]:
    """What is wrong now, most urgent first. Two queries, whatever is wrong: it stands on every page of staff."""
    now = timezone.now()
    rest = _rest(now)
    cases = _cases(now) | {"doubts_count": rest.doubts_count, "doubts_oldest": rest.doubts_oldest}
    return [*_money_that_waits(cases), *_store(rest, cases["approved"]), *_dead_processes(rest, now), *_mails(rest)]


@dataclass(frozen=True, slots=True)
class Wait:
    """Decided cases in one state that should not last longer than `at_most`."""

    code: str
    status: Status
    at_most: timedelta


WAITS = (
    Wait("second", Status.SUBMITTED, timing.ALARM_FAILED),
    Wait("approved", Status.APPROVED, timing.ALARM_APPROVED),
    Wait("sending", Status.SENDING, timing.ALARM_APPROVED),
    Wait("failed", Status.FAILED, timing.ALARM_FAILED),
)


def _cases(now: datetime) -> dict[str, Any]:
    """How many wait too long and since when, as `<code>_count` and `<code>_oldest`; `approved` are all of those."""
    figures: dict[str, Any] = {"approved": Count("pk", filter=Q(status=Status.APPROVED))}
    for wait in WAITS:
        late = Q(status=wait.status, decided_at__lt=now - timing.scaled(wait.at_most))
        if wait.code == "second":
            late &= Q(needs_second=True)
        figures[f"{wait.code}_count"] = Count("pk", filter=late)
        figures[f"{wait.code}_oldest"] = Min("decided_at", filter=late)
    return RefundRequest.objects.filter(status__in=sorted(OPEN)).aggregate(**figures)


def _alone(function: str, column: str, rows: QuerySet[Any], **how: Any) -> Subquery:
    """One figure over rows, as a part of another query."""
    figure = Func(F(column), function=function, **how)
    return Subquery(rows.order_by().annotate(figure=figure).values("figure"))


def _money_that_waits(cases: dict[str, Any]) -> Iterator[Problem]:
    for code in ("doubts", *(wait.code for wait in WAITS)):
        if count := cases[f"{code}_count"]:
            yield Problem(code, cases[f"{code}_oldest"], _words(code, count))


def _words(code: str, count: int) -> str:
    words = {
        "doubts": ngettext(
            "%(count)s payout is in doubt and waits for a person to look at the payment provider.",
            "%(count)s payouts are in doubt and wait for a person to look at the payment provider.",
            count,
        ),
        "second": _("Requests that wait for a second approval: %(count)s."),
        "approved": _("Approved refunds that are not on their way: %(count)s."),
        "sending": _("Refunds that have been on their way for too long: %(count)s."),
        "failed": _("Approved refunds that failed and wait for a person: %(count)s."),
    }
    return words[code] % {"count": count}


def _rest(now: datetime) -> Any:
    """The store's row with the signs of life, as `beat_<process>`, and with figures of doubts and of mails."""
    late = Mail.objects.filter(next_try_at__isnull=False, created_at__lt=now - timing.scaled(timing.ALARM_MAIL))
    lost = Mail.objects.filter(state=Mail.State.FAILED)
    figures: dict[str, Any] = {
        f"beat_{name}": Subquery(Heartbeat.objects.filter(name=name).values("at")) for name in PROCESSES
    }
    doubts = RefundEvent.objects.filter(
        to_status=Status.CHECK_NEEDED,
        refund_request__status=Status.CHECK_NEEDED,
        at__lt=now - timing.scaled(timing.ALARM_DOUBT),
    )
    # A case can have been in doubt more than once.
    each_once = {"template": "%(function)s(DISTINCT %(expressions)s)"}
    figures["doubts_count"] = _alone("COUNT", "refund_request", doubts, **each_once)
    figures["doubts_oldest"] = _alone("MIN", "at", doubts)
    for name, rows in (("late", late), ("lost", lost)):
        figures[f"{name}_count"] = _alone("COUNT", "pk", rows)
        figures[f"{name}_oldest"] = _alone("MIN", "created_at", rows)
    found = StoreHealth.objects.annotate(**figures)
    return found.filter(pk=1).first() or found.get(pk=StoreHealth.current().pk)


def _store(health: StoreHealth, waiting: int) -> Iterator[Problem]:
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


def _dead_processes(rest: Any, now: datetime) -> Iterator[Problem]:
    for name in PROCESSES:
        at = getattr(rest, f"beat_{name}")
        if at is None or at < now - timing.ALARM_HEARTBEAT:
            yield Problem(f"no-{name}", at or now, _("The process “%(name)s” gives no sign of life.") % {"name": name})


def _mails(rest: Any) -> Iterator[Problem]:
    if rest.late_count:
        words = _("Mails that could not be delivered yet: %(count)s.")
        yield Problem("mails", rest.late_oldest, words % {"count": rest.late_count})
    if rest.lost_count:
        words = _("Mails that were given up: %(count)s. Send them again.")
        yield Problem("lost-mails", rest.lost_oldest, words % {"count": rest.lost_count})


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
