"""What the tests of the sandbox store share: a bare client, and short looks at what it left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from portal.sandbox.store import SandboxStore


class Client:
    """A bare client with a key of everything, which follows nothing and keeps its connection."""

    def __init__(self, store: SandboxStore, key: str = "sandbox") -> None:
        self.store = store
        self.session = requests.Session()
        self.session.auth = (f"ck_{key}", f"cs_{key}") if key else None

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        options = {"timeout": 10, "allow_redirects": False, **options}
        return self.session.request(method, f"{self.store.base_url}/wp-json/wc/v3{path}", json=json, **options)

    def refund(self, order_id: int, json: Any = None, **options: Any) -> requests.Response:
        return self("POST", f"/orders/{order_id}/refunds", json, **options)


def rows(store: SandboxStore, order_id: int) -> list[tuple[str, str, bool]]:
    """Amount as stored, reason and refunded_payment of each row."""
    return [(row["amount"], row["reason"], row["refunded_payment"]) for row in store.refunds(order_id)]


def money(store: SandboxStore) -> list[str]:
    return [payment["amount"] for payment in store.money]


def error(answer: requests.Response) -> tuple[str, str, Any]:
    body = answer.json()
    return body["code"], body["message"], body["data"]


def until(done: Callable[[], bool]) -> None:
    """Waits for something that a thread of the store is about to do."""
    deadline = time.monotonic() + 5
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done()
