"""Where a request stands, in words that are true in every state."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from refunds import links, money, words, workflow
from refunds.models import DeclineReason, LookUp, Mail, PayoutAttempt, RefundEvent, RefundRequest, Shop
from refunds.states import Status
from refunds.woocommerce.types import Outcome, StoreRefund, Verdict
from tests.factories import LookUpFactory, RefundRequestFactory, approver

pytestmark = pytest.mark.django_db

NOW = "2026-05-04 12:00:00Z"
"""A Monday."""


@pytest.fixture(autouse=True)
def _plain(settings: Any) -> None:
    settings.APPROVAL_HOLD = 0
    Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


@pytest.fixture
def boss() -> User:
    return approver()


def submitted() -> RefundRequest:
    look_up: LookUp = LookUpFactory.create()
    return workflow.submit(look_up, chosen={11: 2, 12: 1}, reason="damaged", note="A hole & a <stain>.")


def approved(boss: User, amount: str = "41.20", *, api_refund: bool = True) -> RefundRequest:
    refund_request = submitted()
    breakdown = money.lower(money.price(refund_request.order_now.order, {11: 2, 12: 1}), Decimal(amount))
    workflow.approve(
        refund_request,
        by=boss,
        version=refund_request.version,
        breakdown=breakdown,
        api_refund=api_refund,
        restock=False,
        manual_reference="" if api_refund else "SEPA 4711",
    )
    return refund_request


def claimed(refund_request: RefundRequest) -> PayoutAttempt:
    attempt = workflow.claim(refund_request.pk, owner="test")
    assert attempt is not None
    return attempt


def sent(refund_request: RefundRequest) -> PayoutAttempt:
    attempt = claimed(refund_request)
    assert workflow.write_ahead(attempt, refund_ids=[], refunded=Decimal(0))
    return attempt


def paid(refund_request: RefundRequest) -> RefundRequest:
    attempt = sent(refund_request)
    store_refund = StoreRefund(1020, refund_request.order_id, attempt.amount, attempt.marker, True)
    workflow.record(attempt, Outcome(Verdict.ACCEPTED, "rule", store_refund=store_refund))
    return fresh(refund_request)


def answered(refund_request: RefundRequest, verdict: Verdict) -> RefundRequest:
    workflow.record(sent(refund_request), Outcome(verdict, "rule"))
    return fresh(refund_request)


def declined(boss: User) -> RefundRequest:
    refund_request = submitted()
    workflow.decline(
        refund_request,
        by=boss,
        version=refund_request.version,
        decline_reason=DeclineReason.USED,
        words="It was washed at 60 °C.",
    )
    return refund_request


def fresh(refund_request: RefundRequest) -> RefundRequest:
    return RefundRequest.objects.get(pk=refund_request.pk)


def seen(client: Client, refund_request: RefundRequest) -> str:
    """The words of the page, without its markup."""
    html = client.get(links.status_path(refund_request)).content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def section(page: str, start: str, end: str) -> str:
    return page[page.index(start) : page.index(end)].strip()


STATES: list[tuple[str, Callable[[User], RefundRequest], str]] = [
    (
        "submitted",
        lambda boss: submitted(),
        "We have your request. We answer within 2 working days, by May 6, 2026. You need not do anything until then.",
    ),
    (
        "approved",
        approved,
        "Approved: EUR 41.20. It is being prepared. We write to you as soon as the refund is issued.",
    ),
    (
        "sending",
        lambda boss: fresh(claimed(approved(boss)).refund_request),
        "Approved: EUR 41.20. It is being paid now. We write to you as soon as the refund is issued.",
    ),
    (
        "refunded",
        lambda boss: paid(approved(boss)),
        "Refund of EUR 41.20 issued on May 4, 2026. It goes back the way you paid: Test Pay (card). "
        "Banks usually show it within 5 to 10 working days. "
        "If you do not see it by May 18, 2026, ask your bank first, then write to us.",
    ),
    (
        "refunded by hand",
        lambda boss: paid(approved(boss, api_refund=False)),
        "Refund of EUR 41.20 issued on May 4, 2026. "
        "We made this payment by hand, by bank transfer or as agreed with you. "
        "Banks usually show it within 5 to 10 working days. "
        "If you do not see it by May 18, 2026, ask your bank first, then write to us.",
    ),
    (
        "failed",
        lambda boss: answered(approved(boss), Verdict.GATEWAY_REFUSED),
        "Approved. We are checking the payment. We are making sure with the payment provider that it is paid once and "
        "correctly. This can take a few days. You need not do anything. We write to you as soon as we know more.",
    ),
    (
        "check_needed",
        lambda boss: answered(approved(boss), Verdict.IN_DOUBT),
        "Approved. We are checking the payment. We are making sure with the payment provider that it is paid once and "
        "correctly. This can take a few days. You need not do anything. We write to you as soon as we know more.",
    ),
    (
        "declined",
        declined,
        "We cannot refund this. It was washed at 60 °C. If you see it differently, write to us below.",
    ),
]


@pytest.mark.parametrize(("_state", "make", "expected"), STATES, ids=[state for state, _make, _words in STATES])
def test_every_state_says_what_is_true(
    client: Client, boss: User, _state: str, make: Callable[[User], RefundRequest], expected: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        page = seen(client, make(boss)).replace("\u00a0", " ")

    assert expected in page


@pytest.mark.parametrize("status", Status)
def test_every_status_has_words(status: Status) -> None:
    refund_request = RefundRequestFactory.create()
    refund_request.status = status

    assert words.state(refund_request, Shop.current()).headline


def test_late_answer_is_owned_up_to(client: Client) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        refund_request = submitted()
        clock.shift(timedelta(days=3))

        page = seen(client, refund_request)

    assert "It is taking us longer than the 2 working days we promised." in page
    assert "We answer within" not in page


def test_working_days_skip_the_week_end() -> None:
    friday = timezone.now().replace(year=2026, month=5, day=8, hour=12)

    assert words.day(words.working_days_after(friday, 2)) == "May 12, 2026"


def test_page_costs_six_queries(client: Client, boss: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    refund_request = paid(approved(boss))

    with django_assert_num_queries(6):
        client.get(links.status_path(refund_request))


def test_asked_and_decided_stand_side_by_side(client: Client, boss: User) -> None:
    page = seen(client, approved(boss)).replace("\u00a0", " ")

    assert "You asked for EUR 53.55 Approved EUR 41.20" in page
    assert "2 × T-Shirt EUR 47.60 Parcel EUR 5.95" in page
    assert "A hole & a <stain>." in page


def test_what_colleagues_propose_is_not_shown(client: Client, boss: User) -> None:
    refund_request = submitted()
    breakdown = money.lower(money.price(refund_request.order_now.order, {11: 2, 12: 1}), Decimal("12.34"))
    workflow.edit_amount(refund_request, by=boss, version=refund_request.version, breakdown=breakdown)

    page = seen(client, refund_request)

    assert "12.34" not in page
    assert "Approved" not in page


def test_first_of_two_approvals_is_no_approval(client: Client, boss: User) -> None:
    Shop.objects.update(second_approval_above=Decimal("10"))
    boss.user_permissions.add(Permission.objects.get(codename="approve_above_limit"))
    refund_request = approved(User.objects.get(pk=boss.pk), "53.55")

    page = seen(client, refund_request)

    assert refund_request.needs_second
    assert "We have your request." in page
    assert "Approved" not in page


def test_history_is_told_once_and_in_order(client: Client, boss: User) -> None:
    refund_request = approved(boss)
    for _unused in range(2):
        workflow.record(claimed(refund_request), Outcome(Verdict.NOT_SENT, "rule"))
        RefundRequest.objects.filter(pk=refund_request.pk).update(next_action_at=timezone.now())
    paid(refund_request)

    told = [
        moment.text.replace("\u00a0", " ")
        for moment in words.history(refund_request, RefundEvent.objects.filter(refund_request=refund_request))
    ]

    assert told == [
        "You asked for EUR 53.55 back.",
        "We approved a refund of EUR 41.20.",
        "We began to pay it.",
        "The refund was issued.",
    ]


def test_refusal_is_told_as_a_check(client: Client, boss: User) -> None:
    refund_request = answered(approved(boss), Verdict.GATEWAY_REFUSED)

    page = seen(client, refund_request)

    assert page.count("We are checking the payment.") == 2
    assert "refused" not in page.lower()
    assert "fail" not in page.lower()


# --- Links -----------------------------------------------------------------------------------------------------------


def test_address_and_title_tell_nothing(client: Client) -> None:
    refund_request = submitted()

    path = links.status_path(refund_request)
    title = re.search("<title>(.*)</title>", client.get(path).content.decode())

    assert title is not None
    assert title[1] == "Your refund request – Sandbox Shop"
    for secret in ("1001", "anna", "Anna", "Berg"):
        assert secret not in path


def bare(page: bytes) -> bytes:
    """Without what is random in every page."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]*"', b"", page)


def test_bad_links_look_alike_whether_or_not_there_is_a_case(client: Client) -> None:
    refund_request = submitted()
    head, _dot, signature = links.status_path(refund_request).rpartition(":")
    gone = links.status_path(RefundRequest(reference="RF-22222222"))

    pages = [client.get(path) for path in (f"{head}:x{signature}", gone, "/s/x/", "/s/RF-22222222/")]

    assert {page.status_code for page in pages} == {404}
    assert len({bare(page.content) for page in pages}) == 1
    assert 'action="/" class="card form"' in pages[0].content.decode()


def test_expired_link_says_so_and_leads_to_a_fresh_one(client: Client) -> None:
    good, gone = links.status_path(submitted()), links.status_path(RefundRequest(reference="RF-22222222"))

    with time_machine.travel(timezone.now() + timedelta(days=91)):
        pages = [client.get(path) for path in (good, gone)]

    text = pages[0].content.decode()
    assert {page.status_code for page in pages} == {404}
    assert bare(pages[0].content) == bare(pages[1].content)
    assert "It is too old." in text
    assert "Links to a request work for 90 days" in text
    assert 'action="/" class="card form"' in text


# --- Taking it back --------------------------------------------------------------------------------------------------


def test_taking_back_asks_first(client: Client) -> None:
    refund_request = submitted()
    mails = Mail.objects.count()

    page = client.get(links.status_path(refund_request) + "withdraw/").content.decode()

    assert "Take your request back?" in page
    assert fresh(refund_request).status == Status.SUBMITTED
    assert Mail.objects.count() == mails


def test_request_can_be_taken_back_while_nothing_is_decided(client: Client) -> None:
    with time_machine.travel(NOW, tick=False):
        refund_request = submitted()
        path = links.status_path(refund_request)

        answer = client.post(path + "withdraw/")
        page = seen(client, refund_request)

    assert answer["Location"] == path
    assert fresh(refund_request).status == Status.WITHDRAWN
    assert "You took this request back on May 4, 2026. Nothing more will happen." in page
    assert "Take my request back" not in page


def test_taking_back_twice_is_told_kindly(client: Client) -> None:
    path = links.status_path(submitted()) + "withdraw/"
    client.post(path)

    page = client.post(path, follow=True).content.decode()

    assert "This can no longer be taken back." in page
    assert RefundEvent.objects.filter(kind="withdrawn").count() == 1


def test_decided_request_cannot_be_taken_back(client: Client, boss: User) -> None:
    refund_request = approved(boss)
    path = links.status_path(refund_request)

    page = client.post(path + "withdraw/", follow=True).content.decode()

    assert "This can no longer be taken back. Below you see where it stands now." in page
    assert client.get(path + "withdraw/")["Location"] == path
    assert fresh(refund_request).status == Status.APPROVED


def test_bad_link_takes_nothing_back(client: Client) -> None:
    refund_request = submitted()

    answer = client.post(links.status_path(refund_request)[:-3] + "/withdraw/")

    assert answer.status_code == 404
    assert fresh(refund_request).status == Status.SUBMITTED
