"""What monitoring and staff are told while Redis, the store or the database is down, and that nothing is left of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from refunds import sweep
from refunds.models import Heartbeat, Mail, RefundEvent, StoreHealth
from refunds.states import Status
from tests.chaos.processes import wait_until
from tests.chaos.site import Site, require_valkey
from tests.postgres import Postgres, find
from tests.test_journeys import BY_THE_SWEEP, TIME_SCALE, _valkey, approve, requested, site, status

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["_valkey", "site"]


def said(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/healthz")
    return answer.status_code, answer.json()


def all_is_well(client: Client) -> bool:
    return said(client) == (200, {"status": "ok", "problems": []})


def alarms() -> list[str]:
    """What the mails to staff tell of that were handed over."""
    assert {mail.state for mail in Mail.objects.filter(kind="alarm")} <= {Mail.State.SENT}
    told = RefundEvent.objects.filter(kind="alarm").order_by("pk").values_list("data", flat=True)
    return [problem for data in told for problem in data["problems"]]


def test_without_redis_the_workers_are_missed_until_it_is_back(site: Site, client: Client) -> None:
    wait_until(lambda: all_is_well(client), "All is well", within=BY_THE_SWEEP)
    site.lose_valkey()
    Heartbeat.objects.exclude(name="sweep").update(at=timezone.now() - timedelta(minutes=3))

    told = sweep.watch(owner="test")

    assert told == ["no-payouts", "no-messages"]
    missed = [f"The process “{name}” gives no sign of life." for name in ("payouts", "messages")]
    assert alarms() == missed
    assert said(client) == (503, {"status": "alarm", "problems": missed})
    assert client.get("/readyz").status_code == 200

    site.valkey.start()

    def well_again() -> bool:
        site.revive()
        return all_is_well(client)

    wait_until(well_again, "All is well again", within=BY_THE_SWEEP)


def test_without_the_store_staff_are_told_since_when_and_what_waits(site: Site, client: Client) -> None:
    wait_until(lambda: all_is_well(client), "All is well", within=BY_THE_SWEEP)
    refund_request = requested(site)
    site.store.process.kill()
    approve(refund_request)
    wait_until(lambda: StoreHealth.current().unreachable_since, "The store is missed", within=BY_THE_SWEEP)
    wait_until(lambda: status(refund_request) == Status.APPROVED, "The case waits", within=BY_THE_SWEEP)

    told = sweep.watch(owner="test")

    assert told == ["store"]
    (sentence,) = alarms()
    assert sentence.startswith("The shop does not answer since ")
    assert sentence.endswith("Approved refunds that wait: 1.")

    site.store.start()

    wait_until(lambda: status(refund_request) == Status.REFUNDED, "It is paid after all", within=BY_THE_SWEEP)
    assert all_is_well(client)


# --- The database ----------------------------------------------------------------------------------------------------


@pytest.fixture
def on_postgres(tmp_path: Path, settings: LazySettings) -> Iterator[tuple[Site, Postgres]]:
    """A whole site over a PostgreSQL that can be stopped."""
    require_valkey(tmp_path / "probe")
    if find() is None:
        assert os.environ.get("REQUIRE_POSTGRESQL") != "1", "PostgreSQL is required, and its programs were not found."
        pytest.skip("PostgreSQL's programs were not found.")
    with Postgres(durable=True) as postgres:
        made = Site(tmp_path, database_url=postgres.url, time_scale=TIME_SCALE)
        made.manage("migrate", "--noinput")
        made.add_web()
        made.add_worker("payouts", "payouts")
        made.add_worker("messages", "messages")
        made.add_sweep()
        try:
            made.start()
            yield made, postgres
        finally:
            made.close()


def answer_of(site: Site, path: str) -> tuple[int, str]:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(f"{site.url}/{path}", timeout=30)
        except requests.ConnectionError:
            return 0, "nobody there"
    return answer.status_code, answer.text


def test_without_the_database_monitoring_is_told_and_everybody_waits(on_postgres: tuple[Site, Postgres]) -> None:
    site, postgres = on_postgres

    def is_well() -> bool:
        return answer_of(site, "readyz") == (200, "ok\n") and answer_of(site, "healthz")[0] == 200

    wait_until(is_well, "The site is up", within=BY_THE_SWEEP, every=0.2)
    postgres.stop()

    assert answer_of(site, "readyz") == (503, "The database does not answer.\n")
    assert answer_of(site, "healthz") == (503, '{"status": "alarm", "problems": ["The database does not answer."]}')
    alive = {name for name, process in site.processes.items() if process.alive}

    postgres.start()

    wait_until(is_well, "The site is back", within=BY_THE_SWEEP, every=0.2)
    assert alive == {"web", "payouts", "messages", "sweep"}
