"""The store of the tests is the sandbox store, over real HTTP; the clock is moved, never waited for.

A rule holds in every test: no call goes to the store inside an open transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.conf import LazySettings
from django.core.files.storage import FileSystemStorage
from django.db import connection

from portal.sandbox.store import SandboxStore
from refunds import orders
from refunds.models import Photo


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    worker: str = getattr(request.config, "workerinput", {}).get("workerid", "master")
    return worker


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """SQLite as a file, so that worker processes of a test see what the test wrote."""
    names = connection.settings_dict["TEST"]
    if connection.vendor == "sqlite":
        names["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        names["NAME"] = f"test_refunds_{worker_id}"


@pytest.fixture(scope="session")
def running_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path_factory.mktemp("store"), orders=[], race_window=0) as store:
        yield store


@pytest.fixture
def sandbox(running_store: SandboxStore, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> SandboxStore:
    """The sandbox store: empty, without faults, and the one that the portal is set to. Approvals are not held."""
    requests.post(f"{running_store.base_url}/_sandbox/reset", json={}, timeout=10).raise_for_status()
    settings.WOOCOMMERCE_URL = running_store.base_url
    settings.APPROVAL_HOLD = 0
    _forbid_calls_in_transactions(monkeypatch)
    return running_store


def _forbid_calls_in_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback would forget money that moved. The transaction that a test itself runs in does not count."""
    send = requests.Session.send

    def checked(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        inside = any(not block._from_testcase for block in connection.atomic_blocks)
        if threading.current_thread() is threading.main_thread() and inside and "/wp-json/" in (request.url or ""):
            raise AssertionError(f"The store was called inside a transaction: {request.method} {request.url}")
        return send(session, request, **options)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(requests.Session, "send", checked)


@pytest.fixture(autouse=True)
def photo_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos of a test are kept in a folder of its own."""
    folder = tmp_path / "photos"
    monkeypatch.setattr(Photo._meta.get_field("file"), "storage", FileSystemStorage(location=folder, base_url=None))
    return folder


@pytest.fixture(autouse=True)
def _no_client_of_another_test() -> Iterator[None]:
    orders._connect.cache_clear()
    yield
    orders._connect.cache_clear()
