"""What an order's other payouts mean for the next one: money the store's books do not show, and doubts to wait for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import Q

from .evidence import marker_of
from .models import PayoutAttempt, RefundRequest
from .states import OPEN_ATTEMPT, AttemptStatus, Status
from .woocommerce.types import Order, Verdict

UNCONFIRMED = Q(status=AttemptStatus.REFUSED, verdict=Verdict.GATEWAY_REFUSED, no_payout_by=None)
"""A refusal by the gateway that nobody has checked at the provider: it can follow a real payout."""
MAY_BE_PAID = (
    Q(status__in=[AttemptStatus.SUCCEEDED, AttemptStatus.UNKNOWN])
    | Q(status=AttemptStatus.REVERSED, no_payout_by=None)
    | UNCONFIRMED
)


def unseen(order: Order, *, besides: RefundRequest) -> Decimal:
    """Money of other cases that left, or may have left, and that none of the order's refund rows shows.

    The store deletes its row when a gateway reports an error after paying: from then on only our books know of it.
    """
    shown_ids, shown_markers = order.refund_ids, {marker_of(refund.reason) for refund in order.refunds}
    others = PayoutAttempt.objects.filter(MAY_BE_PAID, order_id=order.id).exclude(refund_request=besides)
    return sum(
        (
            attempt.amount
            for attempt in others
            if attempt.store_refund_id not in shown_ids and attempt.marker not in shown_markers
        ),
        Decimal(0),
    )


def payouts_of(order_id: int) -> Sequence[PayoutAttempt]:
    """Every attempt there ever was to pay something of the order back, each with its case."""
    return list(PayoutAttempt.objects.filter(order_id=order_id).select_related("refund_request").order_by("pk"))


def in_the_way(payouts: Sequence[PayoutAttempt], *, of: RefundRequest) -> RefundRequest | None:
    """The case of the same order that has to be through first: one on its way, or one in doubt."""
    on_its_way = (payout.refund_request for payout in payouts if payout.status in OPEN_ATTEMPT)
    return next(on_its_way, None) or _in_doubt(payouts, of)


def doubt_of(order_id: int, *, besides: RefundRequest) -> RefundRequest | None:
    """Another case of the order whose payout is in doubt: nothing else of that order may be approved or sent."""
    return _in_doubt(payouts_of(order_id), besides)


def _in_doubt(payouts: Sequence[PayoutAttempt], besides: RefundRequest) -> RefundRequest | None:
    # A case comes into doubt by a payout only, so that its payouts tell of all such cases.
    others = (payout for payout in payouts if payout.refund_request_id != besides.pk)
    return next((payout.refund_request for payout in others if _is_doubtful(payout)), None)


def _is_doubtful(payout: PayoutAttempt) -> bool:
    status = payout.refund_request.status
    return status == Status.CHECK_NEEDED or (status == Status.FAILED and _is_unconfirmed(payout))


def _is_unconfirmed(payout: PayoutAttempt) -> bool:
    """`UNCONFIRMED`, of one that was read already."""
    refused = payout.status == AttemptStatus.REFUSED and payout.verdict == Verdict.GATEWAY_REFUSED
    return refused and payout.no_payout_by_id is None
