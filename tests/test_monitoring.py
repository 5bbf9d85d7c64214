"""The three pages that monitoring asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from refunds import health, workflow
from refunds.models import Heartbeat
from tests.test_sweep import alive, approved

pytestmark = pytest.mark.django_db

TOKEN = {"Authorization": "Bearer a-token"}


def figures(client: Client) -> dict[tuple[str, str], float]:
    """Every figure by its name and its label."""
    text = client.get("/metrics", headers=TOKEN).text
    families = text_string_to_metric_families(text)
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_monitoring_needs_no_name_and_no_cache_keeps_the_answer(client: Client, path: str) -> None:
    alive()

    answer = client.get(path)

    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer another"}, {"Authorization": "Bearer "}])
def test_figures_are_shown_to_whoever_has_the_token(
    client: Client, settings: LazySettings, given: dict[str, str]
) -> None:
    settings.METRICS_TOKEN = "a-token"

    assert client.get("/metrics", headers=given).status_code == 404


def test_without_a_token_set_there_are_no_figures(client: Client, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_figures_tell_what_waits_and_for_how_long(client: Client, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "a-token"
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        health.beat_of_sweep()
        approved()
    Heartbeat.objects.filter(name="payouts").update(at=start - timedelta(seconds=60))

    with time_machine.travel(start + timedelta(seconds=30), tick=False):
        found = figures(client)
        workflow.pause_automatically("test")
        paused = figures(client)

    assert found["refunds_open_cases", "approved"] == 1
    assert found["refunds_open_cases", "check_needed"] == 0
    assert found["refunds_oldest_case_age_seconds", "approved"] == 30
    assert found["refunds_due", "approved, not sent"] == 1
    assert found["refunds_heartbeat_age_seconds", "payouts"] == 90
    assert (found["refunds_payouts_paused", ""], paused["refunds_payouts_paused", ""]) == (0, 1)
    assert paused["refunds_due", "approved, not sent"] == 0
    assert found["refunds_store_unreachable", ""] == 0
