"""The legacy dialect of the sandbox store: it books first, pays afterwards, and does not take back what it booked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from portal.sandbox.store import SandboxStore

from .sandbox_store import Client, money, rows

Json = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path, orders=[], race_window=0, legacy="posts", order_tables=False) as store:
        yield store


def call(
    store: SandboxStore, method: str, path: str, json: Any = None, key: str = "sandbox", **options: Any
) -> requests.Response:
    options = {"auth": (f"ck_{key}", f"cs_{key}") if key else None, **options}
    return requests.request(method, f"{store.base_url}/wc-api/v3{path}", json=json, timeout=5, **options)


def refund(store: SandboxStore, order_id: int, given: Any, query: str = "") -> requests.Response:
    return call(store, "POST", f"/orders/{order_id}/refunds{query}", {"order_refund": given})


def errors(answer: requests.Response) -> list[tuple[str, str]]:
    return [(entry["code"], entry["message"]) for entry in answer.json()["errors"]]


def test_refund_is_paid_and_not_marked_as_paid(store: SandboxStore) -> None:
    order = store.add_order(total="50.00")

    answer = refund(store, order["id"], {"amount": "10.00", "reason": "RF-1"})

    shown = answer.json()["order_refund"]
    assert answer.status_code == 201
    assert shown == {
        "id": shown["id"],
        "created_at": shown["created_at"],
        "amount": "10.00",
        "reason": "RF-1",
        "line_items": [],
    }
    assert (rows(store, order["id"]), money(store)) == ([("10.00", "RF-1", False)], ["10.00"])


@pytest.mark.parametrize(
    ("given", "query", "paid"),
    [
        ({"amount": 10}, "", ["10"]),
        ({"amount": "10,00"}, "", ["1000"]),
        ({"amount": "10.00", "api_refund": False}, "", ["10.00"]),
        ({"amount": "10.00"}, "?api_refund=0", []),
        ({"amount": "10.00"}, "?api_refund=false", ["10.00"]),
        ({"amount": "10.00", "refund_payment": True}, "", ["10.00", "10.00"]),
        ({"amount": "0.00"}, "", ["0.00"]),
    ],
)
def test_what_moves_money_and_how_often(store: SandboxStore, given: Json, query: str, paid: list[str]) -> None:
    order = store.add_order(total="50.00")

    answer = refund(store, order["id"], given, query)

    assert (answer.status_code, money(store)) == (201, paid)


def test_api_refund_beside_the_envelope_is_not_seen(store: SandboxStore) -> None:
    order = store.add_order(total="50.00")
    body = {"api_refund": False, "order_refund": {"amount": "10.00"}}

    answer = call(store, "POST", f"/orders/{order['id']}/refunds", body)

    assert (answer.status_code, money(store)) == (201, ["10.00"])


def test_a_gateway_without_refunds_is_a_201_without_money(store: SandboxStore) -> None:
    order = store.add_order(total="50.00", payment_method="cod")

    answer = refund(store, order["id"], {"amount": "10.00"})

    assert (answer.status_code, rows(store, order["id"]), money(store)) == (201, [("10.00", "", False)], [])


def test_a_decline_is_a_200_and_the_row_stays(store: SandboxStore) -> None:
    order = store.add_order(total="50.00")

    answer = refund(store, order["id"], {"amount": "10.13"})

    assert answer.status_code == 200
    assert errors(answer) == [("testpay_declined", "Test Pay declined the refund: insufficient balance.")]
    assert (rows(store, order["id"]), money(store)) == ([("10.13", "", False)], [])


@pytest.mark.parametrize(
    ("fault", "status", "paid"),
    [
        ("killed-after-payment", 502, ["10.00"]),
        ("gateway-pays-but-errors", 200, ["10.00"]),
        ("gateway-returns-false", 500, []),
        ("gateway-throws", 500, []),
    ],
)
def test_whatever_the_gateway_does_the_row_stays(store: SandboxStore, fault: str, status: int, paid: list[str]) -> None:
    order = store.add_order(total="50.00")
    store.arm(fault)

    answer = refund(store, order["id"], {"amount": "10.00"})

    assert (answer.status_code, rows(store, order["id"]), money(store)) == (status, [("10.00", "", False)], paid)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"amount": "1.00"},
            (
                "woocommerce_api_missing_order_refund_data",
                "No order_refund data specified to create order_refund",
            ),
        ),
        ({"order_refund": {"reason": "x"}}, ("woocommerce_api_invalid_order_refund", "Refund amount is required.")),
        (
            {"order_refund": {"amount": "-1.00"}},
            ("woocommerce_api_invalid_order_refund", "Refund amount must be positive."),
        ),
    ],
)
def test_bodies_that_are_refused(store: SandboxStore, body: Json, expected: tuple[str, str]) -> None:
    order = store.add_order(total="50.00")

    answer = call(store, "POST", f"/orders/{order['id']}/refunds", body)

    assert (answer.status_code, errors(answer)) == (400, [expected])
    assert (rows(store, order["id"]), money(store)) == ([], [])


def test_broken_json_is_missing_data(store: SandboxStore) -> None:
    answer = call(store, "POST", "/orders/1/refunds", data='{"order_refund":')

    expected = ("woocommerce_api_missing_callback_param", "Missing parameter data")
    assert (answer.status_code, errors(answer)) == (400, [expected])


@pytest.mark.parametrize("order", ["known", "unknown"])
def test_too_much_and_nobodys_are_php_fatal_errors(store: SandboxStore, order: str) -> None:
    order_id = store.add_order(total="50.00")["id"] if order == "known" else 99999999

    answer = refund(store, order_id, {"amount": "50.01"})

    assert (answer.status_code, answer.json()["code"], money(store)) == (500, "internal_server_error", [])


def test_lines_are_keyed_and_restock_only_when_told(store: SandboxStore) -> None:
    order = store.add_order(line_items=[{"product_id": 7, "quantity": 2, "total": "50.00"}])
    lines = {str(order["line_items"][0]["id"]): {"qty": 1, "refund_total": 25}}

    silent = refund(store, order["id"], {"amount": "25.00", "line_items": lines}).json()["order_refund"]
    before = dict(store.shop.books.stock)
    refund(store, order["id"], {"amount": "25.00", "line_items": lines, "restock_items": True})

    assert [(line["quantity"], line["total"]) for line in silent["line_items"]] == [(-1, "-25.00")]
    assert (before, store.shop.books.stock, store.order(order["id"])["status"]) == ({}, {7: 1001}, "refunded")


def test_refunds_are_listed_oldest_first_changed_and_deleted(store: SandboxStore) -> None:
    order = store.add_order(total="50.00")
    for amount in ("1.00", "2.00"):
        refund(store, order["id"], {"amount": amount, "reason": "first"})
    path = f"/orders/{order['id']}/refunds"

    listed = call(store, "GET", path).json()["order_refunds"]
    changed = call(store, "PUT", f"{path}/{listed[0]['id']}", {"order_refund": {"reason": "second", "amount": "5.00"}})
    deleted = call(store, "DELETE", f"{path}/{listed[1]['id']}")

    assert [row["amount"] for row in listed] == ["1.00", "2.00"]
    assert (changed.json()["order_refund"]["amount"], changed.json()["order_refund"]["reason"]) == ("5.00", "first")
    assert (deleted.status_code, deleted.json()) == (200, {"message": "Permanently deleted refund"})
    assert (rows(store, order["id"]), money(store)) == ([("5.00", "first", False)], ["1.00", "2.00"])


def test_an_order_is_shown_in_other_words(store: SandboxStore) -> None:
    order = store.add_order(total="50.00", number="1001", billing={"email": "anna@example.com"})

    shown = call(store, "GET", f"/orders/{order['id']}").json()["order"]
    listed = call(store, "GET", "/orders?filter[limit]=5").json()["orders"]
    count = call(store, "GET", "/orders/count?status=processing").json()

    assert (shown["order_number"], shown["total"], shown["completed_at"]) == ("1001", "50.00", "1970-01-01T00:00:00Z")
    assert (shown["billing_address"]["email"], shown["payment_details"]["method_id"]) == ("anna@example.com", "testpay")
    assert ([entry["id"] for entry in listed], count) == ([order["id"]], {"count": 1})


def test_with_order_tables_nothing_is_found_and_everything_is_paid(store: SandboxStore) -> None:
    store.shop.settings = replace(store.shop.settings, legacy="hpos", order_tables=True)
    order = store.add_order(total="50.00")

    seen = call(store, "GET", f"/orders/{order['id']}")
    made = refund(store, order["id"], {"amount": "10.00"})

    expected = [("woocommerce_api_invalid_order", "Invalid order")]
    assert [(answer.status_code, errors(answer)) for answer in (seen, made)] == [(404, expected), (404, expected)]
    assert (rows(store, order["id"]), money(store)) == ([("10.00", "", False)], ["10.00"])
    assert call(store, "GET", "/orders").json() == {"orders": []}


def test_without_the_plugin_the_address_is_an_empty_page(store: SandboxStore) -> None:
    store.shop.settings = replace(store.shop.settings, legacy="off")

    answer = call(store, "GET", "/orders")

    assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (404, "text/html; charset=UTF-8", "")


NO_KEY = "woocommerce_api_authentication_error"


@pytest.mark.parametrize(
    ("options", "method", "status", "message", "asks"),
    [
        ({"key": "unknown"}, "GET", 401, "Consumer key is invalid.", False),
        ({"key": ""}, "GET", 401, "Consumer Secret is invalid.", True),
        ({"auth": ("ck_sandbox", "cs_wrong")}, "GET", 401, "Consumer Secret is invalid.", True),
        ({"key": "read"}, "POST", 401, "The API key provided does not have write permissions.", False),
        ({"key": "write"}, "GET", 401, "The API key provided does not have read permissions.", False),
    ],
)
def test_keys_that_will_not_do(
    store: SandboxStore, options: Json, method: str, status: int, message: str, asks: bool
) -> None:
    order = store.add_order(total="50.00")

    answer = call(store, method, f"/orders/{order['id']}/refunds", {"order_refund": {"amount": "1.00"}}, **options)

    assert (answer.status_code, errors(answer)) == (status, [(NO_KEY, message)])
    assert ("WWW-Authenticate" in answer.headers, money(store)) == (asks, [])


def test_over_plain_http_a_signature_is_missed(store: SandboxStore) -> None:
    store.shop.settings = replace(store.shop.settings, plain=True)

    answer = call(store, "GET", "/orders")

    assert (answer.status_code, errors(answer)) == (404, [(NO_KEY, "oauth_consumer_key parameter is missing")])


def test_an_unknown_route_is_told_so(store: SandboxStore) -> None:
    answer = call(store, "GET", "/nonsense/1")

    expected = ("woocommerce_api_no_route", "No route was found matching the URL and request method")
    assert (answer.status_code, errors(answer)) == (404, [expected])


def test_both_dialects_see_the_same_refunds(store: SandboxStore) -> None:
    order = store.add_order(total="50.00")
    refund(store, order["id"], {"amount": "10.00", "reason": "RF-1"})

    (row,) = Client(store)("GET", f"/orders/{order['id']}/refunds").json()

    assert (row["amount"], row["reason"], row["refunded_payment"]) == ("10.00", "RF-1", False)
