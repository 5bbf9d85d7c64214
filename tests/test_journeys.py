"""The processes alone: real workers, sweep, Valkey and store finish what was approved, whatever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from refunds import money, orders, workflow
from refunds.models import Mail, PayoutAttempt, RefundRequest
from refunds.states import AttemptStatus, Status
from tests.chaos.processes import Process, wait_until
from tests.chaos.site import Site, database_url, require_valkey
from tests.factories import RefundRequestFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

TIME_SCALE = 0.02
"""The lease of a payout is 4.8 seconds then, its call ends after 1.9, and a sweep passes every 40 ms."""
BY_THE_SWEEP = 60.0
"""Seconds. Generous, for a busy machine: what has to happen happens within three or four."""


@pytest.fixture(scope="module")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> None:
    require_valkey(tmp_path_factory.mktemp("probe"))


@pytest.fixture
def site(_valkey: None, tmp_path: Path, settings: LazySettings) -> Iterator[Site]:
    """Valkey, the store, both workers and the sweep, over this test's database."""
    made = Site(tmp_path, database_url=database_url(connection.settings_dict), time_scale=TIME_SCALE)
    settings.STATE_DIR = tmp_path
    settings.REDIS_URL = made.valkey.url
    settings.WOOCOMMERCE_URL = made.store.url
    settings.APPROVAL_HOLD = 0
    made.add_worker("payouts", "payouts")
    made.add_worker("messages", "messages")
    made.add_sweep()
    try:
        made.start()
        yield made
    finally:
        made.close()


def requested(site: Site) -> RefundRequest:
    """A case of 50.00 that waits for a decision, and its order in the store."""
    (made,) = site.store.add_orders([{"total": "50.00", "number": "1001", "billing": {"email": "anna@example.com"}}])
    order = orders.read(made["id"], patience=10)
    line = {order.lines[0].id: 1}
    return RefundRequestFactory.create(order=order, chosen=line, lines=line)


def approve(refund_request: RefundRequest) -> None:
    order = refund_request.order_now.order
    workflow.approve(
        refund_request,
        by=UserFactory.create(is_superuser=True),
        version=refund_request.version,
        breakdown=money.price(order, {order.lines[0].id: 1}),
        api_refund=True,
        restock=True,
    )


def status(refund_request: RefundRequest) -> str:
    return RefundRequest.objects.values_list("status", flat=True).get(pk=refund_request.pk)


def is_sent() -> bool:
    return PayoutAttempt.objects.filter(status=AttemptStatus.SENT).exists()


def wait_for_payout_and_mail(site: Site, refund_request: RefundRequest) -> None:
    """Waits as a supervisor does: a worker whose Redis is lost under a job ends itself, and has to be started again."""

    def told() -> bool:
        site.revive()
        return status(refund_request) == Status.REFUNDED and delivered()

    wait_until(told, "The case is refunded and its mail delivered", within=BY_THE_SWEEP)
    assert [(line["amount"], line["reason"]) for line in site.store.money()] == [
        ("50.00", f"{the_marker()} Arrived damaged")
    ]


def the_marker() -> str:
    return PayoutAttempt.objects.get(status=AttemptStatus.SUCCEEDED).marker


def delivered() -> bool:
    """Whether the customer has been told; staff may have been told of a doubt before."""
    return Mail.objects.get(kind="refunded").state == Mail.State.SENT


def in_mailbox(site: Site, kind: str) -> list[Path]:
    """The mails of a kind that the mail server took."""
    wanted = Mail.objects.get(kind=kind).message_id.encode()
    return [mail for mail in site.mails() if wanted in mail.read_bytes()]


def test_an_approved_case_is_paid_and_its_mail_delivered(site: Site) -> None:
    refund_request = requested(site)

    approve(refund_request)

    wait_for_payout_and_mail(site, refund_request)
    assert site.store.posts() == 1
    assert [b"To: anna@example.com" in mail.read_bytes() for mail in in_mailbox(site, "refunded")] == [True]


def test_an_approval_without_valkey_is_paid_once_it_is_back(site: Site) -> None:
    refund_request = requested(site)
    site.lose_valkey()

    approve(refund_request)
    assert status(refund_request) == Status.APPROVED
    site.valkey.start()

    wait_for_payout_and_mail(site, refund_request)


def test_valkey_that_loses_everything_during_a_payout_costs_nothing(site: Site) -> None:
    refund_request = requested(site)
    site.store.arm(fault="gateway-slow", on="refund.create", delay=1.0)
    approve(refund_request)
    wait_until(is_sent, "The payout is under way")

    site.lose_valkey()
    site.valkey.start()

    wait_for_payout_and_mail(site, refund_request)
    assert site.store.posts() == 1


@pytest.mark.parametrize("kill", [Process.kill, Process.kill_horses, Process.kill_all], ids=["parent", "horse", "both"])
def test_a_worker_killed_during_a_payout_pays_nothing_twice(site: Site, kill: Callable[[Process], Any]) -> None:
    refund_request = requested(site)
    site.store.arm(fault="gateway-slow", on="refund.create", delay=1.0)
    approve(refund_request)
    wait_until(is_sent, "The payout is under way")

    kill(site.processes["payouts"])
    if not site.processes["payouts"].alive:
        site.processes["payouts"].start()

    wait_for_payout_and_mail(site, refund_request)
    assert site.store.posts() == 1


def test_a_worker_killed_before_it_sent_anything_pays_later(site: Site) -> None:
    refund_request = requested(site)
    site.store.arm(fault="slow-before", on="order.view", delay=1.0)
    approve(refund_request)
    wait_until(lambda: PayoutAttempt.objects.filter(status=AttemptStatus.PREPARED).exists(), "The payout is prepared")

    site.processes["payouts"].kill_all()
    site.processes["payouts"].start()

    wait_for_payout_and_mail(site, refund_request)


def test_a_store_that_is_down_is_paid_through_when_it_is_back(site: Site) -> None:
    refund_request = requested(site)
    site.store.process.kill()
    approve(refund_request)
    wait_until(
        lambda: PayoutAttempt.objects.filter(status=AttemptStatus.NOT_SENT).exists(), "A payout that could not be sent"
    )

    site.store.start()

    wait_for_payout_and_mail(site, refund_request)


def test_a_store_killed_after_it_paid_is_believed_and_not_asked_again(site: Site) -> None:
    refund_request = requested(site)
    site.store.arm(fault="slow-after", on="refund.create", delay=1.5)
    approve(refund_request)
    wait_until(site.store.money, "The store has paid")

    site.store.process.kill()
    site.store.start()

    wait_for_payout_and_mail(site, refund_request)
    assert site.store.posts() == 1


def test_a_sweep_and_a_messages_worker_killed_delay_the_mail_only(site: Site) -> None:
    refund_request = requested(site)
    site.processes["messages"].kill_all()
    site.processes["sweep"].kill()
    approve(refund_request)
    wait_until(lambda: status(refund_request) == Status.REFUNDED, "The case is refunded", within=BY_THE_SWEEP)
    assert not delivered()

    site.lose_valkey()
    site.valkey.start()
    site.processes["messages"].start()
    site.processes["sweep"].start()

    wait_for_payout_and_mail(site, refund_request)
