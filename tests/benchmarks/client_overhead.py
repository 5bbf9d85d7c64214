"""What the client costs per call beside a bare `requests.Session` that asks the same of the same sandbox store.

    python -m tests.benchmarks.client_overhead

A bare session sends the same request and decodes the JSON; the client besides that watches the deadline, looks for
caches, checks every field and builds its values. Goal: at most 1.2 times the time.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import requests

from refunds.woocommerce import RefundInstruction, Store, Verdict, connect

GOAL = 1.2
CALLS = 200
KEY = ("ck_sandbox", "cs_sandbox")
ORDER = {
    "total": "99999.00",
    "line_items": [{"total": "33333.00", "name": "Mug &quot;L&quot;"}] * 3,
    "billing": {"email": "anna@benchmark.example"},
}


def main() -> int:
    with store_process() as url, requests.Session() as bare, connect(url=url, key=KEY[0], secret=KEY[1]) as client:
        bare.auth = KEY
        made = bare.post(f"{url}/_sandbox/orders", json=ORDER, timeout=30).json()
        order_id = made[0]["id"] if isinstance(made, list) else made["id"]
        client.order(order_id)
        worst = max(compared(*pair) for pair in pairs(url, order_id, bare, client))
    print(f"worst {worst:.2f}, goal {GOAL}")
    return 0 if worst <= GOAL else 1


@contextlib.contextmanager
def store_process() -> Iterator[str]:
    """The sandbox store in a process of its own: in ours, its work would be counted as the client's."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "portal.sandbox.store", "--port", str(port), "--directory", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield ready(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait()


def ready(url: str) -> str:
    for _ in range(100):
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{url}/_sandbox/log", timeout=5)
            return url
        time.sleep(0.1)
    raise SystemExit("The sandbox store did not start.")


def pairs(
    url: str, order_id: int, bare: requests.Session, client: Store
) -> list[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    orders = f"{url}/wp-json/wc/v3/orders"
    return [
        (
            "GET order",
            lambda: bare.get(f"{orders}/{order_id}", params={"dp": 8}, timeout=30).json(),
            lambda: client.order_only(order_id),
        ),
        (
            "GET 16 orders",
            lambda: bare.get(orders, params={"dp": 8, "per_page": 16}, timeout=30).json(),
            lambda: client.orders(per_page=16),
        ),
        (
            "find order",
            lambda: bare.get(orders, params={"dp": 8, "per_page": 100, "search": "anna@"}, timeout=30).json(),
            lambda: client.find_orders(number=str(order_id), email="anna@benchmark.example"),
        ),
        (
            "GET refunds",
            lambda: bare.get(f"{orders}/{order_id}/refunds", params={"dp": 8, "per_page": 100}, timeout=30).json(),
            lambda: client.refunds(order_id),
        ),
        ("POST refund", bare_refund(bare, f"{orders}/{order_id}/refunds"), client_refund(client, order_id)),
    ]


def bare_refund(bare: requests.Session, address: str) -> Callable[[], Any]:
    body = {
        "amount": "0.01",
        "reason": "RF-1-1 Benchmark",
        "api_refund": True,
        "api_restock": False,
        "meta_data": [{"key": "_refund_portal_marker", "value": "RF-1-1"}],
    }
    return lambda: bare.post(address, json=body, timeout=30).json()


def client_refund(client: Store, order_id: int) -> Callable[[], Any]:
    asked = RefundInstruction(Decimal("0.01"), "RF-1-1 Benchmark", "RF-1-1", api_refund=True, api_restock=False)

    def refund() -> None:
        if client.create_refund(order_id, asked).verdict is not Verdict.ACCEPTED:
            raise SystemExit("The sandbox store did not accept the refund.")

    return refund


def compared(name: str, bare: Callable[[], Any], client: Callable[[], Any]) -> float:
    """The two take turns call by call, so that whatever else the machine does strikes both."""
    times: dict[Callable[[], Any], list[float]] = {bare: [], client: []}
    for call in (bare, client) * CALLS:
        began = time.perf_counter()
        call()
        times[call].append(time.perf_counter() - began)
    bare_ms, client_ms = (statistics.median(times[call]) * 1000 for call in (bare, client))
    print(f"{name:14} bare {bare_ms:6.2f} ms   client {client_ms:6.2f} ms   ratio {client_ms / bare_ms:.2f}")
    return client_ms / bare_ms


if __name__ == "__main__":
    sys.exit(main())
