"""What each answer to a refund POST proves, case by case as stores have been seen to answer."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from refunds.woocommerce import Outcome, RefundInstruction, Timeouts, Verdict, connect, outcome
from refunds.woocommerce.legacy import LEGACY

from .woocommerce_server import Reply, Server, closed_port, reply, serving, woo_error, woo_order, woo_refund

ASKED = RefundInstruction(
    amount=Decimal("10.00"),
    reason="RF-7K2M9QXD-1 Damaged",
    marker="RF-7K2M9QXD-1",
    api_refund=True,
    api_restock=False,
)
DOUBT = Verdict.IN_DOUBT
PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
NOTICE = b"<br />\n<b>Warning</b>: Undefined array key in <b>/srv/a.php</b> on line <b>42</b><br />\n"
QUICK = Timeouts(read=0.4, refund_read=0.4, refund_total=0.6, pause=0.01)


def refund(server: Server, asked: RefundInstruction = ASKED) -> Outcome:
    with connect(url=server.url, key="ck_1", secret="cs_1", decimals=2, timeouts=QUICK) as store:
        return store.create_refund(1001, asked)


def answered(*replies: Reply, asked: RefundInstruction = ASKED) -> tuple[Verdict, str]:
    with serving(*replies) as server:
        result = refund(server, asked)
        assert [call for call in server.calls if call[0] == "POST"] == [("POST", "/wp-json/wc/v3/orders/1001/refunds")]
    return result.verdict, result.rule


def made(**fields: Any) -> bytes:
    return reply(201, woo_refund(**{"amount": "10.00"} | fields))


def error(status: int, code: str, data: Any = None, **headers: str) -> bytes:
    return reply(status, woo_error(code, data=data), **headers)


def without(refund_json: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in refund_json.items() if name != field}


# --- Accepted --------------------------------------------------------------------------------------------------------


def test_refund_as_asked_is_accepted() -> None:
    with serving(made()) as server:
        result = refund(server)

    assert (result.verdict, result.rule, result.http_status) == (Verdict.ACCEPTED, "accepted", 201)
    assert result.message == "The store refunded exactly what was asked."
    assert result.store_refund is not None
    assert (result.store_refund.id, result.store_refund.amount) == (77, Decimal("10.00"))
    assert result.store_refund.meta == (("_refund_portal_marker", "RF-7K2M9QXD-1"),)


def test_amount_is_compared_as_a_number() -> None:
    assert answered(made(amount="10")) == (Verdict.ACCEPTED, "accepted")


def test_booking_without_payment_is_accepted_where_that_was_asked() -> None:
    by_hand = replace(ASKED, api_refund=False)

    assert answered(made(refunded_payment=False), asked=by_hand) == (Verdict.ACCEPTED, "accepted")
    assert answered(made(refunded_payment=True), asked=by_hand) == (DOUBT, "payment_not_as_asked")


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"refunded_payment": False}, "payment_not_as_asked"),
        ({"amount": "1000.00"}, "other_amount"),
        ({"amount": "0.00"}, "other_amount"),
        ({"amount": "10.01"}, "other_amount"),
        ({"reason": ""}, "other_reason"),
        ({"reason": None}, "other_reason"),
        ({"reason": "RF-7K2M9QXD-12 Damaged"}, "other_reason"),
        ({"id": "77"}, "created_unreadable"),
        ({"id": 0}, "created_unreadable"),
        ({"id": None}, "created_unreadable"),
        ({"amount": ""}, "created_unreadable"),
        ({"amount": "10,00"}, "created_unreadable"),
        ({"refunded_payment": "yes"}, "created_unreadable"),
    ],
)
def test_refund_not_as_asked_is_in_doubt(fields: dict[str, Any], rule: str) -> None:
    assert answered(made(**fields)) == (DOUBT, rule)


@pytest.mark.parametrize(
    ("looked_up", "seen"),
    [
        (reply(200, woo_refund()), (Verdict.ACCEPTED, "accepted")),
        (reply(200, woo_refund(refunded_payment=False)), (DOUBT, "payment_not_as_asked")),
        (reply(200, without(woo_refund(), "refunded_payment")), (DOUBT, "payment_unconfirmed")),
        (reply(200, woo_refund(), Age="9"), (DOUBT, "payment_unconfirmed")),
        (reply(200, woo_refund(78)), (DOUBT, "payment_unconfirmed")),
        (error(404, "woocommerce_rest_shop_order_refund_invalid_id"), (DOUBT, "payment_unconfirmed")),
        (reply(200, PAGE), (DOUBT, "payment_unconfirmed")),
    ],
)
def test_refund_is_read_once_more_where_the_answer_is_silent_about_money(
    looked_up: bytes, seen: tuple[Verdict, str]
) -> None:
    silent = reply(201, without(woo_refund(amount="10.00"), "refunded_payment"))

    assert answered(silent, looked_up) == seen


# --- Nothing happened ------------------------------------------------------------------------------------------------


def test_store_that_does_not_listen_was_sent_nothing() -> None:
    with connect(
        url=f"http://127.0.0.1:{closed_port()}", key="ck_1", secret="cs_1", decimals=2, timeouts=QUICK
    ) as store:
        assert store.create_refund(1001, ASKED) == Outcome(
            Verdict.NOT_SENT, "never_sent", "Nothing was sent to the store. The store's server refused the connection."
        )


@pytest.mark.parametrize(
    ("answer", "retry_after"),
    [
        (error(429, "rest_too_many_requests", {"status": 429}, Retry_After="2"), 2.0),
        (reply(429, b"<html><head><title>429 Too Many Requests</title></head></html>"), None),
    ],
)
def test_store_that_is_busy_did_nothing(answer: bytes, retry_after: float | None) -> None:
    with serving(answer) as server:
        result = refund(server)

    assert (result.verdict, result.rule) == (Verdict.NOT_SENT, "asked_to_slow_down")
    assert (result.retry_after, result.http_status) == (retry_after, 429)


def test_maintenance_of_wordpress_itself_did_nothing() -> None:
    with serving(error(503, "wp_die", {"status": 503}, Retry_After="600")) as server:
        result = refund(server)

    assert result == Outcome(
        Verdict.NOT_SENT,
        "maintenance",
        "The store is closed for maintenance. The store said: “Words of the store.”",
        code="wp_die",
        http_status=503,
        retry_after=600.0,
    )


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (error(400, "rest_invalid_param", {"status": 400}), (Verdict.REFUSED, "argument_refused")),
        (error(400, "rest_invalid_json", {"status": 400}), (Verdict.REFUSED, "argument_refused")),
        (error(500, "woocommerce_rest_invalid_order_id", 404), (Verdict.REFUSED, "order_unknown")),
        (error(500, "woocommerce_rest_invalid_order_refund", 400), (Verdict.REFUSED, "amount_refused")),
        (error(401, "woocommerce_rest_cannot_create", {"status": 401}), (Verdict.MISCONFIGURED, "key_refused")),
        (error(401, "woocommerce_rest_authentication_error"), (Verdict.MISCONFIGURED, "key_refused")),
        (error(403, "woocommerce_rest_cannot_create", {"status": 403}), (Verdict.MISCONFIGURED, "key_refused")),
        (reply(403, PAGE), (Verdict.MISCONFIGURED, "key_refused")),
        (error(404, "rest_no_route", {"status": 404}), (Verdict.MISCONFIGURED, "no_such_route")),
        (reply(301, b"", Location="https://shop.example/"), (Verdict.MISCONFIGURED, "redirected")),
        (reply(302, b"", Location="/login"), (Verdict.MISCONFIGURED, "redirected")),
        (reply(307, b"", Location="/x"), (Verdict.MISCONFIGURED, "redirected")),
        (reply(308, b"", Location="/x"), (Verdict.MISCONFIGURED, "redirected")),
    ],
)
def test_refusal_before_the_gateway_moves_no_money(answer: bytes, seen: tuple[Verdict, str]) -> None:
    assert answered(answer) == seen


# --- Nobody knows ----------------------------------------------------------------------------------------------------


def test_refusal_by_the_gateway_may_follow_a_payout() -> None:
    """Over the rest, no gateway, a refusal, and a payout that was reported as an error: one status and one code."""
    words = "Test Pay declined the refund: <b>insufficient</b> balance."
    with serving(reply(500, woo_error("woocommerce_rest_cannot_create_order_refund", words, 500))) as server:
        result = refund(server)

    assert result == Outcome(
        Verdict.GATEWAY_REFUSED,
        "gateway_refused",
        "The store reports that the refund could not be made. "
        "The store said: “Test Pay declined the refund: insufficient balance.”",
        code="woocommerce_rest_cannot_create_order_refund",
        http_status=500,
    )


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (error(500, "internal_server_error", {"status": 500}), "fatal_error"),
        (error(500, "wp_die", {"status": 500}), "server_error"),
        (error(500, "woocommerce_rest_something_new", 500), "server_error"),
        (reply(500, b""), "server_error"),
        (reply(502, b"<title>502 Bad Gateway</title>"), "server_error"),
        (reply(503, PAGE, Retry_After="600"), "server_error"),
        (error(503, "wp_die", {"status": 503}), "server_error"),
        (error(503, "rest_no_such_thing", {"status": 503}, Retry_After="600"), "server_error"),
        (reply(504, b"<title>504 Gateway Time-out</title>"), "server_error"),
        (reply(524, b""), "server_error"),
        (reply(200, PAGE), "no_data"),
        (reply(200, []), "no_data"),
        (reply(200, woo_refund(amount="10.00")), "no_data"),
        (reply(200, {"body": woo_error("woocommerce_rest_cannot_create_order_refund"), "status": 500}), "no_data"),
        (reply(202, {}), "no_data"),
        (reply(204, b""), "no_data"),
        (reply(201, PAGE), "created_unreadable"),
        (reply(201, b""), "created_unreadable"),
        (reply(201, []), "created_unreadable"),
        (reply(201, NOTICE + json.dumps(woo_refund(amount="10.00")).encode()), "created_unreadable"),
        (reply(201, b"\xef\xbb\xbf" + json.dumps(woo_refund(amount="10.00")).encode()), "created_unreadable"),
        (error(400, "woocommerce_rest_shop_order_refund_exists"), "anything_else"),
        (error(400, "woocommerce_rest_shop_order_refund_not_created"), "anything_else"),
        (reply(400, NOTICE + json.dumps(woo_error("rest_invalid_param")).encode()), "anything_else"),
        (error(500, "rest_invalid_param"), "server_error"),
        (error(404, "woocommerce_rest_shop_order_invalid_id"), "anything_else"),
        (reply(404, PAGE), "anything_else"),
        (error(409, "woocommerce_rest_invalid_order_id"), "anything_else"),
        (error(422, "woocommerce_rest_order_not_refundable"), "anything_else"),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\nConnection: close\r\n\r\n{", "answer_lost"),
        (b"garbage\r\n\r\n", "answer_lost"),
        (lambda connection: None, "answer_lost"),
    ],
)
def test_everything_else_is_in_doubt(answer: Reply, rule: str) -> None:
    assert answered(answer) == (DOUBT, rule)


def test_page_that_came_instead_is_named() -> None:
    with serving(reply(200, PAGE)) as server:
        assert refund(server).message.endswith(" The store said: “Just a moment...”")


def test_doubt_tells_staff_to_look_at_the_provider_first() -> None:
    tables = {rule.name: rule for rule in (*outcome.WC_V3, *LEGACY) if rule.verdict is DOUBT}

    assert [name for name, rule in tables.items() if not rule.message.endswith(outcome.CHECK_FIRST)] == []


# --- The tables ------------------------------------------------------------------------------------------------------


def verdicts_without_code(rules: tuple[outcome.Rule, ...]) -> dict[int, Verdict]:
    """The verdict on each HTTP status where the body says nothing that the table knows."""
    seen = {
        status: outcome.Seen(frozenset({outcome.Fact.ANSWERED}), status, "unheard_of") for status in range(100, 600)
    }
    return {status: outcome.classify(rules, case).verdict for status, case in seen.items()}


def test_status_alone_proves_only_what_comes_from_before_woocommerce() -> None:
    told = {status: verdict for status, verdict in verdicts_without_code(outcome.WC_V3).items() if verdict is not DOUBT}

    assert told == {
        **dict.fromkeys(range(300, 400), Verdict.MISCONFIGURED),
        401: Verdict.MISCONFIGURED,
        403: Verdict.MISCONFIGURED,
        429: Verdict.NOT_SENT,
    }


def test_no_status_of_the_legacy_api_proves_anything() -> None:
    assert set(verdicts_without_code(LEGACY).values()) == {DOUBT}


@pytest.mark.parametrize("rules", [outcome.WC_V3, LEGACY])
def test_table_names_each_row_once_and_gives_its_reason(rules: tuple[outcome.Rule, ...]) -> None:
    assert len({rule.name for rule in rules}) == len(rules)
    assert [rule.name for rule in rules if not rule.because or not rule.message] == []


def test_only_a_refund_that_was_read_can_be_accepted() -> None:
    accepted = [rule for rule in (*outcome.WC_V3, *LEGACY) if rule.verdict is Verdict.ACCEPTED]

    assert len(accepted) == 2
    for rule in accepted:
        assert rule.status == (201,)
        assert rule.needs >= {outcome.Fact.A_REFUND, outcome.Fact.SAME_AMOUNT, outcome.Fact.SAME_REASON}


# --- Before sending --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (error(401, "woocommerce_rest_cannot_view"), (Verdict.MISCONFIGURED, "not_ready")),
        (reply(301, b"", Location="https://other.example/"), (Verdict.MISCONFIGURED, "not_ready")),
        (reply(503, b"", Retry_After="600"), (Verdict.NOT_SENT, "never_sent")),
        (reply(200, PAGE), (Verdict.NOT_SENT, "never_sent")),
    ],
)
def test_unknown_decimals_keep_a_refund_from_going_out(answer: bytes, seen: tuple[Verdict, str]) -> None:
    with serving(answer) as server, connect(url=server.url, key="ck_1", secret="cs_1", timeouts=QUICK) as store:
        result = store.create_refund(1001, ASKED)

        assert (result.verdict, result.rule) == seen
        assert {asked.method for asked in server.asked} == {"GET"}


def test_decimals_are_learned_before_the_refund_goes_out() -> None:
    setting = reply(200, {"id": "woocommerce_price_num_decimals", "value": "3"})
    with serving(setting, made(amount="10.000")) as server:
        store = connect(url=server.url, key="ck_1", secret="cs_1", timeouts=QUICK)
        result = store.create_refund(1001, ASKED)

    assert (result.verdict, store.decimals) == (Verdict.ACCEPTED, 3)
    assert server.asked[1].json["amount"] == "10.000"


def test_decimals_are_taken_from_the_order_where_settings_are_closed() -> None:
    closed = error(403, "woocommerce_rest_cannot_view", {"status": 403})
    with serving(closed, reply(200, woo_order(total="1200")), made(amount="10")) as server:
        store = connect(url=server.url, key="ck_1", secret="cs_1", timeouts=QUICK)
        result = store.create_refund(1001, ASKED)

    assert (result.verdict, store.decimals) == (Verdict.ACCEPTED, 0)
    assert (server.asked[1].path, server.asked[1].query) == ("/wp-json/wc/v3/orders/1001", {})
    assert server.asked[2].json["amount"] == "10"
