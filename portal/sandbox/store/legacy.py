"""The legacy dialect, wc-api/v3, as the plugin of that name speaks it: it books first and pays afterwards.

With orders in posts it works. With order tables ("hpos") it cannot find a single order, yet a refund is made and paid
before it says so.
"""

from __future__ import annotations

import json

from . import auth, legacy_shapes, orders, pages, php, refunds
from .auth import AuthError, Key
from .books import Json
from .gateways import GATEWAYS, GatewayRefused, GatewayThrew, note_of_payment
from .rest import NO_CACHE, Call, Found, route
from .settings import VERSION
from .shop import Shop
from .wire import Answer, ApiError, PhpFatal, Request, json_answer

ROOT = "/wc-api/v3"
REALM = (
    'Basic realm="WooCommerce API. Use a consumer key in the username field and a consumer secret in the password '
    'field."'
)
_CODE = "/srv/shop/wp-content/plugins/woocommerce-legacy-rest-api/includes/legacy/api/v3/class-wc-api-orders.php"


class LegacyError(ApiError):
    def body(self) -> Json:
        return {"errors": [{"code": self.code, "message": self.message}]}


def fatal(message: str, line: int) -> PhpFatal:
    """The plugin takes an error for a refund, and PHP gives up."""
    return PhpFatal(pages.fatal(message, _CODE, line))


def answer(shop: Shop, request: Request, found: Found, faults: dict[str, float]) -> Answer:
    try:
        key = _authenticated(shop, request)
        if found.route is None:
            message = "No route was found matching the URL and request method"
            raise LegacyError(404, "woocommerce_api_no_route", message)
        params = {**request.query, **found.url_params, **_data(request)}
        _check_user(key, found)
        return found.route.handler(Call(shop, params, request.query, key.user_id, request.base, "v3", faults))
    except AuthError as error:
        return json_answer(401, LegacyError(401, "woocommerce_api_authentication_error", error.message).body())
    except PhpFatal as stopped:
        return json_answer(500, stopped.page, {"Cache-Control": NO_CACHE})
    except ApiError as error:
        wrong = error.message == "Consumer Secret is invalid."
        return json_answer(error.status, error.body(), {"WWW-Authenticate": REALM} if wrong else None)


def _authenticated(shop: Shop, request: Request) -> Key:
    key = _signed(shop, request) if shop.settings.plain else _with_secret(request)
    auth.check_permissions(key, request.method)
    return key


def _with_secret(request: Request) -> Key:
    consumer_key, consumer_secret = auth.credentials(request)
    key = auth.KEYS.get(consumer_key)
    if consumer_key and key is None:
        raise AuthError("Consumer key is invalid.")
    if key is None or key.consumer_secret != consumer_secret:
        raise LegacyError(401, "woocommerce_api_authentication_error", "Consumer Secret is invalid.")
    return key


def _signed(shop: Shop, request: Request) -> Key:
    key = auth.authenticated(request, shop)
    if key is None:
        message = "oauth_consumer_key parameter is missing"
        raise LegacyError(404, "woocommerce_api_authentication_error", message)
    return key


def _check_user(key: Key, found: Found) -> None:
    if key.manager or found.call == "index":
        return
    verb = "create" if found.call.endswith("create") else "read"
    what = "order refunds" if verb == "create" else "this order"
    code = f"woocommerce_api_user_cannot_{verb}_order{'_refund' if verb == 'create' else ''}"
    raise LegacyError(401, code, f"You do not have permission to {verb} {what}")


def _data(request: Request) -> Json:
    if request.method not in ("POST", "PUT"):
        return {}
    try:
        data = json.loads(request.body)
    except ValueError:
        data = None
    if data is None:
        raise LegacyError(400, "woocommerce_api_missing_callback_param", "Missing parameter data")
    return {"data": data if isinstance(data, dict) else {}}


# --- orders -----------------------------------------------------------------------------------------------------------


def _order(call: Call, field: str = "id") -> Json:
    """The order if this dialect can see it: with order tables it sees a placeholder and takes it for something else."""
    order_id = int(php.number(call.params[field]))
    order = call.shop.books.order(order_id)
    if order is None:
        message = f"No order found with the ID equal to {order_id}"
        raise LegacyError(404, "woocommerce_api_no_order_found", message)
    if call.settings.legacy == "hpos":
        raise LegacyError(404, "woocommerce_api_invalid_order", "Invalid order")
    return order


def _filter(call: Call) -> Json:
    given = call.params.get("filter")
    return given if isinstance(given, dict) else {}


def _decimals(call: Call) -> int:
    return int(_filter(call).get("dp", 2))


def _visible(call: Call) -> list[Json]:
    if call.settings.legacy == "hpos":
        return []
    wanted = str(call.params.get("status", "any")).split(",")
    search = str(_filter(call).get("q", "")).lower()
    books = call.shop.books
    found = [
        order
        for order in list(books.orders.values())
        if ("any" in wanted or order["status"] in wanted)
        and order["status"] != "trash"
        and search in books.search_text(order["id"])
    ]
    return sorted(found, key=lambda order: (order["date_created_gmt"], order["id"]), reverse=True)


def list_orders(call: Call) -> Answer:
    found = _visible(call)
    limit, page = int(_filter(call).get("limit", 10)), int(call.params.get("page", 1))
    chosen = found[(page - 1) * limit : page * limit]
    shown = [legacy_shapes.order_json(order, _decimals(call), call.base) for order in chosen]
    headers = {"X-WC-Total": str(len(found)), "X-WC-TotalPages": str(-(-len(found) // limit))}
    return json_answer(200, {"orders": shown}, headers)


def count_orders(call: Call) -> Answer:
    return json_answer(200, {"count": len(_visible(call))})


def list_statuses(call: Call) -> Answer:
    return json_answer(200, {"order_statuses": {status: orders.status_title(status) for status in orders.STATUSES}})


def view_order(call: Call) -> Answer:
    return json_answer(200, {"order": legacy_shapes.order_json(_order(call), _decimals(call), call.base)})


def update_order(call: Call) -> Answer:
    order, given = _order(call), call.params["data"].get("order", {})
    if given.get("status"):
        orders.set_status(call.shop.books, call.settings, order["id"], str(given["status"]))
    return view_order(call)


def list_notes(call: Call) -> Answer:
    notes = call.shop.books.notes_of(_order(call, "order_id")["id"])
    return json_answer(200, {"order_notes": [legacy_shapes.note_json(note) for note in reversed(notes)]})


def create_note(call: Call) -> Answer:
    given = call.params["data"].get("order_note", {})
    order_id, text = _order(call, "order_id")["id"], str(given.get("note", ""))
    note = orders.add_note(call.shop.books, order_id, text, customer_note=given.get("customer_note") is True)
    return json_answer(201, {"order_note": legacy_shapes.note_json(note)})


# --- refunds ----------------------------------------------------------------------------------------------------------


def create_refund(call: Call) -> Answer:
    """The row, its lines and the order's status first, the money after; whatever the gateway says, the row stays."""
    given = _refund_data(call)
    amount = php.text(given["amount"])
    order = call.shop.books.order(int(php.number(call.params["order_id"])))
    if order is None:
        raise fatal("Call to a member function get_payment_method() on bool", 1667)
    till = call.shop.till(call.faults)
    try:
        row = refunds.create(
            call.shop.books,
            call.settings,
            till,
            order,
            amount=amount,
            reason=str(given.get("reason") or ""),
            lines=given["line_items"] if isinstance(given.get("line_items"), dict) else {},
            refund_payment=bool(given.get("refund_payment")),
            restock=bool(given.get("restock_items")),
            user_id=call.user_id,
        )
    except refunds.RefundError as error:
        raise fatal("Call to undefined method WP_Error::get_amount()", 1668) from error
    gateway = GATEWAYS.get(order["payment_method"])
    # Only the query can say no, and only with "0" or nothing at all: the body is not asked.
    if call.query.get("api_refund", "1") not in ("", "0") and gateway and gateway.supports_refunds:
        refusal = _pay(call, order, row)
        if refusal:
            return refusal
    shown = legacy_shapes.refund_json(_refund(call, row["id"]))
    return json_answer(201, {"order_refund": shown})


def _refund_data(call: Call) -> Json:
    if "order_refund" not in call.params["data"]:
        message = "No order_refund data specified to create order_refund"
        raise LegacyError(400, "woocommerce_api_missing_order_refund_data", message)
    given = call.params["data"]["order_refund"]
    if not isinstance(given, dict) or given.get("amount") is None:
        raise LegacyError(400, "woocommerce_api_invalid_order_refund", "Refund amount is required.")
    if php.greater("0", php.text(given["amount"])):
        raise LegacyError(400, "woocommerce_api_invalid_order_refund", "Refund amount must be positive.")
    return given


def _pay(call: Call, order: Json, row: Json) -> Answer | None:
    """An answer only where the gateway did not pay. `refunded_payment` of the row stays false in any case."""
    try:
        paid = call.shop.till(call.faults).refund(order, row["amount"], row["reason"])
    except GatewayThrew as error:
        raise fatal(str(error), 1672) from error
    except GatewayRefused as refused:
        return json_answer(200, {"errors": [{"code": refused.code, "message": str(refused)}]})
    if not paid:
        raise LegacyError(500, "woocommerce_api_create_order_refund_api_failed", refunds.GATEWAY_SAID_NO)
    orders.add_note(call.shop.books, order["id"], note_of_payment(row["amount"]))
    return None


def list_refunds(call: Call) -> Answer:
    order = _order(call, "order_id")
    rows = call.shop.books.refunds_of(order["id"])
    return json_answer(200, {"order_refunds": [legacy_shapes.refund_json(row) for row in rows]})


def _refund(call: Call, refund_id: int) -> Json:
    order = _order(call, "order_id")
    row = call.shop.books.refund(refund_id)
    if row is None:
        message = "An order refund with the provided ID could not be found."
        raise LegacyError(404, "woocommerce_api_invalid_order_refund_id", message)
    if row["parent_id"] != order["id"]:
        message = "The order refund ID provided is not associated with the order."
        raise LegacyError(400, "woocommerce_api_invalid_order_refund_id", message)
    return row


def view_refund(call: Call) -> Answer:
    row = _refund(call, int(call.params["id"]))
    return json_answer(200, {"order_refund": legacy_shapes.refund_json(row)})


def update_refund(call: Call) -> Answer:
    """Changes the amount in the books if one is given, and moves no money. The reason stays what it was."""
    row = _refund(call, int(call.params["id"]))
    given = call.params["data"].get("order_refund", {})
    if given.get("amount") is not None:
        amount = php.format_decimal(given["amount"], call.settings.decimal_separator)
        call.shop.books.put_refund({**row, "amount": amount, "total": f"-{amount}"})
    return view_refund(call)


def delete_refund(call: Call) -> Answer:
    call.shop.books.delete_refund(_refund(call, int(call.params["id"]))["id"])
    return json_answer(200, {"message": "Permanently deleted refund"})


def view_index(call: Call) -> Answer:
    return json_answer(200, {"store": legacy_shapes.store_json(call.settings, call.base, VERSION)})


_ORDER, _OF_ORDER = r"/orders/(?P<id>\d+)", r"/orders/(?P<order_id>\d+)"
_NOTES, _REFUNDS, _REFUND = _OF_ORDER + "/notes", _OF_ORDER + "/refunds", _OF_ORDER + r"/refunds/(?P<id>\d+)"
ROUTES = (
    route("index", "GET", "/", view_index),
    route("order.list", "GET", "/orders", list_orders),
    route("order.list", "GET", "/orders/count", count_orders),
    route("settings.list", "GET", "/orders/statuses", list_statuses),
    route("order.view", "GET", _ORDER, view_order),
    route("order.update", ("PUT", "POST"), _ORDER, update_order),
    route("note.list", "GET", _NOTES, list_notes),
    route("note.create", "POST", _NOTES, create_note),
    route("refund.list", "GET", _REFUNDS, list_refunds),
    route("refund.create", "POST", _REFUNDS, create_refund),
    route("refund.view", "GET", _REFUND, view_refund),
    route("refund.update", "PUT", _REFUND, update_refund),
    route("refund.delete", "DELETE", _REFUND, delete_refund),
)
