"""What wc-api/v3 writes, read into our values. It tells the tax of a line in one sum, and none of shipping lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from .answers import (
    Answer,
    Document,
    amount,
    amount_or_zero,
    decode,
    decode_after_noise,
    document,
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
    whole,
    whole_or,
)
from .errors import BadAnswer, OrderNotFound, RefundNotFound, StoreError, StoreMisconfigured
from .problems import problem, web_page
from .types import (
    LineKind,
    Order,
    OrderLine,
    OrderNote,
    RefundedLine,
    RefundSummary,
    StoreRefund,
    Tax,
    TaxRate,
)

SHARE = Decimal("0.00000001")
"""Shares of a sum are cut to what the store itself keeps."""
_KNOWN: Final[Mapping[str, type[StoreError]]] = {
    "woocommerce_api_no_order_found": OrderNotFound,
    "woocommerce_api_invalid_order": OrderNotFound,
    "woocommerce_api_invalid_order_id": OrderNotFound,
    "woocommerce_api_invalid_order_refund_id": RefundNotFound,
    "woocommerce_api_authentication_error": StoreMisconfigured,
}


def contents(answer: Answer) -> Document:
    """The data of a call that worked; otherwise the error for what came instead. Errors may come with HTTP 200."""
    code, words = complaint(answer, noise=True)
    if answer.status not in (200, 201) or code:
        raise problem(answer, code, words, _KNOWN)
    if answer.is_html and not answer.body.rstrip().endswith(b"}"):
        raise web_page(answer)
    return document(decode_after_noise(answer.body), "what was asked for")


def complaint(answer: Answer, *, noise: bool = False) -> tuple[str, str]:
    """Code and message of the first error of the list, or two empty texts."""
    try:
        data = document(decode_after_noise(answer.body) if noise else decode(answer.body), "an error")
        first = entries(data, "errors")[0] if "errors" in data else data
        return text_or_empty(first, "code"), text_or_empty(first, "message")
    except (BadAnswer, IndexError):
        return "", ""


def order_from(data: Document, decimals: int, refunds: tuple[StoreRefund, ...]) -> Order:
    billing, payment = part(data, "billing_address"), part(data, "payment_details")
    lines = _lines(data, decimals)
    unique((line.id for line in lines), "order line")
    return Order(
        id=identity(data),
        number=text(data, "order_number"),
        status=text(data, "status"),
        currency=text(data, "currency"),
        decimals=decimals,
        total=tidy(amount(data, "total"), decimals),
        email=text_or_empty(billing, "email"),
        first_name=name(billing, "first_name"),
        last_name=name(billing, "last_name"),
        customer_id=whole_or(data, "customer_id", 0),
        payment_method=text_or_empty(payment, "method_id"),
        payment_method_title=name(payment, "method_title"),
        created_at=_instant(data, "created_at"),
        completed_at=_instant(data, "completed_at"),
        modified_at=_instant(data, "updated_at"),
        lines=lines,
        tax_rates=tuple(_rate_from(rate) for rate in entries(data, "tax_lines")),
        refunds=tuple(RefundSummary(refund.id, refund.amount, refund.reason) for refund in refunds),
    )


def email_in(data: Document) -> Any:
    """The billing e-mail of an order that may be no order at all."""
    billing = data.get("billing_address")
    return billing.get("email") if isinstance(billing, dict) else None


def _lines(data: Document, decimals: int) -> tuple[OrderLine, ...]:
    rate_id = _only_rate(data)
    products = [
        _line(line, LineKind.PRODUCT, rate_id, amount_or_zero(line, "total_tax"), decimals)
        for line in entries(data, "line_items")
    ]
    fees = [
        _line(line, LineKind.FEE, rate_id, amount_or_zero(line, "total_tax"), decimals)
        for line in entries(data, "fee_lines")
    ]
    return (*products, *_shipping_lines(data, rate_id, decimals), *fees)


def _shipping_lines(data: Document, rate_id: int, decimals: int) -> list[OrderLine]:
    lines, tax = entries(data, "shipping_lines"), amount_or_zero(data, "shipping_tax")
    totals = [amount_or_zero(line, "total") for line in lines]
    if len(lines) > 1:
        rate_id = 0  # shared out below, which is a guess: good enough to show, not to book
    return [
        _line(line, LineKind.SHIPPING, rate_id, _share(tax, total, sum(totals, Decimal(0))), decimals)
        for line, total in zip(lines, totals, strict=True)
    ]


def _share(tax: Decimal, total: Decimal, whole_total: Decimal) -> Decimal:
    return tax if total == whole_total else (tax * total / whole_total).quantize(SHARE)


def _only_rate(data: Document) -> int:
    """The id of the only tax rate of the order; 0 where there are several, since no line tells which are its own."""
    rates = entries(data, "tax_lines")
    return whole(rates[0], "rate_id") if len(rates) == 1 else 0


def _line(line: Document, kind: LineKind, rate_id: int, tax: Decimal, decimals: int) -> OrderLine:
    names = {LineKind.PRODUCT: "name", LineKind.SHIPPING: "method_title", LineKind.FEE: "title"}
    return OrderLine(
        id=identity(line),
        kind=kind,
        name=name(line, names[kind]),
        quantity=whole(line, "quantity") if kind is LineKind.PRODUCT else 1,
        total=tidy(amount_or_zero(line, "total"), decimals),
        taxes=(Tax(rate_id, tidy(tax, decimals)),) if tax else (),
        product_id=whole_or(line, "product_id", 0),
        sku=text_or_empty(line, "sku"),
    )


def _rate_from(rate: Document) -> TaxRate:
    return TaxRate(whole(rate, "rate_id"), name(rate, "title"), compound=flag(rate, "compound") or False)


def refund_from(data: Document, order_id: int, decimals: int) -> StoreRefund:
    """A refund. Whether money moved, this API never says."""
    return StoreRefund(
        id=identity(data),
        order_id=order_id,
        amount=tidy(amount(data, "amount"), decimals),
        reason=text_or_empty(data, "reason"),
        refunded_payment=None,
        created_at=_instant(data, "created_at"),
        lines=tuple(
            RefundedLine(
                line_id=whole_or(line, "refunded_item_id", 0),
                quantity=-whole(line, "quantity"),
                total=tidy(-amount_or_zero(line, "total"), decimals),
            )
            for line in entries(data, "line_items")
        ),
    )


def note_from(data: Document) -> OrderNote:
    return OrderNote(
        id=whole(data, "id"),
        text=name(data, "note"),
        created_at=_instant(data, "created_at"),
        to_customer=flag(data, "customer_note") or False,
    )


def _instant(data: Document, field: str) -> datetime | None:
    """An instant; the beginning of 1970 stands for none."""
    at = instant(data, field)
    return at if at is not None and at.timestamp() > 0 else None
