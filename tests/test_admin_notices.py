"""What is wrong is said on every staff page, in plain words, with the way to where it is seen to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from refunds import breaker, workflow
from refunds.admin.notices import PLACES, notices
from refunds.models import Heartbeat, RefundRequest
from refunds.states import Status
from tests.desk import Page, all_is_well
from tests.factories import UserFactory, agent, approver
from tests.test_admin_mails import a_mail
from tests.test_admin_queue import a_case

pytestmark = pytest.mark.django_db

QUEUE = "/staff/refunds/refundrequest/"


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(agent())


@pytest.fixture(autouse=True)
def _well() -> None:
    all_is_well()


def said(client: Client, url: str = QUEUE) -> list[tuple[str, str, str]]:
    page = Page(client.get(url))
    assert page.status == 200
    return [(notice.tone, notice.text, notice.url) for notice in page.context["notices"]]


def failed(case: RefundRequest, **ago: Any) -> None:
    fields = {"decided_by": approver(), "decided_at": timezone.now() - timedelta(**ago)}
    RefundRequest.objects.filter(pk=case.pk).update(**fields)


def test_nothing_is_said_where_nothing_is_wrong(client: Client) -> None:
    a_case()

    page = Page(client.get(QUEUE))

    assert page.context["notices"] == []
    assert 'class="notice' not in page.html


def test_paused_payouts_are_said_with_the_way_to_the_switch(client: Client) -> None:
    a_case(Status.APPROVED)
    workflow.pause(by=approver(), reason="Bank holiday")

    assert said(client) == [
        ("attention", "Payouts are paused: Bank holiday. Approved refunds that wait: 1.", "/staff/payouts/")
    ]


def test_a_store_that_does_not_answer_is_said(client: Client) -> None:
    with time_machine.travel("2026-05-03 14:05:10+00:00", tick=False):
        breaker.failed("The store cannot be reached.")

    assert said(client) == [
        (
            "problem",
            "The shop does not answer since 14:05 (The store cannot be reached.) Approved refunds that wait: 0.",
            "",
        )
    ]


def test_what_failed_and_waits_is_said_with_its_age(client: Client) -> None:
    failed(a_case(Status.FAILED), hours=7)

    page = Page(client.get(QUEUE))

    (notice,) = page.context["notices"]
    assert notice.text == "Approved refunds that failed and wait for a person: 1."
    assert (notice.url, notice.since.age) == ("/staff/refunds/refundrequest/?state=failed", "7 h")
    assert '<a href="/staff/refunds/refundrequest/?state=failed">Show</a>' in page.html


def test_mails_that_were_given_up_lead_to_the_mails(client: Client) -> None:
    a_mail(state="failed")

    assert said(client) == [
        ("attention", "Mails that were given up: 1. Send them again.", "/staff/refunds/mail/?state__exact=failed")
    ]


def test_a_process_that_is_dead_is_said(client: Client) -> None:
    Heartbeat.objects.filter(name="payouts").update(at=timezone.now() - timedelta(hours=1))

    assert said(client) == [("problem", "The process “payouts” gives no sign of life.", "")]


def test_every_page_says_it(client: Client) -> None:
    a_mail(state="failed")

    for url in ("/staff/", QUEUE, "/staff/refunds/mail/", "/staff/payouts/"):
        assert (url, len(said(client, url))) == (url, 1)


def test_who_has_no_business_with_refunds_is_told_nothing(client: Client) -> None:
    a_mail(state="failed")
    client.force_login(UserFactory.create())

    assert said(client, "/staff/") == []


def test_nobody_is_shown_a_way_that_is_closed_to_them(client: Client) -> None:
    a_mail(state="failed")
    client.force_login(UserFactory.create(permissions=["change_shop"]))

    assert said(client, "/staff/") == [("attention", "Mails that were given up: 1. Send them again.", "")]


@pytest.mark.parametrize("rows", [1, 50])
def test_it_costs_the_same_however_much_is_wrong(rows: int) -> None:
    user = agent()
    user.has_module_perms("refunds")
    for _unused in range(rows):
        failed(a_case(Status.FAILED), hours=7)
        a_mail(state="failed")
    workflow.pause(by=approver(), reason="Bank holiday")

    with CaptureQueriesContext(connection) as queries:
        assert len(notices(user)) == 3

    assert len(queries) == 2


@pytest.mark.parametrize("code", PLACES)
def test_every_way_leads_somewhere(client: Client, code: str) -> None:
    page, query = PLACES[code]

    answer = client.get(reverse(f"admin:{page}") + query)

    assert answer.status_code == 200
