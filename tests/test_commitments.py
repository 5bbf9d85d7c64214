"""Money that left without the store knowing counts for everything that comes after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import money, orders, payout, reconcile, workflow
from refunds.models import RefundRequest
from refunds.states import Status
from refunds.woocommerce.types import Order
from tests.factories import RefundRequestFactory, approver
from tests.test_payout import approved, in_store, now_of, paid, the_attempt
from tests.test_workflow import refused

pytestmark = pytest.mark.django_db


def asked_again(order: Order) -> RefundRequest:
    """Another request for the whole order, of which the customer knows better than the store what is left."""
    line = {order.lines[0].id: 1}
    refund_request = RefundRequestFactory.create(order=order, chosen=line, lines=line)
    orders.refresh(refund_request)
    return refund_request


def approve(refund_request: RefundRequest, order: Order) -> None:
    workflow.approve(
        refund_request,
        by=approver(),
        version=refund_request.version,
        breakdown=money.everything(order),
        api_refund=True,
        restock=False,
    )


def paid_without_a_row(sandbox: SandboxStore) -> RefundRequest:
    refund_request = approved(sandbox)
    sandbox.arm("gateway-pays-but-errors", on="refund.create")
    payout.pay(refund_request.pk)
    return now_of(refund_request)


def test_what_a_person_recorded_as_paid_is_not_paid_again(sandbox: SandboxStore) -> None:
    first = paid_without_a_row(sandbox)
    reconcile.look_now(the_attempt(), patience=5)
    workflow.settle_paid(first, by=approver(), version=first.version, reference="re_1")
    order = orders.read(first.order_id, patience=5)
    second = asked_again(order)

    refused("paid_elsewhere", lambda: approve(second, order), second)

    assert paid(sandbox) == ["50.00"]


def test_a_case_approved_before_that_became_known_is_not_paid_either(sandbox: SandboxStore) -> None:
    order = in_store(sandbox, line_items=[{"total": "25.00"}, {"total": "25.00"}])
    first, second = (
        RefundRequestFactory.create(order=order, chosen={line.id: 1}, lines={line.id: 1}) for line in order.lines
    )
    for refund_request in (first, second):
        approve(refund_request, order)
    sandbox.arm("gateway-pays-but-errors", on="refund.create")
    payout.pay(first.pk)

    payout.pay(second.pk)
    assert first.reference in now_of(second).waits_for
    reconcile.look_now(the_attempt(), patience=5)
    workflow.settle_paid(now_of(first), by=approver(), version=now_of(first).version, reference="re_1")
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        payout.pay(second.pk)

    assert paid(sandbox) == ["50.00"]
    assert now_of(second).status == Status.FAILED


def test_a_sibling_of_an_unconfirmed_refusal_waits(sandbox: SandboxStore) -> None:
    first = paid_without_a_row(sandbox)
    order = orders.read(first.order_id, patience=5)
    RefundRequest.objects.filter(pk=first.pk).first()
    first.lines.update(is_open=False)
    second = asked_again(order)

    refused("sibling_in_doubt", lambda: approve(second, order), second)


def test_a_sibling_of_a_reversed_refund_waits(sandbox: SandboxStore) -> None:
    first = approved(sandbox)
    payout.pay(first.pk)
    orders.store().delete_refund(first.order_id, sandbox.refunds(first.order_id)[0]["id"])
    for hours in (2, 3):
        with time_machine.travel(timezone.now() + timedelta(hours=hours)):
            reconcile.look(the_attempt().pk)
    assert now_of(first).status == Status.CHECK_NEEDED
    order = orders.read(first.order_id, patience=5)
    first.lines.update(is_open=False)
    second = asked_again(order)

    refused("sibling_in_doubt", lambda: approve(second, order), second)


def test_what_the_store_shows_is_not_counted_twice(sandbox: SandboxStore) -> None:
    order = in_store(sandbox, line_items=[{"total": "25.00"}, {"total": "25.00"}])
    first = approved(sandbox, order)
    payout.pay(first.pk)
    order = orders.read(order.id, patience=5)
    line = {order.lines[1].id: 1}
    second = RefundRequestFactory.create(order=order, chosen=line, lines=line)

    workflow.approve(
        second, by=approver(), version=1, breakdown=money.price(order, line), api_refund=True, restock=False
    )
    payout.pay(second.pk)

    assert paid(sandbox) == ["25.00", "25.00"]
