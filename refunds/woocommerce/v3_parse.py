"""What wc/v3 writes, read into our values. Malformed shapes raise `BadAnswer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .answers import (
    Answer,
    Document,
    amount,
    amount_or_zero,
    decode,
    decode_after_noise,
    documents,
    entries,
    flag,
    identity,
    instant,
    name,
    part,
    text,
    text_or_empty,
    tidy,
    unique,
    web_address,
    whole,
    whole_or,
)
from .errors import BadAnswer, OrderNotFound, RefundNotFound, StoreError
from .problems import problem, web_page
from .types import (
    Gateway,
    LineKind,
    Order,
    OrderLine,
    OrderNote,
    RefundedLine,
    RefundSummary,
    StoreIndex,
    StoreRefund,
    StoreSettings,
    Tax,
    TaxRate,
)

_LINES: Final = (("line_items", LineKind.PRODUCT), ("shipping_lines", LineKind.SHIPPING), ("fee_lines", LineKind.FEE))
_KNOWN: Final[Mapping[str, type[StoreError]]] = {
    "woocommerce_rest_shop_order_invalid_id": OrderNotFound,
    "woocommerce_rest_invalid_order_id": OrderNotFound,
    "woocommerce_rest_order_invalid_id": OrderNotFound,
    "woocommerce_rest_shop_order_refund_invalid_id": RefundNotFound,
    "woocommerce_rest_invalid_order_refund_id": RefundNotFound,
}


def contents(answer: Answer) -> Any:
    """The data of a read that worked; otherwise the error for what came instead."""
    if answer.status in (200, 201):
        if answer.is_html and not answer.body.rstrip().endswith((b"}", b"]")):
            raise web_page(answer)
        return decode_after_noise(answer.body)
    code, words = complaint(answer, noise=True)
    raise problem(answer, code, words, _KNOWN)


def complaint(answer: Answer, *, noise: bool = False) -> tuple[str, str]:
    """`code` and `message` of an error as WordPress writes it, or two empty texts."""
    try:
        data = decode_after_noise(answer.body) if noise else decode(answer.body)
        return text_or_empty(data, "code"), text_or_empty(data, "message")
    except (BadAnswer, AttributeError):
        return "", ""


def order_from(data: Document, decimals: int) -> Order:
    billing = part(data, "billing")
    lines = tuple(line_from(line, kind, decimals) for field, kind in _LINES for line in entries(data, field))
    unique((line.id for line in lines), "order line")
    refunds = tuple(summary_from(entry, decimals) for entry in entries(data, "refunds"))
    unique((refund.id for refund in refunds), "refund")
    return Order(
        id=identity(data),
        number=text(data, "number"),
        status=text(data, "status"),
        currency=text(data, "currency"),
        decimals=decimals,
        total=tidy(amount(data, "total"), decimals),
        email=text_or_empty(billing, "email"),
        first_name=name(billing, "first_name"),
        last_name=name(billing, "last_name"),
        customer_id=whole_or(data, "customer_id", 0),
        prices_include_tax=flag(data, "prices_include_tax") or False,
        payment_method=text_or_empty(data, "payment_method"),
        payment_method_title=name(data, "payment_method_title"),
        transaction_id=text_or_empty(data, "transaction_id"),
        created_at=instant(data, "date_created_gmt"),
        paid_at=instant(data, "date_paid_gmt"),
        completed_at=instant(data, "date_completed_gmt"),
        modified_at=instant(data, "date_modified_gmt"),
        lines=lines,
        tax_rates=tuple(rate_from(rate) for rate in entries(data, "tax_lines")),
        refunds=refunds,
    )


def email_in(data: Document) -> Any:
    """The billing e-mail of an order that may be no order at all."""
    billing = data.get("billing")
    return billing.get("email") if isinstance(billing, dict) else None


def line_from(line: Document, kind: LineKind, decimals: int) -> OrderLine:
    image = line.get("image")
    return OrderLine(
        id=identity(line),
        kind=kind,
        name=name(line, "method_title" if kind is LineKind.SHIPPING else "name"),
        quantity=whole(line, "quantity") if kind is LineKind.PRODUCT else 1,
        total=tidy(amount_or_zero(line, "total"), decimals),
        taxes=taxes_from(line, decimals),
        product_id=whole_or(line, "product_id", 0),
        variation_id=whole_or(line, "variation_id", 0),
        sku=text_or_empty(line, "sku"),
        image_url=web_address(image.get("src")) if isinstance(image, dict) else "",
    )


def taxes_from(line: Document, decimals: int, sign: int = 1) -> tuple[Tax, ...]:
    """Tax per rate, unrounded. A rate that does not tax this line has an empty total and is left out."""
    taxes = tuple(
        Tax(whole(tax, "id"), tidy(sign * amount(tax, "total"), decimals))
        for tax in entries(line, "taxes")
        if tax.get("total") not in (None, "")
    )
    unique([tax.rate_id for tax in taxes], "tax rate")
    return taxes


def rate_from(rate: Document) -> TaxRate:
    return TaxRate(
        rate_id=whole(rate, "rate_id"),
        label=name(rate, "label"),
        percent=amount(rate, "rate_percent") if rate.get("rate_percent") not in (None, "") else None,
        compound=flag(rate, "compound") or False,
    )


def summary_from(entry: Document, decimals: int) -> RefundSummary:
    return RefundSummary(identity(entry), tidy(-amount(entry, "total"), decimals), text_or_empty(entry, "reason"))


def refund_from(data: Document, order_id: int, decimals: int) -> StoreRefund:
    return StoreRefund(
        id=identity(data),
        order_id=order_id,
        amount=tidy(amount(data, "amount"), decimals),
        reason=text_or_empty(data, "reason"),
        refunded_payment=flag(data, "refunded_payment"),
        created_at=instant(data, "date_created_gmt"),
        lines=tuple(
            refunded_line_from(line, kind, decimals)
            for field, kind in _LINES
            if field in data
            for line in entries(data, field)
        ),
        meta=_meta(data),
    )


def refunded_line_from(line: Document, kind: LineKind, decimals: int) -> RefundedLine:
    """A refund's line, which the store keeps in negative figures. Shipping and fees have no quantity: 0."""
    given_back = dict(_meta(line)).get("_refunded_item_id", "")
    return RefundedLine(
        line_id=int(given_back) if given_back.isascii() and given_back.isdigit() else 0,
        quantity=-whole(line, "quantity") if kind is LineKind.PRODUCT else 0,
        total=tidy(-amount_or_zero(line, "total"), decimals),
        taxes=taxes_from(line, decimals, sign=-1),
    )


def _meta(data: Document) -> tuple[tuple[str, str], ...]:
    """Meta data whose value is text or a number; plugins keep whole objects there too."""
    return tuple(
        (text(entry, "key"), text(entry, "value"))
        for entry in (entries(data, "meta_data") if "meta_data" in data else ())
        if isinstance(entry.get("value"), (str, int)) and not isinstance(entry["value"], bool)
    )


def note_from(data: Document) -> OrderNote:
    return OrderNote(
        id=identity(data),
        text=name(data, "note"),
        created_at=instant(data, "date_created_gmt"),
        to_customer=flag(data, "customer_note") or False,
    )


def gateway_from(data: Document) -> Gateway:
    supports = data.get("method_supports")
    return Gateway(
        id=text(data, "id"),
        title=name(data, "title") or name(data, "method_title"),
        enabled=flag(data, "enabled") or False,
        supports_refunds=isinstance(supports, list) and "refunds" in supports,
    )


def index_from(data: Document) -> StoreIndex:
    namespaces = data.get("namespaces")
    known = tuple(entry for entry in namespaces if isinstance(entry, str)) if isinstance(namespaces, list) else ()
    return StoreIndex(name(data, "name"), web_address(data.get("home")), web_address(data.get("url")), known)


def settings_from(*, general: Any, status: Any, decimals: int, index: StoreIndex) -> StoreSettings:
    values = {
        text(entry, "id"): entry.get("value")
        for entry in (documents(general, "settings") if general is not None else ())
    }
    environment = _section(status, "environment")
    facts = _section(status, "settings")
    currency = values.get("woocommerce_currency") or facts.get("currency")
    return StoreSettings(
        decimals=decimals,
        currency=currency if isinstance(currency, str) else "",
        home_url=index.home_url or web_address(environment.get("home_url")),
        woocommerce_version=text_or_empty(environment, "version"),
        order_tables=tables_in(status),
        extra={"wordpress_version": text_or_empty(environment, "wp_version"), "name": index.name},
    )


def tables_in(status: Any) -> bool | None:
    tables = _section(status, "settings").get("HPOS_enabled")
    return tables if isinstance(tables, bool) else None


def _section(status: Any, field: str) -> Document:
    section = status.get(field) if isinstance(status, dict) else None
    return section if isinstance(section, dict) else {}
