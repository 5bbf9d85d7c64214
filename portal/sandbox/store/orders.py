"""Orders coming into the books: from a file, the catalogue, a test or the API, each completed to a whole order."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from . import gateways, php
from .books import Books, Json
from .clock import gmt_time, site_time, stamp
from .settings import VERSION, Settings

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
_TITLES = {"on-hold": "On hold", "pending": "Pending payment", "checkout-draft": "Draft"}
_UNPAID = ("pending", "on-hold", "cancelled", "failed", "checkout-draft")
_LINE_DEFAULTS: dict[str, Json] = {
    "line_items": {
        "name": "T-Shirt", "product_id": 10, "variation_id": 0, "quantity": 1, "tax_class": "", "sku": "",
        "price": 0, "image": {"id": "", "src": ""}, "parent_name": None,
    },
    "shipping_lines": {
        "method_title": "Flat rate", "method_id": "flat_rate", "instance_id": "", "tax_status": "taxable",
    },
    "fee_lines": {"name": "Fee", "tax_class": "", "tax_status": "taxable", "amount": ""},
}  # fmt: skip
_LINE_FIELDS = {
    "line_items": (
        "id", "name", "product_id", "variation_id", "quantity", "tax_class", "subtotal", "subtotal_tax", "total",
        "total_tax", "taxes", "meta_data", "sku", "price", "image", "parent_name",
    ),
    "shipping_lines": (
        "id", "method_title", "method_id", "instance_id", "total", "total_tax", "taxes", "tax_status", "meta_data",
    ),
    "fee_lines": (
        "id", "name", "tax_class", "tax_status", "amount", "total", "total_tax", "taxes", "meta_data",
    ),
}  # fmt: skip
_ADDRESS = {
    "first_name": "Erika", "last_name": "Muster", "company": "", "address_1": "Lindenweg 4", "address_2": "",
    "city": "Köln", "state": "", "postcode": "50667", "country": "DE", "email": "erika@example.com",
    "phone": "+49 221 5550100",
}  # fmt: skip


def add(books: Books, settings: Settings, given: Json) -> Json:
    """Books an order in the shape of `GET /orders`. What is missing is filled in; `{}` is an order too.

    Its `refunds` are booked as rows with unknown lines, unless they bring lines along. No money moves for them.
    """
    order = completed(books, settings, given)
    books.put_order(order, [_booked_refund(books, settings, order, refund) for refund in given.get("refunds", ())])
    return order


def completed(books: Books, settings: Settings, given: Json) -> Json:
    order_id = int(given.get("id") or books.next_id("post"))
    lines = _lines(books, settings, given)
    order: Json = {
        "id": order_id,
        "parent_id": 0,
        "status": "processing",
        "currency": settings.currency,
        "version": VERSION,
        "prices_include_tax": False,
        "customer_id": 0,
        "order_key": f"wc_order_{secrets.token_urlsafe(9)}",
        "payment_method": "testpay",
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": "checkout",
        "customer_note": "",
        "cart_hash": "",
        "number": str(order_id),
        "needs_processing": True,
        **lines,
        **_sums(settings, given, lines),
        **given,
        "meta_data": [_numbered(books, meta) for meta in given.get("meta_data", ())],
        **_addresses(given),
    }
    order.update(lines)
    order.pop("refunds", None)
    order.pop("_links", None)
    return {**_payment(order), **_dates(settings, order), **order}


def _addresses(given: Json) -> Json:
    billing = {**_ADDRESS, **given.get("billing", {})}
    ship_to = {name: value for name, value in billing.items() if name != "email"}
    return {"billing": billing, "shipping": {**ship_to, "phone": "", **given.get("shipping", {})}}


def _payment(order: Json) -> Json:
    gateway = gateways.GATEWAYS.get(order["payment_method"])
    paid = order["status"] not in _UNPAID and gateway is not None and gateway.supports_refunds
    return {
        "payment_method_title": gateway.title if gateway else order["payment_method"],
        "transaction_id": f"tp_{order['id']}" if paid else "",
    }


def _dates(settings: Settings, order: Json) -> Json:
    """Every date twice, in site time and in UTC; whichever is given decides."""
    created = _utc(settings, order, "date_created") or stamp()
    defaults = {
        "date_created": created,
        "date_modified": created,
        "date_paid": created if order["status"] not in _UNPAID else None,
        "date_completed": created if order["status"] == "completed" else None,
    }
    dates: Json = {}
    for name, default in defaults.items():
        known = name in order or f"{name}_gmt" in order
        dates |= both_dates(name, _utc(settings, order, name) if known else default, settings)
    return dates


def both_dates(name: str, gmt: str | None, settings: Settings) -> Json:
    return {name: gmt and site_time(gmt, settings.timezone), f"{name}_gmt": gmt}


def _utc(settings: Settings, order: Json, name: str) -> str | None:
    if order.get(f"{name}_gmt"):
        return str(order[f"{name}_gmt"])
    return gmt_time(order[name], settings.timezone) if order.get(name) else None


def _lines(books: Books, settings: Settings, given: Json) -> Json:
    items = given.get("line_items")
    if not items:
        items = [{"total": given.get("total", "50.00"), "sku": "RS-TEE"}]
    lines: Json = {"line_items": [_line(books, settings, "line_items", line) for line in items]}
    for kind in ("shipping_lines", "fee_lines"):
        lines[kind] = [_line(books, settings, kind, line) for line in given.get(kind, ())]
    lines["coupon_lines"] = [_identified(books, line) for line in given.get("coupon_lines", ())]
    taxes = given["tax_lines"] if "tax_lines" in given else _tax_lines(settings, lines)
    lines["tax_lines"] = [_identified(books, line) for line in taxes]
    return lines


def _line(books: Books, settings: Settings, kind: str, given: Json) -> Json:
    total = php.text(given.get("total", "0"))
    taxes = [
        {"id": tax["id"], "total": tax["total"], "subtotal": tax["total"], **tax} for tax in given.get("taxes", ())
    ]
    line: Json = {**_LINE_DEFAULTS[kind], "total": total, "total_tax": taxed(taxes, settings), **given, "taxes": taxes}
    if kind == "line_items":
        line = {"subtotal": total, "subtotal_tax": line["total_tax"], **line}
        if "meta_data" not in given:
            line["meta_data"] = [{"key": "_reduced_stock", "value": str(line["quantity"])}]
    line = _identified(books, line)
    return {**{name: line[name] for name in _LINE_FIELDS[kind]}, **line}


def _identified(books: Books, line: Json) -> Json:
    meta_data = [_displayed(books, meta) for meta in line.get("meta_data", ())]
    return {"id": line.get("id") or books.next_id("item"), **_without(line, "id"), "meta_data": meta_data}


def _numbered(books: Books, meta: Json) -> Json:
    return {"id": meta.get("id") or books.next_id("meta"), **_without(meta, "id")}


def _displayed(books: Books, meta: Json) -> Json:
    """Meta data of a line also say how they are shown to people."""
    return {
        **_numbered(books, meta),
        "display_key": meta["key"],
        "display_value": meta["value"],
        **_without(meta, "id"),
    }


def _without(values: Json, name: str) -> Json:
    return {key: value for key, value in values.items() if key != name}


def taxed(taxes: Iterable[Json], settings: Settings) -> str:
    """The tax of one line: every rate rounded by itself, then added."""
    return str(sum((Decimal(php.rounded(tax["total"], settings.decimals)) for tax in taxes), Decimal(0)))


def _tax_lines(settings: Settings, lines: Json) -> list[Json]:
    cart: dict[int, Decimal] = {}
    shipping: dict[int, Decimal] = {}
    for kind, sums in (("line_items", cart), ("fee_lines", cart), ("shipping_lines", shipping)):
        for line in lines[kind]:
            for tax in line["taxes"]:
                part = Decimal(php.rounded(tax["total"], settings.decimals))
                sums[tax["id"]] = sums.get(tax["id"], Decimal(0)) + part
    return [tax_line(rate_id, cart.get(rate_id), shipping.get(rate_id)) for rate_id in sorted({*cart, *shipping})]


def tax_line(rate_id: int, tax_total: Decimal | None, shipping_tax_total: Decimal | None) -> Json:
    return {
        "rate_code": f"TAX-{rate_id}",
        "rate_id": rate_id,
        "label": "Tax",
        "compound": False,
        "tax_total": str(tax_total or 0),
        "shipping_tax_total": str(shipping_tax_total or 0),
        "rate_percent": None,
        "meta_data": [],
    }


def _sums(settings: Settings, given: Json, lines: Json) -> Json:
    def add_up(field: str, *kinds: str) -> Decimal:
        return sum((php.number(line[field]) for kind in kinds for line in lines[kind]), Decimal(0))

    shipping, shipping_tax = add_up("total", "shipping_lines"), add_up("total_tax", "shipping_lines")
    cart_tax = add_up("total_tax", "line_items", "fee_lines")
    net = add_up("total", "line_items", "fee_lines")
    discount = add_up("subtotal", "line_items") - add_up("total", "line_items")
    discount_tax = add_up("subtotal_tax", "line_items") - add_up("total_tax", "line_items")
    return {
        "discount_total": str(discount),
        "discount_tax": str(discount_tax),
        "shipping_total": str(shipping),
        "shipping_tax": str(shipping_tax),
        "cart_tax": str(cart_tax),
        "total": php.rounded(str(net + shipping + cart_tax + shipping_tax), settings.decimals),
        "total_tax": str(cart_tax + shipping_tax),
    }


def _booked_refund(books: Books, settings: Settings, order: Json, given: Json) -> Json:
    amount = str(given["total"]).removeprefix("-")
    gateway = gateways.GATEWAYS.get(order["payment_method"])
    by_gateway = gateway is not None and gateway.supports_refunds and given.get("reason") != gateways.FULLY_REFUNDED
    row = new_refund(books, order, amount=amount, total="-" + amount, reason=given.get("reason") or "")
    return {
        **row,
        "id": given.get("id") or row["id"],
        "date_created_gmt": given.get("date_created_gmt") or order["date_modified_gmt"] or stamp(),
        "refunded_payment": given.get("refunded_payment", by_gateway),
        "meta_data": given.get("meta_data", []),
        **{kind: given.get(kind, []) for kind in ("line_items", "shipping_lines", "fee_lines", "tax_lines")},
    }


def new_refund(books: Books, order: Json, *, amount: str, total: str, reason: str, refunded_by: int = 1) -> Json:
    """A row as it is first saved: the reason is in it, what the gateway says and the meta data are not."""
    return {
        "id": books.next_id("post"),
        "parent_id": order["id"],
        "date_created_gmt": stamp(),
        "amount": amount,
        "total": total,
        "reason": reason,
        "refunded_by": refunded_by,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
    }


def status_title(status: str) -> str:
    return _TITLES.get(status, status.capitalize())


def add_note(books: Books, order_id: int, text: str, *, customer_note: bool = False) -> Json:
    note: Json = {
        "id": books.next_id("note"),
        "order_id": order_id,
        "author": "WooCommerce",
        "date_created_gmt": stamp(),
        "note": text,
        "customer_note": customer_note,
    }
    books.add_note(note)
    return note


def set_status(books: Books, settings: Settings, order_id: int, status: str) -> None:
    """Changes the status and says so in a note. Nothing happens where it is the same already."""
    order = books.orders[order_id]
    before = order["status"]
    if before == status:
        return
    now = stamp()
    changes: dict[str, Any] = {"status": status, **both_dates("date_modified", now, settings)}
    if status in ("processing", "completed") and not order["date_paid_gmt"]:
        changes |= both_dates("date_paid", now, settings)
    if status == "completed":
        changes |= both_dates("date_completed", now, settings)
    books.change_order(order_id, **changes)
    add_note(books, order_id, f"Order status changed from {status_title(before)} to {status_title(status)}.")
