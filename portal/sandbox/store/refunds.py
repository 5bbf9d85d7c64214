"""Making a refund, step by step in WooCommerce's own order: that order is what a client has to survive."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import gateways, orders, php
from .books import Books, Json
from .clock import stamp
from .gateways import GatewayRefused, Till
from .settings import Settings

NO_GATEWAY = "The payment gateway for this order does not exist."
NO_REFUNDS = "The payment gateway for this order does not support automatic refunds."
GATEWAY_SAID_NO = "An error occurred while attempting to create the refund using the payment gateway API."


class RefundError(Exception):
    """`wc_create_refund` gave up. The message is WooCommerce's or the gateway's."""


def create(
    books: Books, settings: Settings, till: Till, order: Json, *, amount: str | None, reason: str, lines: Json,
    refund_payment: bool, restock: bool, user_id: int = 1,
) -> Json:  # fmt: skip
    """Books a refund and, if asked, has the gateway pay it. Raises `RefundError`, and then the row is gone again.

    The steps: the amount is compared with what remains (nothing is locked from here on); the row is saved with its
    reason; the gateway is called; the row learns that money moved; stock goes up; the status may become refunded.
    """
    row, left = _row(books, settings, order, amount, reason, lines, user_id, till)
    books.put_refund(row)
    if refund_payment:
        row = _paid(books, till, order, row)
    if restock:
        _restock(books, order, lines)
    _finish(books, settings, order, left, lines)
    return row


def remaining(books: Books, settings: Settings, order: Json) -> str:
    """The order's total less all its rows, as text in the shop's decimals.

    Order tables add up the rows' totals, posts their amounts: for "10,00", stored as 1000, that is -10 or 1000.
    """
    rows = books.refunds_of(order["id"])
    if settings.order_tables:
        refunded = -sum((php.number(row["total"]) for row in rows), Decimal(0))
    else:
        refunded = sum((php.number(row["amount"]) for row in rows), Decimal(0))
    return php.rounded(str(php.number(order["total"]) - refunded), settings.decimals)


def _row(
    books: Books,
    settings: Settings,
    order: Json,
    amount: str | None,
    reason: str,
    lines: Json,
    user_id: int,
    till: Till,
) -> tuple[Json, Decimal]:
    left = remaining(books, settings, order)
    if amount is not None and (php.greater("0", amount) or php.greater(amount, left)):
        raise RefundError("Invalid refund amount.")
    till.pause(settings.race_window)
    asked = php.number(amount)
    row = orders.new_refund(
        books,
        order,
        amount=php.format_decimal(amount, settings.decimal_separator),
        total=php.rounded(str(-asked), settings.decimals),
        reason=reason,
        refunded_by=user_id,
    )
    return {**row, **refunded_lines(books, settings, order, lines)}, Decimal(left) - asked


def _paid(books: Books, till: Till, order: Json, row: Json) -> Json:
    try:
        _call_gateway(till, order, row)
    except GatewayRefused as refused:
        books.delete_refund(row["id"])
        raise RefundError(str(refused)) from refused
    orders.add_note(books, order["id"], gateways.note_of_payment(row["amount"]))
    paid = {**row, "refunded_payment": True}
    books.put_refund(paid)
    return paid


def _call_gateway(till: Till, order: Json, row: Json) -> None:
    gateway = gateways.GATEWAYS.get(order["payment_method"])
    if gateway is None:
        raise GatewayRefused(NO_GATEWAY)
    if not gateway.supports_refunds:
        raise GatewayRefused(NO_REFUNDS)
    if not till.refund(order, row["amount"], row["reason"]):
        raise GatewayRefused(GATEWAY_SAID_NO)


def _restock(books: Books, order: Json, lines: Json) -> None:
    """Puts the given quantities back, however many were bought, for lines whose stock was reduced."""
    kept = books.orders[order["id"]]["line_items"]
    items = [_restocked(books, order["id"], line, lines.get(str(line["id"]), {})) for line in kept]
    if items != kept:
        books.change_order(order["id"], line_items=items)


def _restocked(books: Books, order_id: int, line: Json, asked: Any) -> Json:
    quantity = php.number(asked.get("qty")) if isinstance(asked, dict) else Decimal(0)
    meta = {entry["key"]: entry["value"] for entry in line["meta_data"]}
    reduced = php.number(meta.get("_reduced_stock", "0"))
    if not quantity or not reduced:
        return line
    before = books.stock.get(line["product_id"], 1000)
    books.set_stock(line["product_id"], before + int(quantity))
    text = f"Item #{line['product_id']} stock increased from {before} to {before + int(quantity)}."
    orders.add_note(books, order_id, text)
    tally = php.number(meta.get("_restock_refunded_items", "0")) + quantity
    return _with_meta(books, line, {"_reduced_stock": str(reduced - quantity), "_restock_refunded_items": str(tally)})


def _with_meta(books: Books, line: Json, changes: dict[str, str]) -> Json:
    known = {entry["key"]: entry for entry in line["meta_data"]}
    for key, value in changes.items():
        meta_id = known[key]["id"] if key in known else books.next_id("meta")
        known[key] = {"id": meta_id, "key": key, "value": value, "display_key": key, "display_value": value}
    return {**line, "meta_data": list(known.values())}


def _finish(books: Books, settings: Settings, order: Json, left: Decimal, lines: Json) -> None:
    """The status becomes refunded where nothing is left, unless a free item is still there to be given back."""
    if left > 0 or (_has_free_item(order) and _items_left(books, order) > 0):
        books.change_order(order["id"], **orders.both_dates("date_modified", stamp(), settings))
    else:
        orders.set_status(books, settings, order["id"], "refunded")


def _has_free_item(order: Json) -> bool:
    return any(php.number(line["total"]) == 0 for line in order["line_items"])


def _items_left(books: Books, order: Json) -> Decimal:
    bought = sum((php.number(line["quantity"]) for line in order["line_items"]), Decimal(0))
    rows = books.refunds_of(order["id"])
    given = sum((php.number(line["quantity"]) for row in rows for line in row["line_items"]), Decimal(0))
    return abs(bought + given)


# --- lines -----------------------------------------------------------------------------------------------------------


def refunded_lines(books: Books, settings: Settings, order: Json, lines: Json) -> Json:
    """The negative copies of the order's lines. Ids that are not the order's are dropped without a word."""
    found: Json = {
        kind: [
            _refunded_line(books, settings, kind, line, lines[str(line["id"])])
            for line in order[kind]
            if _says_something(lines.get(str(line["id"])))
        ]
        for kind in ("line_items", "shipping_lines", "fee_lines")
    }
    found["tax_lines"] = _refunded_tax_lines(books, settings, order, found)
    return found


def _says_something(asked: Any) -> bool:
    return isinstance(asked, dict) and any(
        asked.get(name) not in (None, "", "0", 0, [], {}) for name in ("qty", "refund_total", "refund_tax")
    )


def _refunded_line(books: Books, settings: Settings, kind: str, line: Json, asked: Json) -> Json:
    taxes = [
        {"id": int(rate_id), "total": _negated(tax), "subtotal": "" if kind == "shipping_lines" else _negated(tax)}
        for rate_id, tax in _rates(asked.get("refund_tax")).items()
        if php.number(tax) != 0
    ]
    total, total_tax = _negated(asked.get("refund_total")), orders.taxed(taxes, settings)
    copy: Json = {**line, "id": books.next_id("item"), "total": total, "total_tax": total_tax, "taxes": taxes}
    if kind == "line_items":
        copy |= {"quantity": -int(php.number(asked.get("qty"))), "subtotal": total, "subtotal_tax": total_tax}
    meta: Json = {"id": books.next_id("meta"), "key": "_refunded_item_id", "value": str(line["id"])}
    copy["meta_data"] = [{**meta, "display_key": meta["key"], "display_value": meta["value"]}]
    return copy


def _rates(taxes: Any) -> dict[str, Any]:
    if isinstance(taxes, dict):
        return {rate_id: tax for rate_id, tax in taxes.items() if str(rate_id).isdigit()}
    return {str(position): tax for position, tax in enumerate(taxes or ()) if php.is_numeric(tax)}


def _negated(value: Any) -> str:
    """`wc_format_refund_total`: net amounts come as text or number, and lose digits after the sixth."""
    return php.trimmed(php.rounded(str(-php.number(value)), 6))


def _refunded_tax_lines(books: Books, settings: Settings, order: Json, found: Json) -> list[Json]:
    known = {line["rate_id"]: line for line in order["tax_lines"]}
    sums: dict[int, dict[str, Decimal]] = {}
    for kind in ("line_items", "fee_lines", "shipping_lines"):
        field = "shipping_tax_total" if kind == "shipping_lines" else "tax_total"
        for tax in (tax for line in found[kind] for tax in line["taxes"]):
            part = Decimal(php.rounded(tax["total"], settings.decimals))
            rate = sums.setdefault(tax["id"], {"tax_total": Decimal(0), "shipping_tax_total": Decimal(0)})
            rate[field] += part
    return [
        {
            **known.get(rate_id, orders.tax_line(rate_id, None, None)),
            "id": books.next_id("item"),
            **{field: str(total) for field, total in totals.items()},
            "meta_data": [],
        }
        for rate_id, totals in sums.items()
    ]


# --- the request's lines, as the API takes them -----------------------------------------------------------------------


def keyed_lines(given: Any) -> Json:
    """`line_items` of a request, keyed by line id. One entry without an id, and the whole list means nothing."""
    if isinstance(given, dict):
        return {str(line_id): line for line_id, line in given.items()}
    entries = given if isinstance(given, list) else []
    if not all(isinstance(line, dict) and line.get("id") is not None for line in entries):
        return {str(position): _asked(line) for position, line in enumerate(entries)}
    return {str(line["id"]): _asked(line) for line in entries}


def _asked(line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    asked = {name: value for name, value in line.items() if name not in ("id", "quantity")}
    asked.setdefault("qty", line.get("quantity"))
    taxes = line.get("refund_tax")
    if isinstance(taxes, list) and all(_is_tax(tax) for tax in taxes):
        asked["refund_tax"] = {str(tax["id"]): tax["refund_total"] for tax in taxes}
    return asked


def _is_tax(tax: Any) -> bool:
    return isinstance(tax, dict) and tax.get("id") is not None and tax.get("refund_total") is not None


def amount_of_lines(lines: Json) -> str | None:
    """The sum of all lines and their taxes, as text of a float; None where one of them has no number."""
    total = 0.0
    for line in lines.values():
        if not isinstance(line, dict) or not php.is_numeric(line.get("refund_total")):
            return None
        taxes = line.get("refund_tax") or {}
        parts = [line["refund_total"], *(taxes.values() if isinstance(taxes, dict) else taxes)]
        if not all(php.is_numeric(part) for part in parts):
            return None
        total += sum(float(php.number(part)) for part in parts)
    return php.text(total) if lines else None
