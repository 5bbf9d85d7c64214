"""wc/v3: what is asked, what is sent, and how orders and refunds are read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from refunds.woocommerce import (
    BadAnswer,
    CachedAnswer,
    Gateway,
    InstructionLine,
    LineKind,
    NotOffered,
    Order,
    OrderLine,
    OrderNote,
    OrderNotFound,
    RefundedLine,
    RefundInstruction,
    RefundNotFound,
    RefundSummary,
    Store,
    StoreError,
    StoreIndex,
    StoreMisconfigured,
    StoreRefund,
    StoreSettings,
    StoreUnreachable,
    Tax,
    TaxRate,
    Timeouts,
    connect,
)

from .woocommerce_server import Reply, Server, reply, serving, woo_error, woo_line, woo_order, woo_refund

ORDERS = "/wp-json/wc/v3/orders"
UNROUNDED = {"dp": "8"}
INSTRUCTION = RefundInstruction(
    amount=Decimal("13.61"),
    reason="RF-7K2M9QXD-1 Damaged",
    marker="RF-7K2M9QXD-1",
    api_refund=True,
    api_restock=False,
    lines=(InstructionLine(597, 1, Decimal("12.50"), (Tax(1, Decimal("1.11")),)),),
)


def client(server: Server, decimals: int | None = 2) -> Store:
    return connect(
        url=server.url, key="ck_1", secret="cs_1", decimals=decimals, timeouts=Timeouts(pause=0.01, read=2, scale=0.5)
    )


def read_order(*replies: Reply) -> Order:
    with serving(*replies) as server:
        return client(server).order(1001, patience=2)


# --- Orders ----------------------------------------------------------------------------------------------------------


def test_order_is_read_whole() -> None:
    order = read_order(
        reply(
            200,
            woo_order(
                number="A-1001",
                total="33.15000000",
                customer_id=7,
                prices_include_tax=True,
                line_items=[
                    woo_line(
                        479,
                        name="Mug &quot;Größe L&quot; &amp; more",
                        quantity=1,
                        total="12.50000000",
                        variation_id=12,
                        taxes=[{"id": 1, "total": "1.109375", "subtotal": "1.109375"}, {"id": 2, "total": ""}],
                        image={"id": 5, "src": "https://shop.example/mug.jpg"},
                    )
                ],
                shipping_lines=[
                    {
                        "id": 480,
                        "method_title": "Flat rate",
                        "total": "7.95000000",
                        "taxes": [{"id": 1, "total": "0.705563", "subtotal": ""}],
                    }
                ],
                fee_lines=[{"id": 484, "name": "Gift wrap", "amount": "", "total": "4.50000000", "taxes": []}],
                tax_lines=[{"id": 481, "rate_id": 1, "label": "NY Tax", "compound": False, "rate_percent": 8.875}],
            ),
        )
    )

    assert order == Order(
        id=1001,
        number="A-1001",
        status="processing",
        currency="USD",
        decimals=2,
        total=Decimal("33.15"),
        email="anna@example.com",
        first_name="Anna",
        last_name="Müller",
        customer_id=7,
        prices_include_tax=True,
        payment_method="testpay",
        payment_method_title="Test Pay (card)",
        transaction_id="tp_1",
        created_at=datetime(2026, 11, 20, 14, 42, 55, tzinfo=UTC),
        paid_at=datetime(2026, 11, 20, 14, 42, 57, tzinfo=UTC),
        completed_at=None,
        modified_at=datetime(2026, 11, 20, 14, 42, 58, tzinfo=UTC),
        lines=(
            OrderLine(
                id=479,
                kind=LineKind.PRODUCT,
                name='Mug "Größe L" & more',
                quantity=1,
                total=Decimal("12.50"),
                taxes=(Tax(1, Decimal("1.109375")),),
                product_id=10,
                variation_id=12,
                sku="RS-TEE",
                image_url="https://shop.example/mug.jpg",
            ),
            OrderLine(480, LineKind.SHIPPING, "Flat rate", 1, Decimal("7.95"), (Tax(1, Decimal("0.705563")),)),
            OrderLine(484, LineKind.FEE, "Gift wrap", 1, Decimal("4.50")),
        ),
        tax_rates=(TaxRate(1, "NY Tax", Decimal("8.875")),),
    )


def test_order_is_asked_for_unrounded_and_past_caches() -> None:
    with serving(reply(200, woo_order())) as server:
        client(server).order(1001)

    assert (server.asked[0].path, server.asked[0].query) == (f"{ORDERS}/1001", UNROUNDED)
    assert "_=" in server.asked[0].target


def test_order_without_refunds_is_one_call() -> None:
    with serving(reply(200, woo_order())) as server:
        client(server).order(1001)

    assert server.calls == [("GET", f"{ORDERS}/1001")]


def test_order_knows_what_was_refunded_of_each_line() -> None:
    row = {"id": 77, "reason": "RF-7K2M9QXD-1 Damaged", "total": "-33.61000000"}
    refund = woo_refund(
        amount="33.61000000",
        line_items=[
            {
                "id": 900,
                "quantity": -1,
                "total": "-25.00000000",
                "taxes": [{"id": 1, "total": "-2.21875"}],
                "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": "808"}],
            }
        ],
        shipping_lines=[
            {
                "id": 901,
                "total": "-5.00000000",
                "taxes": [],
                "meta_data": [{"id": 2, "key": "_refunded_item_id", "value": "809"}],
            }
        ],
    )
    shipping = {"id": 809, "method_title": "Flat rate", "total": "5.00000000", "taxes": []}

    order = read_order(reply(200, woo_order(shipping_lines=[shipping], refunds=[row])), reply(200, [refund]))

    assert order.refunds == (RefundSummary(77, Decimal("33.61"), "RF-7K2M9QXD-1 Damaged"),)
    assert (order.refunded, order.remaining) == (Decimal("33.61"), Decimal("16.39"))
    assert [(line.id, line.refunded_quantity, line.refunded_total, line.refunded_taxes) for line in order.lines] == [
        (808, 1, Decimal("25.00"), (Tax(1, Decimal("2.21875")),)),
        (809, 0, Decimal("5.00"), ()),
    ]


def test_order_only_does_not_read_the_refunds() -> None:
    row = {"id": 77, "reason": None, "total": "-0.00"}
    with serving(reply(200, woo_order(refunds=[row]))) as server:
        order = client(server).order_only(1001)

    assert order.refunds == (RefundSummary(77, Decimal("0.00"), ""),)
    assert len(server.asked) == 1


def test_order_and_refunds_that_disagree_are_read_again() -> None:
    """A refund was made between the two reads."""
    row = {"id": 77, "reason": "", "total": "-10.00"}
    order = read_order(
        reply(200, woo_order(refunds=[row])),
        reply(200, [woo_refund(77), woo_refund(78)]),
        reply(200, woo_order(refunds=[row, row | {"id": 78}])),
        reply(200, [woo_refund(77), woo_refund(78)]),
    )

    assert order.refund_ids == {77, 78}


def test_order_and_refunds_that_go_on_disagreeing_are_a_bad_answer() -> None:
    order = reply(200, woo_order(refunds=[{"id": 77, "reason": "", "total": "-10.00"}]))

    with pytest.raises(BadAnswer, match="do not agree"):
        read_order(order, reply(200, []), order, reply(200, []))


def test_order_from_a_cache_is_refused() -> None:
    with pytest.raises(CachedAnswer):
        read_order(reply(200, woo_order(), X_Cache="HIT"))


def test_order_with_another_id_is_refused() -> None:
    """Number plugins answer /orders/<number> with another order."""
    with pytest.raises(BadAnswer, match="asked for order 1001 and answered with order 1002"):
        read_order(reply(200, woo_order(1002)))


def broken(change: dict[str, Any], *, drop: str = "") -> dict[str, Any]:
    return {name: value for name, value in woo_order(**change).items() if name != drop}


@pytest.mark.parametrize(
    "order",
    [
        *(broken({}, drop=field) for field in ("id", "number", "status", "currency", "total", "billing", "refunds")),
        *(broken({}, drop=field) for field in ("line_items", "shipping_lines", "fee_lines", "tax_lines")),
        *(broken({field: None}) for field in ("id", "number", "currency", "total", "billing", "line_items", "refunds")),
        *(broken({field: 7.5}) for field in ("id", "number", "status", "billing", "customer_id", "payment_method")),
        broken({"total": "50,00"}),
        broken({"billing": {"email": 5.5}}),
        broken({"line_items": [{}]}),
        broken({"line_items": [None]}),
        broken({"line_items": [woo_line(quantity=1.5)]}),
        broken({"line_items": [woo_line(total=[])]}),
        broken({"line_items": [woo_line(taxes=None)]}),
        broken({"line_items": [woo_line(taxes=[{"total": "1"}])]}),
        broken({"line_items": [woo_line(taxes=[{"id": 1, "total": "1"}, {"id": 1, "total": "1"}])]}),
        broken({"line_items": [woo_line(), woo_line()]}),
        broken({"refunds": [{"id": 5}]}),
        broken({"refunds": [{"errors": {}}]}),
        broken({"refunds": [{"id": 5, "total": "-1.00"}, {"id": 5, "total": "-1.00"}]}),
        broken({"tax_lines": [{"rate_id": None}]}),
        broken({"date_paid_gmt": 5.5}),
        {"errors": []},
        [],
        "order",
        None,
    ],
)
def test_malformed_order_is_a_bad_answer(order: Any) -> None:
    with pytest.raises(BadAnswer):
        read_order(reply(200, order))


@pytest.mark.parametrize(
    "change",
    [
        {"line_items": [woo_line(image=None)]},
        {"line_items": [woo_line(image={"src": False})]},
        {"line_items": [woo_line(sku=None, product_id=None, variation_id="")]},
        {"line_items": [woo_line(quantity="2", taxes=[{"id": "3", "total": None}])]},
        {"billing": {"email": None}},
        {"transaction_id": None, "payment_method": "", "customer_id": None, "prices_include_tax": None},
        {"date_paid_gmt": "-0001-11-30T00:00:00"},
        {"number": 1001},
    ],
)
def test_order_with_gaps_that_happen_is_read(change: dict[str, Any]) -> None:
    assert read_order(reply(200, woo_order(**change))).remaining == Decimal("50.00")


def test_order_behind_a_notice_is_read() -> None:
    notice = b"<br />\n<b>Notice</b>: in <b>/srv/a.php</b><br />\n"

    assert read_order(reply(200, notice + json.dumps(woo_order()).encode())).id == 1001
    assert read_order(reply(200, b"\xef\xbb\xbf" + json.dumps(woo_order()).encode())).id == 1001


# --- What came instead -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (reply(404, woo_error("woocommerce_rest_shop_order_invalid_id", "Invalid ID.")), OrderNotFound, "Invalid ID."),
        (
            reply(401, woo_error("woocommerce_rest_cannot_view", "Sorry.")),
            StoreMisconfigured,
            "The store refused the key (HTTP 401). The store said: “Sorry.”",
        ),
        (
            reply(403, b"<title>Blocked</title>"),
            StoreMisconfigured,
            "A firewall or password in front of the store refused us (HTTP 403).",
        ),
        (
            reply(301, b"", Location="https://user:pw@www.shop.example/x?key=1"),
            StoreMisconfigured,
            "The store has moved to another address: https://www.shop.example. Set the new address.",
        ),
        (
            reply(302, b"", Location="http://["),
            StoreMisconfigured,
            "The store has moved to another address. Set the new address.",
        ),
        (
            reply(404, woo_error("rest_no_route")),
            StoreMisconfigured,
            "WordPress answers at this address, but WooCommerce does not. Is the plugin switched on?",
        ),
        (
            reply(404, woo_error("woocommerce_rest_term_invalid", "Not here.")),
            BadAnswer,
            "The store answered with HTTP 404. The store said: “Not here.”",
        ),
        (
            reply(404, b"<title>Page not found</title>"),
            StoreMisconfigured,
            "There is no such API at this address (HTTP 404). Check the address of the store and its plugins.",
        ),
        (
            reply(200, b"<!DOCTYPE html><title>My &amp; Shop</title>"),
            BadAnswer,
            "The store answered with a web page instead of data. Are its permalinks set to “Plain”, or does a firewall "
            "show a challenge page? The page is called “My & Shop”.",
        ),
        (reply(200, b""), BadAnswer, "The store's answer is empty."),
        (reply(200, b'{"id": 1001'), BadAnswer, "The store's answer is not readable data (JSON)."),
        (
            reply(500, woo_error("wp_die", "<h1>Error establishing a database connection</h1>")),
            StoreUnreachable,
            "The store reported an error (HTTP 500). The store said: “Error establishing a database connection”",
        ),
        (reply(500, b"<html></html>"), StoreUnreachable, "The store reported an error (HTTP 500)."),
        (reply(418, b""), BadAnswer, "The store answered with HTTP 418."),
        (reply(204, b""), BadAnswer, "The store answered with HTTP 204."),
    ],
)
def test_answers_that_are_no_order_are_told_apart(answer: bytes, kind: type[StoreError], words: str) -> None:
    with pytest.raises(StoreError) as error:
        read_order(answer)

    assert (type(error.value), error.value.message) == (kind, words)


# --- Finding ---------------------------------------------------------------------------------------------------------


def find(*replies: Reply, number: str = "#1001", email: str = " Anna@Example.com") -> tuple[list[int], list[Any]]:
    with serving(*replies) as server:
        found = client(server).find_orders(number=number, email=email)
    searches = [(asked.query["search"], asked.query["page"]) for asked in server.asked]
    assert {asked.path for asked in server.asked} <= {ORDERS}
    return [order.id for order in found], searches


def test_order_is_found_by_email_first_and_compared_exactly() -> None:
    hits = [
        woo_order(5, number="1002"),
        woo_order(6, number="1001", billing={"email": "anna@example.com.au"}),
        woo_order(7, number="1001", billing={"email": "ANNA@example.com"}),
        woo_order(1001, number="5000"),
    ]

    assert find(reply(200, hits)) == ([7], [("Anna@Example.com", "1")])


def test_order_is_searched_by_number_where_its_email_is_not_found() -> None:
    assert find(reply(200, []), reply(200, [woo_order()])) == ([1001], [("Anna@Example.com", "1"), ("1001", "1")])


def test_order_of_somebody_else_is_not_found() -> None:
    others = [woo_order(billing={"email": "anna@example.co"}), woo_order(1002)]

    assert find(reply(200, others)) == ([], [("Anna@Example.com", "1"), ("1001", "1")])


def test_order_is_found_beside_orders_that_cannot_be_read() -> None:
    hits = [{}, {"number": "1001"}, {"number": None, "billing": []}, broken({"total": None}), woo_order()]
    hits[3]["number"] = "5"

    assert find(reply(200, hits))[0] == [1001]


def test_search_turns_pages_newest_first_and_stops_at_the_find() -> None:
    page = [woo_order(number, number=f"X{number}") for number in range(1, 101)]
    with serving(reply(200, page), reply(200, [woo_order()])) as server:
        found = client(server).find_orders(number="1001", email="anna@example.com")

    assert [order.id for order in found] == [1001]
    assert [asked.query for asked in server.asked] == [
        UNROUNDED | {"orderby": "date", "order": "desc", "search": "anna@example.com", "page": page, "per_page": "100"}
        for page in ("1", "2")
    ]


def test_search_has_an_end() -> None:
    page = [woo_order(number, number=f"X{number}") for number in range(1, 101)]

    found, searches = find(reply(200, page))

    assert (found, len(searches)) == ([], 10)


@pytest.mark.parametrize(("number", "email"), [("", "anna@example.com"), ("#", "anna@example.com"), ("1001", " ")])
def test_half_an_identity_finds_nothing_and_asks_nothing(number: str, email: str) -> None:
    assert find(reply(200, [woo_order()]), number=number, email=email) == ([], [])


def test_list_and_count_and_statuses() -> None:
    statuses = [{"slug": "processing", "name": "Processing"}, {"slug": "ready", "name": "Ready &amp; packed"}]
    with serving(reply(200, [woo_order(5)]), reply(200, [], X_WP_Total="158"), reply(200, statuses)) as server:
        store = client(server)
        listed = store.orders(status="processing", page=2, per_page=3)
        counted = store.count_orders(status="processing")
        named = store.order_statuses()

    assert [order.id for order in listed] == [5]
    assert (counted, named) == (158, {"processing": "Processing", "ready": "Ready & packed"})
    assert server.asked[0].query == UNROUNDED | {
        "orderby": "date", "order": "desc", "status": "processing", "page": "2", "per_page": "3",
    }  # fmt: skip


def test_statuses_of_older_releases_come_from_the_reports() -> None:
    totals = [{"slug": "processing", "name": "Processing", "total": 5}]
    with serving(reply(404, woo_error("rest_no_route")), reply(200, totals)) as server:
        assert client(server).order_statuses() == {"processing": "Processing"}

    assert server.asked[1].path == "/wp-json/wc/v3/reports/orders/totals"


# --- Refunds ---------------------------------------------------------------------------------------------------------


def test_refunds_are_read_on_all_pages_oldest_first() -> None:
    pages = [[woo_refund(number) for number in range(1, 101)], [woo_refund(101)]]
    with serving(*(reply(200, page) for page in pages)) as server:
        found = client(server).refunds(1001)

    assert [refund.id for refund in found] == list(range(1, 102))
    assert [asked.query for asked in server.asked] == [
        {"dp": "8", "orderby": "id", "order": "asc", "per_page": "100", "page": page} for page in ("1", "2")
    ]


def test_refund_is_read_whole_and_in_positive_figures() -> None:
    line = {
        "id": 627,
        "quantity": -3,
        "total": "-9.99000000",
        "taxes": [{"id": 1, "total": "-0.886613"}],
        "meta_data": [
            {"id": 1, "key": "_refunded_item_id", "value": "623"},
            {"id": 2, "key": "_plugin", "value": {"an": "object"}},
        ],
    }
    without_line = {"id": 630, "total": "-4.50000000", "taxes": [], "meta_data": []}
    with serving(reply(200, [woo_refund(line_items=[line], fee_lines=[without_line])])) as server:
        found = client(server).refunds(1001)

    assert found == (
        StoreRefund(
            id=77,
            order_id=1001,
            amount=Decimal("10.00"),
            reason="RF-7K2M9QXD-1 Damaged",
            refunded_payment=True,
            created_at=datetime(2026, 11, 20, 14, 53, 21, tzinfo=UTC),
            lines=(
                RefundedLine(623, 3, Decimal("9.99"), (Tax(1, Decimal("0.886613")),)),
                RefundedLine(0, 0, Decimal("4.50")),
            ),
            meta=(("_refund_portal_marker", "RF-7K2M9QXD-1"),),
        ),
    )


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, [woo_refund(), {"errors": {"woocommerce_rest_invalid_id": ["Invalid"]}}]),
        reply(200, [woo_refund(), woo_refund()]),
        reply(200, {"id": 5}),
        reply(200, [woo_refund(amount="")]),
        reply(200, [woo_refund(refunded_payment="no")]),
        reply(200, b'<b>Warning</b>: x\n[{"id": 5, "line_items": []'),
        reply(200, [woo_refund(n) for n in range(1, 101)]),
    ],
)
def test_list_of_refunds_that_is_not_whole_is_no_list(answer: bytes) -> None:
    with serving(answer) as server, pytest.raises(BadAnswer):
        client(server).refunds(1001)


@pytest.mark.parametrize(
    "headers", [{"Age": "12"}, {"X_Cache": "HIT"}, {"CF_Cache_Status": "HIT"}, {"X_WC_Cache": "HIT"}]
)
def test_refunds_from_a_cache_are_no_evidence(headers: dict[str, str]) -> None:
    with serving(reply(200, [], **headers)) as server, pytest.raises(CachedAnswer):
        client(server).refunds(1001)


def test_single_refund_is_read_or_not_found() -> None:
    unknown = reply(404, woo_error("woocommerce_rest_shop_order_refund_invalid_id"))
    of_another_order = reply(500, woo_error("woocommerce_rest_invalid_order_refund_id", data=404))
    with serving(reply(200, woo_refund()), unknown, of_another_order, reply(200, woo_refund(78))) as server:
        store = client(server)

        assert store.refund(1001, 77).amount == Decimal("10.00")
        for _ in range(2):
            with pytest.raises(RefundNotFound):
                store.refund(1001, 77)
        with pytest.raises(BadAnswer, match="answered with refund 78"):
            store.refund(1001, 77)


def test_refund_is_sent_in_the_one_form_all_stores_understand() -> None:
    with serving(reply(201, woo_refund(amount="13.61"))) as server:
        client(server).create_refund(1001, INSTRUCTION)

    asked = server.asked[0]
    assert (asked.method, asked.target, asked.headers["content-type"]) == (
        "POST",
        f"{ORDERS}/1001/refunds",
        "application/json",
    )
    assert asked.json == {
        "amount": "13.61",
        "reason": "RF-7K2M9QXD-1 Damaged",
        "api_refund": True,
        "api_restock": False,
        "line_items": [
            {"id": 597, "quantity": 1, "refund_total": "12.50", "refund_tax": [{"id": 1, "refund_total": "1.11"}]}
        ],
        "meta_data": [{"key": "_refund_portal_marker", "value": "RF-7K2M9QXD-1"}],
    }


@pytest.mark.parametrize(
    ("decimals", "amount", "sent"),
    [(0, "1200", "1200"), (0, "1200.00", "1200"), (2, "10", "10.00"), (2, "1E+2", "100.00"), (3, "1.255", "1.255")],
)
def test_amount_is_sent_with_the_decimals_of_the_store(decimals: int, amount: str, sent: str) -> None:
    with serving(reply(201, woo_refund(amount=sent))) as server:
        client(server, decimals).create_refund(1001, replace(INSTRUCTION, amount=Decimal(amount), lines=()))

    assert server.asked[0].json["amount"] == sent
    assert "line_items" not in server.asked[0].json


LINE = INSTRUCTION.lines[0]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(INSTRUCTION, amount=Decimal("0.00"), lines=()),
        replace(INSTRUCTION, amount=Decimal("-5.00"), lines=()),
        replace(INSTRUCTION, amount=Decimal("10.005"), lines=()),
        replace(INSTRUCTION, amount=Decimal("NaN"), lines=()),
        replace(INSTRUCTION, amount=Decimal("Infinity"), lines=()),
        replace(INSTRUCTION, amount=Decimal("1E+30"), lines=()),
        replace(INSTRUCTION, amount=Decimal("13.60")),
        replace(INSTRUCTION, reason="Damaged"),
        replace(INSTRUCTION, reason="RF-7K2M9QXD-12 Damaged"),
        replace(INSTRUCTION, reason=" RF-7K2M9QXD-1"),
        replace(INSTRUCTION, marker="", reason="Damaged"),
        replace(INSTRUCTION, api_refund=1),  # type: ignore[arg-type]
        replace(INSTRUCTION, api_restock=None),  # type: ignore[arg-type]
        replace(INSTRUCTION, lines=(replace(LINE, total=Decimal("12.505")),)),
        replace(INSTRUCTION, lines=(replace(LINE, total=Decimal("13.61"), taxes=()), replace(LINE, total=Decimal(0)))),
        replace(
            INSTRUCTION, lines=(LINE, InstructionLine(5, 1, Decimal("-1.00")), InstructionLine(6, 1, Decimal("1.00")))
        ),
        replace(INSTRUCTION, lines=(replace(LINE, line_id=0),)),
        replace(INSTRUCTION, lines=(replace(LINE, quantity=-1),)),
        replace(INSTRUCTION, lines=(replace(LINE, taxes=(Tax(1, Decimal("1.00")), Tax(1, Decimal("0.11")))),)),
    ],
)
def test_refund_that_a_store_could_misread_is_never_sent(wrong: RefundInstruction) -> None:
    with serving(reply(201, woo_refund())) as server, pytest.raises(ValueError):  # noqa: PT011 -- nothing to match
        client(server).create_refund(1001, wrong)

    assert server.asked == []


def test_refund_is_deleted_for_good() -> None:
    with serving(reply(200, woo_refund())) as server:
        client(server).delete_refund(1001, 77)

    assert [(asked.method, asked.path, asked.query) for asked in server.asked] == [
        ("DELETE", f"{ORDERS}/1001/refunds/77", {"force": "true"})
    ]


def test_refund_cannot_be_changed() -> None:
    with serving(reply(200, woo_refund())) as server, pytest.raises(NotOffered):
        client(server).update_refund(1001, 77, reason="x")

    assert server.asked == []


@pytest.mark.parametrize("answer", [reply(503, b""), lambda connection: None, reply(500, b"")])
def test_other_writes_are_not_repeated_either(answer: Reply) -> None:
    with serving(answer) as server:
        with pytest.raises(StoreUnreachable):
            client(server).add_note(1001, "Hello")
        with pytest.raises(StoreUnreachable):
            client(server).delete_refund(1001, 77)

    assert [asked.method for asked in server.asked] == ["POST", "DELETE"]


# --- The rest --------------------------------------------------------------------------------------------------------


def test_notes_are_read_and_added() -> None:
    row = {"id": 1758, "date_created_gmt": "2026-11-20T14:51:26", "note": "Stock: 68&rarr;66", "customer_note": False}
    note = OrderNote(1758, "Stock: 68→66", datetime(2026, 11, 20, 14, 51, 26, tzinfo=UTC), to_customer=False)
    with serving(reply(200, [row]), reply(201, row)) as server:
        store = client(server)

        assert store.notes(1001) == (note,)
        assert store.add_note(1001, "Stock", to_customer=True) == note

    assert server.asked[1].json == {"note": "Stock", "customer_note": True}


def test_notes_of_an_unknown_order_are_not_found() -> None:
    with serving(reply(404, woo_error("woocommerce_rest_order_invalid_id"))) as server, pytest.raises(OrderNotFound):
        client(server).notes(1001)


def test_gateways_say_whether_they_can_refund() -> None:
    rows = [
        {"id": "testpay", "title": "Card", "enabled": True, "method_supports": ["products", "refunds"]},
        {
            "id": "cod",
            "title": "",
            "method_title": "Cash &amp; carry",
            "enabled": False,
            "method_supports": ["products"],
        },
        {"id": "odd", "title": "Odd", "enabled": True, "method_supports": None},
    ]
    with serving(reply(200, rows)) as server:
        store = client(server)

        assert store.gateways() == (
            Gateway("testpay", "Card", enabled=True, supports_refunds=True),
            Gateway("cod", "Cash & carry", enabled=False, supports_refunds=False),
            Gateway("odd", "Odd", enabled=True, supports_refunds=False),
        )
        assert store.gateway("testpay") == store.gateways()[0]
        assert store.gateway("gone") is None


INDEX = {
    "name": "My &amp; Shop",
    "home": "https://shop.example",
    "url": "https://shop.example/wp",
    "namespaces": ["wc/v3"],
}
GENERAL = [{"id": "woocommerce_currency", "value": "EUR"}, {"id": "woocommerce_price_num_decimals", "value": "2"}]


def test_index_is_asked_without_the_key() -> None:
    with serving(reply(200, INDEX)) as server:
        assert client(server).index() == StoreIndex(
            "My & Shop", "https://shop.example", "https://shop.example/wp", ("wc/v3",)
        )

    assert server.asked[0].path == "/wp-json/"
    assert "authorization" not in server.asked[0].headers


def test_settings_are_gathered() -> None:
    status = {
        "environment": {"version": "9.9.5", "wp_version": "6.9", "home_url": "https://shop.example"},
        "settings": {"HPOS_enabled": True, "currency": "EUR"},
    }
    replies = [reply(200, GENERAL), reply(200, status), reply(200, GENERAL[1]), reply(200, INDEX)]
    with serving(*replies) as server:
        settings = client(server, decimals=3).settings()

    assert settings == StoreSettings(
        decimals=2,
        currency="EUR",
        home_url="https://shop.example",
        woocommerce_version="9.9.5",
        order_tables=True,
        extra={"wordpress_version": "6.9", "name": "My & Shop"},
    )


def test_settings_that_the_key_may_not_see_are_unknown() -> None:
    closed = reply(403, woo_error("woocommerce_rest_cannot_view"))
    with serving(closed, closed, closed, reply(200, [woo_order(total="10.555")]), reply(200, INDEX)) as server:
        settings = client(server).settings()

    assert settings == StoreSettings(
        decimals=3, currency="", home_url="https://shop.example", extra={"wordpress_version": "", "name": "My & Shop"}
    )


def test_store_does_nothing_before_it_is_asked() -> None:
    with connect(url="https://nowhere.invalid", key="ck_1", secret="cs_1") as store:
        assert repr(store) == "<V3Store https://nowhere.invalid>"
        assert store.decimals is None


@pytest.mark.parametrize(
    "wrong", [{"api": "wc/v2"}, {"api": ""}, {"decimals": -1}, {"decimals": 9}, {"url": "http://shop.example"}]
)
def test_store_is_not_made_of_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"store"):
        connect(**{"url": "https://shop.example", "key": "ck_1", "secret": "cs_1"} | wrong)
