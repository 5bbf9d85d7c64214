"""The queue: what it opens on, what it finds, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import MONTHS

from refunds.admin import paging
from refunds.admin.filters import search
from refunds.models import Message, PayoutAttempt, Reason, RefundRequest, Shop, StoreHealth
from refunds.states import Status
from refunds.woocommerce.codec import order_to_json
from refunds.woocommerce.types import RefundSummary
from tests.desk import Page
from tests.factories import RefundRequestFactory, UserFactory, agent, order

pytestmark = pytest.mark.django_db

QUEUE = "/staff/refunds/refundrequest/"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7|add:7 }} {% now 'Y' %}",
    "</textarea><svg/onload=alert(1)>",
    "%(amount)s %s {0}",
    "\u202egnp.exe",
)


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(agent())


_ids = iter(range(10_000, 1_000_000))


def a_case(status: Status = Status.SUBMITTED, *, hours: int = 1, **fields: Any) -> RefundRequest:
    """A case of an order of its own. Its state is written straight into the row."""
    nth = next(_ids)
    line = order().lines[0]
    store_order = order(id=nth, number=str(nth), lines=(type(line)(**{**_values(line), "id": nth}),))
    case = RefundRequestFactory.create(
        order=store_order, chosen={nth: 1}, lines={nth: 1}, **{"email": f"c{nth}@example.com", **fields}
    )
    decided = {} if status in (Status.SUBMITTED, Status.NEEDS_INFO, Status.FAILED) else _decided(case)
    RefundRequest.objects.filter(pk=case.pk).update(
        status=status, created_at=timezone.now() - timedelta(hours=hours), **decided
    )
    return RefundRequest.objects.get(pk=case.pk)


def _values(line: Any) -> dict[str, Any]:
    return {name: getattr(line, name) for name in line.__slots__}


def _decided(case: RefundRequest) -> dict[str, Any]:
    return {
        "approved_amount": case.requested_amount,
        "approved_breakdown": {},
        "order_decided": case.order_now,
        "api_refund": True,
        "restock": True,
        "decided_by": UserFactory.create(),
        "decided_at": timezone.now(),
        "next_action_at": timezone.now(),
    }


def shown(client: Client, query: str = "") -> list[str]:
    """References in the order of the page."""
    response = client.get(QUEUE + query)
    assert response.status_code == 200
    return [case.reference for case in response.context["cl"].result_list]


# --- What it shows ---------------------------------------------------------------------------------------------------


def test_the_queue_opens_on_what_needs_a_person_worst_first_then_oldest(client: Client) -> None:
    approved = a_case(Status.APPROVED, hours=90)
    young = a_case(hours=1)
    old = a_case(hours=50)
    failed = a_case(Status.FAILED, hours=2)
    unknown = a_case(Status.CHECK_NEEDED, hours=1)
    a_case(Status.DECLINED)
    a_case(Status.WITHDRAWN)

    references = shown(client)

    assert references == [case.reference for case in (unknown, failed, old, young, approved)]


def test_what_is_overdue_comes_before_everything_else(client: Client) -> None:
    unknown, young = a_case(Status.CHECK_NEEDED, hours=5), a_case(hours=1)
    late = a_case(Status.APPROVED, hours=2)
    now = timezone.now()
    RefundRequest.objects.filter(pk=late.pk).update(payout_due_at=now - timedelta(hours=4), due_at=now)
    RefundRequest.objects.filter(pk=young.pk).update(
        decision_due_at=now + timedelta(hours=9), due_at=now + timedelta(hours=9)
    )

    html = client.get(QUEUE).content.decode()

    assert shown(client) == [case.reference for case in (late, unknown, young)]
    assert shown(client, "?due=overdue") == [late.reference]
    assert '>4 h late</time> <span class="quiet">payout</span>' in html
    assert '>in 8 h</time> <span class="quiet">decision</span>' in html


def test_what_comes_due_today_can_be_chosen(client: Client) -> None:
    today, tomorrow = a_case(), a_case()
    RefundRequest.objects.filter(pk=today.pk).update(due_at=timezone.now())
    RefundRequest.objects.filter(pk=tomorrow.pk).update(due_at=timezone.now() + timedelta(days=1))

    assert shown(client, "?due=today") == [today.reference]


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.FAILED, Status.CHECK_NEEDED, Status.DECLINED])
def test_a_state_can_be_chosen(client: Client, status: Status) -> None:
    cases = {each: a_case(each) for each in (Status.SUBMITTED, Status.FAILED, Status.CHECK_NEEDED, Status.DECLINED)}

    references = shown(client, f"?state={status}")

    assert references == [cases[status].reference]


def test_all_shows_closed_cases_too_newest_first(client: Client) -> None:
    declined = a_case(Status.DECLINED, hours=3)
    submitted = a_case(hours=5)

    references = shown(client, "?state=all")

    assert references == [declined.reference, submitted.reference]


def test_an_unknown_state_is_the_open_ones(client: Client) -> None:
    case = a_case()
    a_case(Status.DECLINED)

    references = shown(client, "?state=nonsense")

    assert references == [case.reference]


def test_a_reason_can_be_chosen(client: Client) -> None:
    faulty = a_case(reason=Reason.FAULTY)
    a_case(reason=Reason.DAMAGED)

    references = shown(client, f"?reason={Reason.FAULTY}")

    assert references == [faulty.reference]


def test_mine_and_nobodys_can_be_chosen(client: Client) -> None:
    me, other = agent(), agent()
    client.force_login(me)
    mine, theirs, nobodys = a_case(assigned_to=me), a_case(assigned_to=other), a_case()

    assert shown(client, "?whose=mine") == [mine.reference]
    assert shown(client, "?whose=nobody") == [nobodys.reference]
    assert shown(client, "?whose=nonsense") == [mine.reference, theirs.reference, nobodys.reference]
    assert f'<td class="field-assignee">{other.username}</td>' in client.get(QUEUE).content.decode()


def test_open_states_are_counted(client: Client) -> None:
    a_case()
    a_case()
    a_case(Status.CHECK_NEEDED)
    a_case(Status.DECLINED)

    html = client.get(QUEUE).content.decode()

    assert 'All open <span class="tab-count">3</span>' in html
    assert 'Outcome unknown <span class="tab-count">1</span>' in html
    assert 'Waiting for review <span class="tab-count">2</span>' in html
    assert 'Declined <span class="tab-count">1</span>' in html
    assert 'Refunded <span class="tab-count">0</span>' in html
    assert "Not refunded <span" not in html


def test_a_row_says_who_what_how_much_and_since_when(client: Client) -> None:
    case = a_case(hours=3)

    html = client.get(QUEUE).content.decode()

    asked_at = case.created_at.isoformat(timespec="seconds")
    assert f'<a class="reference" href="{case.pk}/change/">{case.reference}</a>' in html
    assert f'<span class="customer">Anna Berg</span> <span class="quiet">{case.email}</span>' in html
    assert '<span class="money">EUR\xa023.80</span>' in html
    assert '<span class="badge badge--waiting">Waiting for review</span>' in html
    assert f'<time datetime="{asked_at}"' in html
    assert ">3 h</time>" in html


def test_another_amount_than_asked_shows_both(client: Client) -> None:
    case = a_case(Status.APPROVED)
    RefundRequest.objects.filter(pk=case.pk).update(approved_amount="20.00")

    html = client.get(QUEUE).content.decode()

    assert '<span class="money">EUR\xa020.00</span> <span class="quiet">of EUR\xa023.80</span>' in html


def test_an_approved_case_says_what_it_waits_for(client: Client) -> None:
    held, waiting = a_case(Status.APPROVED), a_case(Status.APPROVED)
    RefundRequest.objects.filter(pk=held.pk).update(next_action_at=timezone.now() + timedelta(seconds=12.9))
    RefundRequest.objects.filter(pk=waiting.pk).update(waits_for="Waits for RF-22222222 of the same order.")

    html = client.get(QUEUE).content.decode()

    assert "Held for 12 s" in html
    assert "Waits for RF-22222222 of the same order." in html


def test_an_empty_queue_says_so(client: Client) -> None:
    html = client.get(QUEUE).content.decode()

    assert "Nothing waits here. Well done." in html


# --- What to look at twice -------------------------------------------------------------------------------------------


def flags(client: Client, case: RefundRequest) -> list[str]:
    html = client.get(QUEUE, {"q": case.reference}).content.decode()
    return re.findall(r'<span class="flag">([^<]*)</span>', html)


def test_an_ordinary_case_has_no_flag(client: Client) -> None:
    a_case()

    assert flags(client, a_case()) == []


def test_an_order_that_gave_money_back_already_is_flagged(client: Client) -> None:
    case = a_case()
    refunds = (RefundSummary(id=7, reason="", amount=Decimal("5.00")),)
    case.order_now.data = order_to_json(order(id=case.order_id, refunds=refunds))
    case.order_now.save()

    assert flags(client, case) == ["Partly refunded already"]


def test_a_second_request_for_an_order_is_flagged(client: Client) -> None:
    first, second, third = a_case(Status.DECLINED), a_case(), a_case()
    withdrawn = a_case(Status.WITHDRAWN)
    RefundRequest.objects.filter(pk=second.pk).update(order_id=first.order_id)
    RefundRequest.objects.filter(pk=third.pk).update(order_id=withdrawn.order_id)

    assert [flags(client, case) for case in (second, third, first)] == [["Second request"], [], []]


def test_an_amount_above_the_limit_is_flagged(client: Client) -> None:
    case = a_case()

    found = []
    for limit in (None, "23.79", "23.80"):
        Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": limit})
        found.append(flags(client, case))

    assert found == [[], ["High amount"], []]


def test_many_refunds_to_one_address_within_a_year_are_flagged(client: Client) -> None:
    case = a_case(email="anna@example.com")
    for hours in (1, 2, 24 * 364, 24 * 366):
        a_refunded_case(email="anna@example.com", hours=hours)
    a_case(Status.DECLINED, email="anna@example.com")

    assert flags(client, case) == ["3 refunds in a year"]


def test_two_refunds_are_not_many_and_erased_addresses_are_nobody(client: Client) -> None:
    case, erased = a_case(email="anna@example.com"), a_case()
    RefundRequest.objects.filter(pk=erased.pk).update(email="")
    for email in ("anna@example.com", "anna@example.com", "", "", ""):
        a_refunded_case(email=email)

    assert flags(client, case) == flags(client, erased) == []


def a_refunded_case(*, email: str, hours: int = 1) -> RefundRequest:
    case = a_case(Status.APPROVED, hours=hours)
    attempt = an_attempt(case, status="succeeded")
    RefundRequest.objects.filter(pk=case.pk).update(status=Status.REFUNDED, paid_attempt=attempt, email=email)
    return case


# --- Which clock runs ------------------------------------------------------------------------------------------------


def clock(client: Client, case: RefundRequest) -> str:
    """The cell of the age, without its markup."""
    html = client.get(QUEUE, {"q": case.reference, "state": "all"}).content.decode()
    (cell,) = re.findall(r'<td class="field-age[^"]*">(.*?)</td>', html)
    return " ".join(re.sub(r"<[^>]*>", " ", cell).split())


@pytest.fixture
def _monday() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 5, 4, 9, 0, tzinfo=UTC), tick=False):
        yield


@pytest.mark.usefixtures("_monday")
def test_until_staff_answer_the_first_answer_is_waited_for(client: Client) -> None:
    # Asked on Friday; two working days end on Tuesday at midnight.
    assert clock(client, a_case(hours=72)) == "3 d first answer"


def test_after_an_answer_the_decision_is_waited_for(client: Client) -> None:
    case = a_case(hours=9)
    Message.objects.create(refund_request=case, by=agent(), text="Hello.", internal=True)
    note_only = clock(client, case)
    Message.objects.create(refund_request=case, by=agent(), text="Hello.", at=timezone.now() - timedelta(hours=8))

    assert (note_only, clock(client, case)) == ("9 h first answer", "9 h decision")


def test_the_clock_stands_still_while_the_customer_is_asked(client: Client) -> None:
    case = a_case(Status.NEEDS_INFO, hours=9)
    Message.objects.create(refund_request=case, by=agent(), text="Where?", at=timezone.now() - timedelta(hours=8))
    asked = clock(client, case)
    Message.objects.create(refund_request=case, text="There.", at=timezone.now() - timedelta(hours=2))
    RefundRequest.objects.filter(pk=case.pk).update(status=Status.SUBMITTED)

    assert (asked, clock(client, case)) == ("8 h the customer", "2 h decision")


@pytest.mark.parametrize("status", [Status.APPROVED, Status.SENDING, Status.CHECK_NEEDED])
def test_after_the_decision_the_payout_is_waited_for(client: Client, status: Status) -> None:
    case = a_case(status, hours=9)
    RefundRequest.objects.filter(pk=case.pk).update(decided_at=timezone.now() - timedelta(hours=3))

    assert clock(client, case) == "3 h payout"


def test_over_a_closed_case_no_clock_runs(client: Client) -> None:
    assert clock(client, a_case(Status.DECLINED, hours=9)) == "9 h"


# --- When it was asked -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_monday")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("2026", ["april", "may"]), ("2026-05", ["may"]), ("2026-04", ["april"]), ("2026-04-30", ["april"]),
        ("2025", ["december"]), ("2025-12-31", ["december"]), ("2025-12", ["december"]), ("2024", []),
        ("2026-02-30", ["december", "april", "may"]), ("2026-13", ["december", "april", "may"]),
        ("9999-12-30", []),
        *((nonsense, ["december", "april", "may"]) for nonsense in ("0000", "9999-12-31", "'", "٢٠٢٦")),
    ],
)  # fmt: skip
def test_a_year_a_month_or_a_day_can_be_chosen(client: Client, asked: str, found: list[str]) -> None:
    for name, at in (
        ("may", (2026, 5, 1, 0, 0)),
        ("april", (2026, 4, 30, 23, 59)),
        ("december", (2025, 12, 31, 23, 0)),
    ):
        case = a_case(customer_name=name)
        RefundRequest.objects.filter(pk=case.pk).update(created_at=datetime(*at, tzinfo=UTC))

    cases = client.get(QUEUE, {"asked": asked}).context["cl"].result_list

    assert [case.customer_name for case in cases] == found


@pytest.mark.usefixtures("_monday")
@pytest.mark.parametrize(
    ("asked", "choices"),
    [
        ("", ["any time", "2026", "2025"]),
        ("2026", ["any time", "2026", *(f"{MONTHS[month]} 2026" for month in range(1, 13))]),
        ("2026-02", ["any time", "2026", "February 2026", *(f"2026-02-{day:02}" for day in range(1, 29))]),
        ("2026-02-03", ["any time", "2026", "February 2026", "2026-02-03"]),
    ],
)
def test_dates_lead_down_to_a_day_and_up_again(client: Client, asked: str, choices: list[str]) -> None:
    case = a_case()
    RefundRequest.objects.filter(pk=case.pk).update(created_at=datetime(2025, 7, 1, tzinfo=UTC))

    changelist = client.get(QUEUE, {"asked": asked} if asked else {}).context["cl"]

    dates = changelist.filter_specs[-1]
    assert [choice["display"] for choice in dates.choices(changelist)] == choices


# --- What it finds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    [
        "RF-ABCDEFGH", "rf-abcdefgh", "RF-ABCDEFGH-1", "RF-ABCD", "7007", "#7007", "A-7007", "anna.b@example.com",
        "ANNA.B@example.com", "anna.b@", "Berg", "berg", "990077",
    ],
)  # fmt: skip
def test_search_finds_by(client: Client, term: str) -> None:
    a_case(customer_name="Somebody Else")
    number = "A-7007" if term == "A-7007" else "7007"
    case = a_case(reference="RF-ABCDEFGH", order_number=number, email="anna.b@example.com", customer_name="Anna Berg")
    an_attempt(case, store_refund_id=990077)

    references = shown(client, f"?q={term.replace('#', '%23')}")

    assert references == [case.reference]


def an_attempt(case: RefundRequest, **fields: Any) -> PayoutAttempt:
    return PayoutAttempt.objects.create(
        **{
            "refund_request": case, "n": 1, "marker": f"{case.reference}-1", "order_id": case.order_id,
            "amount": case.requested_amount, "currency": "EUR", "api_refund": True, "payload": {}, "owner": "test",
            "lease_until": timezone.now(), "status": "refused", "sent_at": timezone.now(), "baseline": {}, **fields,
        }
    )  # fmt: skip


def test_search_finds_closed_cases_too(client: Client) -> None:
    case = a_case(Status.DECLINED, reference="RF-ABCDEFGH")

    references = shown(client, "?q=RF-ABCDEFGH")

    assert references == [case.reference]


def test_search_keeps_to_a_chosen_state(client: Client) -> None:
    a_case(Status.DECLINED, customer_name="Anna Berg")
    case = a_case(customer_name="Anna Berg")

    references = shown(client, "?q=berg&state=submitted")

    assert references == [case.reference]


@pytest.mark.parametrize("term", ["nobody", "%", "_", "9" * 40, "RF-", "@", "#", "\u0663\u0664"])
def test_search_for_what_is_not_there_finds_nothing(client: Client, term: str) -> None:
    a_case(email="x%40example.com", customer_name="Anna Berg")

    response = client.get(QUEUE, {"q": term})

    found = [] if term != "RF-" else [case.reference for case in RefundRequest.objects.all()]
    assert [case.reference for case in response.context["cl"].result_list] == found


# --- What it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 50])
@pytest.mark.parametrize("query", ["", "?state=all", "?q=berg", "?asked=2026-05&whose=nobody"])
def test_the_queue_costs_the_same_for_any_number_of_rows(client: Client, rows: int, query: str) -> None:
    for _unused in range(rows):
        a_case(assigned_to=agent())
    StoreHealth.current()
    shown(client)  # writes down once a minute that somebody is there

    with CaptureQueriesContext(connection) as queries:
        found = len(shown(client, query))

    # session, user, two for permissions, two for what is wrong, tabs, first year, count of the list,
    # which rows are on the page, and if there are any, all about them
    assert found in (rows, 0)
    assert len(queries) == (11 if found else 10)


def test_no_list_counts_further_than_anybody_reads(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST", 60)
    for _unused in range(65):
        a_case()

    first, second = client.get(QUEUE), client.get(QUEUE, {"p": 2})

    assert 'All open <span class="tab-count">60+</span>' in first.content.decode()
    assert (first.context["cl"].result_count, len(second.context["cl"].result_list)) == (60, 10)


def test_a_search_is_counted_less_far(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_FOUND", 60)
    for _unused in range(65):
        a_case()

    found, everything = client.get(QUEUE, {"q": "anna"}), client.get(QUEUE, {"state": "all"})

    assert (found.context["cl"].result_count, everything.context["cl"].result_count) == (60, 65)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no index for parts of words")
@pytest.mark.parametrize("term", ["Berg", "anna@", "4711"])
def test_a_search_reads_indexes_alone(client: Client, term: str) -> None:
    a_case()

    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        plan = search(RefundRequest.objects.all(), term).explain()
        cursor.execute("RESET enable_seqscan")

    assert "Index Cond" in plan
    assert "Seq Scan" not in plan


# --- The front page ---------------------------------------------------------------------------------------------------


def test_the_front_page_counts_what_needs_a_person(client: Client) -> None:
    a_case(Status.CHECK_NEEDED)
    a_case()
    a_case()
    a_case(Status.APPROVED)

    counts = client.get(reverse("admin:index")).context["counts"]

    assert [(tile["status"], tile["count"]) for tile in counts] == [
        ("check_needed", 1),
        ("failed", 0),
        ("submitted", 2),
        ("open", 1),
    ]


# --- Hostile words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_ever_escaped_in_the_queue(client: Client, words: str) -> None:
    case = a_case(customer_name=words, order_number=words[:64], email="a@example.com")
    RefundRequest.objects.filter(pk=case.pk).update(email=words[:200])

    page = Page(client.get(QUEUE, {"state": "all"}))
    search = Page(client.get(QUEUE, {"q": words}))

    assert page.blocked + search.blocked == []
    assert "onerror=alert" not in page.html.replace("&gt;&lt;img src=x onerror=alert(1)&gt;", "")
    assert "<script>alert" not in page.html + search.html
