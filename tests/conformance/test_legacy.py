"""The legacy dialect: its own traps as they are, and the client that looks before it pays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.store import SandboxStore
from refunds.woocommerce import InstructionLine, OrderNotFound, StoreMisconfigured, StoreUnreachable, Verdict
from refunds.woocommerce.legacy import ORDER_TABLES

from .shop import SandboxShop, Understood, instruction

API = "wc-api/v3"
DOUBT = Verdict.IN_DOUBT


@pytest.fixture
def shop(folder: Path) -> Iterator[SandboxShop]:
    """Orders in posts: the legacy API works."""
    with SandboxStore(folder, orders=[], legacy="posts", order_tables=False, race_window=0) as store:
        yield SandboxShop(store, API)


@pytest.fixture
def blind_shop(folder: Path) -> Iterator[SandboxShop]:
    """Orders in tables of their own: the legacy API sees none."""
    with SandboxStore(folder, orders=[], legacy="hpos", order_tables=True, race_window=0) as store:
        yield SandboxShop(store, API)


def post(shop: SandboxShop, order_id: int, refund: Any, **options: Any) -> Any:
    return shop.call("POST", f"/orders/{order_id}/refunds", base="/wc-api/v3", json={"order_refund": refund}, **options)


def rows(shop: SandboxShop, order_id: int) -> list[tuple[str, bool]]:
    return [(row["amount"], row["refunded_payment"]) for row in shop.store.refunds(order_id)]


# --- The traps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refund", "query", "status", "paid"),
    [
        ({"amount": "10.00"}, {}, 201, ["10.00"]),
        ({"amount": "10.00"}, {"api_refund": "1"}, 201, ["10.00"]),
        ({"amount": "10.00"}, {"api_refund": "0"}, 201, []),
        ({"amount": "10.00", "api_refund": False}, {}, 201, ["10.00"]),
        ({"amount": "10.00", "refund_payment": True}, {}, 201, ["10.00", "10.00"]),
        ({"amount": 10}, {}, 201, ["10"]),
        ({"amount": "10,00"}, {}, 201, ["1000"]),
        ({"amount": "10.13"}, {}, 200, []),
        ({}, {}, 400, []),
        ({"amount": "-1.00"}, {}, 400, []),
        ({"amount": "500.00"}, {}, 500, []),
    ],
)
def test_legacy_refund_request(
    shop: SandboxShop, refund: Any, query: dict[str, str], status: int, paid: list[str]
) -> None:
    order_id = shop.order()

    response = post(shop, order_id, refund, params=query)

    assert (response.status_code, shop.paid(order_id)) == (status, paid)
    assert Understood("10.00").of(response, API).verdict in (DOUBT, Verdict.ACCEPTED)


def test_row_of_a_declined_refund_stays(shop: SandboxShop) -> None:
    order_id = shop.order()

    response = post(shop, order_id, {"amount": "10.13"})

    assert (response.json()["errors"][0]["code"], rows(shop, order_id)) == ("testpay_declined", [("10.13", False)])
    assert Understood("10.13").of(response, API).rule == "gateway_refused_and_booked"


def test_gateway_without_refunds_is_answered_as_a_success(shop: SandboxShop) -> None:
    order_id = shop.order(payment_method="cod")

    assert post(shop, order_id, {"amount": "10.00"}).status_code == 201
    assert (rows(shop, order_id), shop.paid(order_id)) == ([("10.00", False)], [])


def test_store_with_order_tables_pays_and_says_that_there_is_no_order(blind_shop: SandboxShop) -> None:
    order_id = blind_shop.order()

    response = post(blind_shop, order_id, {"amount": "10.00"})

    assert (response.status_code, blind_shop.paid(order_id)) == (404, ["10.00"])
    assert Understood("10.00").of(response, API).rule == "paid_blindly"


# --- The client ------------------------------------------------------------------------------------------------------


def test_order_and_refunds_are_read(shop: SandboxShop) -> None:
    order_id = shop.order()
    post(shop, order_id, {"amount": "10.00", "reason": "RF-1-1 Torn"})

    order = shop.client().order(order_id)

    assert (order.number, order.total, order.remaining) == (str(order_id), Decimal("50.00"), Decimal("40.00"))
    assert [(refund.amount, refund.reason) for refund in order.refunds] == [(Decimal("10.00"), "RF-1-1 Torn")]
    assert [refund.refunded_payment for refund in shop.client().refunds(order_id)] == [None]
    with pytest.raises(OrderNotFound):
        shop.client().order(99_999_999)


def test_order_is_found_counted_and_listed(shop: SandboxShop) -> None:
    order_id, client = shop.order(), shop.client()
    email = client.order(order_id).email

    assert [order.id for order in client.find_orders(number=f"#{order_id}", email=email.upper())] == [order_id]
    assert client.find_orders(number=f"#{order_id}", email=f"x{email}") == ()
    assert ([order.id for order in client.orders()], client.count_orders()) == ([order_id], 1)
    assert client.order_statuses()["processing"] == "Processing"


def test_refund_is_paid_as_asked(shop: SandboxShop) -> None:
    order_id = shop.order()
    client = shop.client()
    line = client.order(order_id).lines[0]
    asked = replace(instruction(), lines=(InstructionLine(line.id, 1, Decimal("10.00")),))

    outcome = client.create_refund(order_id, asked)

    assert (outcome.verdict, rows(shop, order_id), shop.paid(order_id)) == (
        Verdict.ACCEPTED,
        [("10.00", False)],
        ["10.00"],
    )


def test_refund_is_booked_without_the_gateway_where_that_is_asked(shop: SandboxShop) -> None:
    order_id = shop.order(payment_method="cod")

    outcome = shop.client().create_refund(order_id, instruction(api_refund=False))

    assert (outcome.verdict, rows(shop, order_id), shop.paid(order_id)) == (Verdict.ACCEPTED, [("10.00", False)], [])


def test_gateway_without_refunds_is_not_paid_through(shop: SandboxShop) -> None:
    order_id = shop.order(payment_method="cod")

    outcome = shop.client().create_refund(order_id, instruction())

    assert (outcome.verdict, outcome.rule) == (Verdict.REFUSED, "gateway_cannot_refund")
    assert (rows(shop, order_id), shop.posts(order_id)) == ([], 0)


def test_store_with_order_tables_is_not_paid_through(blind_shop: SandboxShop) -> None:
    order_id = blind_shop.order()
    client = blind_shop.client()

    outcome = client.create_refund(order_id, instruction())

    assert (outcome.verdict, blind_shop.paid(order_id), blind_shop.posts(order_id)) == (Verdict.MISCONFIGURED, [], 0)
    with pytest.raises(StoreMisconfigured, match=r"^" + ORDER_TABLES[:40]):
        client.order(order_id)


@pytest.mark.parametrize(
    ("fault", "rule", "paid"),
    [
        ("gateway-declines", "gateway_refused_and_booked", []),
        ("gateway-pays-but-errors", "gateway_refused_and_booked", ["10.00"]),
        ("gateway-returns-false", "anything_else", []),
        ("gateway-throws", "anything_else", []),
        ("killed-before-payment", "anything_else", []),
        ("killed-after-payment", "anything_else", ["10.00"]),
        ("closed-before", "answer_lost", []),
        ("closed-after", "answer_lost", ["10.00"]),
        ("slow-after", "answer_lost", ["10.00"]),
        ("truncated", "answer_lost", ["10.00"]),
        ("504-after", "anything_else", ["10.00"]),
        ("notice-prefix", "anything_else", ["10.00"]),
        ("bom", "anything_else", ["10.00"]),
        ("429", "anything_else", []),
        ("503-maintenance", "anything_else", []),
        ("redirect-301", "anything_else", []),
        ("200-html", "gateway_refused_and_booked", []),
    ],
)
def test_every_failure_after_sending_is_in_doubt(shop: SandboxShop, fault: str, rule: str, paid: list[str]) -> None:
    order_id = shop.order()
    shop.fault(fault, order_id)

    outcome = shop.client().create_refund(order_id, instruction())

    assert (outcome.verdict, outcome.rule) == (DOUBT, rule)
    assert (shop.paid(order_id), shop.posts(order_id)) == (paid, 1)


def test_refund_is_changed_and_deleted(shop: SandboxShop) -> None:
    """The reason stays what it was, though the store answers as if it had listened."""
    order_id = shop.order()
    refund_id = post(shop, order_id, {"amount": "10.00", "reason": "First"}).json()["order_refund"]["id"]
    client = shop.client()

    assert client.update_refund(order_id, refund_id, reason="Second").reason == "First"
    client.delete_refund(order_id, refund_id)

    assert (client.refunds(order_id), shop.paid(order_id)) == ((), ["10.00"])


def test_notes_settings_and_gateways(shop: SandboxShop) -> None:
    order_id, client = shop.order(), shop.client()

    assert client.add_note(order_id, "Hello") in client.notes(order_id)
    assert (client.settings().decimals, client.settings().order_tables) == (2, False)
    assert client.gateway("testpay") in client.gateways()


def test_weak_key_is_a_wrong_setting(shop: SandboxShop) -> None:
    order_id = shop.order()
    shop.auth = ("ck_sandbox", "cs_wrong")

    with pytest.raises(StoreMisconfigured, match="Consumer Secret is invalid"):
        shop.client().refunds(order_id)
    assert shop.client().create_refund(order_id, instruction()).verdict is Verdict.MISCONFIGURED
    assert shop.paid(order_id) == []


def test_store_without_the_plugin_says_so(folder: Path) -> None:
    with SandboxStore(folder, orders=[]) as store:
        client = SandboxShop(store, API).client()

        with pytest.raises(StoreMisconfigured, match="no such API"):
            client.refunds(1)


def test_read_in_maintenance_waits_for_another_day(shop: SandboxShop) -> None:
    order_id = shop.order()
    shop.fault("503-maintenance", order_id, on="order.view")

    with pytest.raises(StoreUnreachable) as error:
        shop.client().order(order_id, patience=1)

    assert error.value.retry_after is not None
