from decimal import Decimal
from typing import Any

import pytest

from refunds.evidence import Evidence, Finding, Sought, judge, marker_of
from refunds.woocommerce.types import StoreRefund

SOUGHT = Sought(reference="RF-7K2M9QXD", amount=Decimal("41.20"), api_refund=True, baseline=frozenset({8}))


def row(**fields: Any) -> StoreRefund:
    plain: dict[str, Any] = {
        "id": 9,
        "order_id": 5001,
        "amount": Decimal("41.20"),
        "reason": "RF-7K2M9QXD-1 Arrived damaged",
        "refunded_payment": True,
    }
    return StoreRefund(**plain | fields)


@pytest.mark.parametrize(
    ("reason", "marker"),
    [
        ("RF-7K2M9QXD-1 Arrived damaged", "RF-7K2M9QXD-1"),
        ("RF-7K2M9QXD-12", "RF-7K2M9QXD-12"),
        ("  RF-7K2M9QXD-1", "RF-7K2M9QXD-1"),
        ("RF-7K2M9QXD", ""),
        ("RF-7K2M9QXD-1x", ""),
        ("see RF-7K2M9QXD-1", ""),
        ("", ""),
    ],
)
def test_marker_is_a_whole_word_at_the_start(reason: str, marker: str) -> None:
    assert marker_of(reason) == marker


def test_one_row_as_asked_is_paid() -> None:
    assert judge(SOUGHT, [row()]) == Evidence(Finding.PAID, 9, (row(),))


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([], Finding.NOTHING),
        ([row(reason="RF-AAAAAAAA-1")], Finding.NOTHING),
        ([row(reason="")], Finding.NOTHING),
        ([row(refunded_payment=False)], Finding.UNFINISHED),
        ([row(refunded_payment=None)], Finding.UNFINISHED),
        ([row(amount=Decimal("41.21"))], Finding.UNCLEAR),
        ([row(id=8)], Finding.UNCLEAR),
        ([row(), row(id=10, reason="RF-7K2M9QXD-2")], Finding.UNCLEAR),
        ([row(), row(id=10, refunded_payment=False)], Finding.UNCLEAR),
    ],
)
def test_anything_else_is_not(rows: list[StoreRefund], finding: Finding) -> None:
    assert judge(SOUGHT, rows).finding == finding
    assert judge(SOUGHT, rows).store_refund_id is None


def test_a_transfer_by_hand_is_proved_by_a_row_without_payment() -> None:
    sought = Sought(reference="RF-7K2M9QXD", amount=Decimal("41.20"), api_refund=False)

    assert judge(sought, [row(refunded_payment=False)]).finding == Finding.PAID
    assert judge(sought, [row(refunded_payment=True)]).finding == Finding.UNCLEAR


def test_rows_of_attempts_settled_as_no_payout_count_only_if_money_moved_after_all() -> None:
    sought = Sought(
        reference="RF-7K2M9QXD", amount=Decimal("41.20"), api_refund=True, settled=frozenset({"RF-7K2M9QXD-1"})
    )

    assert judge(sought, [row(refunded_payment=False)]).finding == Finding.NOTHING
    assert judge(sought, [row(refunded_payment=True)]).finding == Finding.UNCLEAR


def test_new_rows_of_others_are_kept_as_evidence() -> None:
    old, copy = row(id=8, reason="somebody else"), row(id=11, reason="")

    assert judge(SOUGHT, [old, copy]).strangers == (copy,)
