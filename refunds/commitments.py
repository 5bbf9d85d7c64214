"""What an order's other payouts mean for the next one: money the store's books do not show, and doubts to wait for."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet

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


def doubt_of(order_id: int, *, besides: RefundRequest) -> RefundRequest | None:
    """Another case of the order whose payout is in doubt: nothing else of that order may be approved or sent."""
    refusal = PayoutAttempt.objects.filter(UNCONFIRMED, refund_request=OuterRef("pk"))
    cases = RefundRequest.objects.filter(order_id=order_id).exclude(pk=besides.pk)
    return cases.filter(Q(status=Status.CHECK_NEEDED) | Q(Exists(refusal), status=Status.FAILED)).first()


def open_attempts(order_id: int) -> QuerySet[PayoutAttempt]:
    return PayoutAttempt.objects.filter(order_id=order_id, status__in=OPEN_ATTEMPT)
