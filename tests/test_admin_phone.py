"""A case for a customer on the phone, from the order number to the case page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import orders, privacy, timing
from refunds.models import LookUp, Mail, OrderSnapshot, ReasonRule, RefundEvent, RefundRequest
from refunds.woocommerce.types import Order
from tests.desk import Page, case_of, in_store, open_case
from tests.factories import UserFactory, agent
from tests.test_admin_queue import HOSTILE

pytestmark = pytest.mark.django_db

FIND = "/staff/new-request/"


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(agent())


@pytest.fixture
def order(sandbox: SandboxStore) -> Order:
    return in_store(sandbox)


def found(client: Client, **typed: str) -> Page:
    asked = {"number": "#1001", "email": "Anna@Example.com", "language": "de", **typed}
    return Page(client.post(FIND, asked, follow=True))


def choose(client: Client, order: Order, **typed: str) -> Page:
    """The next press on the page of the look-up that was made last."""
    asked = {f"q_{order.lines[0].id}": "1", "reason": "damaged", "note": "A hole, she says.", "step": "open", **typed}
    url = f"{FIND}{LookUp.objects.latest('pk').public_id}/"
    return Page(client.post(url, {name: value for name, value in asked.items() if value}, follow=True))


def test_a_case_is_opened_for_a_customer_on_the_phone(client: Client, settings: LazySettings, order: Order) -> None:
    page = found(client)

    done = choose(client, order)

    case = RefundRequest.objects.get()
    assert "Anna Berg" in page.html.replace("\n", " ")
    assert "Opened. anna@example.com gets a mail about it." in done.html
    assert f"opened by {case.opened_by} for the customer on the phone" in done.html
    assert (case.order_number, str(case.requested_amount), case.language) == ("1001", "23.8000", "de")
    assert (case.reason, case.note) == ("damaged", "A hole, she says.")
    assert list(Mail.objects.order_by("pk").values_list("kind", "recipient", "language")) == [
        ("received", "anna@example.com", "de"),
        ("new_request", settings.STAFF_EMAIL, settings.LANGUAGE_CODE),
    ]
    event = RefundEvent.objects.get()
    assert (event.kind, event.by, event.address) == ("opened", case.opened_by, "127.0.0.1")


def test_the_amount_is_worked_out_before(client: Client, order: Order) -> None:
    found(client)

    page = choose(client, order, step="", **{f"q_{order.lines[1].id}": "1"})

    assert page.context["sum"] == "EUR\xa029.75"
    assert not RefundRequest.objects.exists()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"number": "1002"}, "The shop has no order with this number and this e-mail address."),
        ({"email": "eve@example.com"}, "The shop has no order with this number and this e-mail address."),
        ({"number": " "}, "Ask the customer for the order number."),
        ({"email": ""}, "Ask the customer for the e-mail address on the order."),
        ({"language": "xx"}, "Select a valid choice."),
    ],
)
def test_number_and_email_are_those_of_the_order(
    client: Client, order: Order, typed: dict[str, str], says: str
) -> None:
    page = found(client, **typed)

    assert (page.status, says in page.html) == (422, True)
    assert not LookUp.objects.exists()


def test_a_store_that_is_down_is_said(client: Client, settings: Any, order: Order) -> None:
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    orders._connect.cache_clear()

    page = found(client)

    assert page.status == 503
    assert "The shop does not answer, so the order cannot be read." in page.html
    assert 'value="#1001"' in page.html


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"reason": ""}, "Choose a reason."),
        ({"reason": "nonsense"}, "Choose one of the reasons in the list."),
        ({"note": ""}, "For this reason we need to know it."),
        ({"note": "x" * 2001}, "Please shorten your note to 2000 characters."),
    ],
)
def test_what_customers_are_asked_for_is_asked_for(
    client: Client, order: Order, typed: dict[str, str], says: str
) -> None:
    ReasonRule.objects.create(reason="damaged", needs_note=True)
    found(client)

    page = choose(client, order, **typed)

    assert (page.status, says in page.html) == (422, True)
    assert page.form_with_id("request")[f"q_{order.lines[0].id}"] == "1"
    assert not RefundRequest.objects.exists()


@pytest.mark.parametrize(("quantity", "says"), [("3", "You can ask for 2 at most."), ("0", "Choose at least one item")])
def test_items_are_those_that_are_left(client: Client, order: Order, quantity: str, says: str) -> None:
    found(client)

    page = choose(client, order, **{f"q_{order.lines[0].id}": quantity})

    assert (page.status, says in page.html) == (422, True)
    assert not RefundRequest.objects.exists()


def test_a_photo_that_is_needed_can_come_later(client: Client, order: Order) -> None:
    ReasonRule.objects.create(reason="damaged", needs_photo=True)
    page = found(client)

    choose(client, order)

    assert "The customer can add photos on the page of the request." in page.html
    assert RefundRequest.objects.count() == 1


def test_items_of_another_open_case_are_shown_with_it(client: Client, order: Order) -> None:
    other = case_of(order)
    page = found(client)

    refused = choose(client, order)

    assert f'href="/staff/refunds/refundrequest/{other.pk}/change/">{other.reference}</a>' in page.html
    assert refused.status == 422
    assert RefundRequest.objects.get() == other


def test_pressing_twice_opens_one_case(client: Client, order: Order) -> None:
    found(client)

    choose(client, order)
    again = choose(client, order)

    assert again.status == 200
    assert RefundRequest.objects.count() == 1


def test_an_order_that_was_read_long_ago_is_found_again(client: Client, order: Order) -> None:
    found(client)
    LookUp.objects.update(proven_at=timezone.now() - timing.PROOF_LIFE - timedelta(seconds=1))

    page = choose(client, order)

    assert "The order was read too long ago. Find it again." in page.html
    assert not RefundRequest.objects.exists()


def test_what_a_colleague_has_looked_up_is_not_there(client: Client, order: Order) -> None:
    found(client)
    client.force_login(agent())

    assert choose(client, order).status == 404


def test_a_customers_own_look_up_is_not_there(client: Client, order: Order) -> None:
    found(client)
    LookUp.objects.update(vouched_by=None)

    assert choose(client, order).status == 404


def test_what_led_to_no_case_is_deleted_in_time(client: Client, order: Order) -> None:
    found(client)

    with time_machine.travel(timezone.now() + timedelta(days=30)):
        list(privacy.purge())

    assert (LookUp.objects.count(), OrderSnapshot.objects.count()) == (0, 0)


def test_who_may_not_work_on_cases_opens_none(client: Client, order: Order) -> None:
    found(client)
    url = f"{FIND}{LookUp.objects.get().public_id}/"
    client.force_login(UserFactory.create(permissions=["view_refundrequest"]))

    answers = [client.get(FIND), client.post(FIND, {}), client.get(url), client.post(url, {})]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "New request for a customer" not in client.get("/staff/refunds/refundrequest/").content.decode()


def test_the_queue_leads_there(client: Client, order: Order) -> None:
    assert f'href="{FIND}"' in client.get("/staff/refunds/refundrequest/").content.decode()


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_ever_escaped(client: Client, sandbox: SandboxStore, words: str) -> None:
    line = {"name": words, "quantity": 1, "total": "10.00", "taxes": [{"id": 1, "total": "0.00"}]}
    order = in_store(sandbox, line_items=[line])
    pages = [found(client), choose(client, order, note=words, step=""), choose(client, order, note=words, reason="")]

    assert [page.blocked for page in pages] == [[], [], []]
    assert open_case(client, case_of(order)).blocked == []
