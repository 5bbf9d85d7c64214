"""A case with 20 lines and 50 events, with its order read anew, beside bare admin pages of the same row."""

from __future__ import annotations

import importlib
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.site import Store

from .scene import Sites, in_turns, options
from .table import Row, milliseconds, tell

LINES, EVENTS = 20, 50
GOAL = 2.0
REFERENCE = "RF-22222222"


def main() -> int:
    given = options()
    rounds = 10 if given.quick else 60
    with tempfile.TemporaryDirectory(prefix="refunds-bench-") as name:
        store = Store(Path(name))
        store.start()
        try:
            sites = Sites(given, WOOCOMMERCE_URL=store.url)
            sites.use(sites.small)
            atomic = importlib.import_module("django.db").transaction.atomic
            set_rollback = importlib.import_module("django.db").transaction.set_rollback
            with atomic():
                measure(sites, case(store), rounds)
                set_rollback(True)
        finally:
            store.process.kill_all()
    return 0


def case(store: Store) -> Any:
    """A submitted case of all 20 lines of its order, with a long history."""
    chaos = importlib.import_module("tests.chaos.cases")
    factories = importlib.import_module("tests.factories")
    models = importlib.import_module("refunds.models")
    wanted = {
        "number": "T20",
        "billing": {"email": "twenty@example.com"},
        "line_items": [{"name": f"Item {nth}", "total": "12.50"} for nth in range(LINES)],
    }
    order = importlib.import_module("refunds.woocommerce.v3_parse").order_from(
        chaos._exact(store.add_orders([wanted]))[0], chaos.DECIMALS
    )
    chosen = {line.id: 1 for line in order.lines}
    made = factories.RefundRequestFactory.create(order=order, chosen=chosen, lines=chosen, reference=REFERENCE)
    for nth in range(EVENTS):
        kind = "noted" if nth else "submitted"
        models.RefundEvent.objects.create(refund_request=made, kind=kind, actor="staff", by_id=nth % 8 + 1)
    return made


def measure(sites: Sites, made: Any, rounds: int) -> None:
    page, bare, with_rows = (
        partial(sites.get, sites.small, f"{prefix}refunds/refundrequest/{made.pk}/change/")
        for prefix in ("/staff/", "/_bare/", "/_with_rows/")
    )
    calls: list[Callable[[], float]] = [page, bare, with_rows]
    ours, plain, full = in_turns(calls, rounds)
    name = f"case page, {LINES} lines, {EVENTS} events, order read anew"
    for against, times in (
        ("a bare admin change page of the row", plain),
        ("the same with its lines and events", full),
    ):
        ratio = statistics.median(ours) / statistics.median(times)
        measured = f"{ratio:.2f} ×; {milliseconds(ours)} beside {milliseconds(times)}"
        tell(Row(name, against, "≤ 2 ×", measured, ratio <= GOAL))


if __name__ == "__main__":
    sys.exit(main())
