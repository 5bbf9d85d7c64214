"""Which decisions a case offers to whom. `workflow` checks everything again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ..models import RefundRequest
from ..states import Status

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PERMISSIONS: Mapping[str, str] = {
    "approve": "approve_refundrequest",
    "decline": "decline_refundrequest",
    "take_back": "approve_refundrequest",
    "reopen": "decline_refundrequest",
    "look": "work_refundrequest",
    "settle_paid": "settle_doubts",
    "settle_not_paid": "settle_doubts",
    "confirm_no_payout": "settle_doubts",
}
BY_STATUS: Mapping[Status, tuple[str, ...]] = {
    Status.SUBMITTED: ("approve", "decline"),
    Status.NEEDS_INFO: ("decline",),
    Status.APPROVED: ("take_back",),
    Status.CHECK_NEEDED: ("look", "settle_paid", "settle_not_paid"),
    Status.FAILED: ("approve", "decline"),
    Status.DECLINED: ("reopen",),
}
AFTER_GATEWAY_REFUSAL = ("look", "settle_paid", "confirm_no_payout")
"""A gateway's "no" can follow a payout: until somebody has looked at the provider, nothing else is offered."""


def possible(refund_request: RefundRequest, *, gateway_refused: bool) -> tuple[str, ...]:
    """What the state of the case allows, whoever looks at it."""
    status = Status(refund_request.status)
    if status is Status.FAILED and gateway_refused:
        return AFTER_GATEWAY_REFUSAL
    return BY_STATUS.get(status, ())


def permitted(user: User, names: Collection[str]) -> frozenset[str]:
    return frozenset(name for name in names if user.has_perm(f"refunds.{PERMISSIONS[name]}"))
