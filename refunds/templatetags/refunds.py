from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from django import template
from django.utils import timezone
from django.utils.formats import date_format

from ..formats import amount_text

register = template.Library()


class InCurrency(Protocol):
    """An order, a breakdown or a case: whatever says what its amounts are in."""

    currency: str
    decimals: int


@register.filter
def amount_of(amount: Decimal, whole: InCurrency) -> str:
    """`{{ line.amount|amount_of:order }}`: the amount in the currency and decimals of `whole`."""
    return amount_text(amount, whole.currency, whole.decimals)


@register.filter
def zoned(at: datetime) -> str:
    """Date and time where the shop is, and the name of its zone. Where scripts run, they show the visitor's own."""
    local = timezone.localtime(at)
    # Not DATETIME_FORMAT: Django has none in Arabic.
    return f"{date_format(local, 'DATE_FORMAT')} {date_format(local, 'TIME_FORMAT')} {local.tzname()}"


@register.filter
def tile(name: str) -> str:
    """The letter that stands for a product without a picture."""
    return next((letter for letter in name.upper() if letter.isalnum()), "·")
