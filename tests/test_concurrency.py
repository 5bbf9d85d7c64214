"""Everybody at once on the same cases: exactly one payout each, whoever wins, and nobody is locked out."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection, connections

from portal.sandbox.store import SandboxStore
from refunds import limits, orders, payout, photos, workflow
from refunds.models import Mail, Message, Photo, RefundRequest, Shop
from refunds.states import Status
from tests.chaos import blows
from tests.chaos.processes import ROOT
from tests.chaos.site import Site, database_url
from tests.factories import RefundRequestFactory, UserFactory
from tests.test_photos import picture, upload

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 32
PROCESSES = 8
WITHIN = 90
Item, Result = TypeVar("Item"), TypeVar("Result")


@pytest.fixture(autouse=True)
def _shortened(settings: LazySettings, tmp_path: Path) -> None:
    """A second refund of an order looks again after one second instead of ten. Nudges go nowhere."""
    settings.TIME_SCALE = 0.1
    settings.REDIS_URL = f"unix://{tmp_path / 'none.sock'}"


@pytest.fixture
def _postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Threads need PostgreSQL: in SQLite a thread that waits for the lock blocks all others here.")


@pytest.fixture
def by() -> User:
    made: User = UserFactory.create(is_superuser=True)
    return made


def requested(sandbox: SandboxStore, totals: list[str]) -> list[RefundRequest]:
    """One case for each line of one order."""
    made = sandbox.add_order(
        number="1001", billing={"email": "anna@example.com"}, line_items=[{"total": total} for total in totals]
    )
    order = orders.read(made["id"], patience=10)
    return [RefundRequestFactory.create(order=order, chosen={line.id: 1}, lines={line.id: 1}) for line in order.lines]


def at_once(work: Callable[[], object]) -> list[object]:
    """`work` in all threads in the same moment; what each returned, or the exception it ended in."""
    barrier = threading.Barrier(THREADS)

    def one(_unused: int) -> object:
        barrier.wait()
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - judged by the test
            return error
        finally:
            connections.close_all()

    return together(one, range(THREADS))


def together(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(work, items))


def assert_each_is_paid_once(sandbox: SandboxStore, cases: list[RefundRequest]) -> None:
    statuses = RefundRequest.objects.values_list("status", flat=True)
    posts = [call["status"] for call in sandbox.calls if call["call"] == "refund.create"]
    paid = Counter(line["reason"].partition(" ")[0].rpartition("-")[0] for line in sandbox.money)
    assert list(statuses) == [Status.REFUNDED] * len(cases)
    assert posts == [201] * len(cases)
    assert paid == {case.reference: 1 for case in cases}
    assert sum(Decimal(line["amount"]) for line in sandbox.money) == sum(case.requested_amount for case in cases)
    assert sorted(Mail.objects.filter(kind="refunded").values_list("refund_request", flat=True)) == [
        case.pk for case in cases
    ]


# --- Threads ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_postgresql")
def test_one_of_many_approvals_counts(sandbox: SandboxStore, by: User) -> None:
    (case,) = requested(sandbox, ["50.00"])

    ended = at_once(lambda: blows.approve(case.pk, by.pk))

    assert Counter(type(end) for end in ended if end is not None).keys() <= {workflow.NotAllowed, workflow.LostRace}
    assert ended.count(None) == 1
    assert list(case.events.values_list("kind", flat=True)) == ["approved"]


@pytest.mark.usefixtures("_postgresql")
def test_many_workers_pay_one_case_once(sandbox: SandboxStore, by: User) -> None:
    (case,) = requested(sandbox, ["50.00"])
    blows.approve(case.pk, by.pk)

    ended = at_once(lambda: payout.pay(case.pk))

    assert ended == [None] * THREADS
    assert_each_is_paid_once(sandbox, [case])


@pytest.mark.usefixtures("_postgresql")
@pytest.mark.parametrize("totals", [["50.00"], ["30.00", "20.00"]], ids=["one case", "two of one order"])
def test_threads_that_do_everything_at_once_pay_once(sandbox: SandboxStore, by: User, totals: list[str]) -> None:
    cases = requested(sandbox, totals)

    ended = at_once(lambda: blows.strike_until_refunded([case.pk for case in cases], user_pk=by.pk, within=WITHIN))

    assert ended == [[]] * THREADS
    assert_each_is_paid_once(sandbox, cases)


@pytest.mark.usefixtures("_postgresql")
def test_no_crowd_of_photos_gets_past_the_limit() -> None:
    Shop.objects.create(pk=1, photos_per_case=5)
    case, data = RefundRequestFactory.create(), picture()

    ended = at_once(lambda: photos.add(upload(data), refund_request=case))

    assert Counter(type(end) for end in ended) == {Photo: 5, photos.BadPhoto: THREADS - 5}
    assert Photo.objects.count() == 5


@pytest.mark.usefixtures("_postgresql")
def test_no_crowd_of_messages_gets_past_the_limit() -> None:
    Shop.objects.create(pk=1, per_case_and_hour=5)
    case = RefundRequestFactory.create()

    ended = at_once(lambda: workflow.write_back(RefundRequest.objects.get(pk=case.pk), text="Where is it?"))

    assert Counter(type(end) for end in ended) == {Message: 5, limits.TooMany: THREADS - 5}
    assert (Message.objects.count(), Mail.objects.count()) == (5, 5)


# --- Processes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("totals", [["50.00"], ["30.00", "20.00"]], ids=["one case", "two of one order"])
def test_processes_that_do_everything_at_once_pay_once(
    sandbox: SandboxStore, by: User, totals: list[str], tmp_path: Path
) -> None:
    cases = requested(sandbox, totals)
    site = Site(tmp_path, database_url=database_url(connection.settings_dict), time_scale=0.1)
    command = [sys.executable, "-m", "tests.chaos.hammer", "--within", str(WITHIN), "--user", str(by.pk)]
    processes = [
        subprocess.Popen(
            [*command, *(str(case.pk) for case in cases)],
            cwd=ROOT,
            env={**site.environment, "WOOCOMMERCE_URL": sandbox.base_url, "LOG_LEVEL": "ERROR"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _unused in range(PROCESSES)
    ]
    ready = [process.stdout.readline().strip() for process in processes if process.stdout]

    said = together(lambda process: process.communicate("go\n", timeout=2 * WITHIN)[0].strip(), processes)

    assert ready == ["ready"] * PROCESSES
    assert said == [""] * PROCESSES
    assert_each_is_paid_once(sandbox, cases)
