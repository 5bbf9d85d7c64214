"""What the worker does to one case of a bulk: the verb of that case, by the person who asked for it.

The decision and its result are written in one transaction, so that a row is done once, however often its job runs. A
row that cannot be done says why and leaves the others alone.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from . import money, orders, timing, workflow
from .amounts import AmountError
from .models import NOT_FOR_SALE_AGAIN, Act, BulkRow, DeclineReason, RefundRequest, Shop
from .money import Breakdown
from .states import Status
from .woocommerce import StoreError
from .woocommerce.types import PAID_WITHOUT_GATEWAY

TRIES = 5
"""How often the shop is asked for an order before the row is given back to the person."""


class _Refused(Exception):
    """In words for staff; nothing was done."""


def decide(row_id: int) -> None:
    """Does a row that is due, or gives it its reason why not. A shop that does not answer is asked again later."""
    row = (
        BulkRow.objects.select_related("bulk__by", "bulk__to", "refund_request__order_now")
        .filter(pk=row_id, next_try_at__lte=timezone.now())
        .first()
    )
    if row is None:
        return
    try:
        if row.bulk.act == Act.APPROVE:
            orders.refresh(row.refund_request)
        with transaction.atomic():
            # First, so that of two workers only one gets as far as the verb.
            if not _finish(row, BulkRow.State.DONE):
                return
            _act(row)
    except StoreError as error:
        _later(row, error)
    except (workflow.NotAllowed, workflow.LostRace, AmountError, _Refused) as refusal:
        _finish(row, BulkRow.State.REFUSED, str(refusal))


def _act(row: BulkRow) -> None:
    bulk, refund_request = row.bulk, row.refund_request
    if bulk.act == Act.ASSIGN:
        seen = refund_request.assigned_to
        workflow.assign(refund_request, by=bulk.by, to=bulk.to, seen=seen, address=bulk.address)
    elif bulk.act == Act.DECLINE:
        reason = DeclineReason(bulk.decline_reason)
        workflow.decline(
            refund_request,
            by=bulk.by,
            version=row.version,
            decline_reason=reason,
            words=bulk.words,
            address=bulk.address,
        )
    else:
        _approve(row)


def _approve(row: BulkRow) -> None:
    refund_request, by = row.refund_request, row.bulk.by
    if why := not_in_bulk(refund_request, Shop.current()):
        raise _Refused(why)
    breakdown, restock = _as_asked(refund_request)
    workflow.approve(
        refund_request,
        by=by,
        version=row.version,
        breakdown=breakdown,
        api_refund=True,
        restock=restock,
        address=row.bulk.address,
    )


def not_in_bulk(refund_request: RefundRequest, shop: Shop) -> str:
    """Why a case has to be approved on its own page; empty if it may be one of many.

    In bulk a case is approved just as it was asked, through the payment provider, by one person.
    """
    if refund_request.status != Status.SUBMITTED:
        return _("This request does not wait for a decision.")
    if refund_request.approved_amount is not None or refund_request.manual_reference:
        return _("Somebody has begun to decide this. Go on with it on its own page.")
    limit = shop.second_approval_above
    if limit is not None and refund_request.requested_amount > limit:
        return _("This amount is above the limit. Two people decide it on its own page.")
    if refund_request.order_now.order.payment_method in PAID_WITHOUT_GATEWAY:
        return _("This order was not paid through a payment provider. Decide it on its own page.")
    return ""


def _as_asked(refund_request: RefundRequest) -> tuple[Breakdown, bool]:
    """What the customer chose, priced from the order as it is now, and what returns to stock."""
    chosen = {line.order_line_id: line.quantity for line in refund_request.lines.all()}
    breakdown = money.price(refund_request.order_now.order, chosen)
    if breakdown.amount != refund_request.requested_amount:
        raise _Refused(_("The order has changed: it is another amount now. Look at it on its own page."))
    back = {} if refund_request.reason in NOT_FOR_SALE_AGAIN else chosen
    return money.restock(breakdown, back)


def _finish(row: BulkRow, state: BulkRow.State, message: str = "") -> bool:
    """True for the one who writes the result."""
    waiting = BulkRow.objects.filter(pk=row.pk, state=BulkRow.State.WAITING)
    return bool(waiting.update(state=state, message=message, next_try_at=None))


def _later(row: BulkRow, error: StoreError) -> None:
    tries = row.tries + 1
    if tries >= TRIES:
        _finish(row, BulkRow.State.REFUSED, _("The shop does not answer: %(why)s") % {"why": error.message})
        return
    BulkRow.objects.filter(pk=row.pk, state=BulkRow.State.WAITING).update(
        tries=tries, next_try_at=timezone.now() + timing.backoff(tries), nudged_at=None
    )
