"""Figures for Prometheus, from the database alone: reading RQ's own registries would change them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from . import sweep
from .models import Heartbeat, Mail, RefundRequest, StoreHealth
from .states import OPEN, Status


class _Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        yield from _cases(now)
        yield _by("refunds_due", "Rows that are due now", "kind", sweep.count_due())
        yield _by("refunds_mails", "Mails by state", "state", _counts())
        beats = Heartbeat.objects.exclude(at=None).values_list("name", "at")
        yield _by(
            "refunds_heartbeat_age_seconds", "Last sign of life", "process", {n: _age(at, now) for n, at in beats}
        )
        health = StoreHealth.current()
        yield _one("refunds_payouts_paused", "1 while payouts are paused", health.payouts_paused_at is not None)
        yield _one(
            "refunds_store_unreachable", "1 while the store does not answer", health.unreachable_since is not None
        )


def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(_Figures())
    return made


def _cases(now: datetime) -> Iterator[Metric]:
    """Of open cases only: closed ones may be millions."""
    rows = {
        row["status"]: row
        for row in RefundRequest.objects.open().values("status").annotate(count=Count("pk"), oldest=Min("created_at"))
    }
    states = [status for status in Status if status in OPEN]
    counts = {status.value: rows[status]["count"] if status in rows else 0 for status in states}
    ages = {status.value: _age(rows[status]["oldest"], now) if status in rows else 0.0 for status in states}
    yield _by("refunds_open_cases", "Open cases by state", "state", counts)
    yield _by("refunds_oldest_case_age_seconds", "Age of the oldest open case by state", "state", ages)


def _counts() -> dict[str, int]:
    undelivered = Mail.objects.exclude(state=Mail.State.SENT).values("state").annotate(count=Count("pk"))
    return {row["state"]: row["count"] for row in undelivered}


def _age(at: datetime | None, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0) if at else 0.0


def _by(name: str, help_text: str, label: str, values: dict[str, int] | dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _one(name: str, help_text: str, value: bool) -> Metric:
    return GaugeMetricFamily(name, help_text, value=int(value))
