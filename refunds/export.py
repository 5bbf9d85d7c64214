"""Cases, their lines and the ledger as CSV, row by row from the database: the memory it takes does not grow.

Text that a spreadsheet would take for a formula gets an apostrophe before it. Instants are UTC, in ISO 8601; amounts
have a point and the decimals of their order.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from .models import RefundEvent, RefundLine, RefundRequest

BOM = "\ufeff"
"""Without it Excel does not know that the file is UTF-8."""
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
CONTROL = ("\t", "\r", "\n", "\0")
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """What one file holds: the rows, the column that dates narrow down, and each column's heading and source.

    A source that ends in `:amount` is a sum with the decimals of its case.
    """

    rows: Callable[[], QuerySet[Any]]
    dated: str
    decimals: str
    columns: dict[str, str]


TABLES = {
    "cases": Table(
        RefundRequest.objects.all,
        "created_at",
        "decimals",
        {
            "reference": "reference", "state": "status", "asked_at": "created_at", "closed_at": "closed_at",
            "order_number": "order_number", "order_id": "order_id", "customer": "customer_name", "email": "email",
            "language": "language", "reason": "reason", "currency": "currency", "asked": "requested_amount:amount",
            "approved": "approved_amount:amount", "through_gateway": "api_refund", "restock": "restock",
            "first_answer_at": "first_answer_at", "decided_at": "decided_at", "decided_by": "decided_by__username",
            "second_by": "second_by__username", "decline_reason": "decline_reason",
            "assigned_to": "assigned_to__username", "due_at": "due_at",
            "store_refund_id": "paid_attempt__store_refund_id",
        },
    ),
    "lines": Table(
        RefundLine.objects.all,
        "refund_request__created_at",
        "refund_request__decimals",
        {
            "reference": "refund_request__reference", "order_line_id": "order_line_id", "kind": "kind", "name": "name",
            "quantity": "quantity", "currency": "refund_request__currency", "amount": "amount:amount",
        },
    ),
    "ledger": Table(
        RefundEvent.objects.all,
        "at",
        "refund_request__decimals",
        {
            "id": "pk", "at": "at", "reference": "refund_request__reference", "event": "kind", "actor": "actor",
            "by": "by__username", "address": "address", "from": "from_status", "to": "to_status",
            "attempt": "attempt__marker", "data": "data",
        },
    ),
}  # fmt: skip


def stream(name: str, *, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """The file of a table, some rows at a time: all of them, or those of the days from `since` to `until`."""
    table = TABLES[name]
    rows = table.rows().filter(**_between(table.dated, since, until)).order_by("pk")
    sources = [source.removesuffix(":amount") for source in table.columns.values()]
    amounts = {nth for nth, source in enumerate(table.columns.values()) if source.endswith(":amount")}
    found = rows.values_list(table.decimals, *sources).iterator(chunk_size=ROWS_AT_ONCE)
    yield BOM
    yield from _written([table.columns], lambda heading: list(heading))
    yield from _written(found, lambda row: _cells(row, amounts))


def _between(dated: str, since: date | None, until: date | None) -> dict[str, datetime]:
    found = {}
    if since is not None:
        found[f"{dated}__gte"] = _midnight(since)
    if until is not None:
        found[f"{dated}__lt"] = _midnight(until + timedelta(days=1))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), timezone.get_default_timezone())


def _written(rows: Iterable[Any], cells: Callable[[Any], list[str]]) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page, quoting=csv.QUOTE_ALL)
    for nth, row in enumerate(rows, start=1):
        writer.writerow(cells(row))
        if nth % ROWS_AT_ONCE == 0:
            yield page.getvalue()
            page.seek(0)
            page.truncate()
    yield page.getvalue()


def _cells(row: tuple[Any, ...], amounts: set[int]) -> list[str]:
    decimals, *values = row
    return [_cell(value, decimals if nth in amounts else None) for nth, value in enumerate(values)]


def _cell(value: Any, decimals: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Decimal) and decimals is not None:
        return f"{value:.{decimals}f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def harmless(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    risky = text.startswith(CONTROL) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky else text
