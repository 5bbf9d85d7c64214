"""Choosing, reviewing and sending: the amount is the server's alone, and one proof makes one request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from refunds import links
from refunds.models import LookUp, Mail, RefundEvent, RefundRequest, Shop
from refunds.woocommerce.types import LineKind, Order, OrderLine, RefundSummary, Tax
from tests.factories import SHIPPING, SHIRT, LookUpFactory, OrderSnapshotFactory, RefundRequestFactory, order

pytestmark = pytest.mark.django_db

URL, REVIEW = "/request/", "/request/review/"
CHOSEN = {"q_11": "1", "q_12": "1", "reason": "damaged", "note": "A hole in the sleeve."}


@pytest.fixture(autouse=True)
def _shop() -> None:
    Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


def proven(client: Client, store_order: Order | None = None, **fields: Any) -> LookUp:
    """This browser has proven the order."""
    snapshot = OrderSnapshotFactory.create(order=store_order or order())
    look_up: LookUp = LookUpFactory.create(snapshot=snapshot, **fields)
    session = client.session
    session["look_up"] = look_up.pk
    session.save()
    return look_up


def send(client: Client, step: str, **typed: str) -> HttpResponse:
    return client.post(URL, {**typed, "step": step})


def text(answer: HttpResponse) -> str:
    return answer.content.decode().replace("\u00a0", " ")


def shown(client: Client, path: str = URL) -> str:
    return text(client.get(path))


def nothing_sent() -> bool:
    return not (RefundRequest.objects.exists() or Mail.objects.exists() or RefundEvent.objects.exists())


# --- What is offered -------------------------------------------------------------------------------------------------


def test_nobody_gets_in_without_proof(client: Client) -> None:
    LookUpFactory.create()

    for answer in (client.get(URL), client.get(REVIEW), send(client, "submit", **CHOSEN)):
        assert answer.status_code == 403
        assert "T-Shirt" not in text(answer)
    assert "A hole in the sleeve." in text(send(client, "submit", **CHOSEN))
    assert nothing_sent()


def test_unproven_look_up_in_the_session_opens_nothing(client: Client) -> None:
    proven(client, proven_at=None)

    assert client.get(URL).status_code == 403


def test_page_shows_what_was_paid(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    proven(client)

    with django_assert_num_queries(7):
        page = shown(client)

    assert "2 pieces, EUR 47.60 paid" in page
    assert "EUR 5.95 paid" in page
    assert 'name="q_11" value="0" min="0" max="2"' in page
    assert '<input type="checkbox" id="id_q_12" name="q_12" value="1">' in page


def test_queries_do_not_grow_with_the_lines(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    many = tuple(replace(SHIRT, id=100 + n) for n in range(30))
    proven(client, order(lines=many, total=Decimal("1428.00")))

    with django_assert_num_queries(7):
        page = shown(client)

    assert page.count("2 pieces, EUR 47.60 paid") == 30


def test_what_is_gone_is_shown_and_cannot_be_chosen(client: Client) -> None:
    given = (RefundSummary(9, Decimal("53.55"), ""),)
    lines = (
        replace(SHIRT, refunded_quantity=1, refunded_total=Decimal("20.00"), refunded_taxes=(Tax(1, Decimal("3.80")),)),
        replace(SHIPPING, refunded_total=Decimal("5.00"), refunded_taxes=(Tax(1, Decimal("0.95")),)),
        OrderLine(id=13, kind=LineKind.FEE, name="Coupon", quantity=1, total=Decimal("-4.00")),
    )
    proven(client, order(lines=lines, total=Decimal("100.00"), refunds=given))

    page = shown(client)

    assert 'max="1"' not in page
    assert 'name="q_11" value="1"' in page
    assert "Partly refunded already:" in page
    assert "Refunded already." in page
    assert "This discount is taken off the other lines already." in page
    assert 'name="q_12"' not in page
    assert 'name="q_13"' not in page


def test_line_of_another_open_request_is_shown_with_it(client: Client) -> None:
    other = RefundRequestFactory.create()
    proven(client)

    page = shown(client)

    assert f"You have asked for this already. It is part of {other.reference}." in page
    assert 'name="q_11"' not in page


def test_earlier_requests_are_listed_with_a_fresh_link(client: Client) -> None:
    mine, theirs = RefundRequestFactory.create(), RefundRequestFactory.create(email="b@example.com", lines={12: 1})
    proven(client)

    with time_machine.travel(timezone.now(), tick=False):
        page = shown(client)
        fresh, not_mine = links.status_path(mine), links.status_path(theirs)

    assert f'<a href="{fresh}">{mine.reference}</a>' in page
    assert not_mine not in page


def test_order_with_nothing_left_says_so(client: Client) -> None:
    RefundRequestFactory.create(lines={11: 2, 12: 1})
    proven(client)

    page = shown(client)

    assert "There is nothing left to ask for" in page
    assert "Continue" not in page


# --- The amount ------------------------------------------------------------------------------------------------------


def test_amount_is_worked_out_at_once_and_keeps_nothing(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    proven(client)

    with django_assert_num_queries(7):
        page = text(send(client, "live", q_11="1", q_12="1"))

    assert '<p class="total">EUR 29.75</p>' in page
    assert "draft" not in client.session
    assert nothing_sent()


def test_amount_works_without_javascript(client: Client) -> None:
    proven(client)

    answer = send(client, "amount", q_11="2")

    assert (answer.status_code, answer["Location"]) == (302, URL)
    assert '<p class="total">EUR 47.60</p>' in shown(client)
    assert "Choose a reason" not in shown(client)


def test_everything_is_all_that_can_be_chosen(client: Client) -> None:
    RefundRequestFactory.create(lines={12: 1})
    proven(client)

    send(client, "everything", q_11="1")

    assert '<p class="total">EUR 47.60</p>' in shown(client)


def test_posted_amounts_do_not_exist(client: Client) -> None:
    proven(client)
    forged = {"amount": "999", "total": "999", "q_11_total": "999", "requested_amount": "999", "q_999": "7"}

    send(client, "submit", **CHOSEN, **forged)

    assert RefundRequest.objects.get().requested_amount == Decimal("29.75")


def test_amount_never_exceeds_what_the_order_holds(client: Client) -> None:
    proven(client, order(refunds=(RefundSummary(9, Decimal("50.00"), "by hand"),)))

    page = text(send(client, "live", q_11="2"))

    assert '<p class="total">EUR 3.55</p>' in page
    assert "This is all the money that is left in this order." in page


@pytest.mark.parametrize(
    "name", ["100% cotton & <b>bold</b>", "%s %(x)s {{ y }} {% z %}", "\U0001f9e6 Socks", "Ü" * 300]
)
def test_names_are_shown_as_they_are(client: Client, name: str) -> None:
    proven(client, order(lines=(replace(SHIRT, name=name), SHIPPING)))

    page = text(send(client, "live", q_11="3"))

    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"{escaped}: You can ask for 2 at most." in page


# --- Reviewing and sending -------------------------------------------------------------------------------------------


def test_review_shows_what_will_be_asked(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    proven(client)
    answer = send(client, "review", **CHOSEN)

    with django_assert_num_queries(6):
        page = shown(client, REVIEW)

    assert answer["Location"] == REVIEW
    assert "Ask for EUR 29.75 back" in page
    assert "Back the way you paid: Test Pay (card)." in page
    assert "A hole in the sleeve." in page
    assert nothing_sent()


def test_review_without_a_choice_leads_back(client: Client) -> None:
    proven(client)

    assert client.get(REVIEW)["Location"] == URL


def test_change_something_finds_everything_filled_in(client: Client) -> None:
    proven(client)
    send(client, "review", **CHOSEN)

    page = shown(client)

    assert 'name="q_11" value="1"' in page
    assert 'name="q_12" value="1" checked' in page
    assert 'value="damaged" id="id_reason_0" checked' in page
    assert "A hole in the sleeve.</textarea>" in page


def test_sending_makes_one_request_and_shows_it(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    look_up = proven(client)

    answer = send(client, "submit", **CHOSEN)

    refund_request = RefundRequest.objects.get()
    look_up.refresh_from_db()
    assert links.read_status(answer["Location"].split("/")[2]) == refund_request.reference
    assert look_up.refund_request == refund_request
    assert (refund_request.requested_amount, refund_request.currency) == (Decimal("29.75"), "EUR")
    assert (refund_request.reason, refund_request.note) == ("damaged", "A hole in the sleeve.")
    assert list(refund_request.lines.values_list("order_line_id", "quantity")) == [(11, 1), (12, 1)]
    assert sorted(Mail.objects.values_list("kind", flat=True)) == ["new_request", "received"]
    assert RefundEvent.objects.get().address is None
    assert "Your request is sent. You get a mail about it." in shown(client, answer["Location"])
    assert "draft" not in client.session


def test_sending_again_reloading_and_going_back_lead_to_the_same_request(client: Client) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        proven(client)
        first = send(client, "submit", **CHOSEN)

        for again in (
            send(client, "submit", **CHOSEN),
            send(client, "submit", **{**CHOSEN, "q_11": "2"}),
            send(client, "amount", q_11="2"),
            client.get(URL),
            client.get(REVIEW),
        ):
            assert (again.status_code, again["Location"]) == (302, first["Location"])
    assert "You have sent this request already. Here it is." in shown(client, first["Location"])
    assert RefundRequest.objects.count() == 1
    assert Mail.objects.count() == 2


def test_a_tab_sends_what_it_shows(client: Client) -> None:
    proven(client)
    send(client, "review", **CHOSEN)
    send(client, "review", **{**CHOSEN, "q_11": "2"})

    send(client, "submit", **CHOSEN)

    assert RefundRequest.objects.get().requested_amount == Decimal("29.75")


# --- What goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["review", "submit"])
@pytest.mark.parametrize(
    ("typed", "anchor", "words"),
    [
        ({"q_11": "0", "q_12": ""}, "lines", "Choose at least one item that you want the money back for."),
        ({"q_11": "3"}, "id_q_11", "T-Shirt: You can ask for 2 at most."),
        ({"q_11": "-1"}, "id_q_11", "T-Shirt: Enter a whole number from 0 to 2."),
        ({"q_11": "1.5"}, "id_q_11", "T-Shirt: Enter a whole number from 0 to 2."),
        ({"q_11": "9" * 5000}, "id_q_11", "T-Shirt: Enter a whole number from 0 to 2."),
        ({"q_12": "2"}, "id_q_12", "Parcel: You can ask for 1 at most."),
        ({"reason": ""}, "id_reason", "Choose a reason. Take the one that fits best."),
        ({"reason": "greed"}, "id_reason", "Choose one of the reasons in the list."),
        ({"note": "x" * 2001}, "id_note", "Please shorten your note to 2000 characters."),
        ({"note": "a\x00b"}, "id_note", "Null characters are not allowed."),
    ],
)
def test_errors_say_how_to_mend_and_nothing_is_sent(
    client: Client, step: str, typed: dict[str, str], anchor: str, words: str
) -> None:
    proven(client)

    answer = send(client, step, **{**CHOSEN, **typed})

    page = shown(client)
    assert answer["Location"] == URL
    assert f'<a href="#{anchor}">{words}</a>' in page
    assert f'id="{anchor}"' in page
    assert "<title>Error:" in page
    assert "A hole in the sleeve." in page or "note" in typed
    assert nothing_sent()


@pytest.mark.parametrize("step", ["", "pay", "x" * 100_000, "a\x00b"])
def test_what_is_no_step_works_out_the_sum_and_is_not_kept(client: Client, step: str) -> None:
    proven(client)

    answer = send(client, step, **CHOSEN)

    assert answer["Location"] == URL
    assert client.session["draft"]["step"] == "amount"
    assert nothing_sent()


def test_free_things_alone_are_no_refund(client: Client) -> None:
    gift = OrderLine(id=14, kind=LineKind.PRODUCT, name="Sticker", quantity=1, total=Decimal(0))
    proven(client, order(lines=(SHIRT, gift)))

    send(client, "submit", q_14="1", reason="damaged")

    assert "What you have chosen cost nothing." in shown(client)
    assert nothing_sent()


def test_line_taken_meanwhile_is_named_and_the_text_kept(client: Client) -> None:
    proven(client)
    send(client, "review", **CHOSEN)
    other = RefundRequestFactory.create()

    send(client, "submit", **CHOSEN)

    page = shown(client)
    assert '<a href="#id_q_11">T-Shirt: You have asked for this already.</a>' in page
    assert "A hole in the sleeve." in page
    assert list(RefundRequest.objects.all()) == [other]
    assert not Mail.objects.exists()


def test_old_proof_shows_nothing_of_the_order_and_keeps_the_text(client: Client) -> None:
    proven(client)
    with time_machine.travel(timezone.now() + timedelta(hours=2, minutes=1)):
        answer = send(client, "submit", **CHOSEN)

        assert answer.status_code == 403
        assert "T-Shirt" not in text(answer)
        assert "Please confirm your order again" in text(answer)
        assert "A hole in the sleeve." in text(answer)
        assert "T-Shirt" not in shown(client)
        assert nothing_sent()

        proven(client, proven_at=timezone.now())
        page = shown(client)

    assert "A hole in the sleeve.</textarea>" in page
    assert '<p class="total">EUR 29.75</p>' in page


def test_what_was_typed_for_one_order_is_not_shown_for_another(client: Client) -> None:
    proven(client)
    send(client, "amount", **CHOSEN)
    proven(client, order(id=5002, number="1002"))

    assert "A hole in the sleeve." not in shown(client)


def test_proof_that_runs_out_while_sending_sends_nothing(client: Client) -> None:
    look_up = proven(client)
    look_up.proven_at = timezone.now() - timedelta(hours=3)
    look_up.save(update_fields=["proven_at"])

    answer = send(client, "submit", **CHOSEN)

    assert answer.status_code == 403
    assert nothing_sent()
