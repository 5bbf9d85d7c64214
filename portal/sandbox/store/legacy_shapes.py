"""Orders, refunds and notes as wc-api/v3 shows them: fewer facts, other names, and never a tax rate on a line."""

from __future__ import annotations

from decimal import Decimal

from . import php
from .books import Json
from .settings import Settings
from .shapes import unit_price

_NEVER = "1970-01-01T00:00:00Z"


def _instant(gmt: str | None) -> str:
    return f"{gmt}Z" if gmt else _NEVER


def order_json(order: Json, decimals: int, base: str) -> Json:
    subtotal = sum((php.number(line["subtotal"]) for line in order["line_items"]), Decimal(0))
    billing, shipping = dict(order["billing"]), dict(order["shipping"])
    shipping.pop("phone", None)
    return {
        "id": order["id"],
        "order_number": order["number"],
        "order_key": order["order_key"],
        "created_at": _instant(order["date_created_gmt"]),
        "updated_at": _instant(order["date_modified_gmt"]),
        "completed_at": _instant(order["date_completed_gmt"]),
        "status": order["status"],
        "currency": order["currency"],
        "total": php.rounded(order["total"], decimals),
        "subtotal": php.rounded(str(subtotal), decimals),
        "total_line_items_quantity": sum(line["quantity"] for line in order["line_items"]),
        "total_tax": php.rounded(order["total_tax"], decimals),
        "total_shipping": php.rounded(order["shipping_total"], decimals),
        "cart_tax": php.rounded(order["cart_tax"], decimals),
        "shipping_tax": php.rounded(order["shipping_tax"], decimals),
        "total_discount": php.rounded(order["discount_total"], decimals),
        "shipping_methods": ", ".join(line["method_title"] for line in order["shipping_lines"]),
        "payment_details": {
            "method_id": order["payment_method"],
            "method_title": order["payment_method_title"],
            "paid": order["date_paid_gmt"] is not None,
        },
        "billing_address": billing,
        "shipping_address": shipping,
        "note": order["customer_note"],
        "customer_ip": order["customer_ip_address"],
        "customer_user_agent": order["customer_user_agent"],
        "customer_id": order["customer_id"],
        "view_order_url": f"{base}/my-account/view-order/{order['id']}/",
        **_lines(order, decimals),
        "customer": {
            "id": order["customer_id"],
            "email": billing["email"],
            "first_name": billing["first_name"],
            "last_name": billing["last_name"],
            "billing_address": billing,
            "shipping_address": shipping,
        },
    }


def _lines(order: Json, decimals: int) -> Json:
    return {
        "line_items": [_product(line, decimals) for line in order["line_items"]],
        "shipping_lines": [
            {
                "id": line["id"],
                "method_id": line["method_id"],
                "method_title": line["method_title"],
                "total": php.rounded(line["total"], decimals),
            }
            for line in order["shipping_lines"]
        ],
        "tax_lines": [_tax(line, decimals) for line in order["tax_lines"]],
        "fee_lines": [
            {
                "id": line["id"],
                "title": line["name"],
                "tax_class": line["tax_class"],
                "total": php.rounded(line["total"], decimals),
                "total_tax": php.rounded(line["total_tax"], decimals),
            }
            for line in order["fee_lines"]
        ],
        "coupon_lines": [
            {"id": line["id"], "code": line["code"], "amount": php.rounded(line["discount"], decimals)}
            for line in order["coupon_lines"]
        ],
    }


def _product(line: Json, decimals: int) -> Json:
    return {
        "id": line["id"],
        "subtotal": php.rounded(line["subtotal"], decimals),
        "subtotal_tax": php.rounded(line["subtotal_tax"], decimals),
        "total": php.rounded(line["total"], decimals),
        "total_tax": php.rounded(line["total_tax"], decimals),
        "price": php.rounded(str(unit_price(line)), decimals),
        "quantity": line["quantity"],
        "tax_class": line["tax_class"],
        "name": line["name"],
        "product_id": line["product_id"],
        "sku": line["sku"],
        "meta": [],
    }


def _tax(line: Json, decimals: int) -> Json:
    return {
        "id": line["id"],
        "rate_id": line["rate_id"],
        "code": line["rate_code"],
        "title": line["label"],
        "total": php.rounded(line["tax_total"], decimals),
        "compound": line["compound"],
    }


def refund_json(row: Json) -> Json:
    """Always two decimals, whatever the shop's are."""
    return {
        "id": row["id"],
        "created_at": _instant(row["date_created_gmt"]),
        "amount": php.rounded(row["amount"], 2),
        "reason": row["reason"],
        "line_items": [{**_product(line, 2), "refunded_item_id": _refunded_item(line)} for line in row["line_items"]],
    }


def _refunded_item(line: Json) -> int:
    found = {meta["key"]: meta["value"] for meta in line["meta_data"]}
    return int(found.get("_refunded_item_id", 0))


def note_json(note: Json) -> Json:
    return {
        "id": str(note["id"]),
        "created_at": _instant(note["date_created_gmt"]),
        "note": note["note"],
        "customer_note": note["customer_note"],
    }


def store_json(settings: Settings, base: str, version: str) -> Json:
    return {
        "name": settings.name,
        "description": "",
        "URL": base,
        "wc_version": version,
        "version": "3.1.0",
        "routes": {},
        "meta": {
            "timezone": settings.timezone,
            "currency": settings.currency,
            "currency_position": "left",
            "thousand_separator": settings.thousand_separator,
            "decimal_separator": settings.decimal_separator,
            "price_num_decimals": settings.decimals,
            "tax_included": False,
            "weight_unit": "kg",
            "dimension_unit": "cm",
            "ssl_enabled": False,
            "permalinks_enabled": True,
            "generate_password": False,
            "links": {"help": "https://woocommerce.github.io/woocommerce-rest-api-docs/"},
        },
    }
