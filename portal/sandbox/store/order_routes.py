"""wc/v3: orders and their notes."""

from __future__ import annotations

import html
from typing import Any

from . import args, gateways, orders, php, refunds, shapes
from .books import Json
from .clock import gmt_time, stamp
from .rest import (
    CANNOT_CREATE,
    CANNOT_DELETE,
    CANNOT_EDIT,
    CANNOT_LIST,
    CANNOT_VIEW,
    EDITABLE,
    Call,
    linked,
    page_of,
    route,
)
from .wire import Answer, ApiError, json_answer

LISTED_STATUSES = (
    "any", "trash", "auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    "checkout-draft",
)  # fmt: skip
HIDDEN_STATUSES = ("trash", "auto-draft", "checkout-draft")
PAGE_ARGS: dict[str, args.Check] = {
    "page": args.integer(1),
    "per_page": args.integer(1, 100),
    "offset": args.integer(),
    "search": args.string,
    "after": args.date_time,
    "before": args.date_time,
    "modified_after": args.date_time,
    "modified_before": args.date_time,
    "dates_are_gmt": args.boolean,
    "include": args.list_of(args.integer()),
    "exclude": args.list_of(args.integer()),
    "order": args.one_of("asc", "desc"),
    "orderby": args.one_of("date", "id", "include", "title", "slug", "modified"),
    "dp": args.integer(),
}
_WRITTEN: dict[str, args.Check] = {
    "status": args.one_of("auto-draft", *orders.STATUSES),
    "customer_note": args.string,
    "transaction_id": args.string,
    "meta_data": args.list_of(args.meta_entry),
}
_GIVEN = (
    "billing", "shipping", "currency", "customer_id", "customer_note", "payment_method", "transaction_id", "status",
    "payment_method_title", "line_items", "shipping_lines", "fee_lines", "coupon_lines", "meta_data",
)  # fmt: skip


def list_orders(call: Call) -> Answer:
    found = [order for order in list(call.shop.books.orders.values()) if _wanted(call, order)]
    found.sort(key=_sort_key(call), reverse=call.params.get("order", "desc") == "desc")
    if call.params.get("orderby") == "include":
        found.sort(key=lambda order: call.params.get("include", []).index(order["id"]))
    return page_of(call, found, lambda order: _shown(call, order), f"{call.api}/orders")


def _shown(call: Call, order: Json) -> Json:
    data = shapes.order_json(call.shop.books, order, call.decimals, call.base)
    return linked(data, shapes.order_links(order, call.api))


def _sort_key(call: Call) -> Any:
    field = {"id": "id", "modified": "date_modified_gmt"}.get(call.params.get("orderby", "date"), "date_created_gmt")
    return lambda order: (order[field], order["id"])


def _wanted(call: Call, order: Json) -> bool:
    """Only the filters WooCommerce knows: any other argument, an e-mail address say, filters nothing."""
    params = call.params
    return (
        _has_status(params.get("status") or ["any"], order["status"])
        and ("customer" not in params or order["customer_id"] == params["customer"])
        and (not params.get("include") or order["id"] in params["include"])
        and order["id"] not in params.get("exclude", ())
        and ("product" not in params or any(line["product_id"] == params["product"] for line in order["line_items"]))
        and (not params.get("search") or _matches(call, order, params["search"]))
        and dated(call, order, "date_created_gmt", "after", "before")
        and dated(call, order, "date_modified_gmt", "modified_after", "modified_before")
    )


def _has_status(wanted: list[str], status: str) -> bool:
    return status in wanted or ("any" in wanted and status not in HIDDEN_STATUSES)


def _matches(call: Call, order: Json, search: str) -> bool:
    """Part of an e-mail address, a name, a phone, a product or a transaction id will do; an id has to be whole."""
    if search.isdigit() and int(search) == order["id"]:
        return True
    if call.settings.number_search and search == order["number"]:
        return True
    return search.lower() in call.shop.books.search_text(order["id"])


def dated(call: Call, row: Json, field: str, after: str, before: str) -> bool:
    """Both ends are excluded. Times without a zone are the site's, unless `dates_are_gmt`."""
    zone = "UTC" if call.params.get("dates_are_gmt") else call.settings.timezone
    moment = row[field]
    return not (
        (after in call.params and moment <= gmt_time(call.params[after], zone))
        or (before in call.params and moment >= gmt_time(call.params[before], zone))
    )


def _order(call: Call) -> Json:
    order = call.shop.books.order(int(php.number(call.params["id"])))
    if order is None:
        raise ApiError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return order


def view_order(call: Call) -> Answer:
    return json_answer(200, _shown(call, _order(call)))


def create_order(call: Call) -> Answer:
    """Enough to make an order to refund: lines with totals, an address, a payment method, `set_paid`."""
    given = {name: call.params[name] for name in _GIVEN if call.params.get(name) is not None}
    for line in given.get("line_items", ()):
        line["name"] = html.escape(str(line.get("name", "T-Shirt")), quote=False)
    paid = args.boolean("set_paid", call.params.get("set_paid"))
    given.setdefault("status", "processing" if paid else "pending")
    order = orders.add(call.shop.books, call.settings, {**given, "created_via": "rest-api"})
    return json_answer(201, _shown(call, order), {"Location": f"{call.api}/orders/{order['id']}"})


def update_order(call: Call) -> Answer:
    """Status, note, transaction id, addresses and meta data. Status "refunded" books the rest without paying it."""
    order, books = _order(call), call.shop.books
    changes: Json = {name: call.params[name] for name in ("customer_note", "transaction_id") if name in call.params}
    for name in ("billing", "shipping"):
        if isinstance(call.params.get(name), dict):
            changes[name] = {**order[name], **call.params[name]}
    if call.params.get("meta_data"):
        changes["meta_data"] = merged_meta(call, order["meta_data"], call.params["meta_data"])
    if changes:
        books.change_order(order["id"], **changes, **orders.both_dates("date_modified", stamp(), call.settings))
    if call.params.get("status"):
        _change_status(call, order, call.params["status"])
    return json_answer(200, _shown(call, _order(call)))


def _change_status(call: Call, order: Json, status: str) -> None:
    books, settings = call.shop.books, call.settings
    left = refunds.remaining(books, settings, order)
    if status == "refunded" and order["status"] != "refunded" and php.number(left) > 0:
        reason = gateways.FULLY_REFUNDED
        books.put_refund(
            orders.new_refund(books, order, amount=left, total=f"-{left}", reason=reason, refunded_by=call.user_id)
        )
    orders.set_status(books, settings, order["id"], status)


def merged_meta(call: Call, known: list[Json], given: list[Json]) -> list[Json]:
    """Entries by key: a null value removes one, numbers become text, objects stay objects."""
    merged = {entry["key"]: entry for entry in known}
    for entry in given:
        key, value = entry.get("key"), entry.get("value")
        if value is None:
            merged.pop(key, None)
        else:
            meta_id = merged[key]["id"] if key in merged else call.shop.books.next_id("meta")
            text = value if isinstance(value, str | dict | list) else php.text(value)
            merged[str(key)] = {"id": meta_id, "key": key, "value": text}
    return list(merged.values())


def delete_order(call: Call) -> Answer:
    order = _order(call)
    if args.boolean("force", call.params.get("force")):
        shown = _shown(call, order)
        call.shop.books.delete_order(order["id"])
        return json_answer(200, shown)
    call.shop.books.change_order(order["id"], status="trash")
    return json_answer(200, _shown(call, _order(call)))


# --- notes ------------------------------------------------------------------------------------------------------------


def _order_of_notes(call: Call) -> Json:
    order = call.shop.books.order(int(php.number(call.params["order_id"])))
    if order is None:
        raise ApiError(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
    return order


def _shown_note(call: Call, note: Json) -> Json:
    return linked(shapes.note_json(note, call.settings), shapes.note_links(note, call.api))


def list_notes(call: Call) -> Answer:
    order = _order_of_notes(call)
    notes = call.shop.books.notes_of(order["id"])
    kind = call.params.get("type", "any")
    wanted = [note for note in notes if kind == "any" or note["customer_note"] == (kind == "customer")]
    wanted.sort(key=lambda note: str(note["date_created_gmt"]), reverse=True)
    return json_answer(200, [_shown_note(call, note) for note in wanted])


def create_note(call: Call) -> Answer:
    order = _order_of_notes(call)
    customer_note = bool(call.params.get("customer_note"))
    note = orders.add_note(call.shop.books, order["id"], call.params.get("note", ""), customer_note=customer_note)
    location = f"{call.api}/orders/{order['id']}/notes/{note['id']}"
    return json_answer(201, _shown_note(call, note), {"Location": location})


def _note(call: Call) -> Json:
    order = _order_of_notes(call)
    note_id = int(php.number(call.params["id"]))
    for note in call.shop.books.notes_of(order["id"]):
        if note["id"] == note_id:
            return note
    raise ApiError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")


def view_note(call: Call) -> Answer:
    return json_answer(200, _shown_note(call, _note(call)))


def delete_note(call: Call) -> Answer:
    note = _note(call)
    if not args.boolean("force", call.params.get("force")):
        message = "Webhooks do not support trashing."
        raise ApiError(501, "woocommerce_rest_trash_not_supported", message)
    call.shop.books.delete_note(note["order_id"], note["id"])
    return json_answer(200, _shown_note(call, note))


_ORDERS = r"/wc/(?P<version>v[123])/orders"
_STATUSES = tuple({"slug": status, "name": orders.status_title(status)} for status in orders.STATUSES)


def list_statuses(call: Call) -> Answer:
    return json_answer(200, [*_STATUSES])


def count_statuses(call: Call) -> Answer:
    found = [order["status"] for order in list(call.shop.books.orders.values())]
    return json_answer(200, [{**status, "total": found.count(status["slug"])} for status in _STATUSES])


_NOTES = _ORDERS + r"/(?P<order_id>\d+)/notes"
_LIST_ARGS: dict[str, args.Check] = {
    **PAGE_ARGS,
    "status": args.list_of(args.one_of(*LISTED_STATUSES)),
    "customer": args.integer(),
    "product": args.integer(),
}
ROUTES = (
    route("order.list", "GET", _ORDERS, list_orders, CANNOT_LIST, _LIST_ARGS),
    route("order.create", "POST", _ORDERS, create_order, CANNOT_CREATE, _WRITTEN),
    route("settings.list", "GET", _ORDERS + "/statuses", list_statuses, CANNOT_LIST),
    route("settings.list", "GET", r"/wc/(?P<version>v3)/reports/orders/totals", count_statuses, CANNOT_LIST),
    route("order.view", "GET", _ORDERS + r"/(?P<id>\d+)", view_order, CANNOT_VIEW, {"dp": args.integer()}),
    route("order.update", EDITABLE, _ORDERS + r"/(?P<id>\d+)", update_order, CANNOT_EDIT, _WRITTEN),
    route("order.delete", "DELETE", _ORDERS + r"/(?P<id>\d+)", delete_order, CANNOT_DELETE),
    route("note.list", "GET", _NOTES, list_notes, CANNOT_LIST, {"type": args.one_of("any", "customer", "internal")}),
    route("note.create", "POST", _NOTES, create_note, CANNOT_CREATE,
          {"note": args.string, "customer_note": args.boolean}),
    route("note.view", "GET", _NOTES + r"/(?P<id>\d+)", view_note, CANNOT_VIEW),
    route("note.delete", "DELETE", _NOTES + r"/(?P<id>\d+)", delete_note, CANNOT_DELETE),
)  # fmt: skip
