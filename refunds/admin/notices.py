"""What is wrong at this moment, for the top of every staff page, and where to see to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone

from .. import health
from ..health import Problem
from .show import Moment

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

CASES, MAILS, PAYOUTS = "refunds_refundrequest_changelist", "refunds_mail_changelist", "payouts"
PERMISSIONS: Mapping[str, str] = {
    CASES: "refunds.view_refundrequest",
    MAILS: "refunds.view_mail",
    PAYOUTS: "refunds.view_refundrequest",
}
PLACES: Mapping[str, tuple[str, str]] = {
    "doubts": (CASES, "?state=check_needed"),
    "second": (CASES, "?state=submitted"),
    "approved": (CASES, "?state=approved"),
    "sending": (CASES, "?state=sending"),
    "failed": (CASES, "?state=failed"),
    "paused": (PAYOUTS, ""),
    "mails": (MAILS, "?state__exact=pending"),
    "lost-mails": (MAILS, "?state__exact=failed"),
}
"""Where a problem is seen to. What is not here, nobody mends on the desk."""
ORDINARY = frozenset({"second", "failed", "paused", "mails", "lost-mails"})
"""Waits for somebody, but nothing is broken."""


@dataclass(frozen=True, slots=True)
class Notice:
    tone: str
    text: str
    since: Moment | None
    """None if it has only just been noticed."""
    url: str


def notices(user: User | AnonymousUser) -> list[Notice]:
    """Nothing in the ordinary case, and nothing for those who have no business with refunds."""
    if not user.has_module_perms("refunds"):
        return []
    now = timezone.now()
    return [_notice(problem, user, now) for problem in health.problems()]


def _notice(problem: Problem, user: User | AnonymousUser, now: datetime) -> Notice:
    tone = "attention" if problem.code in ORDINARY else "problem"
    since = Moment(problem.since, now) if problem.since <= now - timedelta(minutes=1) else None
    return Notice(tone, problem.message, since, _url(problem.code, user))


def _url(code: str, user: User | AnonymousUser) -> str:
    page, query = PLACES.get(code, ("", ""))
    return reverse(f"admin:{page}") + query if page and user.has_perm(PERMISSIONS[page]) else ""
