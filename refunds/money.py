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

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from functools import reduce
from math import floor
from typing import Any, Final

from refunds.woocommerce.types import InstructionLine, LineKind, Order, OrderLine, Tax

MESSAGES: Final = {
    "nothing_chosen": "Choose at least one line.",
    "unknown_line": "This line does not belong to the order.",
    "too_many": "The order does not have that many of this line left.",
    "not_left": "There is nothing left to refund here.",
    "not_positive": "The amount must be more than zero.",
    "too_much": "This is more than there is to refund.",
    "too_precise": "The amount has more decimals than the shop uses.",
    "too_many_back": "More pieces would return to stock than are given back.",
    "not_a_number": "This cannot be read as an amount. Write it like 41.20 or 1234.50.",
}

_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])
"""Adding money never rounds; if it ever would, it raises instead."""


class AmountError(ValueError):
    """An amount or a choice that cannot be refunded. `code` is a key of `MESSAGES`; the text is fit for people."""

    def __init__(self, code: str) -> None:
        super().__init__(MESSAGES[code])
        self.code = code


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
        return _sum((self.total, *(tax.total for tax in self.taxes)))

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
        if self.lines and _sum(line.amount for line in self.lines) != self.amount:
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
    if _units(breakdown.amount, order.decimals) > _remaining(order):
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
        if _units(line.amount, order.decimals) > _units(held.amount, order.decimals) + _rounding(order):
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
    in_lines = _units(_sum(line.amount for line in lines), order.decimals)
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
    units, whole = _positive_units(amount, decimals), _units(breakdown.amount, decimals)
    if units > whole:
        raise AmountError("too_much")
    if units == whole:
        return breakdown
    lines = tuple(_scaled(breakdown.lines, units, decimals))
    return replace(breakdown, lines=lines, amount=_money(units, decimals), clamped=_money(0, decimals))


def free(order: Order, amount: Decimal, *, spread: bool) -> Breakdown:
    """Goodwill: money that returns no goods, spread over what the lines still hold, or without lines.

    Raises AmountError: not_a_number, too_precise, not_positive, too_much (for the order), not_left (in the lines,
    though the order has it).
    """
    units = _positive_units(amount, order.decimals)
    if units > _remaining(order):
        raise AmountError("too_much")
    if not spread:
        return _breakdown(order, [], units)
    lines = [_all_of(held, 0) for held in lines_left(order)]
    if units > _units(_sum(line.amount for line in lines), order.decimals):
        raise AmountError("not_left")
    return _breakdown(order, _scaled(lines, units, order.decimals), units)


def without_lines(breakdown: Breakdown) -> Breakdown:
    """The same money as a sum of the order as a whole: of its lines the store's books then know nothing."""
    return replace(breakdown, lines=(), clamped=_money(0, breakdown.decimals))


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
    left, ordered = _units(held.amount, decimals), held.line.quantity
    returned, piece = ordered - held.quantity, Fraction(_units(held.paid, decimals), ordered)
    share = _half_up(piece * (returned + quantity)) - _half_up(piece * returned)
    is_last = quantity == held.quantity  # the one piece of a shipping or fee line always is
    return left if is_last and left - share <= ordered else min(share, left)


def _all_of(held: LineLeft, quantity: int) -> LineRefund:
    return LineRefund(held.line.id, held.line.kind, held.line.name, quantity, held.total, held.taxes)


def _with_units(line: LineRefund, units: int, decimals: int) -> LineRefund:
    total, taxes = _net_and_taxes(_split(units, _parts(line.total, line.taxes, decimals)), decimals)
    return replace(line, total=total, taxes=taxes)


def _scaled(lines: Sequence[LineRefund], units: int, decimals: int) -> list[LineRefund]:
    """The lines with their money spread anew so that it sums to `units`. A line that gives nothing back drops out."""
    shares = _apportion(units, [_units(line.amount, decimals) for line in lines])
    scaled = [_with_units(line, share, decimals) for line, share in zip(lines, shares, strict=True)]
    return [line for line in scaled if line.quantity or line.amount]


def _clamped(order: Order, lines: Sequence[LineRefund]) -> Breakdown:
    units, remaining = _units(_sum(line.amount for line in lines), order.decimals), _remaining(order)
    if not units:
        raise AmountError("not_positive")
    if not remaining:
        raise AmountError("not_left")
    if units <= remaining:
        return _breakdown(order, lines, units)
    return _breakdown(order, _scaled(lines, remaining, order.decimals), remaining, units - remaining)


def _breakdown(order: Order, lines: Sequence[LineRefund], units: int, clamped: int = 0) -> Breakdown:
    amount, cut = _money(units, order.decimals), _money(clamped, order.decimals)
    return Breakdown(tuple(lines), amount, cut, order.decimals, order.currency)


# From the order to what its lines were paid with and have left.
# The parts of a line are keyed by tax rate; None is the net total, and comes first.

_Parts = dict[int | None, Fraction]
_Units = dict[int | None, int]


def _remaining(order: Order) -> int:
    """What the order holds, never negative. The broken unit that refunds elsewhere may have left cannot be given."""
    refunded = sum(_exact(refund.amount, order.decimals) for refund in order.refunds)
    return max(0, floor(_exact(order.total, order.decimals) - refunded))


def _rounding(order: Order) -> int:
    """By how many units, at most, rounding parts the order's total from its lines: one per net total and per tax."""
    return sum(1 + len(line.taxes) for line in order.lines)


def _parts(total: Decimal, taxes: Iterable[Tax], decimals: int) -> _Parts:
    return {None: _exact(total, decimals)} | {tax.rate_id: _exact(tax.total, decimals) for tax in taxes}


def _paid(order: Order) -> list[_Units]:
    worths = _less_discounts([_parts(line.total, line.taxes, order.decimals) for line in order.lines])
    exact = [sum(parts.values(), Fraction(0)) for parts in worths]
    grosses, total = [_half_up(gross) for gross in exact], floor(_exact(order.total, order.decimals))
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
    units = max(0, sum(paid.values()) - _half_up(sum(refunded.values(), Fraction(0))))
    parts = _split(units, {key: max(part - refunded.get(key, Fraction(0)), Fraction(0)) for key, part in paid.items()})
    quantity = min(line.quantity, max(0, line.quantity - line.refunded_quantity))
    if line.kind is not LineKind.PRODUCT:
        quantity = int(units > 0)
    total, taxes = _net_and_taxes(parts, decimals)
    whole = _money(sum(paid.values()), decimals)
    return LineLeft(line, quantity, total, taxes, _money(units, decimals), whole, quantity > 0 or units > 0)


def _split(units: int, parts: Mapping[int | None, Fraction]) -> _Units:
    return dict(zip(parts, _apportion(units, list(parts.values())), strict=True))


def _net_and_taxes(parts: _Units, decimals: int) -> tuple[Decimal, tuple[Tax, ...]]:
    taxes = tuple(Tax(rate, _money(units, decimals)) for rate, units in parts.items() if rate is not None)
    return _money(parts[None], decimals), taxes


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


def _half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def _exact(amount: Decimal, decimals: int) -> Fraction:
    """The amount in units, not rounded: 8.325 is 832 1/2 cents."""
    if not amount.is_finite():
        raise AmountError("not_a_number")
    return Fraction(amount) * Fraction(10) ** decimals


def _units(amount: Decimal, decimals: int) -> int:
    if (exact := _exact(amount, decimals)).denominator != 1:
        raise AmountError("too_precise")
    return exact.numerator


def _positive_units(amount: Decimal, decimals: int) -> int:
    if (units := _units(amount, decimals)) <= 0:
        raise AmountError("not_positive")
    return units


def _money(units: int, decimals: int) -> Decimal:
    return Decimal(f"{units}E-{decimals}")


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(_EXACT.add, amounts, Decimal(0))


def quantum(decimals: int) -> Decimal:
    """The smallest amount of the store: 0.01 for 2 decimals."""
    return _money(1, decimals)


def canonical(amount: Decimal, decimals: int) -> str:
    r"""The amount as `\d+(\.\d+)?` with exactly these decimals, the one form that WooCommerce cannot misread.

    It reads "10,00" as 1000.00 and "1e1" as 11.00.
    Raises AmountError: not_a_number, too_precise, not_positive (below 0).
    """
    if (units := _units(amount, decimals)) < 0:
        raise AmountError("not_positive")
    digits = f"{units:0{decimals + 1}d}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


_KEYBOARD: dict[int, int | str] = {full_width: full_width - 0xFEE0 for full_width in range(0xFF01, 0xFF5F)}
_KEYBOARD |= {0x2212: "-", 0x2019: "'"} | dict.fromkeys((0xA0, 0x2009, 0x202F, 0x3000), " ")
_TYPED = re.compile(
    r"(?P<whole>-?[0-9]{1,12}|-?[1-9][0-9]{0,2}(?P<group>[ '.,])[0-9]{3}(?:(?P=group)[0-9]{3}){0,2})"
    r"(?:(?!(?P=group))[.,](?P<fraction>[0-9]{1,12}))?"
)
_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}(?P<mark>[.,])[0-9]{3}")


def parse_amount(text: str, decimals: int) -> Decimal:
    """The amount that a person typed: 41,20 41.20 1 234,50 1.234,50 1'234.50, full-width digits too.

    A lone mark before three last digits may group thousands or part decimals ("1,234"), so it is refused. Only a point
    is read where the store has three decimals, because there this portal itself writes 1.234.
    Raises AmountError: not_a_number, too_precise, not_positive.
    """
    plain = text.translate(_KEYBOARD).strip()
    typed, ambiguous = _TYPED.fullmatch(plain), _AMBIGUOUS.fullmatch(plain)
    if typed is None or (ambiguous and (ambiguous["mark"], decimals) != (".", 3)):
        raise AmountError("not_a_number")
    whole = re.sub("[ '.,]", "", typed["whole"])
    return _money(_positive_units(Decimal(f"{whole}.{typed['fraction'] or 0}"), decimals), decimals)
