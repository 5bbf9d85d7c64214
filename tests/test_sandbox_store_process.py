"""The sandbox store as something that runs: what it keeps, how it starts and ends, and what it begins with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from portal.sandbox.store import SandboxStore, catalogue

from .sandbox_store import Client, money

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SandboxStore]:
    with SandboxStore(tmp_path / "store", orders=[], race_window=0) as store:
        yield store


@pytest.fixture
def client(store: SandboxStore) -> Iterator[Client]:
    client = Client(store)
    yield client
    client.session.close()


# --- journal ----------------------------------------------------------------------------------------------------------


def test_everything_is_there_after_a_kill(store: SandboxStore, client: Client) -> None:
    order = store.add_order(total="50.00", number="1001")
    client.refund(order["id"], {"amount": "50.00", "meta_data": [{"key": "_m", "value": "v"}]})
    client("POST", f"/orders/{order['id']}/notes", {"note": "Seen"})
    before = [client("GET", f"/orders/{order['id']}{part}").json() for part in ("", "/refunds", "/notes")]
    ledger = store.money

    store.stop()
    store.start()

    assert [client("GET", f"/orders/{order['id']}{part}").json() for part in ("", "/refunds", "/notes")] == before
    assert store.money == ledger
    assert store.calls[0]["status"] == 201
    assert store.add_order()["id"] > before[1][0]["id"]


def test_a_torn_last_line_is_cut_off(store: SandboxStore) -> None:
    order = store.add_order(total="50.00")
    store.stop()
    with (store.directory / "books.jsonl").open("ab") as journal:
        journal.write(b'{"kind":"order.changed","id":')

    store.start()
    store.shop.books.change_order(order["id"], status="completed")
    store.stop()
    store.start()

    assert store.order(order["id"])["status"] == "completed"


def test_a_damaged_journal_is_not_guessed_at(store: SandboxStore) -> None:
    store.add_order(total="50.00")
    store.stop()
    journal = store.directory / "books.jsonl"
    journal.write_bytes(b"{broken\n" + journal.read_bytes())

    with pytest.raises(ValueError, match="Expecting"):
        store.start()


def test_fresh_forgets_the_journal(tmp_path: Path) -> None:
    with SandboxStore(tmp_path, orders=[]) as store:
        order = store.add_order(total="50.00")

    with SandboxStore(tmp_path, orders=[], fresh=True) as store:
        assert store.shop.books.order(order["id"]) is None


def test_orders_of_a_file_are_booked_with_their_refunds_and_no_money(tmp_path: Path) -> None:
    given = {
        "id": 44,
        "number": "44",
        "total": "50.00000000",
        "refunds": [{"id": 46, "reason": "a", "total": "-20.00"}],
    }

    with SandboxStore(tmp_path, orders=[given]) as store:
        client = Client(store)
        shown = client("GET", "/orders/44").json()
        over = client.refund(44, {"amount": "30.01"})
        fits = client.refund(44, {"amount": "30.00"})

        assert (shown["total"], shown["refunds"]) == ("50.00", [{"id": 46, "reason": "a", "total": "-20.00"}])
        assert (over.status_code, fits.status_code, money(store)) == (500, 201, ["30.00"])


# --- process ----------------------------------------------------------------------------------------------------------


def _process(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "portal.sandbox.store", "--directory", str(tmp_path / "state"), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_process_says_where_it_listens_and_ends_on_sigterm(tmp_path: Path) -> None:
    with _process(tmp_path, "--port", "0") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()

        assert line.startswith("Sandbox store: http://127.0.0.1:")
        assert process.wait(5) == 0


def test_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path, store: SandboxStore) -> None:
    port = store.base_url.rpartition(":")[2]

    with _process(tmp_path, "--port", port) as process:
        _, complaint = process.communicate(timeout=5)

    assert process.returncode == 1
    assert complaint == f"The sandbox store cannot listen on 127.0.0.1:{port}: Address already in use.\n"


def test_directory_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with SandboxStore(tmp_path / "state", orders=[]), _process(tmp_path, "--port", "0") as process:
        _, complaint = process.communicate(timeout=5)

    assert (process.returncode, complaint) == (1, f"Another sandbox store is at work in {tmp_path / 'state'}.\n")


def test_what_was_answered_is_there_after_sigkill(tmp_path: Path) -> None:
    with _process(tmp_path, "--port", "0", "--race-window", "0") as process:
        address = _address(process)
        refunds = f"{address}/wp-json/wc/v3/orders/5001/refunds"
        made = [_refund(refunds, f"RF-{n}") for n in range(5)]
        process.kill()

    with _process(tmp_path, "--port", "0") as process:
        address = _address(process)
        shown = requests.get(f"{address}/_sandbox/orders", timeout=5).json()["refunds"]
        ledger = requests.get(f"{address}/_sandbox/money", timeout=5).json()
        process.terminate()

    assert [(row["id"], row["refunded_payment"]) for row in shown if row["parent_id"] == 5001] == [
        (refund_id, True) for refund_id in made
    ]
    assert [payment["reason"] for payment in ledger] == [f"RF-{n}" for n in range(5)]


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split()[2]


def _refund(address: str, reason: str) -> int:
    body = {"amount": "1.00", "reason": reason}
    refund_id: int = requests.post(address, json=body, auth=("ck_sandbox", "cs_sandbox"), timeout=5).json()["id"]
    return refund_id


def test_the_store_needs_neither_django_nor_the_portal() -> None:
    listed = "[name for name in sys.modules if name.startswith(('django', 'refunds'))]"
    code = f"import sys, portal.sandbox.store.cli; print({listed})"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "[]\n"


def test_the_management_command_takes_the_same_options(tmp_path: Path) -> None:
    orders = tmp_path / "orders.json"
    orders.write_text('{"not": "a list"}')
    command = [sys.executable, "manage.py", "sandbox_store", "--orders", str(orders), "--directory", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (1, f"{orders} is not a JSON list of orders.\n")


# --- catalogue --------------------------------------------------------------------------------------------------------


def test_catalogue_has_every_order_to_try(tmp_path: Path) -> None:
    with SandboxStore(tmp_path) as store:
        shown = Client(store)("GET", "/orders?per_page=100&orderby=id&order=asc").json()

    assert [(order["number"], order["billing"]["email"]) for order in shown] == [
        (number, email) for number, email, _ in catalogue.TO_TRY
    ]
    assert all(order["number"] != str(order["id"]) for order in shown)


def test_catalogue_totals_are_those_of_its_lines(tmp_path: Path) -> None:
    with SandboxStore(tmp_path) as store:
        orders = Client(store)("GET", "/orders?per_page=100&dp=8").json()

    for order in orders:
        lines = [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]
        tax = sum(Decimal(line["total_tax"]) for line in lines)
        unrounded = sum(Decimal(tax["total"]) for line in lines for tax in line["taxes"])
        net = sum(Decimal(line["total"]) for line in lines)
        assert Decimal(order["total_tax"]) == tax
        assert Decimal(order["total"]) == round(net + (unrounded if order["prices_include_tax"] else tax), 2)


def test_pictures_of_the_products_are_served(store: SandboxStore) -> None:
    answer = requests.get(f"{store.base_url}/wp-content/uploads/2026/01/mug-large.svg", timeout=5)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.text.startswith("<svg")
