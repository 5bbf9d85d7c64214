"""What the sandbox store shows of orders and refunds, and what it does with those that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.store import SandboxStore

from .sandbox_store import Client, error, money, rows

Json = dict[str, Any]
NO_ROUTE = ("rest_no_route", "No route was found matching the URL and request method.", {"status": 404})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path, orders=[], race_window=0) as store:
        yield store


@pytest.fixture
def client(store: SandboxStore) -> Iterator[Client]:
    client = Client(store)
    yield client
    client.session.close()


def listed(client: Client, query: str) -> list[int]:
    return [order["id"] for order in client("GET", f"/orders?{query}").json()]


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_shows_money_in_the_shops_decimals_and_tax_unrounded(store: SandboxStore, client: Client) -> None:
    line = {"quantity": 3, "total": "9.99", "taxes": [{"id": 1, "total": "0.886613"}]}
    order = store.add_order(line_items=[line])

    shown = client("GET", f"/orders/{order['id']}").json()
    precise = client("GET", f"/orders/{order['id']}?dp=8").json()

    assert (shown["total"], shown["line_items"][0]["total_tax"]) == ("10.88", "0.89")
    assert (precise["total"], precise["line_items"][0]["total_tax"]) == ("10.88000000", "0.89000000")
    assert shown["line_items"][0]["taxes"] == [{"id": 1, "total": "0.886613", "subtotal": "0.886613"}]
    assert shown["line_items"][0]["price"] == 3.33


@pytest.mark.parametrize(
    ("decimals", "total", "amount", "shown", "paid"),
    [(0, "1200", "100.50", "101", "100.50"), (0, "1200", "0.4", "0", "0.4"), (3, "10.555", "1.255", "1.255", "1.255")],
)
def test_shops_with_other_decimals(
    store: SandboxStore, client: Client, decimals: int, total: str, amount: str, shown: str, paid: str
) -> None:
    store.shop.settings = replace(store.shop.settings, decimals=decimals)
    order = store.add_order(total=total)

    answer = client.refund(order["id"], {"amount": amount})

    assert (client("GET", f"/orders/{order['id']}").json()["total"], answer.json()["amount"]) == (total, shown)
    assert money(store) == [paid]


@pytest.mark.parametrize(
    ("amount", "status", "shown"),
    [
        ("10,00", 201, "10.00"),
        ("1.234,50", 201, "1234.50"),
        ("1,234.50", 201, "1234.50"),
        ("10.00", 201, "10.00"),
        ("9,00", 500, None),
    ],
)
def test_shops_with_a_decimal_comma_still_compare_letters(
    store: SandboxStore, client: Client, amount: str, status: int, shown: str | None
) -> None:
    store.shop.settings = replace(store.shop.settings, decimal_separator=",", thousand_separator=".")
    order = store.add_order(total="5000.00")

    answer = client.refund(order["id"], {"amount": amount})

    assert (answer.status_code, answer.json().get("amount")) == (status, shown)


@pytest.mark.parametrize(("order_tables", "left"), [(True, "40.00"), (False, "-950.00")])
def test_what_remains_after_a_comma_depends_on_how_orders_are_kept(
    store: SandboxStore, client: Client, order_tables: bool, left: str
) -> None:
    store.shop.settings = replace(store.shop.settings, order_tables=order_tables)
    order = store.add_order(total="50.00")
    client.refund(order["id"], {"amount": "10,00"})

    fits = client.refund(order["id"], {"amount": "40.00"}).status_code

    assert fits == (201 if left == "40.00" else 500)


@pytest.mark.parametrize("path", ["/orders/99999999", "/orders/{refund}"])
def test_what_is_no_order_is_a_404(store: SandboxStore, client: Client, path: str) -> None:
    order = store.add_order(total="50.00")
    refund = client.refund(order["id"], {"amount": "1.00"}).json()["id"]

    answer = client("GET", path.format(refund=refund))

    assert (answer.status_code, error(answer)) == (
        404,
        ("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", {"status": 404}),
    )


def test_a_status_change_to_refunded_books_the_rest_and_pays_nothing(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    client.refund(order["id"], {"amount": "10.00"})

    answer = client("PUT", f"/orders/{order['id']}", {"status": "refunded"})

    assert (answer.status_code, answer.json()["status"]) == (200, "refunded")
    assert rows(store, order["id"]) == [("10.00", "", True), ("40.00", "Order fully refunded.", False)]
    assert money(store) == ["10.00"]


def test_a_status_that_is_none_is_a_400(store: SandboxStore, client: Client) -> None:
    order = store.add_order()

    changed = client("PUT", f"/orders/{order['id']}", {"status": "nonsense"})
    filtered = client("GET", "/orders?status=nonsense")

    assert (changed.status_code, filtered.status_code) == (400, 400)
    assert filtered.json()["data"]["params"] == {
        "status": "status[0] is not one of any, trash, auto-draft, pending, processing, on-hold, completed, cancelled, "
        "refunded, failed, and checkout-draft."
    }


def test_an_order_is_made_over_the_api(store: SandboxStore, client: Client) -> None:
    line = {"name": "Cup & saucer", "product_id": 5, "quantity": 2, "total": "20.00"}
    given = {"payment_method": "testpay", "set_paid": True, "billing": {"email": "new@example.com"}}

    answer = client("POST", "/orders", {**given, "line_items": [line]})

    made = answer.json()
    assert (answer.status_code, made["status"], made["total"]) == (201, "processing", "20.00")
    assert (made["line_items"][0]["name"], made["billing"]["email"]) == ("Cup &amp; saucer", "new@example.com")
    assert client.refund(made["id"], {"amount": "20.00"}).status_code == 201


def test_a_deleted_order_has_no_refunds_and_takes_none(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    client.refund(order["id"], {"amount": "1.00"})

    deleted = client("DELETE", f"/orders/{order['id']}?force=true").status_code
    shown = client("GET", f"/orders/{order['id']}").status_code
    refunds = client("GET", f"/orders/{order['id']}/refunds")
    refused = error(client.refund(order["id"], {"amount": "1.00"}))

    assert (deleted, shown, refunds.status_code, refunds.json()) == (200, 404, 200, [])
    assert refused == ("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)


# --- lists and searches -----------------------------------------------------------------------------------------------


@pytest.fixture
def three(store: SandboxStore) -> list[int]:
    """Three orders, oldest first."""
    people = (("anna@example.com", "Becker", "1001"), ("ben@example.com", "Cole", "1002"), ("c@example.com", "D", "3"))
    return [
        store.add_order(
            number=number,
            customer_id=position,
            status=("processing", "completed", "trash")[position],
            date_created_gmt=f"2026-11-0{position + 1}T10:00:00",
            transaction_id=f"ch_{number}X",
            billing={"email": email, "last_name": last_name, "phone": "+49 221 5550164"},
            line_items=[{"name": f"Lamp {last_name}", "product_id": 70 + position, "total": "10.00"}],
        )["id"]
        for position, (email, last_name, number) in enumerate(people)
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [1, 0]),  # newest first, the trash left out
        ("order=asc", [0, 1]),
        ("status=trash", [2]),
        ("status=completed,trash", [2, 1]),
        ("status[]=processing&status[]=trash", [2, 0]),
        ("customer=1", [1]),
        ("customer=0", [0]),
        ("product=71", [1]),
        ("include=999", []),
        ("email=ben@example.com", [1, 0]),  # no such filter: everything
        ("billing_email=ben@example.com", [1, 0]),
        ("number=1002", [1, 0]),
        ("search=ben@example.com", [1]),
        ("search=BEN@EXAMPLE.com", [1]),
        ("search=example.com", [1, 0]),
        ("search=Becker", [0]),
        ("search=lamp+cole", [1]),
        ("search=ch_1001", [0]),
        ("search=0164", [1, 0]),  # a phone number
        ("search=1002", [1]),
        ("search=%231002", []),
        ("search=nobody@example.org", []),
        ("after=2026-11-01T11:00:00", [1]),  # site time; the bound itself is out
        ("after=2026-11-01T10:59:59", [1, 0]),
        ("before=2026-11-02T10:00:00&dates_are_gmt=true", [0]),
        ("per_page=1", [1]),
        ("per_page=1&page=2", [0]),
        ("page=2", []),
    ],
)
def test_list_of_orders(client: Client, three: list[int], query: str, found: list[int]) -> None:
    assert listed(client, query) == [three[position] for position in found]


def test_include_filters_by_ids(client: Client, three: list[int]) -> None:
    assert listed(client, f"include={three[0]},{three[1]}&orderby=id&order=asc") == three[:2]
    assert listed(client, f"search={three[1]}") == [three[1]]


@pytest.mark.parametrize(("number_search", "found"), [(True, [1]), (False, [])])
def test_numbers_of_a_plugin_are_found_or_not(
    store: SandboxStore, client: Client, number_search: bool, found: list[int]
) -> None:
    store.shop.settings = replace(store.shop.settings, number_search=number_search)
    order = store.add_order(number="SHOP-77")

    assert listed(client, "search=SHOP-77") == [order["id"]] * len(found)


def test_modified_after_finds_what_a_refund_touched(store: SandboxStore, client: Client) -> None:
    old, touched = (store.add_order(date_created_gmt="2026-01-01T00:00:00") for _ in range(2))

    client.refund(touched["id"], {"amount": "1.00"})

    assert listed(client, "modified_after=2026-06-01T00:00:00&dates_are_gmt=true") == [touched["id"]]
    assert old["date_modified_gmt"] == "2026-01-01T00:00:00"


def test_lists_tell_how_many_there_are_and_where_the_next_page_is(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="500.00")
    for n in range(1, 13):
        client.refund(order["id"], {"amount": f"1.{n:02}", "reason": f"n{n}", "api_refund": False})

    first = client("GET", f"/orders/{order['id']}/refunds")
    beyond = client("GET", f"/orders/{order['id']}/refunds?page=3")

    assert [row["reason"] for row in first.json()] == [f"n{n}" for n in range(12, 2, -1)]
    assert (first.headers["X-WP-Total"], first.headers["X-WP-TotalPages"]) == ("12", "2")
    assert first.headers["Link"].endswith(f'/orders/{order["id"]}/refunds?dp=2&page=2>; rel="next"')
    assert (beyond.json(), beyond.headers["X-WP-Total"]) == ([], "0")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("per_page=101", "per_page must be between 1 (inclusive) and 100 (inclusive)"),
        ("page=0", "page must be greater than or equal to 1"),
        ("per_page=ten", "per_page is not of type integer."),
        ("after=yesterday", "Invalid date."),
    ],
)
def test_pages_that_cannot_be_are_a_400(store: SandboxStore, client: Client, query: str, message: str) -> None:
    answer = client("GET", f"/orders/1/refunds?{query}")

    assert (answer.status_code, list(answer.json()["data"]["params"].values())) == (400, [message])


def test_refunds_of_an_unknown_order_are_an_empty_list(client: Client) -> None:
    answer = client("GET", "/orders/99999999/refunds")

    assert (answer.status_code, answer.json(), answer.headers["X-WP-Total"]) == (200, [], "0")


def test_a_search_never_finds_a_refund_by_its_reason(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    client.refund(order["id"], {"amount": "1.00", "reason": "RF-1"})

    assert client("GET", f"/orders/{order['id']}/refunds?search=RF-1").json() == []


def test_refunds_of_the_whole_shop_name_their_order(store: SandboxStore, client: Client) -> None:
    orders = [store.add_order(total="50.00")["id"] for _ in range(2)]
    for order_id in orders:
        client.refund(order_id, {"amount": "1.00"})

    answer = client("GET", "/refunds?per_page=1")

    assert [row["parent_id"] for row in answer.json()] == [orders[1]]
    assert answer.headers["X-WP-Total"] == "2"


# --- single refunds ---------------------------------------------------------------------------------------------------


def test_a_refund_is_shown_only_under_its_own_order(store: SandboxStore, client: Client) -> None:
    own, other = store.add_order(total="50.00"), store.add_order()
    refund = client.refund(own["id"], {"amount": "1.00"}).json()

    shown = client("GET", f"/orders/{own['id']}/refunds/{refund['id']}")
    wrong = client("GET", f"/orders/{other['id']}/refunds/{refund['id']}")
    unknown = client("GET", f"/orders/{own['id']}/refunds/99999999")

    assert (shown.status_code, shown.json()) == (200, refund)
    expected = ("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)
    assert (wrong.status_code, error(wrong)) == (500, expected)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "woocommerce_rest_shop_order_refund_invalid_id")


def test_a_deleted_refund_frees_its_amount_and_nothing_else(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    refund = client.refund(order["id"], {"amount": "50.00"}).json()

    kept = client("DELETE", f"/orders/{order['id']}/refunds/{refund['id']}?force=false")
    deleted = client("DELETE", f"/orders/{order['id']}/refunds/{refund['id']}?force=true")
    again = client("DELETE", f"/orders/{order['id']}/refunds/{refund['id']}?force=true")
    status = store.order(order["id"])["status"]
    paid_again = client.refund(order["id"], {"amount": "50.00"})

    assert (kept.status_code, kept.json()["code"]) == (501, "woocommerce_rest_trash_not_supported")
    assert (deleted.status_code, deleted.json(), again.status_code, status) == (200, refund, 404, "refunded")
    assert (paid_again.status_code, money(store)) == (201, ["50.00", "50.00"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/orders/{order}/refunds/{refund}"),
        ("POST", "/orders/{order}/refunds/{refund}"),
        ("POST", "/orders/{order}/refunds/batch"),
        ("POST", "/refunds"),
        ("POST", "/orders/abc/refunds"),
        ("GET", "/orders/abc"),
        ("GET", "/nonsense"),
    ],
)
def test_ways_that_do_not_exist(store: SandboxStore, client: Client, method: str, path: str) -> None:
    order = store.add_order(total="50.00")
    refund = client.refund(order["id"], {"amount": "1.00"}).json()["id"]

    answer = client(method, path.format(order=order["id"], refund=refund), {"reason": "x"} if method != "GET" else None)

    assert (answer.status_code, error(answer)) == (404, NO_ROUTE)
    assert "Allow" not in answer.headers


def test_meta_data_is_text_or_an_object_and_null_is_nothing(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    given = {"_text": "v", "_number": 5, "_object": {"a": 1}, "_empty": "", "_null": None}
    meta = [*({"key": key, "value": value} for key, value in given.items()), {"key": "_missing"}]

    body = client.refund(order["id"], {"amount": "1.00", "meta_data": meta}).json()

    assert {entry["key"]: entry["value"] for entry in body["meta_data"]} == {
        "_text": "v",
        "_number": "5",
        "_object": {"a": 1},
        "_empty": "",
    }


def test_reasons_are_kept_letter_by_letter(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    reason = 'Größe <b>falsch</b> & "kaputt" 😀 ' + "x" * 1000

    body = client.refund(order["id"], {"amount": "1.00", "reason": reason}).json()

    assert (body["reason"], store.money[0]["reason"]) == (reason, reason)
