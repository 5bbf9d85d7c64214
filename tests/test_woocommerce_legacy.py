"""wc-api/v3: looked at before paying, believed only where it can be, and in doubt otherwise."""

from __future__ import annotations

from collections.abc import Callable
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
    Order,
    OrderLine,
    OrderNote,
    OrderNotFound,
    Outcome,
    RefundedLine,
    RefundInstruction,
    RefundNotFound,
    RefundSummary,
    Store,
    StoreMisconfigured,
    StoreRefund,
    StoreUnreachable,
    Tax,
    TaxRate,
    Timeouts,
    Verdict,
    connect,
)
from refunds.woocommerce.legacy import ORDER_TABLES

from .woocommerce_server import Reply, Server, reply, serving, woo_error

ORDERS = "/wc-api/v3/orders"
STATUS = "/wp-json/wc/v3/system_status"
GATEWAYS = "/wp-json/wc/v3/payment_gateways"
INSTRUCTION = RefundInstruction(
    amount=Decimal("10.00"),
    reason="RF-7K2M9QXD-1 Damaged",
    marker="RF-7K2M9QXD-1",
    api_refund=True,
    api_restock=False,
    lines=(InstructionLine(35, 1, Decimal("9.00"), (Tax(4, Decimal("1.00")),)),),
)
CARD = {"id": "testpay", "title": "Card", "enabled": True, "method_supports": ["products", "refunds"]}
CASH = {"id": "cod", "title": "Cash", "enabled": True, "method_supports": ["products"]}


def legacy_order(order_id: int = 44, **fields: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "order_number": str(order_id),
        "created_at": "2026-11-20T14:55:19Z",
        "updated_at": "2026-11-20T14:55:20Z",
        "completed_at": "1970-01-01T00:00:00Z",
        "status": "processing",
        "currency": "USD",
        "total": "50.00000000",
        "shipping_tax": "0.00000000",
        "payment_details": {"method_id": "testpay", "method_title": "Card", "paid": True},
        "billing_address": {"first_name": "Anna", "last_name": "Müller", "email": "anna@example.com"},
        "customer_id": 0,
        "line_items": [legacy_line()],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
    } | fields


def legacy_line(**fields: Any) -> dict[str, Any]:
    return {
        "id": 35,
        "total": "50.00000000",
        "total_tax": "0.00000000",
        "quantity": 2,
        "name": "T-Shirt",
        "product_id": 10,
        "sku": None,
    } | fields


def legacy_refund(refund_id: int = 46, **fields: Any) -> dict[str, Any]:
    return {
        "id": refund_id,
        "created_at": "2026-11-20T14:55:21Z",
        "amount": "10.00",
        "reason": "RF-7K2M9QXD-1 Damaged",
        "line_items": [],
    } | fields


def errors(code: str, message: str = "Words of the store.") -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def client(server: Server, decimals: int | None = 2) -> Store:
    times = Timeouts(pause=0.01, read=2, refund_read=0.4, refund_total=0.6)
    return connect(url=server.url, key="ck_1", secret="cs_1", api="wc-api/v3", decimals=decimals, timeouts=times)


def order_tables(enabled: bool | None) -> bytes:
    return reply(200, {"settings": {"HPOS_enabled": enabled} if enabled is not None else {}})


# --- Reading ---------------------------------------------------------------------------------------------------------


def test_order_is_read_with_its_refunds_which_are_kept_apart() -> None:
    order = legacy_order(
        total="33.15000000",
        shipping_tax="0.70556300",
        line_items=[legacy_line(total="22.49000000", total_tax="2.00000000")],
        shipping_lines=[{"id": 36, "method_title": "Flat rate", "total": "7.95000000"}],
        fee_lines=[{"id": 37, "title": "Gift &amp; wrap", "total": "0.00443700", "total_tax": "0.00000000"}],
        tax_lines=[{"id": 9, "rate_id": 4, "title": "NY Tax", "total": "2.71", "compound": False}],
    )
    refunds = [legacy_refund(47, amount="5.00", reason=""), legacy_refund(46)]
    with serving(reply(200, {"order": order}), reply(200, {"order_refunds": refunds})) as server:
        read = client(server).order_only(44)

    assert read == Order(
        id=44,
        number="44",
        status="processing",
        currency="USD",
        decimals=2,
        total=Decimal("33.15"),
        email="anna@example.com",
        first_name="Anna",
        last_name="Müller",
        payment_method="testpay",
        payment_method_title="Card",
        created_at=datetime(2026, 11, 20, 14, 55, 19, tzinfo=UTC),
        modified_at=datetime(2026, 11, 20, 14, 55, 20, tzinfo=UTC),
        lines=(
            OrderLine(35, LineKind.PRODUCT, "T-Shirt", 2, Decimal("22.49"), (Tax(4, Decimal("2.00")),), product_id=10),
            OrderLine(36, LineKind.SHIPPING, "Flat rate", 1, Decimal("7.95"), (Tax(4, Decimal("0.705563")),)),
            OrderLine(37, LineKind.FEE, "Gift & wrap", 1, Decimal("0.004437")),
        ),
        tax_rates=(TaxRate(4, "NY Tax"),),
        refunds=(RefundSummary(46, Decimal("10.00"), "RF-7K2M9QXD-1 Damaged"), RefundSummary(47, Decimal("5.00"), "")),
    )
    assert [(asked.path, asked.query) for asked in server.asked] == [
        (f"{ORDERS}/44", {"filter[dp]": "8"}),
        (f"{ORDERS}/44/refunds", {}),
    ]


def test_tax_of_several_rates_has_no_rate() -> None:
    """It can be shown and added up, but not booked."""
    order = legacy_order(
        shipping_tax="3.00",
        line_items=[legacy_line(total="40.00", total_tax="7.00")],
        shipping_lines=[
            {"id": 36, "method_title": "Parcel", "total": "4.00"},
            {"id": 37, "method_title": "Letter", "total": "2.00"},
        ],
        tax_lines=[
            {"rate_id": 4, "title": "GST", "compound": False},
            {"rate_id": 5, "title": "PST", "compound": False},
        ],
    )
    with serving(reply(200, {"order": order}), reply(200, {"order_refunds": []})) as server:
        read = client(server).order(44)

    assert [line.taxes for line in read.lines] == [
        (Tax(0, Decimal("7.00")),),
        (Tax(0, Decimal("2.00")),),
        (Tax(0, Decimal("1.00")),),
    ]


def test_refunds_never_say_whether_money_moved() -> None:
    line = {"id": 9, "quantity": -1, "total": "-9.00", "total_tax": "-1.00", "refunded_item_id": 35}
    with serving(reply(200, {"order_refunds": [legacy_refund(line_items=[line])]})) as server:
        found = client(server).refunds(44)

    assert found == (
        StoreRefund(
            id=46,
            order_id=44,
            amount=Decimal("10.00"),
            reason="RF-7K2M9QXD-1 Damaged",
            refunded_payment=None,
            created_at=datetime(2026, 11, 20, 14, 55, 21, tzinfo=UTC),
            lines=(RefundedLine(35, 1, Decimal("9.00")),),
        ),
    )


def test_refunds_from_a_cache_are_no_evidence() -> None:
    with serving(reply(200, {"order_refunds": []}, Age="3")) as server, pytest.raises(CachedAnswer):
        client(server).refunds(44)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404, errors("woocommerce_api_invalid_order_refund_id")), RefundNotFound),
        (reply(401, errors("woocommerce_api_authentication_error")), StoreMisconfigured),
        (reply(404, errors("woocommerce_api_authentication_error")), StoreMisconfigured),
        (reply(404, errors("woocommerce_api_no_route")), StoreMisconfigured),
        (reply(404, b""), StoreMisconfigured),
        (reply(301, b"", Location="/x"), StoreMisconfigured),
        (reply(200, errors("testpay_declined")), BadAnswer),
        (reply(200, b"<html></html>"), BadAnswer),
        (reply(200, {}), BadAnswer),
        (reply(200, []), BadAnswer),
        (reply(200, {"order_refund": []}), BadAnswer),
        (reply(200, {"order_refund": legacy_refund(47)}), BadAnswer),
        (reply(200, {"errors": []}), BadAnswer),
        (reply(500, b""), StoreUnreachable),
    ],
)
def test_answers_that_are_no_refund_are_told_apart(answer: bytes, error: type[Exception]) -> None:
    with serving(answer) as server, pytest.raises(error):
        client(server).refund(44, 46)


def test_order_unknown_to_a_store_with_order_tables_is_a_wrong_setting() -> None:
    unknown = reply(404, errors("woocommerce_api_invalid_order"))
    with serving(unknown, order_tables(True)) as server, pytest.raises(StoreMisconfigured) as error:
        client(server).order(44)
    with serving(unknown, order_tables(False)) as server, pytest.raises(OrderNotFound):
        client(server).order(44)

    assert error.value.message == ORDER_TABLES


def test_order_is_found_by_walking_through_the_newest() -> None:
    """This API has no search that finds an e-mail address."""
    page = [legacy_order(number) for number in range(100, 200)]
    hit = legacy_order(7, order_number="A-1001")
    replies = [{"orders": page}, {"orders": [legacy_order(8), hit]}, {"order": hit}, {"order_refunds": []}]
    with serving(*(reply(200, answer) for answer in replies)) as server:
        found = client(server).find_orders(number="#a-1001", email="ANNA@example.com")

    assert [order.id for order in found] == [7]
    assert [asked.query.get("page") for asked in server.asked] == ["1", "2", None, None]


def test_order_of_somebody_else_is_not_found() -> None:
    with serving(reply(200, {"orders": [legacy_order()]})) as server:
        assert client(server).find_orders(number="44", email="otto@example.com") == ()
        assert client(server).find_orders(number="", email="otto@example.com") == ()

    assert len(server.asked) == 1


def test_list_and_count_and_statuses() -> None:
    replies = [{"orders": [legacy_order()]}, {"order_refunds": [legacy_refund()]}, {"count": 158}]
    statuses = {"order_statuses": {"processing": "Processing"}}
    with serving(*(reply(200, answer) for answer in (*replies, statuses))) as server:
        store = client(server)
        listed = store.orders(status="processing", search="x", per_page=3)

        assert [(order.id, order.remaining) for order in listed] == [(44, Decimal("40.00"))]
        assert (store.count_orders(), store.order_statuses()) == (158, {"processing": "Processing"})

    assert server.asked[0].query == {
        "filter[dp]": "8", "filter[limit]": "3", "filter[q]": "x", "page": "1", "status": "processing",
    }  # fmt: skip


# --- Paying ----------------------------------------------------------------------------------------------------------

Looks = tuple[bytes, ...]
READY: Looks = (
    order_tables(False),
    reply(200, {"order": legacy_order()}),
    reply(200, {"order_refunds": []}),
    reply(200, [CARD, CASH]),
)


def refund(*replies: Reply, instruction: RefundInstruction = INSTRUCTION) -> tuple[Outcome, Server]:
    with serving(*replies) as server:
        return client(server).create_refund(44, instruction), server


def posts(server: Server) -> int:
    return sum(asked.method == "POST" for asked in server.asked)


def test_refund_is_accepted_after_looking() -> None:
    outcome, server = refund(*READY, reply(201, {"order_refund": legacy_refund()}))

    assert (outcome.verdict, outcome.rule) == (Verdict.ACCEPTED, "accepted")
    assert [asked.path for asked in server.asked] == [
        STATUS,
        f"{ORDERS}/44",
        f"{ORDERS}/44/refunds",
        GATEWAYS,
        f"{ORDERS}/44/refunds",
    ]


def test_refund_is_sent_in_its_envelope_with_the_flag_in_the_query() -> None:
    _outcome, server = refund(*READY, reply(201, {"order_refund": legacy_refund()}))

    asked = server.asked[-1]
    assert (asked.method, asked.query) == ("POST", {"api_refund": "1"})
    assert asked.json == {
        "order_refund": {
            "amount": "10.00",
            "reason": "RF-7K2M9QXD-1 Damaged",
            "restock_items": False,
            "line_items": {"35": {"qty": 1, "refund_total": "9.00", "refund_tax": {"4": "1.00"}}},
        }
    }


def test_booking_alone_needs_no_gateway() -> None:
    cash = legacy_order(payment_details={"method_id": "cod", "method_title": "Cash"})
    looks = (order_tables(None), reply(200, {"order": cash}), reply(200, {"order_refunds": []}))

    outcome, server = refund(
        *looks, reply(201, {"order_refund": legacy_refund()}), instruction=replace(INSTRUCTION, api_refund=False)
    )

    assert outcome.verdict is Verdict.ACCEPTED
    assert server.asked[-1].query == {"api_refund": "0"}


def test_store_with_order_tables_is_not_paid_through() -> None:
    outcome, server = refund(order_tables(True))

    assert (outcome.verdict, outcome.rule, posts(server)) == (Verdict.MISCONFIGURED, "not_ready", 0)
    assert outcome.message == f"Nothing was sent to the store. {ORDER_TABLES}"


def test_order_that_cannot_be_seen_is_not_paid() -> None:
    """Where the store hides how it keeps orders, the order itself has to be there."""
    hidden = order_tables(None)

    outcome, server = refund(hidden, reply(404, errors("woocommerce_api_invalid_order")), hidden)

    assert (outcome.verdict, outcome.rule, posts(server)) == (Verdict.REFUSED, "order_unseen", 0)


@pytest.mark.parametrize("gateways", [[CASH], [{**CARD, "method_supports": ["products"]}], []])
def test_gateway_that_is_not_known_to_refund_is_not_asked(gateways: list[Any]) -> None:
    outcome, server = refund(*READY[:3], reply(200, gateways))

    assert (outcome.verdict, outcome.rule, posts(server)) == (Verdict.REFUSED, "gateway_cannot_refund", 0)


def test_gateways_that_the_key_may_not_see_are_not_guessed() -> None:
    outcome, server = refund(*READY[:3], reply(403, woo_error("woocommerce_rest_cannot_view")))

    assert (outcome.verdict, outcome.rule, posts(server)) == (Verdict.MISCONFIGURED, "not_ready", 0)


def test_tax_that_cannot_be_booked_is_not_sent() -> None:
    lines = (InstructionLine(35, 1, Decimal("9.00"), (Tax(0, Decimal("1.00")),)),)

    outcome, server = refund(*READY, instruction=replace(INSTRUCTION, lines=lines))

    assert (outcome.verdict, outcome.rule, posts(server)) == (Verdict.REFUSED, "tax_unknown", 0)


def test_store_that_is_down_was_sent_nothing() -> None:
    outcome, server = refund(reply(503, b"", Retry_After="600"))

    assert (outcome.verdict, outcome.retry_after, posts(server)) == (Verdict.NOT_SENT, 600.0, 0)


def hang(connection: Any) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (reply(200, errors("testpay_declined", "Declined.")), "gateway_refused_and_booked"),
        (reply(404, errors("woocommerce_api_invalid_order")), "paid_blindly"),
        (reply(201, {"order_refund": legacy_refund(amount="1000.00")}), "anything_else"),
        (reply(201, {"order_refund": legacy_refund(reason="")}), "anything_else"),
        (reply(201, legacy_refund()), "anything_else"),
        (reply(201, b"\xef\xbb\xbf{}"), "anything_else"),
        (reply(201, b"<html></html>"), "anything_else"),
        (reply(400, errors("woocommerce_api_invalid_order_refund")), "anything_else"),
        (reply(401, errors("woocommerce_api_authentication_error")), "anything_else"),
        (reply(429, b"", Retry_After="5"), "anything_else"),
        (reply(301, b"", Location="/x"), "anything_else"),
        (reply(500, woo_error("internal_server_error")), "anything_else"),
        (reply(500, errors("woocommerce_api_create_order_refund_api_failed")), "anything_else"),
        (reply(503, woo_error("wp_die"), Retry_After="600"), "anything_else"),
        (reply(502, b""), "anything_else"),
        (hang, "answer_lost"),
    ],
)
def test_every_failure_after_sending_is_in_doubt(answer: bytes | Callable[[Any], None], rule: str) -> None:
    outcome, server = refund(*READY, answer)

    assert (outcome.verdict, outcome.rule, posts(server)) == (Verdict.IN_DOUBT, rule, 1)


def test_words_of_a_refusal_are_kept() -> None:
    outcome, _server = refund(*READY, reply(200, errors("testpay_declined", "Declined: no funds.")))

    assert outcome.code == "testpay_declined"
    assert outcome.message.endswith("The store said: “Declined: no funds.”")


# --- The rest --------------------------------------------------------------------------------------------------------


def test_refund_is_changed_by_put_and_deleted() -> None:
    changed = reply(200, {"order_refund": legacy_refund(reason="Other")})
    with serving(changed, reply(200, {"message": "Permanently deleted refund"})) as server:
        store = client(server)

        assert store.update_refund(44, 46, reason="Other").reason == "Other"
        store.delete_refund(44, 46)

    assert server.calls == [("PUT", f"{ORDERS}/44/refunds/46"), ("DELETE", f"{ORDERS}/44/refunds/46")]
    assert server.asked[0].json == {"order_refund": {"reason": "Other"}}


def test_notes_are_read_and_added() -> None:
    row = {"id": "9", "created_at": "2026-11-20T14:51:26Z", "note": "Stock &rarr; 66", "customer_note": False}
    note = OrderNote(9, "Stock → 66", datetime(2026, 11, 20, 14, 51, 26, tzinfo=UTC))
    with serving(reply(200, {"order_notes": [row]}), reply(201, {"order_note": row})) as server:
        store = client(server)

        assert store.notes(44) == (note,)
        assert store.add_note(44, "Stock") == note

    assert server.asked[1].json == {"order_note": {"note": "Stock", "customer_note": False}}


def test_facts_this_api_does_not_tell_come_from_its_successor() -> None:
    with serving(reply(200, [CARD])) as server:
        assert client(server).gateways() == (Gateway("testpay", "Card", enabled=True, supports_refunds=True),)

    assert server.calls == [("GET", GATEWAYS)]


def test_decimals_come_from_the_successor_or_from_the_index() -> None:
    orders, gone = reply(200, {"orders": [legacy_order()]}), reply(404, b"")
    setting = reply(200, {"id": "woocommerce_price_num_decimals", "value": "0"})
    index = reply(200, {"store": {"meta": {"price_num_decimals": 3}}})
    for replies, decimals in (([setting], 0), ([gone, index], 3)):
        with serving(orders, *replies, reply(200, {"order_refunds": []})) as server:
            store = client(server, decimals=None)
            store.orders()

        assert store.decimals == decimals
