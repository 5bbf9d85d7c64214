"""The store of the tests is the sandbox store, over real HTTP; the clock is moved, never waited for.

Two rules hold in every test that pays: no call goes to the store inside an open transaction, and no order is refunded
beyond its total unless the test says so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.conf import LazySettings
from django.db import connection

from portal.sandbox.store import SandboxStore
from refunds import orders

KEYS = ("ck_sandbox", "cs_sandbox")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """SQLite as a file, so that worker processes of a test see what the test wrote."""
    options = connection.settings_dict
    if connection.vendor == "sqlite":
        options["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    elif worker_id != "master":
        options["TEST"]["NAME"] = f"test_{options['NAME']}_{worker_id}"


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


@pytest.fixture(scope="session")
def running_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStore]:
    store = SandboxStore(tmp_path_factory.mktemp("store"))
    store.start()
    yield store
    store.stop()


class Sandbox:
    """What a test wants of the sandbox store: orders in, faults on, and afterwards its ledger and its log."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = requests.request(method, f"{self.url}/_sandbox/{path}", timeout=10, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def reset(self) -> None:
        self._call("POST", "reset")

    def order(self, **fields: Any) -> dict[str, Any]:
        """A new order in the store; missing fields are filled in."""
        made = self._call("POST", "orders", json=fields)
        order: dict[str, Any] = made[0] if isinstance(made, list) else made
        return order

    def fault(self, fault: str, *, on: str = "refund.create", times: int = 1, **more: Any) -> None:
        self._call("POST", "faults", json={"fault": fault, "on": on, "times": times, **more})

    def money(self) -> list[tuple[int, str]]:
        """What left the shop's account: order and amount."""
        return [(line["order_id"], line["amount"]) for line in self._call("GET", "money")]

    def log(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self._call("GET", "log")
        return lines

    def refund_posts(self) -> int:
        return sum(1 for line in self.log() if line["method"] == "POST" and line["path"].endswith("/refunds"))

    def api(self, method: str, path: str, **options: Any) -> Any:
        """A call of somebody else at the same store, as from its own admin pages."""
        answer = requests.request(method, f"{self.url}/wp-json/wc/v3/{path}", auth=KEYS, timeout=10, **options)
        return answer.json()


@pytest.fixture
def sandbox(running_store: SandboxStore, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox store, empty of faults and back at its first orders."""
    sandbox = Sandbox(running_store.url)
    sandbox.reset()
    settings.WOOCOMMERCE_URL = sandbox.url
    settings.WOOCOMMERCE_CONSUMER_KEY, settings.WOOCOMMERCE_CONSUMER_SECRET = KEYS
    settings.APPROVAL_HOLD = 0
    _forbid_calls_in_transactions(monkeypatch)
    return sandbox


def _forbid_calls_in_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback would forget money that moved. Depth 1 is the transaction that the test itself runs in."""
    send = requests.Session.send

    def checked(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        ours = "/wp-json/" in (request.url or "") and threading.current_thread() is threading.main_thread()
        if ours and len(connection.savepoint_ids) > 0:
            raise AssertionError(f"The store was called inside a transaction: {request.method} {request.url}")
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", checked)


@pytest.fixture(autouse=True)
def _fresh_client() -> Iterator[None]:
    orders._connect.cache_clear()
    yield
    orders._connect.cache_clear()
