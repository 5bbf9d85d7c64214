"""wc/v3: refunds. Few of the answers are kind; all of them were seen on a real shop."""

from __future__ import annotations

from . import args, pages, php, refunds, shapes
from .books import Json
from .order_routes import PAGE_ARGS, dated, merged_meta
from .rest import CANNOT_CREATE, CANNOT_DELETE, CANNOT_LIST, CANNOT_VIEW, Call, linked, page_of, route
from .wire import Answer, ApiError, PhpFatal, business_error, json_answer

CANNOT_REFUND = "woocommerce_rest_cannot_create_order_refund"
_V1_FIELDS = ("id", "date_created", "amount", "reason", "line_items")
_REFUND_OF_A_REFUND = pages.fatal(
    "Call to undefined method Automattic\\WooCommerce\\Admin\\Overrides\\OrderRefund::get_remaining_refund_amount()",
    "/srv/shop/wp-content/plugins/woocommerce/includes/wc-order-functions.php",
    575,
)


def _shown(call: Call, row: Json) -> Json:
    data = shapes.refund_json(row, call.decimals, call.settings)
    if call.version == "v1":
        data = {name: data[name] for name in _V1_FIELDS} | {"date_created": row["date_created_gmt"]}
    return linked(data, shapes.refund_links(row, call.api))


def _listed(call: Call, rows: list[Json], address: str, *, with_parent: bool = False) -> Answer:
    found = [row for row in rows if _wanted(call, row)]
    found.sort(key=lambda row: int(row["id"]), reverse=call.params.get("order", "desc") == "desc")

    def shown(row: Json) -> Json:
        data = _shown(call, row)
        return {"id": row["id"], "parent_id": row["parent_id"], **data} if with_parent else data

    return page_of(call, found, shown, address)


def _wanted(call: Call, row: Json) -> bool:
    """A search finds nothing: the reason is not among what WordPress looks through."""
    params = call.params
    return (
        not params.get("search")
        and (not params.get("include") or row["id"] in params["include"])
        and row["id"] not in params.get("exclude", ())
        and dated(call, row, "date_created_gmt", "after", "before")
    )


def list_refunds(call: Call) -> Answer:
    """The refunds of an order; of an order that does not exist there are none, and that is a 200."""
    order_id = _order_id(call)
    return _listed(call, call.shop.books.refunds_of(order_id), f"{call.api}/orders/{order_id}/refunds")


def list_all_refunds(call: Call) -> Answer:
    return _listed(call, call.shop.books.all_refunds(), f"{call.api}/refunds", with_parent=True)


def _order_id(call: Call) -> int:
    return int(php.number(call.params["order_id"]))


def create_refund(call: Call) -> Answer:
    """The money endpoint. Almost every refusal is a 500, and one of them comes after the money has moved."""
    if call.params.get("id"):
        raise ApiError(400, "woocommerce_rest_shop_order_refund_exists", "Cannot create existing resource.")
    order = _order(call)
    lines = refunds.keyed_lines(call.params.get("line_items")) if call.version == "v3" else {}
    amount = call.params["amount"] if "amount" in call.params else refunds.amount_of_lines(lines)
    if amount is not None and php.greater("0", amount):
        business_error("woocommerce_rest_invalid_order_refund", "Refund amount must be greater than zero.", 400)
    row = _created(call, order, amount, lines)
    if call.params.get("meta_data"):
        row = {**row, "meta_data": merged_meta(call, [], call.params["meta_data"])}
        call.shop.books.put_refund(row)
    # WooCommerce puts its own route pattern into the address, unresolved. Nobody can follow it.
    location = rf"{call.api}/orders/(?P<order_id>[\d]+)/refunds/{row['id']}"
    return json_answer(201, _shown(call, row), {"Location": location})


def _order(call: Call) -> Json:
    order = call.shop.books.order(_order_id(call))
    if order is None and call.shop.books.refund(_order_id(call)):
        raise PhpFatal(_REFUND_OF_A_REFUND)
    if order is None:
        business_error("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
    return order


def _created(call: Call, order: Json, amount: str | None, lines: Json) -> Json:
    reason = call.params.get("reason", "")
    try:
        return refunds.create(
            call.shop.books,
            call.settings,
            call.shop.till(call.faults),
            order,
            amount=amount,
            reason="" if reason == "0" else reason,
            lines=lines,
            refund_payment=call.params.get("api_refund", True),
            restock=call.params.get("api_restock", True),
            user_id=call.user_id,
        )
    except refunds.RefundError as error:
        business_error(CANNOT_REFUND, str(error), 500)


def _refund(call: Call) -> Json:
    row = call.shop.books.refund(int(php.number(call.params["id"])))
    if row is None:
        raise ApiError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")
    if row["parent_id"] != _order_id(call):
        business_error("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)
    return row


def view_refund(call: Call) -> Answer:
    return json_answer(200, _shown(call, _refund(call)))


def delete_refund(call: Call) -> Answer:
    """Takes the row away and nothing else: no money comes back, and the order keeps its status."""
    row = _refund(call)
    if not call.params.get("force", True):
        raise ApiError(501, "woocommerce_rest_trash_not_supported", "The shop_order_refund does not support trashing.")
    call.shop.books.delete_refund(row["id"])
    return json_answer(200, _shown(call, row))


_REFUNDS = r"/wc/(?P<version>v[123])/orders/(?P<order_id>\d+)/refunds"
_CREATE_ARGS: dict[str, args.Check] = {
    "amount": args.string,
    "reason": args.string,
    "refunded_by": args.integer(),
    "meta_data": args.list_of(args.meta_entry),
    "api_refund": args.boolean,
    "api_restock": args.boolean,
}
_ONE = {"dp": args.integer()}
ROUTES = (
    route("refund.list", "GET", _REFUNDS, list_refunds, CANNOT_LIST, PAGE_ARGS),
    route("refund.create", "POST", _REFUNDS, create_refund, CANNOT_CREATE, _CREATE_ARGS),
    route("refund.view", "GET", _REFUNDS + r"/(?P<id>\d+)", view_refund, CANNOT_VIEW, _ONE),
    route("refund.delete", "DELETE", _REFUNDS + r"/(?P<id>\d+)", delete_refund, CANNOT_DELETE,
          {"force": args.boolean}),
    route("refunds.list", "GET", r"/wc/(?P<version>v3)/refunds", list_all_refunds, CANNOT_LIST, PAGE_ARGS),
)  # fmt: skip
