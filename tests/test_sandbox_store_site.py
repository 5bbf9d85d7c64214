"""The sandbox store as a site: its addresses, its keys, what it says about itself, and its control pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from portal.sandbox.store import SandboxStore
from portal.sandbox.store import auth as store_auth
from portal.sandbox.store.wire import Request

from .sandbox_store import Client, error, money, rows

Json = dict[str, Any]
HTML_TYPE = "text/html; charset=UTF-8"
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


# --- the way an answer comes ------------------------------------------------------------------------------------------


def test_an_envelope_hides_an_error_in_a_200(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": "500.00"}, params={"_envelope": "1"})

    body = {
        "code": "woocommerce_rest_cannot_create_order_refund",
        "message": "Invalid refund amount.",
        "data": 500,
    }
    assert answer.status_code == 200
    assert answer.json() == {"body": body, "status": 500, "headers": {"Allow": "GET, POST"}}


def test_json_is_written_as_wordpress_writes_it(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")

    answer = client.refund(order["id"], {"amount": "1.00", "reason": "Größe"})

    assert answer.content.isascii()
    assert f'\\/wp-json\\/wc\\/v3\\/orders\\/{order["id"]}"'.encode() in answer.content


def test_fields_are_picked_also_inside(store: SandboxStore, client: Client) -> None:
    order = store.add_order(billing={"email": "a@example.com"})

    one = client("GET", f"/orders/{order['id']}?_fields=id,status").json()
    many = client("GET", "/orders?_fields=id,billing.email").json()

    assert list(one) == ["id", "status", "_links"]
    assert many == [{"id": order["id"], "billing": {"email": "a@example.com"}}]


def test_the_method_can_be_overridden(store: SandboxStore, client: Client) -> None:
    order = store.add_order()

    answer = client("POST", f"/orders/{order['id']}?_method=GET")

    assert (answer.status_code, answer.json()["id"]) == (200, order["id"])


def test_a_body_can_overrule_the_order_in_the_address(store: SandboxStore, client: Client) -> None:
    asked, told = store.add_order(total="50.00"), store.add_order(total="50.00")

    client.refund(asked["id"], {"amount": "1.00", "order_id": told["id"]})

    assert (rows(store, asked["id"]), rows(store, told["id"])) == ([], [("1.00", "", True)])


@pytest.mark.parametrize(
    "path", ["/wp-json/wc/v3/orders/{}/", "//wp-json//wc/v3/orders/{}", "/index.php/wp-json/wc/v3/orders/{}"]
)
def test_other_spellings_of_an_address_work(store: SandboxStore, client: Client, path: str) -> None:
    order = store.add_order()

    answer = client.session.get(store.base_url + path.format(order["id"]), timeout=5)

    assert (answer.status_code, answer.json()["id"]) == (200, order["id"])


@pytest.mark.parametrize(("version", "extra"), [("v1", False), ("v2", True)])
def test_older_versions_refund_without_lines(store: SandboxStore, client: Client, version: str, extra: bool) -> None:
    order = store.add_order(total="50.00")
    line = {"id": order["line_items"][0]["id"], "quantity": 1, "refund_total": 10}
    address = f"{store.base_url}/wp-json/wc/{version}/orders/{order['id']}/refunds"

    answer = client.session.post(address, json={"amount": "10.00", "line_items": [line]}, timeout=5)

    assert (answer.status_code, answer.json()["line_items"]) == (201, [])
    assert ("refunded_payment" in answer.json(), money(store)) == (extra, ["10.00"])


def test_plain_permalinks_show_the_home_page_for_everything(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    store.shop.settings = replace(store.shop.settings, permalinks="plain")

    read = client("GET", f"/orders/{order['id']}")
    followed = client("GET", f"/orders/{order['id']}/")
    written = client.refund(order["id"], {"amount": "1.00"})
    by_parameter = client.session.get(f"{store.base_url}/?rest_route=/wc/v3/orders/{order['id']}", timeout=5)

    assert (read.status_code, read.headers["Location"]) == (301, followed.url)
    assert (followed.status_code, followed.headers["Content-Type"]) == (200, HTML_TYPE)
    assert (written.status_code, written.headers["Content-Type"], money(store)) == (200, HTML_TYPE, [])
    assert (by_parameter.status_code, by_parameter.json()["code"]) == (401, "woocommerce_rest_cannot_view")


def test_without_woocommerce_only_wordpress_answers(store: SandboxStore, client: Client) -> None:
    store.shop.settings = replace(store.shop.settings, woocommerce=False)

    answer = client("GET", "/orders")
    index = requests.get(f"{store.base_url}/wp-json/", timeout=5)

    assert (answer.status_code, error(answer)) == (404, NO_ROUTE)
    assert (index.status_code, "wc/v3" in index.json()["namespaces"]) == (200, False)


def test_a_wrong_address_is_a_page_of_the_theme(store: SandboxStore, client: Client) -> None:
    answer = client.session.post(f"{store.base_url}/no-such-shop/wp-json/wc/v3/orders/1/refunds", json={}, timeout=5)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, HTML_TYPE)


# --- the shop itself --------------------------------------------------------------------------------------------------


def test_the_index_says_who_the_shop_is_to_everybody(store: SandboxStore) -> None:
    body = requests.get(f"{store.base_url}/wp-json/", timeout=5).json()

    assert (body["url"], body["home"]) == (store.base_url, store.base_url)
    assert "wc/v3" in body["namespaces"]


def test_a_clone_gives_the_address_of_the_original(store: SandboxStore) -> None:
    settings = {"home_url": "https://shop.example"}
    requests.post(f"{store.base_url}/_sandbox/settings", json=settings, timeout=5)

    assert requests.get(f"{store.base_url}/wp-json/", timeout=5).json()["home"] == "https://shop.example"


def test_settings_and_status_tell_decimals_and_storage(store: SandboxStore, client: Client) -> None:
    store.shop.settings = replace(store.shop.settings, decimals=3, currency="KWD", order_tables=False)

    general = {setting["id"]: setting["value"] for setting in client("GET", "/settings/general").json()}
    one = client("GET", "/settings/general/woocommerce_price_num_decimals").json()
    status = client("GET", "/system_status").json()

    assert (general["woocommerce_currency"], general["woocommerce_price_num_decimals"], one["value"]) == (
        "KWD",
        "3",
        "3",
    )
    assert (status["environment"]["home_url"], status["environment"]["version"]) == (store.base_url, "9.9.5")
    assert (status["settings"]["HPOS_enabled"], status["settings"]["number_of_decimals"]) == (False, 3)


def test_gateways_tell_whether_they_support_refunds(client: Client) -> None:
    shown = client("GET", "/payment_gateways").json()
    gone = client("GET", "/payment_gateways/stripe")

    assert {gateway["id"]: "refunds" in gateway["method_supports"] for gateway in shown} == {
        "testpay": True,
        "norefund": False,
        "bacs": False,
        "cheque": False,
        "cod": False,
    }
    assert client("GET", "/payment_gateways/testpay").json() == shown[0]
    assert (gone.status_code, gone.json()["code"]) == (404, "woocommerce_rest_payment_gateway_invalid")


def test_notes_are_written_and_listed_newest_second_first(store: SandboxStore, client: Client) -> None:
    order = store.add_order()

    written = client("POST", f"/orders/{order['id']}/notes", {"note": "Asked by phone", "customer_note": False})
    listed_notes = client("GET", f"/orders/{order['id']}/notes").json()
    unknown = client("GET", "/orders/99999999/notes")

    assert (written.status_code, written.json()["note"]) == (201, "Asked by phone")
    assert listed_notes == [written.json()]
    assert unknown.status_code == 404


# --- who may ----------------------------------------------------------------------------------------------------------

NO_VIEW = "woocommerce_rest_cannot_view"
NO_CREATE = "woocommerce_rest_cannot_create"
NO_KEY = "woocommerce_rest_authentication_error"


@pytest.mark.parametrize(
    ("key", "read", "write"),
    [
        ("sandbox", (200, None), (201, None)),
        ("manager", (200, None), (201, None)),
        ("read", (200, None), (401, NO_KEY)),
        ("write", (401, NO_KEY), (201, None)),
        ("customer", (403, NO_VIEW), (403, NO_CREATE)),
        ("unknown", (401, NO_VIEW), (401, NO_CREATE)),
        ("", (401, NO_VIEW), (401, NO_CREATE)),
    ],
)
def test_keys_and_what_they_may(
    store: SandboxStore, key: str, read: tuple[int, str | None], write: tuple[int, str | None]
) -> None:
    order, client = store.add_order(total="50.00"), Client(store, key)

    seen = client("GET", f"/orders/{order['id']}")
    made = client.refund(order["id"], {"amount": "1.00"})

    assert [(answer.status_code, answer.json().get("code")) for answer in (seen, made)] == [read, write]
    assert "WWW-Authenticate" not in {**seen.headers, **made.headers}


def test_a_wrong_secret_is_told_so(store: SandboxStore, client: Client) -> None:
    client.session.auth = ("ck_sandbox", "cs_wrong")

    answer = client("GET", "/orders/99999999")

    assert (answer.status_code, error(answer)) == (401, (NO_KEY, "Consumer secret is invalid.", {"status": 401}))


def test_keys_in_the_query_work(store: SandboxStore) -> None:
    keys = {"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox"}

    assert Client(store, "")("GET", "/orders", params=keys).status_code == 200


def test_over_plain_http_a_key_is_not_even_looked_at(store: SandboxStore, client: Client) -> None:
    store.shop.settings = replace(store.shop.settings, plain=True)
    order = store.add_order(total="50.00")
    keys = {"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox"}

    answers = [
        client("GET", f"/orders/{order['id']}"),
        client.refund(order["id"], {"amount": "1.00"}),
        Client(store, "")("GET", "/orders", params=keys),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (401, NO_VIEW),
        (401, NO_CREATE),
        (401, NO_VIEW),
    ]


def signed(store: SandboxStore, path: str, method: str = "HMAC-SHA256", **changes: str) -> dict[str, str]:
    params = {
        "oauth_consumer_key": "ck_sandbox",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": "n1",
        "oauth_signature_method": method,
        **changes,
    }
    request = Request("GET", f"/wp-json/wc/v3{path}", {}, b"", store.base_url)
    signature = store_auth.signature(request, params, store_auth.KEYS["ck_sandbox"])
    return {**params, "oauth_signature": signature}


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
def test_a_signed_call_works_over_plain_http_once(store: SandboxStore, method: str) -> None:
    store.shop.settings = replace(store.shop.settings, plain=True)
    client, params = Client(store, ""), signed(store, "/orders", method)

    first, again = (client("GET", "/orders", params=params) for _ in range(2))

    message = "Invalid nonce - nonce has already been used."
    assert first.status_code == 200
    assert (again.status_code, error(again)) == (401, (NO_KEY, message, {"status": 401}))


def test_a_signature_may_stand_in_the_header(store: SandboxStore) -> None:
    store.shop.settings = replace(store.shop.settings, plain=True)
    params = signed(store, "/orders")
    header = "OAuth " + ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in params.items())

    assert Client(store, "")("GET", "/orders", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "forged", "message"),
    [
        ({}, {"oauth_signature": "wrong"}, "Invalid signature - provided signature does not match."),
        ({"oauth_consumer_key": "ck_unknown"}, {}, "Consumer key is invalid."),
        ({"oauth_timestamp": "1500000000"}, {}, "Invalid timestamp."),
        ({}, {"oauth_signature_method": "PLAINTEXT"}, "Invalid signature - signature method is invalid."),
    ],
)
def test_signatures_that_do_not_hold(
    store: SandboxStore, changes: dict[str, str], forged: dict[str, str], message: str
) -> None:
    params = {**signed(store, "/orders", **changes), **forged}

    answer = Client(store, "")("GET", "/orders", params=params)

    assert (answer.status_code, error(answer)) == (401, (NO_KEY, message, {"status": 401}))


# --- control ----------------------------------------------------------------------------------------------------------


def test_orders_are_added_in_one_line_or_in_a_list(store: SandboxStore, client: Client) -> None:
    address = f"{store.base_url}/_sandbox/orders"

    one = requests.post(address, json={}, timeout=5)
    two = requests.post(address, json=[{"number": "7"}, {"total": "12.00", "payment_method": "cod"}], timeout=5)

    assert (one.status_code, one.json()["total"], one.json()["status"]) == (201, "50.00", "processing")
    assert [(order["number"], order["total"]) for order in two.json()] == [
        ("7", "50.00"),
        (str(two.json()[1]["id"]), "12.00"),
    ]
    assert len(client("GET", "/orders").json()) == 3


def test_the_ledger_has_these_five_facts(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00", currency="USD")
    client.refund(order["id"], {"amount": "10.00", "reason": "RF-1"})

    (payment,) = requests.get(f"{store.base_url}/_sandbox/money", timeout=5).json()

    assert list(payment) == ["order_id", "amount", "currency", "reason", "at"]
    assert payment == {
        "order_id": order["id"],
        "amount": "10.00",
        "currency": "USD",
        "reason": "RF-1",
        "at": payment["at"],
    }


@pytest.mark.parametrize("order", [5, {"line_items": [5]}, {"refunds": [{}]}])
def test_orders_that_make_no_sense_are_refused(store: SandboxStore, order: Any) -> None:
    answer = requests.post(f"{store.base_url}/_sandbox/orders", json=order, timeout=5)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_a_reset_begins_with_the_first_orders(tmp_path: Path) -> None:
    with SandboxStore(tmp_path / "other", orders=[{"id": 5001, "total": "7.00"}]) as store:
        Client(store).refund(5001, {"amount": "7.00"})

        requests.post(f"{store.base_url}/_sandbox/reset", json={}, timeout=5)

        assert (store.order(5001)["status"], store.refunds(5001), store.money) == ("processing", [], [])


def test_a_reset_empties_the_shop_and_brings_the_first_settings_back(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00")
    client.refund(order["id"], {"amount": "1.00"})
    store.arm("429", times=None)
    store.shop.settings = replace(store.shop.settings, decimals=0)

    requests.post(f"{store.base_url}/_sandbox/reset", json={"orders": [{"total": "9.00"}]}, timeout=5)

    assert [order["total"] for order in client("GET", "/orders").json()] == ["9.00"]
    assert (money(store), store.shop.settings.decimals, len(store.calls)) == ([], 2, 1)
