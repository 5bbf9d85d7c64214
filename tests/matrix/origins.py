"""How things stood when a story begins: a table of acts, one after the other, undisturbed but for what they are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings

from refunds import money, orders
from refunds.models import StoreHealth
from refunds.woocommerce.types import Order
from refunds.workflow import payouts

from ..factories import RefundRequestFactory
from . import people
from .cases import Disturbance, Placed
from .story import Story

Act = Callable[[Story], None]


def bring_about(story: Story) -> None:
    for act in ORIGINS[story.case.road, story.case.origin]:
        act(story)


# --- In the portal ---------------------------------------------------------------------------------------------------


def approved(story: Story, *, lines: int = 1, transfer: bool = False) -> None:
    """An order, and an approved case for each of its first lines."""
    order = _ordered(story, payment_method="cod" if transfer else "testpay")
    for line in order.lines[:lines]:
        chosen = {line.id: 1}
        refund_request = RefundRequestFactory.create(
            order=order, chosen=chosen, lines=chosen, note="", customer_name="Anna Berg"
        )
        story.requests.append(refund_request)
        people.approve(refund_request, money.price(order, chosen), transfer=transfer)


def approved_of_a_stale_page(story: Story) -> None:
    """A colleague has lowered the amount since the page was opened on which the whole is approved."""
    order = _ordered(story)
    chosen = {order.lines[0].id: 1}
    refund_request = RefundRequestFactory.create(
        order=order, chosen=chosen, lines=chosen, note="", customer_name="Anna Berg"
    )
    story.requests.append(refund_request)
    story.agreed = Decimal("20.00")
    asked = money.price(order, chosen)
    people.lower(refund_request, money.lower(asked, story.agreed))
    people.approve_a_stale_page(refund_request, asked)


def sibling_at_once(story: Story) -> None:
    """Between the look at the order's other payouts and the claim, another worker claims one of them.

    In one database session, so that it is seen at once: where the index refuses, both claims are undone.
    """
    approved(story, lines=2)
    sibling = story.requests[1].pk
    story.disturber.at_step["prepare"] = lambda: payouts._claim(sibling, "another worker")


def _ordered(story: Story, **fields: Any) -> Order:
    """An order of 100.00 in two lines, so that a second payout of either would be possible."""
    given = {"number": story.number, "billing": {"email": story.email}, "total": "100.00"}
    made = story.world.store.add_order(**given, line_items=[{"total": "30.00"}, {"total": "70.00"}], **fields)
    story.order_id = story.disturber.order_id = made["id"]
    return orders.read(made["id"], patience=5)


def ordered(story: Story) -> None:
    _ordered(story)


def paid(story: Story, *, placed: Placed | None = None, disturbance: Disturbance | None = None) -> None:
    """The payout, spoiled once: what it leaves behind is where the story begins."""
    approved(story)
    story.disturber.watch(placed, disturbance)
    story.run("pay", story.requests[0].pk)
    story.disturber.watch(None, None)


def answered(fault: str) -> Act:
    return functools.partial(paid, placed=Placed("call", "refund.create", fault))


def died(kind: str, step: str) -> Act:
    return functools.partial(paid, disturbance=Disturbance(kind, step))


def declined(story: Story) -> None:
    people.tick_and_decline(story.requests[0])
    story.declined = True


def home_of_another_shop(story: Story) -> None:
    """The last payout went to another shop than the one that answers now."""
    StoreHealth.objects.update(home_url="https://another.example", site_url=settings.SITE_URL)


# --- In the shop -----------------------------------------------------------------------------------------------------


def by_hand(story: Story, *, reason: str = "by hand", amount: str = "30.00", pays: bool = True) -> None:
    """A refund that somebody made in the shop's own pages."""
    answer = requests.post(
        f"{story.world.store.base_url}/wp-json/wc/v3/orders/{story.order_id}/refunds",
        json={"amount": amount, "reason": reason, "api_refund": pays},
        auth=("ck_manager", "cs_manager"),
        timeout=10,
    )
    answer.raise_for_status()


def our_row(story: Story, *, pays: bool = True) -> None:
    """A row with the case's own marker, of which the portal knows nothing: a backup was restored."""
    by_hand(story, reason=f"{story.requests[0].reference}-1 Arrived damaged", pays=pays)


def spent(amount: str) -> Act:
    return functools.partial(by_hand, amount=amount)


def order_deleted(story: Story) -> None:
    story.world.store.shop.books.delete_order(story.order_id)


def row_deleted(story: Story) -> None:
    for row in story.world.store.refunds(story.order_id):
        story.world.store.shop.books.delete_refund(row["id"])


def just_before_the_call(act: Act) -> Act:
    """Not now, but when the portal has looked and written ahead."""

    def later(story: Story) -> None:
        story.disturber.at_step["call"] = functools.partial(act, story)

    return later


# --- The table -------------------------------------------------------------------------------------------------------

ORIGINS: dict[tuple[str, str], tuple[Act, ...]] = {
    ("payout", "plain"): (approved,),
    ("payout", "transfer"): (functools.partial(approved, transfer=True),),
    ("payout", "restored"): (approved, our_row),
    ("payout", "restored unpaid"): (approved, functools.partial(our_row, pays=False)),
    ("payout", "changed"): (approved, spent("80.00")),
    ("payout", "order gone"): (approved, order_deleted),
    ("payout", "order goes"): (approved, just_before_the_call(order_deleted)),
    ("payout", "spent elsewhere"): (approved, just_before_the_call(spent("80.00"))),
    ("payout", "another shop"): (approved, home_of_another_shop),
    ("payout", "meanwhile"): (approved, just_before_the_call(spent("10.00"))),
    ("payout", "sibling"): (functools.partial(approved, lines=2),),
    ("payout", "sibling at once"): (sibling_at_once,),
    ("payout", "stale page"): (approved_of_a_stale_page,),
    ("reconcile", "died prepared"): (died("kill before", "write_ahead"),),
    ("reconcile", "died sending"): (died("kill after", "write_ahead"),),
    ("reconcile", "died after"): (died("kill after", "call"),),
    ("reconcile", "answer lost"): (answered("closed-after"),),
    ("reconcile", "nothing arrived"): (answered("closed-before"),),
    ("reconcile", "row unpaid"): (answered("killed-before-payment"),),
    ("reconcile", "row unpaid, money gone"): (answered("killed-after-payment"),),
    ("reconcile", "refused"): (answered("gateway-declines"),),
    ("reconcile", "refused, money gone"): (answered("gateway-pays-but-errors"),),
    ("reconcile", "refused, booked later"): (answered("gateway-declines"), our_row),
    ("reconcile", "declined, booked later"): (answered("gateway-declines"), declined, our_row),
    ("reconcile", "paid"): (paid,),
    ("reconcile", "gone"): (paid, row_deleted),
    ("look-up", "known"): (ordered,),
    ("look-up", "unknown"): (ordered,),
    ("mail", "refunded"): (paid,),
    ("mail", "in doubt"): (answered("closed-before"),),
}
