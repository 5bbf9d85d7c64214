"""How PHP and WooCommerce read, compare and write numbers. Most surprises with refund amounts come from here."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

LARGEST_EXPONENT = 308
_WIDE = Context(prec=2 * LARGEST_EXPONENT)
_NUMERIC = re.compile(r"[ \t\n\r\v\f]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t\n\r\v\f]*\Z")
_LEADING_NUMBER = re.compile(r"[ \t\n\r\v\f]*([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)")
_NOT_IN_A_DECIMAL = re.compile(r"\.(?![^.]+$)|[^0-9.-]")
_TAG = re.compile(r"<[^>]*>")


def is_numeric(value: object) -> bool:
    """PHP's `is_numeric`: numbers, and text that is a number and nothing else but blanks around it."""
    if isinstance(value, str):
        return _NUMERIC.match(value) is not None
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def number(value: object) -> Decimal:
    """What PHP calculates with: the number that a text begins with, otherwise 0."""
    if isinstance(value, str):
        found = _LEADING_NUMBER.match(value)
        return _within_floats(Decimal(found.group(1))) if found else Decimal(0)
    return _within_floats(Decimal(str(value))) if is_numeric(value) else Decimal(int(bool(value)))


def _within_floats(value: Decimal) -> Decimal:
    """Nothing is larger or smaller than a float can be, so that every number can be rounded."""
    if value.adjusted() > LARGEST_EXPONENT:
        return Decimal(f"1e{LARGEST_EXPONENT}").copy_sign(value)
    return value if value.adjusted() > -LARGEST_EXPONENT else Decimal(0)


def greater(left: str, right: str) -> bool:
    """`$left > $right` of two texts: as numbers if both are numbers, otherwise letter by letter.

    "9,00" is therefore greater than "50.00", and "10,00" is not.
    """
    if is_numeric(left) and is_numeric(right):
        return number(left) > number(right)
    return left > right


def text(value: object) -> str:
    """`strval`: floats keep 14 digits, whole ones lose their point."""
    if isinstance(value, bool) or value is None:
        return "1" if value else ""
    return f"{value:.14g}" if isinstance(value, float) else str(value)


def json_number(value: Decimal) -> int | float:
    """A number as `json_encode` writes it: 25, not 25.0."""
    return int(value) if value == value.to_integral_value() else float(value)


def format_decimal(value: object, separator: str = ".") -> str:
    """`wc_format_decimal` without a number of decimals: nothing is rounded, what is not a number is dropped.

    In a store with a decimal point "10,00" becomes "1000" and "1e1" becomes "11".
    """
    if isinstance(value, float):
        return trimmed(f"{value:.6f}")
    cleaned = _TAG.sub("", text(value)).strip().replace(separator, ".")
    return _NOT_IN_A_DECIMAL.sub("", cleaned)


def rounded(value: object, decimals: int) -> str:
    """`wc_format_decimal` with a number of decimals: half up, never "-0.00"."""
    result = number(value).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_WIDE)
    return f"{abs(result) if result == 0 else result:f}"


def trimmed(value: str) -> str:
    """The same number without zeros at its end."""
    return value.rstrip("0").rstrip(".") if "." in value else value
