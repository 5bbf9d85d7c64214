"""The order as the store has it now. The one road for reads: whoever needs an order comes here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from . import breaker, timing, woocommerce
from .models import OrderSnapshot, RefundRequest, StoreHealth
from .woocommerce import shopcheck
from .woocommerce.codec import order_to_json
from .woocommerce.types import Order, OrderNote, RefundInstruction, StoreRefund

Answer = TypeVar("Answer")


def store() -> woocommerce.Store:
    """The shop's store, with one kept-alive session per process."""
    client = _connect(
        settings.WOOCOMMERCE_URL,
        settings.WOOCOMMERCE_CONSUMER_KEY,
        settings.WOOCOMMERCE_CONSUMER_SECRET,
        settings.WOOCOMMERCE_API,
        settings.WOOCOMMERCE_CA_BUNDLE,
        settings.TIME_SCALE,
    )
    if client.decimals is None:
        client.decimals = StoreHealth.current().decimals
    return client


@functools.cache
def _connect(url: str, key: str, secret: str, api: str, ca_bundle: str, scale: float) -> woocommerce.Store:
    return woocommerce.connect(
        url=url,
        key=key,
        secret=secret,
        api=api,
        ca_bundle=ca_bundle,
        timeouts=woocommerce.Timeouts(
            connect=timing.CONNECT_TIMEOUT,
            read=timing.READ_TIMEOUT,
            refund_read=timing.POST_READ_TIMEOUT,
            refund_total=timing.POST_DEADLINE,
            scale=scale,
        ),
    )


def read(order_id: int, *, patience: float) -> Order:
    """The order with all that was refunded of it, uncached. Raises `woocommerce.StoreError`."""
    return _told(functools.partial(store().order, order_id, patience=patience))


def read_only(order_id: int, *, patience: float) -> Order:
    """The order alone, without what its refunds took of each line."""
    return _told(functools.partial(store().order_only, order_id, patience=patience))


def refunds(order_id: int, *, patience: float) -> tuple[StoreRefund, ...]:
    """All refund rows of an order, uncached."""
    return _told(functools.partial(store().refunds, order_id, patience=patience))


def notes(order_id: int, *, patience: float) -> tuple[OrderNote, ...] | None:
    """The notes of an order; None where they cannot be read. They only support evidence: nothing waits for them."""
    try:
        return store().notes(order_id, patience=patience)
    except woocommerce.StoreError:
        return None


def home_due() -> bool:
    """Whether the store's home address has to be read again before money is sent."""
    health = StoreHealth.current()
    return (
        health.site_url != settings.SITE_URL
        or health.store_url != settings.WOOCOMMERCE_URL
        or health.home_read_at is None
        or health.home_read_at < timezone.now() - timing.HOME_FRESH
    )


def read_home(*, patience: float) -> str:
    """What the store calls its own address."""
    return _told(functools.partial(_home, patience=patience))


def _home(*, patience: float) -> str:
    """Learns the store's decimals anew with it: a shop can change them, and every amount hangs on them."""
    client = store()
    client.decimals = None
    home_url = client.index(patience=patience).home_url
    client.learn_decimals(patience=patience)
    return home_url


def find(*, number: str, email: str, patience: float) -> Order | None:
    """The order whose number and billing e-mail are exactly these; None if there is none, or the two do not match."""
    found = _told(functools.partial(store().find_orders, number=number, email=email, patience=patience))
    return _told(functools.partial(store().order, found[0].id, patience=patience)) if found else None


def _told(call: Callable[[], Answer]) -> Answer:
    """Makes the call and tells the breaker how it went."""
    try:
        answer = call()
    except woocommerce.StoreMisconfigured as error:
        breaker.misconfigured(error.message)
        raise
    except woocommerce.StoreUnreachable as error:
        breaker.failed(error.message, error.retry_after)
        raise
    health = StoreHealth.current()
    breaker.succeeded(health)
    _keep_decimals(health)
    return answer


def _keep_decimals(health: StoreHealth) -> None:
    decimals = store().decimals
    if decimals not in (None, health.decimals):
        StoreHealth.objects.filter(pk=health.pk).update(decimals=decimals)


def examine() -> list[shopcheck.Finding]:
    """Whether the shop is fit for refunds. Moves no money."""
    return shopcheck.examine(store())


def check(instruction: RefundInstruction) -> None:
    """Raises `ValueError` for an instruction that must not be sent."""
    client = store()
    woocommerce.check(instruction, client.learn_decimals(patience=timing.LOOK_PATIENCE))


def snapshot(order: Order) -> OrderSnapshot:
    return OrderSnapshot.objects.create(order_id=order.id, data=order_to_json(order), read_at=timezone.now())


def refresh(refund_request: RefundRequest) -> OrderSnapshot:
    """Reads the order of a case anew for a person who waits. Outside any transaction; raises `StoreError`."""
    fresh = snapshot(read(refund_request.order_id, patience=timing.STAFF_PATIENCE))
    RefundRequest.objects.filter(pk=refund_request.pk).update(order_now=fresh)
    refund_request.order_now = fresh
    return fresh
