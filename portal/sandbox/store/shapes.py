"""Orders, refunds and notes as wc/v3 shows them."""

from __future__ import annotations

from typing import Any

from . import php
from .books import Books, Json
from .clock import site_time
from .settings import Settings

_ORDER_MONEY = (
    "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax"
)  # fmt: skip
_LINE_MONEY = ("subtotal", "subtotal_tax", "total", "total_tax", "tax_total", "shipping_tax_total")
_LINES = ("line_items", "tax_lines", "shipping_lines", "fee_lines", "coupon_lines")
_ORDER_FIELDS = (
    "id", "parent_id", "status", "currency", "version", "prices_include_tax", "date_created", "date_modified",
    *_ORDER_MONEY, "customer_id", "order_key", "billing", "shipping", "payment_method", "payment_method_title",
    "transaction_id", "customer_ip_address", "customer_user_agent", "created_via", "customer_note", "date_completed",
    "date_paid", "cart_hash", "number", "meta_data", *_LINES, "refunds", "payment_url", "is_editable", "needs_payment",
    "needs_processing", "date_created_gmt", "date_modified_gmt", "date_completed_gmt", "date_paid_gmt",
    "currency_symbol",
)  # fmt: skip
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "KWD": "د.ك", "CHF": "CHF", "SEK": "kr", "PLN": "zł"}


def order_json(books: Books, order: Json, decimals: int, base: str) -> Json:
    """An order with its money in `decimals` places. Taxes of a line are never rounded, whatever `decimals` is."""
    shown = {**order, **_derived(order, base)}
    shown.update((name, php.rounded(order[name], decimals)) for name in _ORDER_MONEY)
    shown.update((lines, [_line(line, decimals) for line in order[lines]]) for lines in _LINES)
    shown["refunds"] = [_refund_summary(row, decimals) for row in listed(books.refunds_of(order["id"]))]
    return {name: shown[name] for name in _ORDER_FIELDS}


def listed(rows: list[Json]) -> list[Json]:
    """Refunds as an order lists them: newest second first, but within a second in the order they were made."""
    return sorted(sorted(rows, key=_id), key=lambda row: str(row["date_created_gmt"]), reverse=True)


def _id(row: Json) -> int:
    return int(row["id"])


def _derived(order: Json, base: str) -> Json:
    status = order["status"]
    return {
        "payment_url": f"{base}/checkout/order-pay/{order['id']}/?pay_for_order=true&key={order['order_key']}",
        "is_editable": status in ("pending", "on-hold", "auto-draft"),
        "needs_payment": status in ("pending", "failed") and php.number(order["total"]) > 0,
        "currency_symbol": _SYMBOLS.get(order["currency"], order["currency"]),
    }


def _refund_summary(row: Json, decimals: int) -> Json:
    return {"id": row["id"], "reason": row["reason"], "total": "-" + php.rounded(row["amount"], decimals)}


def _line(line: Json, decimals: int) -> Json:
    shown = dict(line)
    for name in _LINE_MONEY:
        if name in line:
            shown[name] = php.rounded(line[name], decimals)
    if "price" in line:
        shown["price"] = unit_price(line)
    return shown


def unit_price(line: Json) -> int | float:
    quantity = php.number(line["quantity"])
    return php.json_number(php.number(line["total"]) / quantity) if quantity else 0


def order_links(order: Json, api: str) -> Json:
    here = f"{api}/orders/{order['id']}"
    links: Json = {
        "self": [_link(here, "GET", "POST", "PUT", "PATCH", "DELETE")],
        "collection": [{"href": f"{api}/orders"}],
        "email_templates": [{"embeddable": True, "href": f"{here}/actions/email_templates"}],
    }
    if order["customer_id"]:
        links["customer"] = [{"href": f"{api}/customers/{order['customer_id']}"}]
    return links


def refund_json(row: Json, decimals: int, settings: Settings) -> Json:
    return {
        "id": row["id"],
        "date_created": site_time(row["date_created_gmt"], settings.timezone),
        "date_created_gmt": row["date_created_gmt"],
        "amount": php.rounded(row["amount"], decimals),
        "reason": row["reason"],
        "refunded_by": row["refunded_by"],
        "refunded_payment": row["refunded_payment"],
        "meta_data": row["meta_data"],
        "line_items": [_line(line, decimals) for line in row["line_items"]],
        "shipping_lines": [_line(line, decimals) for line in row["shipping_lines"]],
        "tax_lines": [_line(line, decimals) for line in row["tax_lines"]],
        "fee_lines": [_line(line, decimals) for line in row["fee_lines"]],
    }


def refund_links(row: Json, api: str) -> Json:
    order = f"{api}/orders/{row['parent_id']}"
    return {
        "self": [_link(f"{order}/refunds/{row['id']}", "GET", "DELETE")],
        "collection": [{"href": f"{order}/refunds"}],
        "up": [{"href": order}],
    }


def note_json(note: Json, settings: Settings) -> Json:
    return {
        "id": note["id"],
        "author": note["author"],
        "date_created": site_time(note["date_created_gmt"], settings.timezone),
        "date_created_gmt": note["date_created_gmt"],
        "note": note["note"],
        "customer_note": note["customer_note"],
    }


def note_links(note: Json, api: str) -> Json:
    order = f"{api}/orders/{note['order_id']}"
    return {
        "self": [_link(f"{order}/notes/{note['id']}", "GET", "DELETE")],
        "collection": [{"href": f"{order}/notes"}],
        "up": [{"href": order}],
    }


def _link(href: str, *allow: str) -> Json:
    return {"href": href, "targetHints": {"allow": list(allow)}}


def trimmed_to(fields: str, data: Any, *, keep_links: bool) -> Any:
    """`?_fields=`: only the named fields, in the order they have anyway. A single object keeps its links."""
    wanted = [name.strip().split(".") for name in fields.replace(" ", ",").split(",") if name.strip()]
    if isinstance(data, list):
        return [_picked(item, wanted) for item in data]
    picked = _picked(data, wanted)
    return {**picked, "_links": data["_links"]} if keep_links and "_links" in data else picked


def _picked(data: Json, wanted: list[list[str]]) -> Json:
    picked: Json = {}
    for name, value in data.items():
        below = [rest for first, *rest in wanted if first == name]
        if not below:
            continue
        picked[name] = value if [] in below or not isinstance(value, dict) else _picked(value, below)
    return picked
