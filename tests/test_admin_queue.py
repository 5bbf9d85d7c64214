"""The queue: what it opens on, what it finds, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from refunds.models import PayoutAttempt, Reason, RefundRequest, StoreHealth
from refunds.states import Status
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
    assert 'Declined <span class="tab-count">' not in html


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
def test_the_queue_costs_the_same_for_any_number_of_rows(client: Client, rows: int) -> None:
    for _unused in range(rows):
        a_case(assigned_to=agent())
    StoreHealth.current()

    with CaptureQueriesContext(connection) as queries:
        assert len(shown(client)) == rows

    # session, user, two for permissions, ten for what is wrong, counts of open states, count and page of the list
    assert len(queries) == 17


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
