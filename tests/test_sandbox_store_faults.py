"""Every fault of the sandbox store: what the client gets, which row is left, which money moved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from portal.sandbox.store import FAULTS, SandboxStore
from portal.sandbox.store.faults import Unknown

from .sandbox_store import Client, money, rows, until

Json = dict[str, Any]
REASON = "RF-1 Torn"
BODY = {"amount": "10.00", "reason": REASON, "meta_data": [{"key": "_marker", "value": "RF-1"}]}
NO_ROW: list[tuple[str, str, bool]] = []
PAID_ROW = [("10.00", REASON, True)]
UNPAID_ROW = [("10.00", REASON, False)]
JSON_TYPE, HTML_TYPE = "application/json; charset=UTF-8", "text/html; charset=UTF-8"
GATEWAY_ERROR = "woocommerce_rest_cannot_create_order_refund"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path, orders=[], race_window=0) as store:
        yield store


@pytest.fixture
def client(store: SandboxStore) -> Iterator[Client]:
    client = Client(store)
    yield client
    client.session.close()


ANSWERED = [
    # fault, status, content type, start of the body, rows, money
    ("429", 429, JSON_TYPE, b'{"code":"rest_too_many_requests"', NO_ROW, []),
    ("429-date", 429, JSON_TYPE, b'{"code":"rest_too_many_requests"', NO_ROW, []),
    ("429-html", 429, HTML_TYPE, b"<html>\r\n<head><title>429 Too Many Requests", NO_ROW, []),
    ("403-html", 403, HTML_TYPE, b"<!DOCTYPE html><html><head><title>Access denied", NO_ROW, []),
    ("200-html", 200, HTML_TYPE, b"<!DOCTYPE html><html><head><title>Just a moment", NO_ROW, []),
    ("503-maintenance", 503, JSON_TYPE, b'{"code":"wp_die","message":"Briefly unavailable', NO_ROW, []),
    ("503-html", 503, HTML_TYPE, b"<!DOCTYPE html>", NO_ROW, []),
    ("502-before", 502, "text/html", b"<html>\r\n<head><title>502 Bad Gateway", NO_ROW, []),
    ("database-down", 500, JSON_TYPE, b'{"code":"wp_die","message":"<h1>Error establishing', NO_ROW, []),
    ("redirect-301", 301, HTML_TYPE, b"", NO_ROW, []),
    ("redirect-302", 302, HTML_TYPE, b"", NO_ROW, []),
    ("redirect-308", 308, HTML_TYPE, b"", NO_ROW, []),
    ("redirect-elsewhere", 301, HTML_TYPE, b"", NO_ROW, []),
    ("no-route", 404, JSON_TYPE, b'{"code":"rest_no_route"', NO_ROW, []),
    ("slow-before=0.01", 201, JSON_TYPE, b'{"id":', PAID_ROW, ["10.00"]),
    ("gateway-slow=0.01", 201, JSON_TYPE, b'{"id":', PAID_ROW, ["10.00"]),
    ("gateway-declines", 500, JSON_TYPE, f'{{"code":"{GATEWAY_ERROR}"'.encode(), NO_ROW, []),
    ("gateway-returns-false", 500, JSON_TYPE, f'{{"code":"{GATEWAY_ERROR}"'.encode(), NO_ROW, []),
    ("gateway-throws", 500, JSON_TYPE, f'{{"code":"{GATEWAY_ERROR}"'.encode(), NO_ROW, []),
    ("gateway-pays-but-errors", 500, JSON_TYPE, f'{{"code":"{GATEWAY_ERROR}"'.encode(), NO_ROW, ["10.00"]),
    ("killed-before-payment", 502, "text/html", b"<html>\r\n<head><title>502 Bad Gateway", UNPAID_ROW, []),
    ("killed-after-payment", 502, "text/html", b"<html>\r\n<head><title>502 Bad Gateway", UNPAID_ROW, ["10.00"]),
    ("slow-after=0.01", 201, JSON_TYPE, b'{"id":', PAID_ROW, ["10.00"]),
    ("trickle=0.05", 201, JSON_TYPE, b'{"id":', PAID_ROW, ["10.00"]),
    ("500-after", 500, HTML_TYPE, b"", PAID_ROW, ["10.00"]),
    ("502-after", 502, "text/html", b"<html>\r\n<head><title>502 Bad Gateway", PAID_ROW, ["10.00"]),
    ("504-after", 504, HTML_TYPE, b"<html>\r\n<head><title>504 Gateway Time-out", PAID_ROW, ["10.00"]),
    ("fatal-after", 500, JSON_TYPE, b'{"code":"internal_server_error"', PAID_ROW, ["10.00"]),
    ("notice-prefix", 201, JSON_TYPE, b"<br />\n<b>Warning</b>:", PAID_ROW, ["10.00"]),
    ("bom", 201, JSON_TYPE, b'\xef\xbb\xbf{"id":', PAID_ROW, ["10.00"]),
    ("huge", 201, JSON_TYPE, b" " * 1024, PAID_ROW, ["10.00"]),
]
CUT_OFF = [
    # fault, what `requests` raises, rows, money
    ("closed-before", requests.ConnectionError, NO_ROW, []),
    ("closed-after", requests.ConnectionError, PAID_ROW, ["10.00"]),
    ("truncated", requests.exceptions.ChunkedEncodingError, PAID_ROW, ["10.00"]),
]
OF_READS = ("cached", "cached-stubborn")


def test_every_fault_is_tried() -> None:
    tried = {str(case[0]).partition("=")[0] for case in (*ANSWERED, *CUT_OFF)}

    assert tried | set(OF_READS) == set(FAULTS)


@pytest.mark.parametrize(
    ("fault", "status", "kind", "start", "expected_rows", "paid"), ANSWERED, ids=[str(case[0]) for case in ANSWERED]
)
def test_fault_with_an_answer(
    store: SandboxStore,
    client: Client,
    fault: str,
    status: int,
    kind: str,
    start: bytes,
    expected_rows: list[tuple[str, str, bool]],
    paid: list[str],
) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], BODY, headers={"X-Sandbox-Fault": fault})

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
    assert answer.content[: len(start)] == start
    assert (rows(store, order["id"]), money(store)) == (expected_rows, paid)


@pytest.mark.parametrize(("fault", "raised", "expected_rows", "paid"), CUT_OFF, ids=[str(case[0]) for case in CUT_OFF])
def test_fault_without_an_answer(
    store: SandboxStore,
    client: Client,
    fault: str,
    raised: type[Exception],
    expected_rows: list[tuple[str, str, bool]],
    paid: list[str],
) -> None:
    order = store.add_order(total="50.00")

    with pytest.raises(raised):
        client.refund(order["id"], BODY, headers={"X-Sandbox-Fault": fault})

    assert (rows(store, order["id"]), money(store)) == (expected_rows, paid)


@pytest.mark.parametrize("fault", ["killed-before-payment", "killed-after-payment"])
def test_a_kill_in_the_gateway_keeps_the_reason_and_loses_the_meta_data(
    store: SandboxStore, client: Client, fault: str
) -> None:
    order = store.add_order(total="50.00")

    client.refund(order["id"], BODY, headers={"X-Sandbox-Fault": fault})

    (row,) = client("GET", f"/orders/{order['id']}/refunds").json()
    assert (row["reason"], row["refunded_payment"], row["meta_data"]) == (REASON, False, [])
    over = client.refund(order["id"], {"amount": "40.01"})
    assert over.json()["message"] == "Invalid refund amount."


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("gateway-declines", "Test Pay declined the refund: insufficient balance."),
        (
            "gateway-returns-false",
            "An error occurred while attempting to create the refund using the payment gateway API.",
        ),
    ],
)
def test_gateway_errors_bring_their_message(store: SandboxStore, client: Client, fault: str, message: str) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], BODY, headers={"X-Sandbox-Fault": fault})

    assert answer.json() == {"code": GATEWAY_ERROR, "message": message, "data": 500}


def test_retry_after_comes_as_seconds_or_as_a_date(store: SandboxStore, client: Client) -> None:
    answers = [
        client("GET", "/orders", headers={"X-Sandbox-Fault": fault}) for fault in ("429", "429-date", "503-maintenance")
    ]

    seconds, date, maintenance = (answer.headers["Retry-After"] for answer in answers)
    assert (seconds, maintenance) == ("2", "600")
    assert 0 <= (parsedate_to_datetime(date) - parsedate_to_datetime(answers[1].headers["Date"])).total_seconds() <= 3


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [("503-maintenance", 503, "Briefly unavailable"), ("database-down", 500, "Error establishing a database")],
)
def test_reads_of_a_shop_that_is_down_are_pages(
    store: SandboxStore, client: Client, fault: str, status: int, text: str
) -> None:
    answer = client("GET", "/orders", headers={"X-Sandbox-Fault": fault})

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, HTML_TYPE)
    assert text in answer.text


@pytest.mark.parametrize(("fault", "moved"), [("redirect-301", []), ("redirect-302", []), ("redirect-308", ["10.00"])])
def test_followed_redirects_turn_a_refund_into_a_list_unless_they_are_308(
    store: SandboxStore, client: Client, fault: str, moved: list[str]
) -> None:
    order = store.add_order(total="50.00")
    store.arm(fault)

    answer = client.refund(order["id"], BODY, allow_redirects=True)

    assert (answer.status_code, money(store)) == (201 if moved else 200, moved)
    assert moved or answer.json() == []


def test_a_redirect_to_another_host_loses_the_key(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    store.arm("redirect-elsewhere")

    answer = client("GET", f"/orders/{order['id']}", allow_redirects=True)

    assert (answer.status_code, answer.json()["code"]) == (401, "woocommerce_rest_cannot_view")


# --- cached reads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "query", "stale"),
    [("cached", "", True), ("cached", "?_=1", False), ("cached-stubborn", "", True), ("cached-stubborn", "?_=1", True)],
)
def test_a_page_cache_shows_what_was(store: SandboxStore, client: Client, fault: str, query: str, stale: bool) -> None:
    order = store.add_order(total="50.00")
    address = f"/orders/{order['id']}/refunds{query}"
    client("GET", address)
    client.refund(order["id"], BODY)
    store.arm(fault, times=None)

    answer = client("GET", address)

    assert (answer.json() == [], answer.headers.get("X-Cache"), "Age" in answer.headers) == (
        (True, "HIT", True) if stale else (False, None, False)
    )
    assert answer.status_code == 200


def test_a_cache_never_answers_a_write(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    client("GET", f"/orders/{order['id']}/refunds")
    store.arm("cached-stubborn", times=None)

    assert client.refund(order["id"], BODY).status_code == 201


# --- switches ---------------------------------------------------------------------------------------------------------


def test_a_switch_strikes_only_the_calls_it_is_for(store: SandboxStore, client: Client) -> None:
    one, two = store.add_order(), store.add_order()
    store.arm("429", times=2, order=two["id"], on="order.view")

    paths = [f"/orders/{one['id']}", f"/orders/{two['id']}/refunds", *[f"/orders/{two['id']}"] * 3]
    statuses = [client("GET", path).status_code for path in paths]

    assert statuses == [200, 200, 429, 429, 200]


def test_switches_strike_one_after_the_other(store: SandboxStore, client: Client) -> None:
    store.arm("429")
    store.arm("403-html")

    assert [client("GET", "/orders").status_code for _ in range(3)] == [429, 403, 200]


def test_faults_are_armed_listed_and_cleared_over_http(store: SandboxStore, client: Client) -> None:
    address = f"{store.base_url}/_sandbox/faults"

    armed = client.session.post(address, json={"fault": "429", "times": None, "on": "order.list"}, timeout=5)
    struck = client("GET", "/orders").status_code
    cleared = client.session.delete(address, timeout=5)

    entry = {"fault": "429", "times": None, "order": None, "on": "order.list", "delay": None}
    assert (armed.status_code, armed.json()["armed"], struck) == (201, [entry], 429)
    assert armed.json()["known"] == {name: fault.summary for name, fault in FAULTS.items()}
    assert (cleared.json()["armed"], client("GET", "/orders").status_code) == ([], 200)


@pytest.mark.parametrize("wanted", [{"fault": "no-such"}, {"fault": "429", "on": "no.such"}, {}])
def test_unknown_faults_and_calls_are_refused_with_those_there_are(store: SandboxStore, wanted: Json) -> None:
    answer = requests.post(f"{store.base_url}/_sandbox/faults", json=wanted, timeout=5)

    assert answer.status_code == 400
    assert "There are: " in answer.json()["error"]
    with pytest.raises(Unknown):
        store.arm("no-such")


def test_a_single_call_asks_for_several_faults_at_once(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    with pytest.raises(requests.ConnectionError):
        client.refund(order["id"], BODY, headers={"X-Sandbox-Fault": "gateway-declines,closed-after"})

    assert (rows(store, order["id"]), money(store)) == (NO_ROW, [])


def test_random_faults_strike_about_as_often_as_told_and_never_reads_with_gateways(
    store: SandboxStore, client: Client
) -> None:
    dice = {"rate": 0.3, "seed": 7, "faults": ["429", "killed-after-payment"]}
    requests.post(f"{store.base_url}/_sandbox/faults", json={"random": dice}, timeout=5)

    statuses = [client("GET", "/orders").status_code for _ in range(100)]

    assert set(statuses) == {200, 429}
    assert 15 <= statuses.count(429) <= 45


def test_the_log_tells_every_call_and_what_became_of_it(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    client("GET", f"/orders/{order['id']}")
    store.arm("closed-after")
    with pytest.raises(requests.ConnectionError):
        client.refund(order["id"], BODY)

    log = requests.get(f"{store.base_url}/_sandbox/log?since=1", timeout=5).json()

    assert [{name: value for name, value in entry.items() if name != "at"} for entry in log] == [
        {
            "n": 2,
            "method": "POST",
            "path": f"/wp-json/wc/v3/orders/{order['id']}/refunds",
            "call": "refund.create",
            "order": order["id"],
            "faults": ["closed-after"],
            "status": "closed",
        }
    ]


# --- kills ------------------------------------------------------------------------------------------------------------


def test_a_store_killed_while_the_gateway_works_has_the_row_and_no_money(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    store.arm("gateway-slow", delay=30)
    with pytest.raises(requests.ReadTimeout):
        client.refund(order["id"], BODY, timeout=0.2)

    store.stop()
    store.start()

    assert (rows(store, order["id"]), money(store)) == (UNPAID_ROW, [])
    assert [call["status"] for call in store.calls] == ["at work"]


def test_a_reset_ends_calls_that_still_wait(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    store.arm("gateway-slow", delay=30)
    with ThreadPoolExecutor(1) as background:
        waiting = background.submit(client.refund, order["id"], BODY)
        until(lambda: rows(store, order["id"]) == UNPAID_ROW)

        requests.post(f"{store.base_url}/_sandbox/reset", json={"orders": [{"id": order["id"]}]}, timeout=5)

        with pytest.raises(requests.ConnectionError):
            waiting.result()
    assert (rows(store, order["id"]), money(store)) == (NO_ROW, [])


def test_everything_the_control_pages_take_is_json(store: SandboxStore) -> None:
    answer = requests.post(f"{store.base_url}/_sandbox/orders", data=b"{", timeout=5)

    assert (answer.status_code, json.loads(answer.content)["error"][:16]) == (400, "This is not JSON")
