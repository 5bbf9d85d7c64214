"""The sandbox store over real HTTP: what is asked, what is answered, which rows there are, which money moved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from portal.sandbox.store import SandboxStore

from .sandbox_store import Client, error, money, rows, until

Json = dict[str, Any]
INVALID_AMOUNT = ("woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.", 500)
BELOW_ZERO = ("woocommerce_rest_invalid_order_refund", "Refund amount must be greater than zero.", 400)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path / "store", orders=[], race_window=0) as store:
        yield store


@pytest.fixture
def client(store: SandboxStore) -> Iterator[Client]:
    client = Client(store)
    yield client
    client.session.close()


# --- one refund -------------------------------------------------------------------------------------------------------


def test_refund_is_booked_paid_and_described(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(
        order["id"], {"amount": "10.00", "reason": "RF-1 Torn", "meta_data": [{"key": "_marker", "value": "RF-1"}]}
    )

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["Location"].endswith(f"/wp-json/wc/v3/orders/(?P<order_id>[\\d]+)/refunds/{body['id']}")
    assert answer.headers["Allow"] == "GET, POST"
    assert (body["amount"], body["reason"], body["refunded_payment"]) == ("10.00", "RF-1 Torn", True)
    assert [(meta["key"], meta["value"]) for meta in body["meta_data"]] == [("_marker", "RF-1")]
    assert rows(store, order["id"]) == [("10.00", "RF-1 Torn", True)]
    assert [
        (payment["order_id"], payment["amount"], payment["currency"], payment["reason"]) for payment in store.money
    ] == [(order["id"], "10.00", "EUR", "RF-1 Torn")]
    assert client("GET", f"/orders/{order['id']}").json()["refunds"] == [
        {"id": body["id"], "reason": "RF-1 Torn", "total": "-10.00"}
    ]


@pytest.mark.parametrize(
    ("amount", "stored", "shown", "paid"),
    [
        ("10.00", "10.00", "10.00", "10.00"),
        (" 10.00 ", "10.00", "10.00", "10.00"),
        ("10.005", "10.005", "10.01", "10.005"),
        ("0.00", "0.00", "0.00", "0.00"),
        ("10,00", "1000", "1000.00", "1000"),
        ("1e1", "11", "11.00", "11"),
    ],
)
def test_amount_texts_that_are_accepted(
    store: SandboxStore, client: Client, amount: str, stored: str, shown: str, paid: str
) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": amount})

    assert (answer.status_code, answer.json()["amount"]) == (201, shown)
    assert rows(store, order["id"]) == [(stored, "", True)]
    assert money(store) == [paid]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("-5.00", BELOW_ZERO),
        ("", BELOW_ZERO),
        (None, BELOW_ZERO),
        ("$10.00", BELOW_ZERO),
        ("abc", INVALID_AMOUNT),
        ("50.01", INVALID_AMOUNT),
        ("50.001", INVALID_AMOUNT),
        ("9,00", INVALID_AMOUNT),
    ],
)
def test_amount_texts_that_are_refused_are_a_500_without_a_row(
    store: SandboxStore, client: Client, amount: str | None, expected: tuple[str, str, int]
) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": amount})

    assert (answer.status_code, error(answer)) == (500, expected)
    assert (rows(store, order["id"]), money(store)) == ([], [])


@pytest.mark.parametrize(
    ("body", "name", "kind"),
    [
        ({"amount": 10}, "amount", "string"),
        ({"amount": 10.5}, "amount", "string"),
        ({"amount": ["10.00"]}, "amount", "string"),
        ({"amount": "10.00", "reason": 5}, "reason", "string"),
        ({"amount": "10.00", "api_refund": "maybe"}, "api_refund", "boolean"),
        ({"amount": "10.00", "api_restock": "maybe"}, "api_restock", "boolean"),
        ({"amount": "10.00", "meta_data": {"_k": "v"}}, "meta_data", "array"),
    ],
)
def test_arguments_of_the_wrong_type_are_a_400(
    store: SandboxStore, client: Client, body: Json, name: str, kind: str
) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], body)

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "rest_invalid_param",
        "message": f"Invalid parameter(s): {name}",
        "data": {
            "status": 400,
            "params": {name: f"{name} is not of type {kind}."},
            "details": {
                name: {
                    "code": "rest_invalid_type",
                    "message": f"{name} is not of type {kind}.",
                    "data": {"param": name},
                }
            },
        },
    }
    assert (rows(store, order["id"]), money(store)) == ([], [])


@pytest.mark.parametrize("body", [{}, None])
def test_missing_amount_is_a_201_and_calls_the_gateway_with_nothing(
    store: SandboxStore, client: Client, body: Json | None
) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], body)

    assert (answer.status_code, answer.json()["amount"]) == (201, "0.00")
    assert rows(store, order["id"]) == [("", "", True)]
    assert money(store) == [""]


def test_json_that_is_not_called_json_is_not_read(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], data='{"amount":"10.00"}', headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["amount"], money(store)) == (201, "0.00", [""])


def test_broken_json_is_a_400(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], data='{"amount": "10.00"', headers={"Content-Type": "application/json"})

    data = {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"}
    assert (answer.status_code, error(answer)) == (400, ("rest_invalid_json", "Invalid JSON body passed.", data))


@pytest.mark.parametrize("options", [{"data": {"amount": "10.00"}}, {"params": {"amount": "10.00"}}])
def test_amount_may_come_as_a_form_or_in_the_query(store: SandboxStore, client: Client, options: Json) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], **options)

    assert (answer.status_code, answer.json()["amount"], money(store)) == (201, "10.00", ["10.00"])


@pytest.mark.parametrize("value", [False, "false", 0, "0", None])
def test_refund_without_the_gateway_is_only_booked(store: SandboxStore, client: Client, value: Any) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": "10.00", "api_refund": value})

    assert (answer.status_code, answer.json()["refunded_payment"]) == (201, False)
    assert (rows(store, order["id"]), money(store)) == ([("10.00", "", False)], [])


def test_the_same_refund_twice_is_two_refunds(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answers = [client.refund(order["id"], {"amount": "10.00"}, headers={"Idempotency-Key": "1"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert money(store) == ["10.00", "10.00"]


def test_two_refunds_of_everything_at_once_both_pay(tmp_path: Path) -> None:
    with SandboxStore(tmp_path, orders=[], race_window=0.5) as store, ThreadPoolExecutor(2) as both:
        order = store.add_order(total="50.00")

        answers = list(both.map(lambda _: Client(store).refund(order["id"], {"amount": "50.00"}), range(2)))

        assert [answer.status_code for answer in answers] == [201, 201]
        assert (money(store), store.order(order["id"])["status"]) == (["50.00", "50.00"], "refunded")


def test_status_becomes_refunded_at_the_sum_and_not_before(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    client.refund(order["id"], {"amount": "20.00"})
    partly = store.order(order["id"])["status"]
    client.refund(order["id"], {"amount": "30.00"})
    over = client.refund(order["id"], {"amount": "0.01"})

    assert (partly, store.order(order["id"])["status"]) == ("processing", "refunded")
    assert (over.status_code, error(over)) == (500, INVALID_AMOUNT)
    notes = [note["note"] for note in client("GET", f"/orders/{order['id']}/notes").json()]
    assert "Order status changed from Processing to Refunded." in notes


def test_a_free_item_that_is_still_out_keeps_the_status(store: SandboxStore, client: Client) -> None:
    order = store.add_order(line_items=[{"total": "50.00"}, {"total": "0.00"}])

    answer = client.refund(order["id"], {"amount": "50.00"})

    assert (answer.status_code, store.order(order["id"])["status"]) == (201, "processing")


@pytest.mark.parametrize("status", ["pending", "cancelled", "on-hold", "failed", "completed", "trash"])
def test_status_of_the_order_hardly_matters(store: SandboxStore, client: Client, status: str) -> None:
    order = store.add_order(total="50.00", status=status)

    answer = client.refund(order["id"], {"amount": "10.00"})

    assert (answer.status_code, money(store), store.order(order["id"])["status"]) == (201, ["10.00"], status)


def test_unknown_order_is_a_500_with_a_404_inside(store: SandboxStore, client: Client) -> None:
    answer = client.refund(99999999, {"amount": "1.00"})

    expected = ("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
    assert (answer.status_code, error(answer)) == (500, expected)


def test_refund_of_a_refund_is_a_php_fatal_error(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    refund = client.refund(order["id"], {"amount": "1.00"}).json()

    answer = client.refund(refund["id"], {"amount": "1.00"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert sorted(answer.json()["data"]["error"]) == ["file", "line", "message", "type"]


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def taxed(store: SandboxStore) -> Json:
    """33.15: two products and shipping at 8.875 %, whose unrounded parts add up to 33.14."""
    return store.add_order(
        line_items=[
            {"name": "Odd price", "quantity": 3, "total": "9.99", "taxes": [{"id": 1, "total": "0.886613"}]},
            {"name": "Mug", "quantity": 1, "total": "12.50", "taxes": [{"id": 1, "total": "1.109375"}]},
        ],
        shipping_lines=[{"total": "7.95", "taxes": [{"id": 1, "total": "0.705563"}]}],
    )


def test_refunded_lines_are_negative_copies(client: Client, taxed: Json) -> None:
    mug, shipping = taxed["line_items"][1], taxed["shipping_lines"][0]
    lines = [
        {"id": mug["id"], "quantity": 1, "refund_total": 12.5, "refund_tax": [{"id": 1, "refund_total": 1.11}]},
        {"id": shipping["id"], "refund_total": "7.95", "refund_tax": [{"id": 1, "refund_total": "0.71"}]},
    ]

    body = client.refund(taxed["id"], {"amount": "22.27", "line_items": lines}).json()

    line, sent = body["line_items"][0], body["shipping_lines"][0]
    assert (line["name"], line["quantity"], line["total"], line["total_tax"]) == ("Mug", -1, "-12.50", "-1.11")
    assert (line["taxes"], line["price"]) == ([{"id": 1, "total": "-1.11", "subtotal": "-1.11"}], 12.5)
    assert (sent["total"], sent["total_tax"]) == ("-7.95", "-0.71")
    assert [(entry["key"], entry["value"]) for entry in line["meta_data"]] == [("_refunded_item_id", str(mug["id"]))]
    assert [(tax["rate_id"], tax["tax_total"], tax["shipping_tax_total"]) for tax in body["tax_lines"]] == [
        (1, "-1.11", "-0.71")
    ]


def test_taxes_of_nothing_are_left_out(client: Client, taxed: Json) -> None:
    mug = taxed["line_items"][1]
    line = {"id": mug["id"], "quantity": 1, "refund_total": 12.5, "refund_tax": [{"id": 1, "refund_total": 0}]}

    body = client.refund(taxed["id"], {"amount": "12.50", "line_items": [line]}).json()

    assert (body["line_items"][0]["taxes"], body["tax_lines"]) == ([], [])


def test_amount_left_out_is_the_sum_of_floats(store: SandboxStore, client: Client, taxed: Json) -> None:
    lines = [
        {
            "id": line["id"],
            "quantity": line.get("quantity", 0),
            "refund_total": float(line["total"]),
            "refund_tax": [{"id": 1, "refund_total": float(line["taxes"][0]["total"])}],
        }
        for line in (*taxed["line_items"], *taxed["shipping_lines"])
    ]

    answer = client.refund(taxed["id"], {"line_items": lines})

    assert (answer.status_code, answer.json()["amount"], taxed["total"]) == (201, "33.14", "33.15")
    assert (money(store), store.order(taxed["id"])["status"]) == (["33.141551"], "processing")


@pytest.mark.parametrize(
    "lines",
    [
        [{"id": 99999999, "quantity": 1, "refund_total": 25}],
        [{"quantity": 1, "refund_total": 25}],
        [{"id": 99999999, "quantity": 1, "refund_total": 25}, {"refund_total": 1}],
    ],
)
def test_lines_that_are_not_the_orders_are_dropped(store: SandboxStore, client: Client, lines: list[Json]) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": "25.00", "line_items": lines})

    assert (answer.status_code, answer.json()["line_items"], money(store)) == (201, [], ["25.00"])


@pytest.mark.parametrize(
    ("line", "quantity", "total", "price"),
    [
        ({"quantity": 50, "refund_total": 25}, -50, "-25.00", 0.5),
        ({"quantity": 1, "refund_total": 200}, -1, "-200.00", 200),
        ({"quantity": 1, "refund_total": -25}, -1, "25.00", -25),
        ({"quantity": 1}, -1, "0.00", 0),
        ({"refund_total": 25}, 0, "-25.00", 0),
        ({"qty": 1, "refund_total": "25.00"}, -1, "-25.00", 25),
    ],
)
def test_lines_are_not_checked(
    store: SandboxStore, client: Client, line: Json, quantity: int, total: str, price: float
) -> None:
    order = store.add_order(total="50.00")
    asked = {"id": order["line_items"][0]["id"], **line}

    body = client.refund(order["id"], {"amount": "10.00", "line_items": [asked]}).json()

    assert [(found["quantity"], found["total"], found["price"]) for found in body["line_items"]] == [
        (quantity, total, price)
    ]
    assert money(store) == ["10.00"]


def test_lines_may_be_a_map(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    line_id = order["line_items"][0]["id"]

    body = client.refund(order["id"], {"line_items": {str(line_id): {"qty": 1, "refund_total": 25}}}).json()

    assert (body["amount"], [line["quantity"] for line in body["line_items"]]) == ("25.00", [-1])


@pytest.mark.parametrize(("restock", "added"), [({}, 2), ({"api_restock": True}, 2), ({"api_restock": False}, 0)])
def test_stock_goes_up_unless_told_otherwise(store: SandboxStore, client: Client, restock: Json, added: int) -> None:
    order = store.add_order(line_items=[{"product_id": 77, "quantity": 3, "total": "30.00"}])
    store.shop.books.set_stock(77, 100)
    line = {"id": order["line_items"][0]["id"], "quantity": 2, "refund_total": 20}

    client.refund(order["id"], {"amount": "20.00", "line_items": [line], **restock})

    assert store.shop.books.stock == {77: 100 + added}


# --- gateways ---------------------------------------------------------------------------------------------------------

UNSUPPORTED = "The payment gateway for this order does not support automatic refunds."
GONE = "The payment gateway for this order does not exist."


@pytest.mark.parametrize(
    ("method", "message"), [("cod", UNSUPPORTED), ("bacs", UNSUPPORTED), ("stripe", GONE), ("", GONE)]
)
def test_gateways_that_cannot_pay_back(store: SandboxStore, client: Client, method: str, message: str) -> None:
    order = store.add_order(total="50.00", payment_method=method)

    refused = client.refund(order["id"], {"amount": "10.00"})
    booked = client.refund(order["id"], {"amount": "10.00", "api_refund": False})

    expected = ("woocommerce_rest_cannot_create_order_refund", message, 500)
    assert (refused.status_code, error(refused)) == (500, expected)
    assert (booked.status_code, rows(store, order["id"]), money(store)) == (201, [("10.00", "", False)], [])


def test_amounts_that_end_in_13_are_declined_and_leave_no_row(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": "10.13"})

    message = "Test Pay declined the refund: insufficient balance."
    expected = ("woocommerce_rest_cannot_create_order_refund", message, 500)
    assert (answer.status_code, error(answer)) == (500, expected)
    assert (rows(store, order["id"]), money(store)) == ([], [])


# --- in flight --------------------------------------------------------------------------------------------------------


def test_refund_goes_on_after_the_client_has_left(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    store.arm("gateway-slow", on="refund.create", delay=0.6)

    with pytest.raises(requests.ReadTimeout):
        client.refund(order["id"], {"amount": "10.00", "reason": "r"}, timeout=0.2)
    in_flight = rows(store, order["id"])
    until(lambda: rows(store, order["id"]) == [("10.00", "r", True)])

    assert in_flight == [("10.00", "r", False)]
    assert money(store) == ["10.00"]


def test_row_in_flight_vanishes_when_the_gateway_declines(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    store.arm("gateway-slow=0.5,gateway-declines", on="refund.create")
    thread = threading.Thread(target=client.refund, args=(order["id"], {"amount": "10.00"}))
    thread.start()

    until(lambda: rows(store, order["id"]) == [("10.00", "", False)])
    thread.join()

    assert (rows(store, order["id"]), money(store)) == ([], [])
