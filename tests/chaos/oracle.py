"""What must have become of every case, from the store's ledger and rows alone. Knows nothing of the portal's database.

exactly one row of ours, paid, the right amount  -> refunded
money moved and no such row, a row without payment, or nothing at all -> the store cannot prove it: a person decides
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .cases import Case
from .site import Json

NEVER_SENT = frozenset({301, 302, 308, 401, 403, 404, 429})
"""Answers to a refund's POST that say: nothing was done."""


class Proof(StrEnum):
    PAID = "proven by its row"
    ROW_GONE = "money moved, row gone"
    ROW_UNPAID = "money moved, row says unpaid"
    ROW_ONLY = "row, but no money moved"
    NO_TRACE = "a POST arrived, nothing to see"
    NEVER_ARRIVED = "no POST of it arrived"


@dataclass(frozen=True, slots=True)
class Truth:
    """What the store's books say of one case."""

    proof: Proof
    payments: tuple[Decimal, ...]
    first_paid_at: str = ""


def judge(cases: Iterable[Case], money: list[Json], rows: list[Json], calls: list[Json]) -> dict[str, Truth]:
    """The truth about every case, by reference."""
    ledger, refunds = _by_reference(money), _by_reference(rows)
    arrived = {call["order"] for call in calls if call["call"] == "refund.create" and _may_have_worked(call)}
    return {
        case.reference: _truth(case, ledger[case.reference], refunds[case.reference], case.order_id in arrived)
        for case in cases
    }


def _by_reference(entries: list[Json]) -> dict[str, list[Json]]:
    """By what the reason starts with: `RF-7K2M9QXD-1 Arrived damaged` is of RF-7K2M9QXD."""
    found: dict[str, list[Json]] = defaultdict(list)
    for entry in entries:
        found[entry["reason"].partition(" ")[0].rpartition("-")[0]].append(entry)
    return found


def _may_have_worked(call: Json) -> bool:
    wp_die = call["status"] == 503 and "503-maintenance" in call["faults"]
    return call["status"] not in NEVER_SENT and not wp_die


def _truth(case: Case, ledger: list[Json], rows: list[Json], arrived: bool) -> Truth:
    payments = tuple(Decimal(line["amount"]) for line in ledger)
    return Truth(_proof(case, payments, rows, arrived), payments, min((line["at"] for line in ledger), default=""))


def _proof(case: Case, payments: tuple[Decimal, ...], rows: list[Json], arrived: bool) -> Proof:
    if len(rows) == 1 and rows[0]["refunded_payment"] and Decimal(str(rows[0]["amount"])) == case.amount:
        return Proof.PAID
    if payments:
        return Proof.ROW_UNPAID if rows else Proof.ROW_GONE
    if rows:
        return Proof.ROW_ONLY
    return Proof.NO_TRACE if arrived else Proof.NEVER_ARRIVED


def doubles(truths: Iterable[Truth]) -> int:
    """Payouts beyond the first of a case."""
    return sum(max(len(truth.payments) - 1, 0) for truth in truths)


def wrong_amounts(cases: Iterable[Case], truths: dict[str, Truth]) -> int:
    return sum(amount != case.amount for case in cases for amount in truths[case.reference].payments)


def orders_overpaid(cases: Iterable[Case], truths: dict[str, Truth]) -> int:
    """Orders from which more was paid back than their cases asked for together, which is all there was."""
    asked: dict[int, Decimal] = defaultdict(Decimal)
    paid: dict[int, Decimal] = defaultdict(Decimal)
    for case in cases:
        asked[case.order_id] += case.amount
        paid[case.order_id] += sum(truths[case.reference].payments)
    return sum(paid[order_id] > asked[order_id] for order_id in asked)
