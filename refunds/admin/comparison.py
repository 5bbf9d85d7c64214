"""The order as it was when the customer asked, beside the order as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ..woocommerce.types import Order, OrderLine
from .show import amount


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    then: str
    now: str

    @property
    def changed(self) -> bool:
        return self.then != self.now


def compare(then: Order, now: Order) -> list[Fact]:
    """The facts of the order always; a line only where it is not what it was."""
    facts = [Fact(label, a, b) for (label, a), (_label, b) in zip(_facts(then), _facts(now), strict=True)]
    return facts + [fact for fact in _lines(then, now) if fact.changed]


def _facts(order: Order) -> Iterator[tuple[str, str]]:
    yield _("Status"), order.status
    yield _("Total"), amount(order, order.total)
    yield _("Refunded"), amount(order, order.refunded)
    yield _("Payment"), order.payment_method_title or order.payment_method or _("none")
    yield _("Order number"), order.number
    yield _("E-mail"), order.email
    yield _("Name"), f"{order.first_name} {order.last_name}".strip()


def _lines(then: Order, now: Order) -> Iterator[Fact]:
    for line in then.lines:
        yield Fact(line.name, _text(then, line), _text(now, now.line(line.id)))
    for line in now.lines:
        if then.line(line.id) is None:
            yield Fact(line.name, _text(then, None), _text(now, line))


def _text(order: Order, line: OrderLine | None) -> str:
    if line is None:
        return _("not in the order")
    paid = amount(order, line.total + sum(tax.total for tax in line.taxes))
    text = f"{line.quantity} × {paid}"
    return (
        text
        if not line.refunded_quantity
        else _("%(line)s, %(n)d refunded") % {"line": text, "n": line.refunded_quantity}
    )
