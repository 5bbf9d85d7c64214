"""An old backup is restored: what was paid after it was made is found in the store, and nothing is paid twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import audit, orders, payout, reconcile, sweep, workflow
from refunds.models import RefundEvent, RefundRequest
from refunds.states import Status
from tests.factories import UserFactory
from tests.test_payout import approved, in_store, paid

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = ["refunds", "auth", "contenttypes"]


def restore(backup: Path) -> None:
    """As an administrator does: the tables are emptied and filled from the file."""
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        names = [name for name in connection.introspection.table_names() if name.startswith("refunds_")]
        for statement in connection.ops.sql_flush(_plain(), names, allow_cascade=True):
            cursor.execute(statement)
    call_command("loaddata", str(backup), verbosity=0)


def _plain() -> object:
    return type("Style", (), {"SQL_KEYWORD": str, "SQL_FIELD": str, "SQL_TABLE": str})()


def test_after_a_restore_nothing_is_paid_twice(sandbox: SandboxStore, tmp_path: Path) -> None:
    by = UserFactory.create(is_superuser=True)
    before, between, waiting = (approved(sandbox, in_store(sandbox, number=f"{n}"), by=by) for n in (1, 2, 3))
    payout.pay(before.pk)
    workflow.pause(by=by, reason="before the backup")
    backup = tmp_path / "backup.json"
    call_command("dumpdata", *TABLES, output=str(backup), verbosity=0)
    workflow.resume(by=by)
    payout.pay(between.pk)
    late = approved(sandbox, in_store(sandbox, number="4"), by=by)
    payout.pay(late.pk)
    assert paid(sandbox) == ["50.00"] * 3

    restore(backup)
    orders._connect.cache_clear()
    assert RefundEvent.objects.filter(kind="payouts_paused").exists()
    workflow.resume(by=by)
    for minutes in range(0, 30, 5):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            for errand in sweep.ERRANDS:
                for pk in list(errand.due(timezone.now()).values_list("pk", flat=True)):
                    {"pay": payout.pay, "look": reconcile.look}.get(errand.job, lambda _pk: None)(pk)

    assert paid(sandbox) == ["50.00"] * 4
    states = dict(RefundRequest.objects.values_list("order_number", "status"))
    assert states == {"1": Status.REFUNDED, "2": Status.REFUNDED, "3": Status.REFUNDED}
    assert waiting.reference in {row["reason"].rpartition("-")[0] for row in sandbox.refunds(waiting.order_id)}
    assert list(audit.violations()) == []
