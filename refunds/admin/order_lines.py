"""The order line by line: bought, refunded before, asked for, and what goes back of each, tax rate by tax rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.forms import BoundField
from django.utils.translation import gettext as _

from .. import money
from ..models import RefundRequest
from ..money import Breakdown, LineLeft, LineRefund
from ..woocommerce.types import LineKind, Order, TaxRate
from .show import amount


@dataclass(frozen=True, slots=True)
class Row:
    """`field` takes the quantity while a decision is open, `stock` what returns; `given` is what goes back, or went."""

    line_id: int
    name: str
    sku: str
    kind: str
    ordered: int
    refunded: int
    left: int
    left_amount: str
    paid: str
    asked: int
    field: BoundField | None
    stock: BoundField | None
    given: Given | None

    @property
    def is_product(self) -> bool:
        return self.kind == LineKind.PRODUCT

    @property
    def restocked(self) -> int:
        """The pieces that return to stock, of a refund that restocks any."""
        if self.given is None or not self.is_product:
            return 0
        return self.given.quantity if self.given.restock is None else self.given.restock

    @property
    def asks_too_much(self) -> bool:
        return self.asked > self.left


@dataclass(frozen=True, slots=True)
class Given:
    quantity: int
    restock: int | None
    net: str
    taxes: tuple[tuple[str, str], ...]
    amount: str


def rows(
    order: Order,
    asked: Mapping[int, int],
    given: Breakdown | None,
    fields: Mapping[int, BoundField],
    stock: Mapping[int, BoundField],
) -> list[Row]:
    by_line = {line.line_id: line for line in given.lines} if given else {}
    labels = rate_labels(order)
    return [
        _row(
            order,
            held,
            asked,
            by_line.get(held.line.id),
            (fields.get(held.line.id), stock.get(held.line.id)),
            labels,
        )
        for held in money.lines_left(order)
    ]


def asked_of(refund_request: RefundRequest) -> dict[int, int]:
    return {line.order_line_id: line.quantity for line in refund_request.lines.all()}


def _row(
    order: Order,
    held: LineLeft,
    asked: Mapping[int, int],
    given: LineRefund | None,
    fields: tuple[BoundField | None, BoundField | None],
    labels: Mapping[int, str],
) -> Row:
    line = held.line
    return Row(
        line_id=line.id,
        name=line.name,
        sku=line.sku,
        kind=line.kind,
        ordered=line.quantity,
        refunded=line.refunded_quantity,
        left=held.quantity,
        left_amount=amount(order, held.amount),
        paid=amount(order, held.paid),
        asked=asked.get(line.id, 0),
        field=fields[0],
        stock=fields[1],
        given=_given(order, given, labels) if given else None,
    )


def _given(order: Order, line: LineRefund, labels: Mapping[int, str]) -> Given:
    taxes = tuple(
        (labels.get(tax.rate_id, _("Tax %(id)s") % {"id": tax.rate_id}), amount(order, tax.total)) for tax in line.taxes
    )
    return Given(line.quantity, line.restock, amount(order, line.total), taxes, amount(order, line.amount))


def rate_labels(order: Order) -> dict[int, str]:
    """`VAT 19 %` by tax rate. Some shops write the percentage into the name, some do not."""
    return {rate.rate_id: _label(rate) for rate in order.tax_rates}


def _label(rate: TaxRate) -> str:
    if rate.percent is None or "%" in rate.label:
        return rate.label
    figure = format(rate.percent, "f")
    return f"{rate.label} {figure.rstrip('0').rstrip('.') if '.' in figure else figure} %".strip()
