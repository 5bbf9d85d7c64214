"""The client's reads: orders, refunds, searches, notes, payment methods and settings, in good times and bad."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from portal.sandbox.store import SandboxStore
from refunds.woocommerce import (
    BadAnswer,
    CachedAnswer,
    LineKind,
    Order,
    OrderNotFound,
    StoreError,
    StoreMisconfigured,
    StoreUnreachable,
)

from .shop import SandboxShop, Shop, instruction

PATIENCE = 20.0


def read(shop: Shop, order_id: int, patience: float = PATIENCE) -> Order:
    return shop.client().order(order_id, patience=patience)


def test_order_is_read(shop: Shop) -> None:
    order_id = shop.order()

    order = read(shop, order_id)

    assert (order.id, order.number, order.status) == (order_id, str(order_id), "processing")
    assert (order.total, order.remaining, order.refunds, order.decimals) == (Decimal("50.00"), Decimal("50.00"), (), 2)
    assert [(line.total, line.taxes, line.refunded_total) for line in order.lines] == [(Decimal("50.00"), (), 0)]
    assert order.created_at is not None
    assert order.created_at.tzinfo is not None


def test_order_that_is_not_there_is_not_found(shop: Shop) -> None:
    """Neither is an order that is really a refund; but the list of its refunds is empty, and no error."""
    refund_id = shop.refund(shop.order(), {"amount": "1.00"}).json()["id"]
    client = shop.client()

    for order_id in (99_999_999, refund_id):
        with pytest.raises(OrderNotFound):
            client.order(order_id)
    assert client.refunds(99_999_999) == ()


def test_more_refunds_than_a_page_are_all_read(shop: Shop) -> None:
    """WooCommerce lists ten unless it is asked for more."""
    order_id = shop.order()
    for number in range(12):
        shop.refund(order_id, {"amount": f"1.{number:02}", "api_refund": False})

    assert len(shop.call("GET", f"/orders/{order_id}/refunds").json()) == 10
    assert [refund.amount for refund in shop.client().refunds(order_id)] == [
        Decimal(f"1.{number:02}") for number in range(12)
    ]
    assert read(shop, order_id).refunded == Decimal("12.66")


@pytest.mark.parametrize(
    "fault", ["502-before", "504-after", "502-after", "closed-before", "closed-after", "truncated"]
)
def test_read_survives_a_bad_moment(shop: Shop, fault: str) -> None:
    order_id = shop.order()
    shop.fault(fault, order_id, on="order.view")

    assert read(shop, order_id).id == order_id


@pytest.mark.parametrize("fault", ["429-html", "503-html"])
def test_read_without_time_to_wait_says_how_long_the_store_wants(shop: Shop, fault: str) -> None:
    order_id = shop.order()
    shop.fault(fault, order_id, on="order.view")

    with pytest.raises(StoreUnreachable) as error:
        read(shop, order_id, patience=0.9)

    assert error.value.retry_after is not None
    assert read(shop, order_id).id == order_id


@pytest.mark.parametrize("fault", ["notice-prefix", "bom"])
def test_read_looks_past_noise(shop: Shop, fault: str) -> None:
    order_id = shop.order()
    shop.fault(fault, order_id, on="order.view")

    assert read(shop, order_id).id == order_id


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("429", StoreUnreachable, "slow down"),
        ("429-date", StoreUnreachable, "slow down"),
        ("503-maintenance", StoreUnreachable, "maintenance"),
        ("database-down", StoreUnreachable, "database"),
        ("fatal-after", StoreUnreachable, "critical error"),
        ("500-after", StoreUnreachable, "HTTP 500"),
        ("403-html", StoreMisconfigured, "firewall"),
        ("no-route", StoreMisconfigured, "WooCommerce does not"),
        ("redirect-301", StoreMisconfigured, "moved"),
        ("redirect-302", StoreMisconfigured, "moved"),
        ("redirect-308", StoreMisconfigured, "moved"),
        ("redirect-elsewhere", StoreMisconfigured, "moved"),
        ("200-html", BadAnswer, "web page"),
        ("huge", BadAnswer, "too large"),
    ],
)
def test_read_that_cannot_work_says_why(shop: Shop, fault: str, error: type[StoreError], words: str) -> None:
    order_id = shop.order()
    shop.fault(fault, order_id, on="order.view")

    with pytest.raises(error, match=words):
        read(shop, order_id, patience=5 if fault == "huge" else 0.9)


@pytest.mark.parametrize("fault", ["trickle", "slow-after", "slow-before"])
def test_read_is_over_at_its_deadline(shop: Shop, fault: str) -> None:
    order_id = shop.order()
    for _ in range(40):
        shop.fault(fault, order_id, on="order.view")

    with pytest.raises(StoreUnreachable, match="in time"):
        read(shop, order_id, patience=0.7)


def test_read_goes_past_a_cache_that_listens(shop: Shop) -> None:
    order_id = shop.order()
    for _ in range(8):
        shop.fault("cached", order_id, on="refund.list")
    client = shop.client()
    assert client.refunds(order_id) == ()

    client.create_refund(order_id, instruction())

    assert [refund.amount for refund in client.refunds(order_id)] == [Decimal("10.00")]


@pytest.mark.parametrize("call", ["refund.list", "order.view"])
def test_cache_that_does_not_listen_is_no_evidence(shop: Shop, call: str) -> None:
    order_id = shop.order()
    client = shop.client()
    for _ in range(8):
        shop.fault("cached-stubborn", order_id, on=call)
    reads = {"refund.list": client.refunds, "order.view": client.order}
    reads[call](order_id)

    client.create_refund(order_id, instruction())

    with pytest.raises(CachedAnswer):
        reads[call](order_id)


# --- Finding ---------------------------------------------------------------------------------------------------------


def test_order_is_found_by_number_and_email(shop: Shop) -> None:
    order_id = shop.order()
    client = shop.client()
    email = client.order_only(order_id).email

    found = client.find_orders(number=f"# {order_id} ", email=f" {email.upper()} ")

    assert [order.id for order in found] == [order_id]
    assert client.find_orders(number=str(order_id), email=f"x{email}") == ()
    assert client.find_orders(number=f"{order_id}0", email=email) == ()
    assert client.find_orders(number=str(order_id), email=email[1:]) == ()


def test_search_of_the_store_is_fuzzy(folder: Any) -> None:
    """It finds parts of addresses, ids and telephones; and it knows no filter for an e-mail or a number at all."""
    with SandboxStore(folder, orders=[]) as store:
        for email in ("anna@example.com", "joanna@example.com", "anna@example.com.au"):
            store.add_order(billing={"email": email})
        shop = SandboxShop(store)

        assert len(shop.call("GET", "/orders", params={"search": "anna@example.com"}).json()) == 3
        assert len(shop.call("GET", "/orders", params={"billing_email": "nobody@example.com"}).json()) == 3
        assert len(shop.call("GET", "/orders", params={"number": "5"}).json()) == 3


@pytest.mark.parametrize("number_search", [True, False])
def test_number_of_a_plugin_is_not_the_id(folder: Any, number_search: bool) -> None:
    """The order with the id that was typed belongs to somebody else."""
    with SandboxStore(folder, orders=[], number_search=number_search) as store:
        email = "anna@example.com"
        other = store.add_order(billing={"email": email}, number="A-1")["id"]
        wanted = store.add_order(billing={"email": email}, number=str(other))["id"]
        client = SandboxShop(store).client()

        assert [order.id for order in client.find_orders(number=str(other), email=email)] == [wanted]
        assert [order.id for order in client.find_orders(number="a-1", email=email)] == [other]
        assert client.find_orders(number=str(wanted), email=email) == ()


def test_order_is_found_behind_many_others(folder: Any) -> None:
    with SandboxStore(folder, orders=[]) as store:
        wanted = store.add_order(billing={"email": "anna@example.com"}, date_created_gmt="2020-01-01T00:00:00")["id"]
        for _ in range(130):
            store.add_order(billing={"email": "joanna@example.com"})

        found = SandboxShop(store).client().find_orders(number=str(wanted), email="anna@example.com")

        assert [order.id for order in found] == [wanted]


# --- The rest --------------------------------------------------------------------------------------------------------


def test_orders_are_listed_and_counted(shop: Shop) -> None:
    client = shop.client()
    before = client.count_orders()
    newest = [shop.order() for _ in range(3)][::-1]

    assert client.count_orders() == before + 3
    listed = [order.id for order in client.orders(per_page=3)]
    assert sorted(listed, reverse=True) == newest
    assert {"processing", "completed", "refunded"} <= set(client.order_statuses())


def test_notes_are_written_and_read(shop: Shop) -> None:
    order_id = shop.order()
    client = shop.client()

    note = client.add_note(order_id, "Refund RF-7K2M9QXD was asked for")

    assert note in client.notes(order_id)
    assert (note.text, note.to_customer) == ("Refund RF-7K2M9QXD was asked for", False)


def test_gateway_leaves_a_note_of_what_it_paid(shop: Shop) -> None:
    if not isinstance(shop, SandboxShop):
        pytest.skip("What a payment method writes is its own affair.")
    order_id = shop.order()

    shop.client().create_refund(order_id, instruction())

    assert any("refunded 10.00" in note.text for note in shop.client().notes(order_id))


def test_gateways_say_whether_they_can_refund(shop: Shop) -> None:
    client = shop.client()
    order = client.order_only(shop.order())

    gateway = client.gateway(order.payment_method)

    assert gateway is not None
    assert gateway.supports_refunds
    assert client.gateway("gone_with_its_plugin") is None


def test_settings_are_read(shop: Shop) -> None:
    client = shop.client()

    settings = client.settings()

    assert (settings.decimals, len(settings.currency)) == (2, 3)
    assert settings.home_url.startswith("http")
    assert settings.woocommerce_version.split(".")[0].isdigit()
    assert client.index().home_url == settings.home_url


@pytest.mark.parametrize(
    "settings", [{"decimals": 0, "currency": "JPY"}, {"decimals": 3, "currency": "KWD"}, {"order_tables": False}]
)
def test_settings_of_other_shops_are_read(folder: Any, settings: dict[str, Any]) -> None:
    with SandboxStore(folder, orders=[], **settings) as store:
        read = SandboxShop(store).client().settings()

    expected = {"decimals": 2, "currency": "EUR", "order_tables": True} | settings
    assert {name: getattr(read, name) for name in expected} == expected


def test_decimals_are_learned_even_where_settings_are_closed(folder: Any) -> None:
    with SandboxStore(folder, orders=[], decimals=3, currency="KWD") as store:
        shop = SandboxShop(store)
        order_id = shop.order(total="10.560")
        client = shop.client()
        client.decimals = None
        store.arm("no-route", on="settings.view")

        assert (client.order(order_id).decimals, client.decimals) == (3, 3)


def test_every_order_of_the_sample_shop_is_read_and_adds_up(folder: Any) -> None:
    """Net lines and unrounded taxes make the total, to the cent that the store itself rounds per rate."""
    with SandboxStore(folder) as store:
        client = SandboxShop(store).client()
        orders = client.orders(per_page=100)

        assert len(orders) == client.count_orders()
        for order in orders:
            lines = sum((line.total + sum(tax.total for tax in line.taxes) for line in order.lines), Decimal(0))
            assert abs(lines - order.total) < Decimal("0.02"), order.number
            assert client.order(order.id).refunds == order.refunds
        assert {line.kind for order in orders for line in order.lines} == set(LineKind)
