"""Amounts in whole units of the store's smallest one (cents, yen, fils), and the forms in which they come and go. Pure.

`Decimal` stands only at the doors: nothing is rounded but by `half_up`, and the decimal context of the caller plays no
part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from functools import reduce
from math import floor
from typing import Final

from django.utils.translation import gettext_lazy as _

MESSAGES: Final = {
    "nothing_chosen": _("Choose at least one line."),
    "unknown_line": _("This line does not belong to the order."),
    "too_many": _("The order does not have that many of this line left."),
    "not_left": _("There is nothing left to refund here."),
    "not_positive": _("The amount must be more than zero."),
    "too_much": _("This is more than there is to refund."),
    "too_precise": _("The amount has more decimals than the shop uses."),
    "too_many_back": _("More pieces would return to stock than are given back."),
    "not_a_number": _("This cannot be read as an amount. Write it like 41.20 or 1234.50."),
}

_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])
"""Adding money never rounds; if it ever would, it raises instead."""


class AmountError(ValueError):
    """An amount or a choice that cannot be refunded. `code` is a key of `MESSAGES`; the text is fit for people."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return str(MESSAGES[self.code])


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def exact_units(amount: Decimal, decimals: int) -> Fraction:
    """The amount in units, not rounded: 8.325 is 832 1/2 cents."""
    if not amount.is_finite():
        raise AmountError("not_a_number")
    return Fraction(amount) * Fraction(10) ** decimals


def units_of(amount: Decimal, decimals: int) -> int:
    if (exact := exact_units(amount, decimals)).denominator != 1:
        raise AmountError("too_precise")
    return exact.numerator


def positive_units(amount: Decimal, decimals: int) -> int:
    if (units := units_of(amount, decimals)) <= 0:
        raise AmountError("not_positive")
    return units


def money_of(units: int, decimals: int) -> Decimal:
    return Decimal(f"{units}E-{decimals}")


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(_EXACT.add, amounts, Decimal(0))


def quantum(decimals: int) -> Decimal:
    """The smallest amount of the store: 0.01 for 2 decimals."""
    return money_of(1, decimals)


def canonical(amount: Decimal, decimals: int) -> str:
    r"""The amount as `\d+(\.\d+)?` with exactly these decimals, the one form that WooCommerce cannot misread.

    It reads "10,00" as 1000.00 and "1e1" as 11.00.
    Raises AmountError: not_a_number, too_precise, not_positive (below 0).
    """
    if (units := units_of(amount, decimals)) < 0:
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
    return money_of(positive_units(Decimal(f"{whole}.{typed['fraction'] or 0}"), decimals), decimals)
