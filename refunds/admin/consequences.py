"""What a decision will do, said before it is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.utils.text import Truncator
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from ..models import RefundRequest, Shop
from ..money import Breakdown
from ..states import Status
from ..woocommerce.types import LineKind, Order
from .show import amount, span


def of_approval(
    refund_request: RefundRequest, breakdown: Breakdown, *, by_hand: bool, restock: bool, shop: Shop
) -> list[str]:
    order = refund_request.order_now.order
    return [
        _money(order, breakdown, by_hand),
        *_cut(order, breakdown),
        *_booking(breakdown),
        *_goods(breakdown, restock),
        *_people(order, refund_request, breakdown, shop),
        _mails(refund_request, shop),
    ]


def must_be_proposed(refund_request: RefundRequest, breakdown: Breakdown, shop: Shop) -> bool:
    """Whether `workflow.approve` wants this amount proposed first, by somebody who approves nothing."""
    limit = shop.second_approval_above
    known = (refund_request.requested_amount, refund_request.approved_amount)
    above = limit is not None and breakdown.amount > limit
    return above and refund_request.status == Status.SUBMITTED and breakdown.amount not in known


def of_proposal(refund_request: RefundRequest, breakdown: Breakdown) -> list[str]:
    order = refund_request.order_now.order
    facts = {"amount": amount(order, breakdown.amount), "asked": amount(order, refund_request.requested_amount)}
    return [
        _("%(amount)s is proposed; the customer asked for %(asked)s.") % facts,
        _("Whoever proposes it does not approve it: two other people do. Nothing is paid before."),
    ]


def _money(order: Order, breakdown: Breakdown, by_hand: bool) -> str:
    facts = {"amount": amount(order, breakdown.amount), "method": order.payment_method_title or order.payment_method}
    if by_hand:
        return _("%(amount)s is booked as paid back by hand. The payment provider is not asked.") % facts
    if not facts["method"]:
        return _("%(amount)s goes back through the payment provider.") % facts
    return _("%(amount)s goes back by %(method)s.") % facts


def _cut(order: Order, breakdown: Breakdown) -> Iterator[str]:
    if breakdown.clamped:
        yield _("%(amount)s is cut off: the order does not hold more.") % {"amount": amount(order, breakdown.clamped)}


MOST_NAMED = 3
LONGEST_NAME = 60


def _booking(breakdown: Breakdown) -> Iterator[str]:
    if not breakdown.lines:
        yield _("The shop books the sum alone: all items stay as they are in the order.")
    elif not any(line.quantity for line in breakdown.lines):
        yield _("It is goodwill: spread over the items and their tax rates, and none of them counts as returned.")


def _goods(breakdown: Breakdown, restock: bool) -> Iterator[str]:
    goods = [line for line in breakdown.lines if line.kind is LineKind.PRODUCT and line.quantity]
    back = [(line.sent_quantity, line.name) for line in goods if restock and line.sent_quantity]
    kept = [(line.quantity - line.sent_quantity, line.name) for line in goods if line.sent_quantity != line.quantity]
    yield _("%(goods)s: back into stock.") % {"goods": _named(back)} if back else _("Nothing returns to stock.")
    if back and kept:
        yield _("%(goods)s: paid, not into stock. The shop’s books then do not count them as returned.") % {
            "goods": _named(kept)
        }


def _named(goods: list[tuple[int, str]]) -> str:
    if len(goods) > MOST_NAMED:
        return _("%(n)d pieces") % {"n": sum(quantity for quantity, _name in goods)}
    return ", ".join(f"{quantity} × {Truncator(name).chars(LONGEST_NAME)}" for quantity, name in goods)


def _people(order: Order, refund_request: RefundRequest, breakdown: Breakdown, shop: Shop) -> Iterator[str]:
    limit = shop.second_approval_above
    if limit is None or breakdown.amount <= limit:
        yield from _hold()
    elif refund_request.needs_second and refund_request.decided_by_id and refund_request.second_by_id is None:
        yield _("This is the second approval. With it the refund is paid.")
    else:
        yield _("Above %(limit)s a second person has to approve too; nothing is paid before.") % {
            "limit": amount(order, Decimal(limit))
        }


def _hold() -> Iterator[str]:
    if settings.APPROVAL_HOLD:
        yield _("You can take it back for %(time)s.") % {"time": span(timedelta(seconds=settings.APPROVAL_HOLD))}


def _mails(refund_request: RefundRequest, shop: Shop) -> str:
    facts = {
        "name": refund_request.customer_name or _("The customer"),
        "language": language_name(refund_request.language),
    }
    if shop.mails_refunded:
        return _("%(name)s gets two mails in %(language)s: now, and when the shop has confirmed the refund.") % facts
    return _("%(name)s gets a mail in %(language)s now. About the refund itself the shop writes.") % facts


def language_name(code: str) -> str:
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code
