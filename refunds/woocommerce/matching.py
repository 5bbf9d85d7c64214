"""What counts as the same order number and the same e-mail address. The store's own search is fuzzy, so both are
compared here, exactly."""

from __future__ import annotations

import unicodedata


def number_key(number: str) -> str:
    """An order number as typed, for comparison: "#1001", " 1001 " and full-width digits are all the same number."""
    visible = "".join(char for char in unicodedata.normalize("NFKC", number) if unicodedata.category(char)[0] != "C")
    return visible.strip().lstrip("#").strip().casefold()


def email_key(email: str) -> str:
    """An e-mail address for comparison: its case and its surrounding spaces do not matter, every character does."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).casefold())
