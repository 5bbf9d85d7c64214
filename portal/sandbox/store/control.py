"""/_sandbox/: the part that no real shop has. The ledger, the log, more orders, the switches for faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from . import orders, shapes
from .faults import Unknown
from .shop import Shop
from .wire import Answer, Request, json_answer

Json = dict[str, Any]


class BadRequest(Exception):
    """What was sent here makes no sense. The message says why."""


def answer(shop: Shop, request: Request, what: str) -> Answer:
    handler = _HANDLERS.get((request.method, what))
    if handler is None:
        known = ", ".join(f"{method} /_sandbox/{name}" for method, name in _HANDLERS)
        return json_answer(404, {"error": f"There are: {known}."})
    try:
        return handler(shop, request)
    except (BadRequest, Unknown) as error:
        return json_answer(400, {"error": str(error)})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return json_answer(400, {"error": f"This makes no sense here: {error!r}"})


def _money(shop: Shop, request: Request) -> Answer:
    """What left the bank account, oldest first. `?order=` keeps one order's."""
    order_id = request.query.get("order")
    money = [payment for payment in list(shop.books.money) if order_id in (None, str(payment["order_id"]))]
    return json_answer(200, money)


def _log(shop: Shop, request: Request) -> Answer:
    """Every API call. `?since=` leaves out those up to a number."""
    return json_answer(200, shop.log.since(int(request.query.get("since", 0))))


def _list_orders(shop: Shop, request: Request) -> Answer:
    """All orders and all refund rows as the books have them, without pages and without a key."""
    books, decimals = shop.books, shop.settings.decimals
    everything = [shapes.order_json(books, order, decimals, request.base) for order in list(books.orders.values())]
    rows = [
        {"parent_id": row["parent_id"], **shapes.refund_json(row, decimals, shop.settings)}
        for row in books.all_refunds()
    ]
    return json_answer(200, {"orders": everything, "refunds": rows, "stock": books.stock})


def _add_orders(shop: Shop, request: Request) -> Answer:
    """One order or a list of them, in the shape of GET /orders; whatever is missing is filled in."""
    given = _body(request)
    wanted = given if isinstance(given, list) else [given]
    if not all(isinstance(order, dict) for order in wanted):
        raise BadRequest("Send an order, or a list of orders.")
    added = [orders.add(shop.books, shop.settings, order) for order in wanted]
    shown = [shapes.order_json(shop.books, order, shop.settings.decimals, request.base) for order in added]
    return json_answer(201, shown if isinstance(given, list) else shown[0])


def _reset(shop: Shop, request: Request) -> Answer:
    """Empties books, log and switches, and begins again with the first orders, or with those of `{"orders": [...]}`."""
    given = _body(request) or {}
    first = given["orders"] if "orders" in given else shop.first_orders()
    shop.reset()
    for order in first:
        orders.add(shop.books, shop.settings, order)
    return json_answer(200, {"orders": len(shop.books.orders)})


def _arm(shop: Shop, request: Request) -> Answer:
    given = _body(request)
    if not isinstance(given, dict):
        raise BadRequest('Send {"fault": ..., "times": 1, "order": null, "on": "any"} or {"random": {...}}.')
    shop.faults.arm(given)
    return json_answer(201, shop.faults.described())


def _list_faults(shop: Shop, request: Request) -> Answer:
    return json_answer(200, shop.faults.described())


def _clear_faults(shop: Shop, request: Request) -> Answer:
    shop.faults.clear()
    return json_answer(200, shop.faults.described())


def _settings(shop: Shop, request: Request) -> Answer:
    return json_answer(200, asdict(shop.settings))


def _change_settings(shop: Shop, request: Request) -> Answer:
    """Changes settings until the process ends, `{"decimals": 0}` for instance."""
    try:
        shop.settings = replace(shop.settings, **(_body(request) or {}))
    except TypeError as error:
        raise BadRequest(str(error)) from error
    return json_answer(200, asdict(shop.settings))


def _body(request: Request) -> Any:
    try:
        return json.loads(request.body) if request.body.strip() else None
    except ValueError as error:
        raise BadRequest(f"This is not JSON: {error}") from error


_HANDLERS: dict[tuple[str, str], Callable[[Shop, Request], Answer]] = {
    ("GET", "money"): _money,
    ("GET", "log"): _log,
    ("GET", "orders"): _list_orders,
    ("POST", "orders"): _add_orders,
    ("POST", "reset"): _reset,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
}
