"""The oracle of the chaos runs: what it makes of every state that the store's books can be in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from refunds.states import Status
from tests.chaos import oracle
from tests.chaos.cases import Case
from tests.chaos.oracle import Proof
from tests.chaos.standing import Standing, compare, on_the_way

CASE = Case(pk=1, reference="RF-22222222", order_id=5001, line_id=11, amount=Decimal("23.80"))
SIBLING = Case(pk=2, reference="RF-33333333", order_id=5001, line_id=12, amount=Decimal("5.95"))


def payment(marker: str = "RF-22222222-1", amount: str = "23.80") -> dict[str, Any]:
    return {"order_id": 5001, "amount": amount, "reason": f"{marker} Arrived damaged", "at": "2026-11-20T12:00:00Z"}


def row(marker: str = "RF-22222222-1", amount: str = "23.80", *, paid: bool = True) -> dict[str, Any]:
    return {"reason": f"{marker} Arrived damaged", "amount": amount, "refunded_payment": paid}


def post(status: int | str, *faults: str) -> dict[str, Any]:
    return {"call": "refund.create", "order": 5001, "status": status, "faults": list(faults)}


def truth(money: list[Any], rows: list[Any], calls: list[Any]) -> oracle.Truth:
    return oracle.judge([CASE], money, rows, calls)[CASE.reference]


@pytest.mark.parametrize(
    ("money", "rows", "calls", "proof"),
    [
        ([payment()], [row()], [post(201)], Proof.PAID),
        ([payment("RF-22222222-2")], [row("RF-22222222-2")], [post(429), post(201)], Proof.PAID),
        ([payment()], [row(), row("RF-22222222-2", paid=False)], [], Proof.ROW_UNPAID),
        ([payment()], [row(amount="23.81")], [], Proof.ROW_UNPAID),
        ([payment()], [row(paid=False)], [], Proof.ROW_UNPAID),
        ([payment()], [], [post(500)], Proof.ROW_GONE),
        ([], [row(paid=False)], [post(502)], Proof.ROW_ONLY),
        ([], [], [post(502)], Proof.NO_TRACE),
        ([], [], [post("at work")], Proof.NO_TRACE),
        ([], [], [post(429), post(503, "503-maintenance"), post(301)], Proof.NEVER_ARRIVED),
        ([payment("RF-44444444-1")], [row("RF-44444444-1")], [], Proof.NEVER_ARRIVED),
    ],
)
def test_the_books_prove(money: list[Any], rows: list[Any], calls: list[Any], proof: Proof) -> None:
    assert truth(money, rows, calls).proof is proof


def test_a_second_payout_of_one_case_is_a_double() -> None:
    found = truth([payment(), payment("RF-22222222-2")], [row(), row("RF-22222222-2")], [])

    assert oracle.doubles([found]) == 1


def test_another_amount_is_wrong_and_more_than_was_asked_overpays_the_order() -> None:
    truths = {CASE.reference: truth([payment(amount="23.81")], [row(amount="23.81")], [])}

    assert oracle.wrong_amounts([CASE], truths) == 1
    assert oracle.orders_overpaid([CASE], truths) == 1


def standing(proof: Proof, status: Status, *, sent: bool = True, sibling: Status = Status.REFUNDED) -> Standing:
    truths = {CASE.reference: oracle.Truth(proof, ()), SIBLING.reference: oracle.Truth(Proof.PAID, ())}
    said = {CASE.reference: status.value, SIBLING.reference: sibling.value}
    return compare([CASE, SIBLING], truths, said, frozenset({CASE.reference} if sent else ()))


@pytest.mark.parametrize(
    ("proof", "status", "sent"),
    [
        (Proof.PAID, Status.REFUNDED, True),
        (Proof.ROW_GONE, Status.CHECK_NEEDED, True),
        (Proof.ROW_GONE, Status.FAILED, True),
        (Proof.NEVER_ARRIVED, Status.CHECK_NEEDED, True),
    ],
)
def test_it_is_settled_where_portal_and_books_agree(proof: Proof, status: Status, sent: bool) -> None:
    assert standing(proof, status, sent=sent).is_settled


@pytest.mark.parametrize(
    ("proof", "status", "sent"),
    [
        (Proof.PAID, Status.CHECK_NEEDED, True),
        (Proof.PAID, Status.SENDING, True),
        (Proof.ROW_GONE, Status.REFUNDED, True),
        (Proof.ROW_ONLY, Status.APPROVED, True),
        (Proof.NEVER_ARRIVED, Status.FAILED, False),
        (Proof.NEVER_ARRIVED, Status.APPROVED, False),
        (Proof.NEVER_ARRIVED, Status.SUBMITTED, False),
    ],
)
def test_it_is_not_settled_where_they_differ(proof: Proof, status: Status, sent: bool) -> None:
    assert not standing(proof, status, sent=sent).is_settled


def test_a_case_may_wait_behind_a_doubt_about_its_order() -> None:
    found = standing(Proof.NEVER_ARRIVED, Status.APPROVED, sent=False, sibling=Status.CHECK_NEEDED)

    assert (found.waiting, found.open) == ({CASE.reference}, set())


@pytest.mark.parametrize(
    ("status", "sibling", "count"),
    [
        (Status.APPROVED, Status.REFUNDED, 1),
        (Status.APPROVED, Status.CHECK_NEEDED, 0),
        (Status.SENDING, Status.FAILED, 1),
        (Status.SUBMITTED, Status.APPROVED, 1),
        (Status.REFUNDED, Status.REFUNDED, 0),
    ],
)
def test_what_waits_behind_a_doubt_is_not_on_its_way(status: Status, sibling: Status, count: int) -> None:
    said = {CASE.reference: status.value, SIBLING.reference: sibling.value}

    assert on_the_way([CASE, SIBLING], said) == count
