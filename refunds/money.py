"""What a refund is worth, line by line and tax rate by tax rate. Pure.

The arithmetic is done in whole units of the store's smallest amount (cents, yen, fils) and in exact fractions of them;
`Decimal` stands only at the doors. So nothing is rounded except where a function says so, and the decimal context of
the caller plays no part.

**What was paid for a line** is its net total plus its taxes, as the store keeps them (not rounded), rounded half up:
9.99 at 20 % is kept as 8.325 + 1.665, and was paid with 9.99, not with 8.33 + 1.67 = 10.00. Where the rounded lines
miss the order's total by no more than rounding explains (one unit for each net total and each tax of the order), the
total is right and the difference is spread over the lines. A greater one is no rounding (a gift card, a total typed by
hand) and changes no line: see the clamp.

**A line below zero** is a discount. It is taken off the other lines like a coupon, net from net and each tax rate from
the same rate, in proportion; it cannot be refunded itself. What was bought at 10 % off by fee is worth 90 %.

**A quantity** is worth its share of the line. Shares are cut from the whole, so that thirds of 10.00 are 3.33, 3.34 and
3.33. The last piece takes what rounding left over, here or elsewhere: up to one unit for each piece ordered. It does
not take money that was held back from earlier pieces on purpose; `everything` and `free` do.

**The clamp.** A refund is never more than the order still holds: its total less all its refunds, rounded down. What was
cut is shown in `clamped`.

**Spreading** is always by the largest remainder; of equal remainders the earlier is served first. The parts are whole
units, sum to the whole, and each is less than one unit from its exact share. So a part is never below 0 and never more
than that part has left. `everything` has the only exception, and says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from refunds.woocommerce.types import InstructionLine, LineKind, Order, OrderLine, Tax

from .amounts import AmountError, canonical, exact_units, half_up, money_of, positive_units, sum_of, units_of


@dataclass(frozen=True, slots=True)
class LineLeft:
    """What one order line still holds, in the store's decimals.

    `quantity` is ordered less refunded. Shipping and fee lines have no quantity in the store: it is 1 while they hold
    money, else 0. `amount` is `total` plus `taxes`; `paid` is what the whole line was paid with.
    """

    line: OrderLine
    quantity: int
    total: Decimal
    taxes: tuple[Tax, ...]
    amount: Decimal
    paid: Decimal
    refundable: bool


@dataclass(frozen=True, slots=True)
class LineRefund:
    """What is given back of one line: net `total` and tax per rate, in the store's decimals.

    `restock` is set where fewer pieces return to stock than are paid for; see `restock` below.
    """

    line_id: int
    kind: LineKind
    name: str
    quantity: int
    total: Decimal
    taxes: tuple[Tax, ...]
    restock: int | None = None

    @property
    def amount(self) -> Decimal:
        return sum_of((self.total, *(tax.total for tax in self.taxes)))

    @property
    def sent_quantity(self) -> int:
        """The pieces that the store is told of: those it restocks, if it restocks any."""
        return self.quantity if self.restock is None else self.restock

    def as_json(self, decimals: int) -> dict[str, Any]:
        taxes = [{"rate_id": tax.rate_id, "total": canonical(tax.total, decimals)} for tax in self.taxes]
        line = {"line_id": self.line_id, "kind": self.kind.value, "name": self.name, "quantity": self.quantity}
        restock = {} if self.restock is None else {"restock": self.restock}
        return line | restock | {"total": canonical(self.total, decimals), "taxes": taxes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LineRefund:
        taxes = tuple(Tax(tax["rate_id"], Decimal(tax["total"])) for tax in data["taxes"])
        kind, total = LineKind(data["kind"]), Decimal(data["total"])
        return cls(data["line_id"], kind, data["name"], data["quantity"], total, taxes, data.get("restock"))


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One refund in full. Raises ValueError if it has lines and they do not sum to `amount`.

    Without lines it gives back money of the order as a whole. `clamped` is how much was cut because the order does not
    hold more.
    """

    lines: tuple[LineRefund, ...]
    amount: Decimal
    clamped: Decimal
    decimals: int
    currency: str

    def __post_init__(self) -> None:
        if self.lines and sum_of(line.amount for line in self.lines) != self.amount:
            raise ValueError("The lines of this refund do not sum to its amount.")

    def instruction_lines(self) -> tuple[InstructionLine, ...]:
        return tuple(InstructionLine(line.line_id, line.sent_quantity, line.total, line.taxes) for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column. Amounts are strings."""
        amount, clamped = canonical(self.amount, self.decimals), canonical(self.clamped, self.decimals)
        lines = [line.as_json(self.decimals) for line in self.lines]
        store = {"decimals": self.decimals, "currency": self.currency}
        return {"amount": amount, "clamped": clamped, **store, "lines": lines}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Breakdown:
        """The breakdown that `as_json` wrote, equal in every field."""
        lines = tuple(LineRefund.from_json(line) for line in data["lines"])
        amount, clamped = Decimal(data["amount"]), Decimal(data["clamped"])
        return cls(lines, amount, clamped, data["decimals"], data["currency"])


# What an order holds


def lines_left(order: Order) -> tuple[LineLeft, ...]:
    """What each line of the order still holds, in the order's own sequence.

    Refunds booked without lines are not in it: together the lines may have more left than the order.
    """
    return tuple(_left(line, paid, order.decimals) for line, paid in zip(order.lines, _paid(order), strict=True))


def still_carries(order: Order, breakdown: Breakdown) -> str | None:
    """None if the order, as it is now, still holds this refund; else a code that says what no longer fits.

    `other_currency`, `other_decimals`, `too_much` (for the order), `not_positive`, `unknown_line` (also a tax rate the
    line does not have, or a line named twice), `too_many` (pieces of a line),
    `not_left` (money of a line, beyond the units that `everything` may add to it).
    """
    if breakdown.currency != order.currency:
        return "other_currency"
    if breakdown.decimals != order.decimals:
        return "other_decimals"
    if units_of(breakdown.amount, order.decimals) > _remaining(order):
        return "too_much"
    if breakdown.amount <= 0:
        return "not_positive"
    left = {held.line.id: held for held in lines_left(order)}
    for line in breakdown.lines:
        held = left.pop(line.line_id, None)
        rates = {tax.rate_id for tax in held.line.taxes} if held else set()
        if held is None or not {tax.rate_id for tax in line.taxes} <= rates:
            return "unknown_line"
        if not 0 <= line.quantity <= (held.quantity if held.line.kind is LineKind.PRODUCT else 1):
            return "too_many"
        if line.restock is not None and not 0 <= line.restock <= line.quantity:
            return "too_many"
        if units_of(line.amount, order.decimals) > units_of(held.amount, order.decimals) + _rounding(order):
            return "not_left"
    return None


# What goes back


def price(order: Order, chosen: Mapping[int, int]) -> Breakdown:
    """What the chosen quantities (line id -> quantity) are worth, clamped to what the order holds.

    For shipping and fee lines 1 means all that is left of them; 0 chooses nothing. Free lines may be among the chosen,
    but the sum must be more than 0.
    Raises AmountError: nothing_chosen, unknown_line, too_many, not_left, not_positive.
    """
    left = lines_left(order)
    if chosen.keys() - {held.line.id for held in left}:
        raise AmountError("unknown_line")
    if not any(chosen.values()):
        raise AmountError("nothing_chosen")
    wanted = ((held, chosen.get(held.line.id, 0)) for held in left)
    return _clamped(order, [_chosen(held, quantity, order.decimals) for held, quantity in wanted if quantity])


def everything(order: Order) -> Breakdown:
    """All that is left. Afterwards the order holds nothing, or a fraction of a unit if others refunded fractions.

    Refunds made elsewhere may have taken more from the lines than from the money. If rounding explains what is missing,
    the lines give it: only here may a line give more than it has left, by at most one unit for each net total and each
    tax of the order. If more is missing, no line can answer for it, and the refund has no lines.
    Raises AmountError: not_left.
    """
    if not (remaining := _remaining(order)):
        raise AmountError("not_left")
    lines = [_all_of(held, held.quantity) for held in lines_left(order) if held.refundable]
    in_lines = units_of(sum_of(line.amount for line in lines), order.decimals)
    if in_lines >= remaining:
        return _clamped(order, lines)
    if in_lines and remaining - in_lines <= _rounding(order):
        return _breakdown(order, _scaled(lines, remaining, order.decimals), remaining)
    return _breakdown(order, [], remaining)


def lower(breakdown: Breakdown, amount: Decimal) -> Breakdown:
    """The same refund for less money, spread over its lines and rates; the quantities stay.

    Raises AmountError: not_a_number, too_precise, not_positive, too_much.
    """
    decimals = breakdown.decimals
    units, whole = positive_units(amount, decimals), units_of(breakdown.amount, decimals)
    if units > whole:
        raise AmountError("too_much")
    if units == whole:
        return breakdown
    lines = tuple(_scaled(breakdown.lines, units, decimals))
    return replace(breakdown, lines=lines, amount=money_of(units, decimals), clamped=money_of(0, decimals))


def free(order: Order, amount: Decimal, *, spread: bool) -> Breakdown:
    """Goodwill: money that returns no goods, spread over what the lines still hold, or without lines.

    Raises AmountError: not_a_number, too_precise, not_positive, too_much (for the order), not_left (in the lines,
    though the order has it).
    """
    units = positive_units(amount, order.decimals)
    if units > _remaining(order):
        raise AmountError("too_much")
    if not spread:
        return _breakdown(order, [], units)
    lines = [_all_of(held, 0) for held in lines_left(order)]
    if units > units_of(sum_of(line.amount for line in lines), order.decimals):
        raise AmountError("not_left")
    return _breakdown(order, _scaled(lines, units, order.decimals), units)


def without_lines(breakdown: Breakdown) -> Breakdown:
    """The same money as a sum of the order as a whole: of its lines the store's books then know nothing."""
    return replace(breakdown, lines=(), clamped=money_of(0, breakdown.decimals))


def restock(breakdown: Breakdown, back: Mapping[int, int]) -> tuple[Breakdown, bool]:
    """The same money, with the pieces (line id -> quantity) that return to stock, and the store's `api_restock`.

    The store has one switch for the whole refund and then restocks the quantity of every line. So where only some
    pieces return, it is told of no others; where none does, of all of them and with the switch off.
    Raises AmountError: too_many_back.
    """
    goods = {line.line_id: line.quantity for line in breakdown.lines if line.kind is LineKind.PRODUCT}
    stocked = {line_id: back.get(line_id, 0) for line_id in goods}
    if any(not 0 <= stocked[line_id] <= quantity for line_id, quantity in goods.items()):
        raise AmountError("too_many_back")
    is_switched_on = any(stocked.values())
    told = stocked if is_switched_on and stocked != goods else {}
    lines = tuple(replace(line, restock=told.get(line.line_id)) for line in breakdown.lines)
    return replace(breakdown, lines=lines), is_switched_on


def _chosen(held: LineLeft, quantity: int, decimals: int) -> LineRefund:
    if quantity < 0:
        raise AmountError("not_positive")
    if not held.quantity:
        raise AmountError("not_left")
    if quantity > held.quantity:
        raise AmountError("too_many")
    return _with_units(_all_of(held, quantity), _worth(held, quantity, decimals), decimals)


def _worth(held: LineLeft, quantity: int, decimals: int) -> int:
    """What a quantity of what is left is worth, in units; never more than the line has left."""
    left, ordered = units_of(held.amount, decimals), held.line.quantity
    returned, piece = ordered - held.quantity, Fraction(units_of(held.paid, decimals), ordered)
    share = half_up(piece * (returned + quantity)) - half_up(piece * returned)
    is_last = quantity == held.quantity  # the one piece of a shipping or fee line always is
    return left if is_last and left - share <= ordered else min(share, left)


def _all_of(held: LineLeft, quantity: int) -> LineRefund:
    return LineRefund(held.line.id, held.line.kind, held.line.name, quantity, held.total, held.taxes)


def _with_units(line: LineRefund, units: int, decimals: int) -> LineRefund:
    total, taxes = _net_and_taxes(_split(units, _parts(line.total, line.taxes, decimals)), decimals)
    return replace(line, total=total, taxes=taxes)


def _scaled(lines: Sequence[LineRefund], units: int, decimals: int) -> list[LineRefund]:
    """The lines with their money spread anew so that it sums to `units`. A line that gives nothing back drops out."""
    shares = _apportion(units, [units_of(line.amount, decimals) for line in lines])
    scaled = [_with_units(line, share, decimals) for line, share in zip(lines, shares, strict=True)]
    return [line for line in scaled if line.quantity or line.amount]


def _clamped(order: Order, lines: Sequence[LineRefund]) -> Breakdown:
    units, remaining = units_of(sum_of(line.amount for line in lines), order.decimals), _remaining(order)
    if not units:
        raise AmountError("not_positive")
    if not remaining:
        raise AmountError("not_left")
    if units <= remaining:
        return _breakdown(order, lines, units)
    return _breakdown(order, _scaled(lines, remaining, order.decimals), remaining, units - remaining)


def _breakdown(order: Order, lines: Sequence[LineRefund], units: int, clamped: int = 0) -> Breakdown:
    amount, cut = money_of(units, order.decimals), money_of(clamped, order.decimals)
    return Breakdown(tuple(lines), amount, cut, order.decimals, order.currency)


# From the order to what its lines were paid with and have left.
# The parts of a line are keyed by tax rate; None is the net total, and comes first.

_Parts = dict[int | None, Fraction]
_Units = dict[int | None, int]


def _remaining(order: Order) -> int:
    """What the order holds, never negative. The broken unit that refunds elsewhere may have left cannot be given."""
    refunded = sum(exact_units(refund.amount, order.decimals) for refund in order.refunds)
    return max(0, floor(exact_units(order.total, order.decimals) - refunded))


def _rounding(order: Order) -> int:
    """By how many units, at most, rounding parts the order's total from its lines: one per net total and per tax."""
    return sum(1 + len(line.taxes) for line in order.lines)


def _parts(total: Decimal, taxes: Iterable[Tax], decimals: int) -> _Parts:
    return {None: exact_units(total, decimals)} | {tax.rate_id: exact_units(tax.total, decimals) for tax in taxes}


def _paid(order: Order) -> list[_Units]:
    worths = _less_discounts([_parts(line.total, line.taxes, order.decimals) for line in order.lines])
    exact = [sum(parts.values(), Fraction(0)) for parts in worths]
    grosses, total = [half_up(gross) for gross in exact], floor(exact_units(order.total, order.decimals))
    if 0 < abs(total - sum(grosses)) <= _rounding(order) and any(exact):
        grosses = _apportion(total, exact)
    return [_split(gross, parts) for gross, parts in zip(grosses, worths, strict=True)]


def _less_discounts(lines: list[_Parts]) -> list[_Parts]:
    """The lines with every part below zero taken off the others of its kind, in proportion, and itself at 0."""
    kinds = {key for parts in lines for key in parts}
    kept = {key: _kept([parts.get(key, Fraction(0)) for parts in lines]) for key in kinds}
    return [{key: max(part, Fraction(0)) * kept[key] for key, part in parts.items()} for parts in lines]


def _kept(column: list[Fraction]) -> Fraction:
    """The share of what is above zero that is left when the rest is taken off."""
    charged = sum((part for part in column if part > 0), Fraction(0))
    return max(sum(column, Fraction(0)), Fraction(0)) / charged if charged else Fraction(0)


def _left(line: OrderLine, paid: _Units, decimals: int) -> LineLeft:
    """Refunds beyond the line leave nothing; refunds below zero, which the store allows, give nothing back to it."""
    refunded = _parts(line.refunded_total, line.refunded_taxes, decimals)
    refunded = {key: max(part, Fraction(0)) for key, part in refunded.items()}
    units = max(0, sum(paid.values()) - half_up(sum(refunded.values(), Fraction(0))))
    parts = _split(units, {key: max(part - refunded.get(key, Fraction(0)), Fraction(0)) for key, part in paid.items()})
    quantity = min(line.quantity, max(0, line.quantity - line.refunded_quantity))
    if line.kind is not LineKind.PRODUCT:
        quantity = int(units > 0)
    total, taxes = _net_and_taxes(parts, decimals)
    whole = money_of(sum(paid.values()), decimals)
    return LineLeft(line, quantity, total, taxes, money_of(units, decimals), whole, quantity > 0 or units > 0)


def _split(units: int, parts: Mapping[int | None, Fraction]) -> _Units:
    return dict(zip(parts, _apportion(units, list(parts.values())), strict=True))


def _net_and_taxes(parts: _Units, decimals: int) -> tuple[Decimal, tuple[Tax, ...]]:
    taxes = tuple(Tax(rate, money_of(units, decimals)) for rate, units in parts.items() if rate is not None)
    return money_of(parts[None], decimals), taxes


def _apportion(units: int, weights: Sequence[Fraction] | Sequence[int]) -> list[int]:
    """The units in proportion to the weights (none negative) by the largest remainder; they sum to `units`."""
    if not units or not weights:
        return [0] * len(weights)
    each = Fraction(units) / sum(weights)
    exact = [each * weight for weight in weights]
    shares = [floor(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: exact[i] - shares[i], reverse=True)
    for i in by_remainder[: units - sum(shares)]:
        shares[i] += 1
    return shares
