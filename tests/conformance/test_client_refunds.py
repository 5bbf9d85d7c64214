"""The client's one refund call and every way in which it can go wrong: the verdict, the rows, the money, the POSTs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from portal.sandbox.store import FAULTS, SandboxStore
from refunds.woocommerce import InstructionLine, RefundInstruction, StoreRefund, Tax, Timeouts, Verdict

from .shop import REASON, SandboxShop, Shop, instruction

PAID, BOOKED, NOTHING = [("10.00", True)], [("10.00", False)], []  # type: ignore[var-annotated]
OUT = ["10.00"]
DOUBT = Verdict.IN_DOUBT


@dataclass(frozen=True)
class Trouble:
    fault: str
    verdict: Verdict
    rule: str
    rows: list[tuple[str, bool]] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)
    seconds: float = 5


TROUBLES = (
    # Before WooCommerce: nothing happened. Where the answer proves that, it is said; otherwise it stays a doubt.
    Trouble("429", Verdict.NOT_SENT, "asked_to_slow_down"),
    Trouble("429-html", Verdict.NOT_SENT, "asked_to_slow_down"),
    Trouble("429-date", Verdict.NOT_SENT, "asked_to_slow_down"),
    Trouble("503-maintenance", Verdict.NOT_SENT, "maintenance"),
    Trouble("403-html", Verdict.MISCONFIGURED, "key_refused"),
    Trouble("no-route", Verdict.MISCONFIGURED, "no_such_route"),
    Trouble("redirect-301", Verdict.MISCONFIGURED, "redirected"),
    Trouble("redirect-302", Verdict.MISCONFIGURED, "redirected"),
    Trouble("redirect-308", Verdict.MISCONFIGURED, "redirected"),
    Trouble("redirect-elsewhere", Verdict.MISCONFIGURED, "redirected"),
    Trouble("200-html", DOUBT, "no_data"),
    Trouble("503-html", DOUBT, "server_error"),
    Trouble("502-before", DOUBT, "server_error"),
    Trouble("database-down", DOUBT, "server_error"),
    Trouble("closed-before", DOUBT, "answer_lost"),
    # In the gateway: the store says no four times in the same words, and once the money is gone.
    Trouble("gateway-declines", Verdict.GATEWAY_REFUSED, "gateway_refused"),
    Trouble("gateway-returns-false", Verdict.GATEWAY_REFUSED, "gateway_refused"),
    Trouble("gateway-throws", Verdict.GATEWAY_REFUSED, "gateway_refused"),
    Trouble("gateway-pays-but-errors", Verdict.GATEWAY_REFUSED, "gateway_refused", NOTHING, OUT),
    # Killed around the payment: the same row and the same answer, with and without the money.
    Trouble("killed-before-payment", DOUBT, "server_error", BOOKED),
    Trouble("killed-after-payment", DOUBT, "server_error", BOOKED, OUT),
    # Afterwards: everything is done, and the answer is spoilt.
    Trouble("slow-after", DOUBT, "answer_lost", PAID, OUT),
    Trouble("closed-after", DOUBT, "answer_lost", PAID, OUT),
    Trouble("trickle", DOUBT, "answer_lost", PAID, OUT),
    Trouble("truncated", DOUBT, "answer_lost", PAID, OUT),
    Trouble("huge", DOUBT, "answer_lost", PAID, OUT),
    Trouble("500-after", DOUBT, "server_error", PAID, OUT),
    Trouble("502-after", DOUBT, "server_error", PAID, OUT),
    Trouble("504-after", DOUBT, "server_error", PAID, OUT),
    Trouble("fatal-after", DOUBT, "fatal_error", PAID, OUT),
    Trouble("notice-prefix", DOUBT, "created_unreadable", PAID, OUT),
    Trouble("bom", DOUBT, "created_unreadable", PAID, OUT),
    # A slow answer is no trouble while there is patience.
    Trouble("slow-before", Verdict.ACCEPTED, "accepted", PAID, OUT, seconds=0.2),
    Trouble("gateway-slow", Verdict.ACCEPTED, "accepted", PAID, OUT, seconds=0.2),
)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.fault)
def test_refund_in_trouble(shop: Shop, trouble: Trouble) -> None:
    order_id = shop.order()
    shop.fault(trouble.fault, order_id, seconds=trouble.seconds)

    with shop.client() as client:
        outcome = client.create_refund(order_id, instruction())

    assert (outcome.verdict, outcome.rule) == (trouble.verdict, trouble.rule)
    assert (shop.rows(order_id), shop.paid(order_id)) == (trouble.rows, trouble.paid)
    assert shop.posts(order_id) == 1


def test_every_trouble_of_the_sandbox_is_in_the_table() -> None:
    """Caches only concern reads."""
    assert {trouble.fault for trouble in TROUBLES} == set(FAULTS) - {"cached", "cached-stubborn"}


def test_verdict_that_lets_a_refund_go_out_again_was_never_paid() -> None:
    again = {Verdict.NOT_SENT, Verdict.MISCONFIGURED, Verdict.REFUSED}

    assert [trouble.fault for trouble in TROUBLES if trouble.verdict in again and (trouble.paid or trouble.rows)] == []
    assert [trouble.fault for trouble in TROUBLES if trouble.verdict is Verdict.ACCEPTED and trouble.paid != OUT] == []


# --- As it should be -------------------------------------------------------------------------------------------------


def test_refund_is_paid_as_asked(shop: Shop) -> None:
    order_id = shop.order()
    client = shop.client()
    line = client.order_only(order_id).lines[0]
    lines = (InstructionLine(line.id, 1, Decimal("10.00")),)
    asked = RefundInstruction(
        Decimal("10.00"), REASON, "RF-7K2M9QXD-1", api_refund=True, api_restock=False, lines=lines
    )

    outcome = client.create_refund(order_id, asked)

    assert (outcome.verdict, outcome.rule, outcome.http_status) == (Verdict.ACCEPTED, "accepted", 201)
    assert outcome.store_refund in client.refunds(order_id)
    assert (shop.rows(order_id), shop.paid(order_id)) in ((PAID, OUT), (PAID, None))
    order = client.order(order_id)
    assert (order.remaining, order.lines[0].refunded_total) == (Decimal("40.00"), Decimal("10.00"))


def test_refund_is_booked_without_the_gateway_where_that_is_asked(shop: Shop) -> None:
    order_id = shop.order(payment_method="cod")

    outcome = shop.client().create_refund(order_id, instruction(api_refund=False))

    assert (outcome.verdict, shop.rows(order_id)) == (Verdict.ACCEPTED, BOOKED)
    assert shop.paid(order_id) in ([], None)


@pytest.mark.parametrize("method", ["cod", "gone_with_its_plugin", ""])
def test_gateway_that_cannot_refund_says_so(shop: Shop, method: str) -> None:
    order_id = shop.order(payment_method=method)

    outcome = shop.client().create_refund(order_id, instruction())

    assert (outcome.verdict, shop.rows(order_id)) == (Verdict.GATEWAY_REFUSED, NOTHING)
    assert outcome.code == "woocommerce_rest_cannot_create_order_refund"


def test_refund_over_the_rest_is_refused(shop: Shop) -> None:
    order_id = shop.order()

    assert shop.client().create_refund(order_id, instruction("50.01")).rule == "gateway_refused"
    assert shop.rows(order_id) == []


def test_refund_of_an_order_that_is_gone_is_refused(shop: Shop) -> None:
    outcome = shop.client().create_refund(99_999_999, instruction())

    assert (outcome.verdict, outcome.rule) == (Verdict.REFUSED, "order_unknown")


def test_wrong_secret_is_a_wrong_setting(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = shop.order()
    with monkeypatch.context() as changed:
        changed.setattr(shop, "auth", (shop.auth[0], "cs_wrong"))
        outcome = shop.client().create_refund(order_id, instruction())

    assert (outcome.verdict, shop.rows(order_id)) == (Verdict.MISCONFIGURED, [])


# --- What a crash leaves behind ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["killed-before-payment", "killed-after-payment"])
def test_reason_survives_a_crash_and_meta_data_does_not(shop: Shop, fault: str) -> None:
    order_id = shop.order()
    shop.fault(fault, order_id)

    shop.client().create_refund(order_id, instruction())

    (row,) = shop.client().refunds(order_id)
    assert (row.reason, row.refunded_payment, row.meta) == (REASON, False, ())


def test_refund_in_flight_is_listed_before_anybody_paid(shop: Shop) -> None:
    """The client left, PHP did not: first the row is there unpaid, then it is paid."""
    order_id = shop.order()
    shop.fault("gateway-slow", order_id, seconds=1.2)

    assert shop.client().create_refund(order_id, instruction()).rule == "answer_lost"

    in_flight = shop.client().refunds(order_id)
    assert [(row.amount, row.refunded_payment) for row in in_flight] == [(Decimal("10.00"), False)]
    assert shop.paid(order_id) == []
    assert _later(shop, order_id)[0].refunded_payment
    assert shop.paid(order_id) == OUT


def _later(shop: Shop, order_id: int) -> tuple[StoreRefund, ...]:
    """The refunds as soon as one is paid, or after a few seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = shop.client().refunds(order_id)
        if any(row.refunded_payment for row in found):
            break
        time.sleep(0.05)
    return found


# --- Where nothing can be sent ---------------------------------------------------------------------------------------


def test_store_that_is_down_was_sent_nothing(folder: Any) -> None:
    with SandboxStore(folder, orders=[]) as store:
        client, order_id = SandboxShop(store).client(), SandboxShop(store).order()
    try:
        assert client.create_refund(order_id, instruction()).verdict is Verdict.NOT_SENT
    finally:
        client.close()


@pytest.mark.parametrize(
    ("settings", "verdict", "rule"),
    [
        ({"permalinks": "plain"}, DOUBT, "no_data"),
        ({"woocommerce": False}, Verdict.MISCONFIGURED, "no_such_route"),
        ({"plain": True}, Verdict.MISCONFIGURED, "key_refused"),
    ],
)
def test_wrong_set_up_pays_nothing(folder: Any, settings: dict[str, Any], verdict: Verdict, rule: str) -> None:
    with SandboxStore(folder, orders=[], **settings) as store:
        order_id = store.add_order(total="50.00")["id"]
        outcome = SandboxShop(store).client().create_refund(order_id, instruction())

        assert (outcome.verdict, outcome.rule) == (verdict, rule)
        assert (store.refunds(order_id), store.money) == ([], [])


def test_amount_goes_out_in_the_decimals_of_the_shop(folder: Any) -> None:
    """Where nobody told the client, it asks the shop first."""
    with SandboxStore(folder, orders=[], decimals=3, currency="KWD") as store:
        shop = SandboxShop(store, decimals=3)
        shop.decimals = None  # type: ignore[assignment]
        order_id = shop.order(total="10.560")
        client = shop.client(Timeouts())
        line = client.order_only(order_id).lines[0]
        client.decimals = None
        lines = (InstructionLine(line.id, 1, Decimal("1.155"), (Tax(1, Decimal("0.100")),)),)
        asked = RefundInstruction(
            Decimal("1.255"), REASON, "RF-7K2M9QXD-1", api_refund=True, api_restock=True, lines=lines
        )

        assert client.create_refund(order_id, asked).verdict is Verdict.ACCEPTED
        assert (client.decimals, shop.paid(order_id)) == (3, ["1.255"])
