"""A mail to the team when work begins: what waits, what is late, and what comes due today. Once a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from . import mail
from .models import Digest, RefundEvent, RefundRequest, Shop
from .states import OPEN, Status

SHOWN = 10
"""How many of the late cases are named. The queue has them all, the latest first."""


def write_if_due() -> bool:
    """Writes today's summary, once work has begun and if no other sweep has. True if this one did.

    Nothing is written on days off, nor where nothing is open.
    """
    shop, now = Shop.current(), timezone.now()
    local = now.astimezone(shop.calendar.zone)
    if not shop.daily_digest or not shop.calendar.is_open(local.date()) or local.time() < shop.opens_at:
        return False
    if Digest.objects.filter(day=local.date()).exists():
        return False
    with transaction.atomic():
        _digest, made = Digest.objects.get_or_create(day=local.date())
        data = figures(now, shop) if made else {}
        if not data.get("open"):
            return False
        event = RefundEvent.objects.create(kind="digest", actor="sweep", data=data)
        mail.write("digest", event=event, recipient=settings.STAFF_EMAIL)
    return True


def figures(now: datetime, shop: Shop) -> dict[str, Any]:
    """Counts of open cases, and the references of those that have been late for longest."""
    tonight = shop.calendar.end_of_day(now, 0)
    counts: dict[str, Any] = RefundRequest.objects.filter(status__in=OPEN).aggregate(
        open=Count("pk"),
        waiting=Count("pk", filter=Q(status=Status.SUBMITTED)),
        failed=Count("pk", filter=Q(status=Status.FAILED)),
        in_doubt=Count("pk", filter=Q(status=Status.CHECK_NEEDED)),
        overdue=Count("pk", filter=Q(due_at__lte=now)),
        due_today=Count("pk", filter=Q(due_at__gt=now, due_at__lte=tonight)),
    )
    late = RefundRequest.objects.overdue(now).order_by("due_at", "pk")[:SHOWN]
    counts["late"] = [{"reference": case.reference, "hours": _hours(now - case.due_at)} for case in late if case.due_at]
    return counts


def _hours(late: timedelta) -> int:
    return int(late.total_seconds() // 3600)
