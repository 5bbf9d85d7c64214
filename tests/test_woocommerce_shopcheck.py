"""The examination of a shop: every fact is proven, every trouble is found, and no money moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.store import SandboxStore
from refunds.woocommerce import Timeouts, connect
from refunds.woocommerce.shopcheck import Finding, Level, examine, is_fit

from .woocommerce_server import Server, closed_port, reply, serving, woo_error


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path / "store") as store:
        yield store


def examined(url: str, key: str = "sandbox", api: str = "wc/v3") -> dict[str, Finding]:
    times = Timeouts(pause=0.01)
    with connect(url=url, key=f"ck_{key}", secret=f"cs_{key}", api=api, timeouts=times) as store:
        return {finding.name: finding for finding in examine(store, patience=2)}


def levels(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.level.value for name, finding in findings.items()}


def test_good_shop_is_fit(shop: SandboxStore) -> None:
    findings = examined(shop.base_url)

    assert levels(findings) == {
        "address": "ok",
        "home": "ok",
        "read_scope": "ok",
        "write_scope": "ok",
        "version": "ok",
        "storage": "ok",
        "decimals": "ok",
        "caching": "ok",
        "clock": "ok",
        "gateways": "ok",
        "gateways_by_hand": "warning",
        "mails": "warning",
    }
    assert is_fit(list(findings.values()))


def test_examination_leaves_no_trace(shop: SandboxStore) -> None:
    """It does send a refund: one that is refused for its order, for its amount and for its flag."""
    examined(shop.base_url)

    posts = [call for call in shop.calls if call["method"] != "GET"]
    assert [(call["path"].split("?")[0], call["status"]) for call in posts] == [
        ("/wp-json/wc/v3/orders/999999999/refunds", 400)
    ]
    assert shop.money == []


def test_refund_that_proves_the_write_scope_is_wrong_in_three_ways() -> None:
    replies = [
        reply(404, woo_error("woocommerce_rest_shop_order_invalid_id")),
        reply(400, woo_error("rest_invalid_param")),
    ]
    with serving(*replies) as server, connect(url=server.url, key="ck_1", secret="cs_1") as store:
        store.prove_write_scope()

    sent = server.asked[1]
    assert (sent.method, sent.path) == ("POST", "/wp-json/wc/v3/orders/999999999/refunds")
    assert sent.query == {"api_refund": "no-such-value", "amount[]": "0"}
    assert sent.json == {"amount": 0, "api_refund": "no-such-value"}


def test_write_scope_is_not_tried_where_the_order_exists() -> None:
    with serving(INDEX, COUNT, reply(200, {"id": 999_999_999})) as server:
        findings = _of(server)

    assert findings["write_scope"].level is Level.ERROR
    assert [asked.method for asked in server.asked if asked.method != "GET"] == []


def test_legacy_write_scope_is_proven_without_an_envelope() -> None:
    answer = reply(400, {"errors": [{"code": "woocommerce_api_missing_order_refund_data", "message": "No data"}]})
    with serving(answer) as server, connect(url=server.url, key="ck_1", secret="cs_1", api="wc-api/v3") as store:
        store.prove_write_scope()

    assert [(asked.method, asked.path, asked.json) for asked in server.asked] == [
        ("POST", "/wc-api/v3/orders/0/refunds", {})
    ]


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("read", {"write_scope": "error"}),
        ("customer", {"read_scope": "error"}),
        ("write", {"read_scope": "error"}),
        ("nobody", {"read_scope": "error"}),
    ],
)
def test_weak_key_is_found(shop: SandboxStore, key: str, wrong: dict[str, str]) -> None:
    found = levels(examined(shop.base_url, key))

    assert {name: level for name, level in found.items() if level == "error"} == wrong


def test_shop_that_is_down_is_one_finding() -> None:
    assert examined(f"http://127.0.0.1:{closed_port()}") == {
        "address": Finding(
            "address",
            Level.ERROR,
            "The store's server refused the connection.",
            "Check the address, and that the server is up.",
        )
    }


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"woocommerce": False}, {"read_scope": "error"}),
        ({"permalinks": "plain"}, {"address": "error"}),
        ({"home_url": "https://live.example"}, {"home": "error"}),
        ({"plain": True}, {"read_scope": "error"}),
    ],
)
def test_wrong_set_up_is_found(tmp_path: Path, settings: dict[str, Any], wrong: dict[str, str]) -> None:
    with SandboxStore(tmp_path, **settings) as shop:
        found = levels(examined(shop.base_url))

    assert {name: level for name, level in found.items() if level == "error"} == wrong


@pytest.mark.parametrize(("fault", "level"), [("cached", Level.WARNING), ("cached-stubborn", Level.ERROR)])
def test_cache_is_found(shop: SandboxStore, fault: str, level: Level) -> None:
    shop.arm(fault, times=None, on="order.list")

    assert examined(shop.base_url)["caching"].level is level


def test_redirect_is_found_with_its_target() -> None:
    with serving(reply(301, b"", Location="https://www.shop.example/wp-json/")) as server:
        findings = _of(server)

    assert [(finding.name, finding.sentence) for finding in findings.values()] == [
        ("address", "The store has moved to another address: https://www.shop.example. Set the new address.")
    ]


def _of(server: Server) -> dict[str, Finding]:
    return examined(server.url)


INDEX = reply(200, {"name": "Shop", "home": ""})
COUNT = reply(200, [], X_WP_Total="3")


def test_legacy_api_on_order_tables_is_an_error() -> None:
    settings = [
        reply(200, [{"id": "woocommerce_currency", "value": "EUR"}]),
        reply(200, {"environment": {"version": "9.9.5"}, "settings": {"HPOS_enabled": True}}),
        reply(200, {"value": "2"}),
        INDEX,
    ]
    write = reply(400, {"errors": [{"code": "woocommerce_api_missing_order_refund_data"}]})
    with serving(INDEX, reply(200, {"count": 3}), write, *settings, reply(404, b"")) as server:
        findings = examined(server.url, api="wc-api/v3")

    assert (findings["storage"].level, findings["storage"].advice) == (Level.ERROR, "Set WOOCOMMERCE_API to wc/v3.")
    assert findings["version"].level is Level.OK


@pytest.mark.parametrize(
    ("version", "level"), [("7.9.1", Level.ERROR), ("8.0", Level.OK), ("10.2.1", Level.OK), ("", Level.WARNING)]
)
def test_version_is_judged(version: str, level: Level) -> None:
    gone = reply(404, woo_error("woocommerce_rest_shop_order_invalid_id"))
    status = reply(200, {"environment": {"version": version}, "settings": {}})
    replies = [INDEX, COUNT, gone, reply(400, woo_error("rest_invalid_param")), reply(200, []), status]
    with serving(*replies, reply(200, {"value": "2"}), INDEX) as server:
        findings = examined(server.url)

    assert findings["version"].level is level


@pytest.mark.parametrize(
    ("minutes", "level"), [(0, Level.OK), (9, Level.WARNING), (-9, Level.WARNING), (None, Level.WARNING)]
)
def test_clock_is_compared(minutes: int | None, level: Level) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes or 0), usegmt=True)
    answer = reply(200, [], **({"Date": date} if minutes is not None else {}))
    refused = reply(401, woo_error("woocommerce_rest_cannot_view"))
    with serving(INDEX, COUNT, refused, refused, answer) as server:
        findings = examined(server.url)

    assert findings["clock"].level is level
    assert findings["home"].level is Level.WARNING
