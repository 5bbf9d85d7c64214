"""The cases of a run: orders in the store, requests for them in the database, and the staff who approve them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from refunds import money, orders, workflow
from refunds.models import RefundRequest
from refunds.states import Status
from refunds.woocommerce.types import Order
from refunds.woocommerce.v3_parse import order_from
from tests.factories import RefundRequestFactory

from .site import Json, Store

DECIMALS = 2
SHARE_WITH_SIBLING = 0.15
"""This part of the orders has two cases: each pays back another line."""
BATCH = 100
DATABASE_BACK_WITHIN = 90.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Case:
    """What the run itself knows of a case. The oracle needs no more."""

    pk: int
    reference: str
    order_id: int
    line_id: int
    amount: Decimal


def make(store: Store, chance: random.Random, count: int) -> list[Case]:
    """`count` cases that wait for a decision, and their orders in the store."""
    wanted = list(_orders(chance, count))
    made: list[Case] = []
    for start in range(0, len(wanted), BATCH):
        made += of(store.add_orders(wanted[start : start + BATCH]))
    return made


def of(answer: list[Json]) -> list[Case]:
    """A case for each line of these orders, which the store has just made."""
    with transaction.atomic():
        return [case for data in _exact(answer) for case in _cases_of(order_from(data, DECIMALS))]


def _orders(chance: random.Random, count: int) -> Iterator[Json]:
    left = count
    while left > 0:
        lines = 2 if left > 1 and chance.random() < SHARE_WITH_SIBLING else 1
        yield {
            "number": f"N{left}",
            "billing": {"email": f"customer{left}@example.com"},
            "line_items": [{"name": f"Item {line}", "total": _price(chance)} for line in range(lines)],
        }
        left -= lines


def _price(chance: random.Random) -> str:
    """Never with 13 cents: the store's gateway always declines those."""
    cents = chance.randrange(500, 20_000)
    return str(Decimal(cents + 1 if cents % 100 == 13 else cents) / 100)


def _exact(answer: list[Json]) -> list[Json]:
    exact: list[Json] = json.loads(json.dumps(answer), parse_float=Decimal)
    return exact


def _cases_of(order: Order) -> Iterator[Case]:
    for line in order.lines:
        chosen = {line.id: 1}
        made = RefundRequestFactory.create(order=order, chosen=chosen, lines=chosen)
        yield Case(made.pk, made.reference, order.id, line.id, made.requested_amount)


def approve(case: Case, by: User) -> None:
    """Approves a case, whatever happens to the database meanwhile. One that is approved already is left alone."""
    patiently(lambda: _approve(case, by))


def _approve(case: Case, by: User) -> None:
    refund_request = RefundRequest.objects.select_related("order_now").get(pk=case.pk)
    if refund_request.status != Status.SUBMITTED:
        return  # the database came back after it had kept our approval
    _decide(refund_request, case, refund_request.order_now.order, by)


def approve_again(case: Case, by: User) -> None:
    """Approves a case that failed, after a look at the order as the store has it now."""
    refund_request = RefundRequest.objects.get(pk=case.pk)
    _decide(refund_request, case, orders.refresh(refund_request).order, by)


def _decide(refund_request: RefundRequest, case: Case, order: Order, by: User) -> None:
    fresh = orders.snapshot(order)
    RefundRequest.objects.filter(pk=case.pk).update(order_now=fresh)
    refund_request.order_now = fresh
    workflow.approve(
        refund_request,
        by=by,
        version=refund_request.version,
        breakdown=money.price(order, {case.line_id: 1}),
        api_refund=True,
        restock=False,
    )


def patiently(work: Callable[[], Result], within: float = DATABASE_BACK_WITHIN) -> Result:
    """Does `work` again while the database is being restarted. It must be harmless to do twice."""
    until = time.monotonic() + within
    while True:
        try:
            return work()
        except DatabaseError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def statuses() -> dict[str, Any]:
    """The status of every case, by reference."""
    return patiently(lambda: dict(RefundRequest.objects.values_list("reference", "status")))
