"""Amounts as people read them, in the language of the page and the currency of the order."""

from __future__ import annotations

from decimal import Decimal

from babel import Locale
from babel.core import UnknownLocaleError
from babel.numbers import format_currency
from django.utils.translation import get_language, to_locale


def amount_text(amount: Decimal, currency: str, decimals: int) -> str:
    """Such as `EUR 41.20`. The store's decimals decide, not the currency's."""
    pattern = "¤¤\u00a0#,##0" + ("." + "0" * decimals if decimals else "")
    return format_currency(amount, currency, format=pattern, locale=_locale(), currency_digits=False)


def _locale() -> Locale:
    try:
        return Locale.parse(to_locale(get_language() or "en"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
