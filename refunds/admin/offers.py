"""Which decisions a case offers to whom. `workflow` checks everything again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ..models import RefundRequest
from ..states import OPEN, Status

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PERMISSIONS: Mapping[str, str] = {
    "approve": "approve_refundrequest",
    "propose": "work_refundrequest",
    "decline": "decline_refundrequest",
    "take_back": "approve_refundrequest",
    "reopen": "decline_refundrequest",
    "assign": "work_refundrequest",
    "write": "work_refundrequest",
    "note": "work_refundrequest",
    "look": "work_refundrequest",
    "settle_paid": "settle_doubts",
    "settle_not_paid": "settle_doubts",
    "confirm_no_payout": "settle_doubts",
    "correct": "settle_doubts",
}
BY_STATUS: Mapping[Status, tuple[str, ...]] = {
    Status.SUBMITTED: ("approve", "decline"),
    Status.NEEDS_INFO: ("decline",),
    Status.APPROVED: ("take_back",),
    Status.CHECK_NEEDED: ("look", "settle_paid", "settle_not_paid"),
    Status.FAILED: ("approve", "decline"),
    Status.DECLINED: ("reopen",),
}
WRITTEN_TO = OPEN | {Status.DECLINED, Status.REFUNDED}
"""Who took a request back is done with us."""
AFTER_GATEWAY_REFUSAL = ("look", "settle_paid", "confirm_no_payout")
"""A gateway's "no" can follow a payout: until somebody has looked at the provider, nothing else is offered."""


def possible(
    refund_request: RefundRequest, *, unconfirmed: bool, to_settle: bool, to_correct: bool, has_limit: bool
) -> tuple[str, ...]:
    """What the state of the case allows, whoever looks at it.

    `unconfirmed`: nobody has confirmed the gateway's refusal; `to_settle`: there is an attempt whose end can be
    recorded; `to_correct`: the customer believes in a refund that was taken back; `has_limit`: above some amount two
    people approve.
    """
    status = Status(refund_request.status)
    always = ("write", "note") if status in WRITTEN_TO and refund_request.email else ("note",)
    if to_correct and refund_request.email:
        always = ("correct", *always)
    if status in OPEN:
        always = ("assign", *always)
    if status is Status.FAILED and unconfirmed:
        return (*AFTER_GATEWAY_REFUSAL, *always)
    if status in (Status.FAILED, Status.DECLINED) and to_settle and refund_request.email:
        return (*BY_STATUS[status], "settle_paid", *always)
    if status is Status.SUBMITTED and has_limit:
        return (*BY_STATUS[status], "propose", *always)
    return (*BY_STATUS.get(status, ()), *always)


def permitted(user: User, names: Collection[str]) -> frozenset[str]:
    return frozenset(name for name in names if user.has_perm(f"refunds.{PERMISSIONS[name]}"))
