"""What the store's own refund rows prove about a payout: one rule, before the call and after it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from .woocommerce.types import StoreRefund

MARKER = re.compile(r"(RF-[2-9A-HJ-NP-Z]{8}-\d+)(?!\w)")


class Finding(StrEnum):
    PAID = "paid"
    """Exactly one row is ours, with the amount and payment that were asked for, and was not there before."""
    UNFINISHED = "unfinished"
    """Our row is there, but says that no money moved though the gateway was asked: still running, or died half-way."""
    NOTHING = "nothing"
    UNCLEAR = "unclear"
    """Rows are ours, but not as asked. A person has to look."""


@dataclass(frozen=True, slots=True)
class Sought:
    """The payout that is looked for. `settled` are markers of attempts that a person found not to have been paid."""

    reference: str
    amount: Decimal
    api_refund: bool
    baseline: frozenset[int] = frozenset()
    settled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    finding: Finding
    store_refund_id: int | None = None
    rows: tuple[StoreRefund, ...] = ()
    """The rows that are ours."""
    strangers: tuple[StoreRefund, ...] = ()
    """Rows without a marker of ours that were not there before: perhaps the gateway's own copy of our money."""

    def as_json(self, at: str) -> dict[str, Any]:
        return {
            "at": at,
            "finding": self.finding,
            "rows": [_row(row) for row in self.rows],
            "strangers": [_row(row) for row in self.strangers],
        }


def marker_of(reason: str) -> str:
    """The marker that a refund's reason starts with, as a whole word; empty if there is none."""
    match = MARKER.match(reason.strip())
    return match[1] if match else ""


def is_ours(reason: str, reference: str) -> bool:
    return marker_of(reason).startswith(f"{reference}-")


def judge(sought: Sought, store_refunds: Iterable[StoreRefund]) -> Evidence:
    """The rule of evidence. Rows of attempts settled as "no payout" count only if money moved after all."""
    store_refunds = tuple(store_refunds)
    rows = tuple(row for row in store_refunds if _counts(sought, row))
    strangers = tuple(
        row for row in store_refunds if row.id not in sought.baseline and not is_ours(row.reason, sought.reference)
    )
    finding = _finding(sought, rows)
    return Evidence(finding, rows[0].id if finding is Finding.PAID else None, rows, strangers)


def _counts(sought: Sought, row: StoreRefund) -> bool:
    if not is_ours(row.reason, sought.reference):
        return False
    return marker_of(row.reason) not in sought.settled or bool(row.refunded_payment)


def _finding(sought: Sought, rows: Collection[StoreRefund]) -> Finding:
    if not rows:
        return Finding.NOTHING
    if len(rows) > 1:
        return Finding.UNCLEAR
    (row,) = rows
    if row.amount != sought.amount or row.id in sought.baseline or marker_of(row.reason) in sought.settled:
        return Finding.UNCLEAR
    if row.refunded_payment == sought.api_refund:
        return Finding.PAID
    return Finding.UNFINISHED if sought.api_refund else Finding.UNCLEAR


def _row(row: StoreRefund) -> dict[str, Any]:
    return {"id": row.id, "amount": str(row.amount), "refunded_payment": row.refunded_payment}
