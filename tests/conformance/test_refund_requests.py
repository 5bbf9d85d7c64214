"""Refund requests as anybody could write them: what the store answers, what the client would make of it, what moved.

Most of these the client never sends. They are here because they are why it does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from portal.sandbox.store import SandboxStore
from refunds.woocommerce import RefundNotFound, Verdict

from .shop import TOTAL, SandboxShop, Shop, Understood

NO_SUCH_ORDER = 99_999_999
UNSUITABLE = "A gateway may take nothing for everything. Proven against the sandbox store alone."


TEN_ASKED = Understood("10.00")


@dataclass(frozen=True)
class Case:
    """One request. `answer` is the status and then the amount or the code; `paid` is what left the account."""

    name: str
    body: Any
    answer: tuple[int, str]
    verdict: Verdict
    rule: str
    rows: list[tuple[str, bool]] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)
    understood: Understood = TEN_ASKED
    total: str = TOTAL
    payment_method: str | None = None
    status: str = "processing"
    before: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    sandbox_only: str = ""


OK, NO, DOUBT = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.IN_DOUBT
PARAM = (400, "rest_invalid_param")
BELOW_ZERO = (500, "woocommerce_rest_invalid_order_refund")
CANNOT = (500, "woocommerce_rest_cannot_create_order_refund")
TEN = [("10.00", True)]
BOOKED = [("10.00", False)]
BY_HAND = Understood("10.00", api_refund=False)


def accepted(name: str, body: Any, **more: Any) -> Case:
    return Case(name, body, (201, "10.00"), OK, "accepted", TEN, ["10.00"], **more)


def doubtful(name: str, body: Any, booked: str, paid: str, **more: Any) -> Case:
    return Case(name, body, (201, booked), DOUBT, "other_amount", [(booked, True)], [paid], **more)


def gateway_no(name: str, body: Any, **more: Any) -> Case:
    return Case(name, body, CANNOT, Verdict.GATEWAY_REFUSED, "gateway_refused", **more)


def refused(name: str, body: Any, answer: tuple[int, str], rule: str, **more: Any) -> Case:
    return Case(name, body, answer, NO, rule, **more)


AMOUNTS = (
    accepted("text", {"amount": "10.00"}),
    accepted("spaces_around", {"amount": " 10.00 "}),
    refused("whole_number", {"amount": 10}, PARAM, "argument_refused"),
    refused("number", {"amount": 10.5}, PARAM, "argument_refused"),
    refused("list", {"amount": ["10.00"]}, PARAM, "argument_refused"),
    refused("negative", {"amount": "-5.00"}, BELOW_ZERO, "amount_refused"),
    refused("empty", {"amount": ""}, BELOW_ZERO, "amount_refused"),
    refused("null", {"amount": None}, BELOW_ZERO, "amount_refused"),
    refused("currency_sign", {"amount": "$10.00"}, BELOW_ZERO, "amount_refused"),
    gateway_no("letters", {"amount": "abc"}),
    gateway_no("a_cent_over", {"amount": "50.01"}),
    gateway_no("a_tenth_of_a_cent_over", {"amount": "50.001"}),
    gateway_no("over_the_rest", {"amount": "20.01"}, before=("30.00",), rows=[("30.00", True)], paid=["30.00"]),
    gateway_no("already_refunded", {"amount": "1.00"}, before=("50.00",), rows=[("50.00", True)], paid=["50.00"]),
    Case(
        "exactly_the_rest", {"amount": "20.00"}, (201, "20.00"), OK, "accepted",
        [("30.00", True), ("20.00", True)], ["30.00", "20.00"], Understood("20.00"), before=("30.00",),
    ),
    doubtful("three_decimals", {"amount": "10.005"}, "10.01", "10.005"),
    doubtful("nine_decimals", {"amount": "10.123456789"}, "10.12", "10.123456789"),
    doubtful("decimal_comma", {"amount": "10,00"}, "1000.00", "1000"),
    doubtful("exponent", {"amount": "1e1"}, "11.00", "11"),
    Case(
        "thousands", {"amount": "1,234.50"}, (201, "1234.50"), OK, "accepted",
        [("1234.50", True)], ["1234.50"], Understood("1234.50"), total="9999.50",
    ),
    doubtful("zero", {"amount": "0.00"}, "0.00", "0.00", sandbox_only=UNSUITABLE),
    doubtful("missing", {}, "0.00", "", sandbox_only=UNSUITABLE),
    Case(
        "zero_on_a_refunded_order", {"amount": "0.00"}, (201, "0.00"), DOUBT, "other_amount",
        [("50.00", True), ("0.00", True)], ["50.00", "0.00"], before=("50.00",), sandbox_only=UNSUITABLE,
    ),
)  # fmt: skip

FLAGS = (
    accepted("true", {"amount": "10.00", "api_refund": True}),
    *(
        Case(f"off_as_{value!r}", {"amount": "10.00", "api_refund": value}, (201, "10.00"), OK, "accepted", BOOKED,
             understood=BY_HAND)
        for value in (False, "false", 0, None)
    ),
    Case(
        "off_though_it_was_asked", {"amount": "10.00", "api_refund": False}, (201, "10.00"), DOUBT,
        "payment_not_as_asked", BOOKED,
    ),
    refused("nonsense", {"amount": "10.00", "api_refund": "maybe"}, PARAM, "argument_refused"),
    refused("restock_nonsense", {"amount": "10.00", "api_restock": "maybe"}, PARAM, "argument_refused"),
)  # fmt: skip

GATEWAYS = (
    *(
        gateway_no(f"without_refunds_{method}", {"amount": "10.00"}, payment_method=method)
        for method in ("cod", "bacs", "gone_with_its_plugin", "")
    ),
    *(
        Case(
            f"booked_by_hand_{method}", {"amount": "10.00", "api_refund": False}, (201, "10.00"), OK, "accepted",
            BOOKED, understood=BY_HAND, payment_method=method,
        )
        for method in ("cod", "bacs", "gone_with_its_plugin", "")
    ),
    *(
        accepted(f"status_{status}", {"amount": "10.00"}, status=status)
        for status in ("pending", "on-hold", "completed", "cancelled", "failed")
    ),
)  # fmt: skip

FORMS = (
    accepted("form", None, options={"data": {"amount": "10.00"}}),
    accepted("query", {}, options={"params": {"amount": "10.00"}}),
    accepted("unknown_field", {"amount": "10.00", "colour": "blue", "idempotency_key": "1"}),
    accepted("trimmed", {"amount": "10.00"}, options={"params": {"_fields": "id,amount,reason,refunded_payment"}}),
    refused(
        "broken_json", None, (400, "rest_invalid_json"), "argument_refused",
        options={"data": b'{"amount": "10.00"', "headers": {"Content-Type": "application/json"}},
    ),
    refused("meta_as_an_object", {"amount": "10.00", "meta_data": {"a": "b"}}, PARAM, "argument_refused"),
    accepted("meta_of_nothing", {"amount": "10.00", "meta_data": [{"key": "_a", "value": None}]}),
    Case(
        "envelope", {"amount": "500.00"}, (200, ""), DOUBT, "no_data", options={"params": {"_envelope": "1"}},
    ),
    doubtful(
        "json_without_its_content_type", None, "0.00", "", sandbox_only=UNSUITABLE,
        options={"data": b'{"amount": "10.00"}', "headers": {"Content-Type": "text/plain"}},
    ),
    doubtful("nothing", None, "0.00", "", sandbox_only=UNSUITABLE),
)  # fmt: skip


@pytest.mark.parametrize("case", [*AMOUNTS, *FLAGS, *GATEWAYS, *FORMS], ids=lambda case: case.name)
def test_refund_request(shop: Shop, case: Case) -> None:
    if case.sandbox_only and not isinstance(shop, SandboxShop):
        pytest.skip(case.sandbox_only)
    order_id = shop.order(total=case.total, payment_method=case.payment_method, status=case.status)
    for amount in case.before:
        assert shop.refund(order_id, {"amount": amount}).status_code == 201

    response = shop.refund(order_id, case.body, **case.options)

    data = response.json()
    assert (response.status_code, data.get("amount") or data.get("code") or "") == case.answer
    understood = case.understood.of(response)
    assert (understood.verdict, understood.rule) == (case.verdict, case.rule)
    assert shop.rows(order_id) == case.rows
    assert shop.paid(order_id) in (case.paid, None)


@pytest.mark.parametrize(
    ("path", "answer", "verdict"),
    [
        (NO_SUCH_ORDER, (500, "woocommerce_rest_invalid_order_id"), NO),
        ("abc", (404, "rest_no_route"), Verdict.MISCONFIGURED),
    ],
)
def test_refund_of_no_order(shop: Shop, path: Any, answer: tuple[int, str], verdict: Verdict) -> None:
    response = shop.refund(path, {"amount": "10.00"})

    assert (response.status_code, response.json()["code"]) == answer
    assert Understood("10.00").of(response).verdict is verdict


def test_refund_of_a_refund_is_a_crash(shop: Shop) -> None:
    refund_id = shop.refund(shop.order(), {"amount": "1.00"}).json()["id"]

    response = shop.refund(refund_id, {"amount": "1.00"})

    assert (response.status_code, response.json()["code"]) == (500, "internal_server_error")
    assert Understood("1.00").of(response).rule == "fatal_error"


def test_business_errors_carry_a_bare_number(shop: Shop) -> None:
    """HTTP 500 for all of them; what they would like to be stands in `data`, as a number and not as an object."""
    order_id = shop.order()

    told = [
        shop.refund(*call).json()["data"] for call in ((NO_SUCH_ORDER, {"amount": "1.00"}), (order_id, {"amount": ""}))
    ]

    assert told == [404, 400]
    assert shop.refund(order_id, {"amount": "500.00"}).json()["data"] == 500


# --- Lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "net"),
    [
        ({}, "10.00"),
        ({"quantity": 50}, "10.00"),
        ({"refund_total": "200.00"}, "200.00"),
        ({"refund_total": "-5.00"}, "-5.00"),
        ({"refund_total": "1.00"}, "1.00"),
        ({"refund_total": 10}, "10.00"),
    ],
)
def test_lines_are_not_checked_and_amount_decides(shop: Shop, change: dict[str, Any], net: str) -> None:
    order_id = shop.order()
    line = shop.client().order_only(order_id).lines[0]
    given = {"id": line.id, "quantity": 1, "refund_total": "10.00", "refund_tax": []} | change

    response = shop.refund(order_id, {"amount": "10.00", "line_items": [given], "api_restock": False})

    assert (response.status_code, response.json()["amount"]) == (201, "10.00")
    assert shop.rows(order_id) == TEN
    assert shop.paid(order_id) in (["10.00"], None)
    after = shop.client().order(order_id).lines[0]
    assert f"{after.refunded_total:.2f}" == net


@pytest.mark.parametrize("line_id", [99_999_999, None], ids=["unknown", "without_id"])
def test_lines_that_are_not_of_the_order_are_dropped(shop: Shop, line_id: int | None) -> None:
    order_id = shop.order()
    given = {"quantity": 1, "refund_total": "10.00"} | ({"id": line_id} if line_id else {})

    response = shop.refund(order_id, {"amount": "10.00", "line_items": [given]})

    assert (response.status_code, response.json()["amount"], response.json()["line_items"]) == (201, "10.00", [])
    assert shop.paid(order_id) in (["10.00"], None)


def test_amount_that_is_left_out_comes_from_the_lines(shop: Shop) -> None:
    order_id = shop.order()
    line = shop.client().order_only(order_id).lines[0]

    response = shop.refund(order_id, {"line_items": [{"id": line.id, "quantity": 1, "refund_total": "12.5"}]})

    assert (response.status_code, response.json()["amount"]) == (201, "12.50")
    assert shop.paid(order_id) in (["12.5"], None)


# --- Marks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["RF-7K2M9QXD-1 Größe „L“ 😀 <b>&amp;", "x" * 1000, "RF-1 – " + "ß" * 200])
def test_reason_is_kept_word_for_word(shop: Shop, reason: str) -> None:
    order_id = shop.order()

    response = shop.refund(order_id, {"amount": "10.00", "reason": reason})

    assert response.json()["reason"] == reason
    order = shop.client().order(order_id)
    assert [refund.reason for refund in order.refunds] == [reason]
    assert [refund.reason for refund in shop.client().refunds(order_id)] == [reason]
    assert Understood("10.00", reason=reason).of(response).verdict is OK


def test_meta_data_with_an_underscore_is_kept(shop: Shop) -> None:
    order_id = shop.order()
    marks = [{"key": "_refund_portal_marker", "value": "RF-1-1"}, {"key": "_number", "value": 5}, {"key": "_gone"}]

    shop.refund(order_id, {"amount": "10.00", "meta_data": marks})

    (refund,) = shop.client().refunds(order_id)
    assert sorted(refund.meta) == [("_number", "5"), ("_refund_portal_marker", "RF-1-1")]


def test_nothing_protects_against_a_second_request(shop: Shop) -> None:
    order_id = shop.order()

    for _ in range(2):
        shop.refund(order_id, {"amount": "10.00", "reason": "RF-1-1"}, headers={"Idempotency-Key": "RF-1-1"})

    assert shop.rows(order_id) == [*TEN, *TEN]
    assert shop.paid(order_id) in (["10.00", "10.00"], None)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_nothing_protects_against_two_requests_at_once(folder: Any) -> None:
    """Two full refunds pass the same look at the rest, and both are paid."""
    with SandboxStore(folder, orders=[], race_window=0.3) as store:
        shop = SandboxShop(store)
        order_id = shop.order()

        answers = at_once(*[lambda: shop.refund(order_id, {"amount": TOTAL}).status_code] * 2)

        assert answers == [201, 201]
        assert (shop.rows(order_id), shop.paid(order_id)) == ([(TOTAL, True)] * 2, [TOTAL] * 2)
        assert shop.client().order(order_id).remaining == -50


# --- After the refund ------------------------------------------------------------------------------------------------


def test_status_turns_to_refunded_at_the_sum(shop: Shop) -> None:
    order_id = shop.order()
    statuses = []
    for amount in ("20.00", "30.00"):
        shop.refund(order_id, {"amount": amount, "api_refund": False})
        statuses.append(shop.client().order_only(order_id).status)

    assert statuses == ["processing", "refunded"]


def test_status_set_to_refunded_books_a_row_without_money(shop: Shop) -> None:
    order_id = shop.order()

    shop.call("PUT", f"/orders/{order_id}", json={"status": "refunded"})

    assert shop.rows(order_id) == [(TOTAL, False)]
    assert shop.paid(order_id) in ([], None)
    assert [refund.reason for refund in shop.client().order(order_id).refunds] == ["Order fully refunded."]


def test_deleted_refund_can_be_made_again(shop: Shop) -> None:
    """The record is gone, the money is not back, the status stays, and the amount is free for a second payout."""
    order_id = shop.order()
    refund_id = shop.refund(order_id, {"amount": TOTAL}).json()["id"]
    client = shop.client()

    client.delete_refund(order_id, refund_id)

    assert (shop.rows(order_id), client.order(order_id).status) == ([], "refunded")
    with pytest.raises(RefundNotFound):
        client.refund(order_id, refund_id)
    with pytest.raises(RefundNotFound):
        client.delete_refund(order_id, refund_id)
    assert shop.refund(order_id, {"amount": TOTAL}).status_code == 201
    assert shop.paid(order_id) in ([TOTAL, TOTAL], None)


@pytest.mark.parametrize(("method", "tail"), [("PUT", "/{id}"), ("POST", "/{id}"), ("POST", "/batch")])
def test_refund_cannot_be_edited(shop: Shop, method: str, tail: str) -> None:
    order_id = shop.order()
    refund_id = shop.refund(order_id, {"amount": "1.00"}).json()["id"]

    response = shop.call(method, f"/orders/{order_id}/refunds" + tail.format(id=refund_id), json={"reason": "x"})

    assert (response.status_code, response.json()["code"]) == (404, "rest_no_route")


# --- Keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("read", (401, "woocommerce_rest_authentication_error")),
        ("customer", (403, "woocommerce_rest_cannot_create")),
        ("unknown", (401, "woocommerce_rest_cannot_create")),
        ("", (401, "woocommerce_rest_cannot_create")),
    ],
)
def test_weak_key_moves_no_money(shop: Shop, key: str, answer: tuple[int, str]) -> None:
    if not isinstance(shop, SandboxShop) and key in ("read", "customer"):
        pytest.skip(f"Needs the {key} key of the sandbox store.")
    order_id = shop.order()

    response = shop.refund(order_id, {"amount": "10.00"}, auth=(f"ck_{key}", f"cs_{key}") if key else None)

    assert (response.status_code, response.json()["code"]) == answer
    assert Understood("10.00").of(response).rule == "key_refused"
    assert (shop.rows(order_id), shop.paid(order_id) or []) == ([], [])


def test_wrong_secret_moves_no_money(shop: Shop) -> None:
    order_id = shop.order()

    response = shop.refund(order_id, {"amount": "10.00"}, auth=(shop.auth[0], "cs_wrong"))

    assert (response.status_code, response.json()["code"]) == (401, "woocommerce_rest_authentication_error")
    assert Understood("10.00").of(response).rule == "key_refused"
    assert shop.rows(order_id) == []


def test_write_key_can_pay_and_not_look(shop: Shop) -> None:
    if not isinstance(shop, SandboxShop):
        pytest.skip("Needs the write-only key of the sandbox store.")
    order_id = shop.order()
    auth = ("ck_write", "cs_write")

    assert shop.refund(order_id, {"amount": "10.00"}, auth=auth).status_code == 201
    assert shop.call("GET", f"/orders/{order_id}", auth=auth).status_code == 401


# --- Shops of other settings -----------------------------------------------------------------------------------------

COMMA = {"decimal_separator": ",", "thousand_separator": "."}


@pytest.mark.parametrize(
    ("settings", "total", "amount", "answer", "verdict", "paid"),
    [
        ({"decimals": 0, "currency": "JPY"}, "1000", "1000", (201, "1000"), OK, ["1000"]),
        ({"decimals": 0, "currency": "JPY"}, "1000", "100.00", (201, "100"), OK, ["100.00"]),
        ({"decimals": 0, "currency": "JPY"}, "1000", "100.50", (201, "101"), DOUBT, ["100.50"]),
        ({"decimals": 0, "currency": "JPY"}, "1000", "0.4", (201, "0"), DOUBT, ["0.4"]),
        ({"decimals": 3, "currency": "KWD"}, "10.560", "1.255", (201, "1.255"), OK, ["1.255"]),
        (COMMA, "50.00", "10.00", (201, "10.00"), OK, ["10.00"]),
        (COMMA, "5000.00", "1234.50", (201, "1234.50"), OK, ["1234.50"]),
    ],
)  # fmt: skip
def test_amounts_in_other_shops(
    folder: Any,
    settings: dict[str, Any],
    total: str,
    amount: str,
    answer: tuple[int, str],
    verdict: Verdict,
    paid: list[str],
) -> None:
    with SandboxStore(folder, orders=[], race_window=0, **settings) as store:
        shop = SandboxShop(store, decimals=settings.get("decimals", 2))
        order_id = shop.order(total=total)

        response = shop.refund(order_id, {"amount": amount})

        assert (response.status_code, response.json()["amount"]) == answer
        assert Understood(amount).of(response).verdict is verdict
        assert shop.paid(order_id) == paid


def test_comma_shop_reads_commas_and_compares_text(folder: Any) -> None:
    """Ten is understood, and nine is refused: as text, "9,00" is more than "50.00"."""
    with SandboxStore(folder, orders=[], **COMMA) as store:
        shop = SandboxShop(store)
        ten, nine = shop.refund(shop.order(), {"amount": "10,00"}), shop.refund(shop.order(), {"amount": "9,00"})

        assert (ten.status_code, ten.json()["amount"]) == (201, "10.00")
        assert (nine.status_code, nine.json()["code"]) == CANNOT
