"""One HTTP answer, and how its JSON is read: every surprise is a `BadAnswer`, never a `KeyError`.

Decoding keeps numbers exact (`Decimal`) and takes from text what no database can store.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from .errors import BadAnswer

Document = dict[str, Any]

LONGEST_RETRY_AFTER = 3600.0
"""Seconds. A store that asks for more is asked again after an hour anyway."""
DIGITS_BEFORE_POINT = 12
DIGITS_AFTER_POINT = 40
"""PHP prints binary noise such as 3.5527136788005E-15; anything beyond these is not an amount of money."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_JSON_STARTS = re.compile(r'\{\s*["}]|\[\s*[\[{"\]\d]')
_USUAL = re.compile(rf"-?\d{{1,{DIGITS_BEFORE_POINT}}}(\.\d{{1,{DIGITS_AFTER_POINT}}})?", re.ASCII)
_SCIENTIFIC = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_MARKUP = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole: status, headers (names in any case) and the body's bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        start = self.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        calls_itself_html = "html" in self.headers.get("Content-Type", "").lower()
        return start == b"<" or (calls_itself_html and start not in (b"", b"{", b"["))

    @property
    def retry_after(self) -> float | None:
        return seconds_from(self.headers.get("Retry-After", ""))

    @property
    def date(self) -> datetime | None:
        """The store's clock, from the Date header."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def is_cached(self) -> bool:
        """Whether a cache says that it, and not WooCommerce, gave this answer."""
        return (self.count("Age") or 0) > 0 or any(
            _names_a_cache(name) and _says_hit(value) for name, value in self.headers.items()
        )

    def count(self, *names: str) -> int | None:
        """A whole number from the first of these headers that is there."""
        value = next((self.headers[name] for name in names if name in self.headers), "").strip()
        return int(value[:9]) if re.fullmatch(r"[0-9]+", value) else None


def _names_a_cache(name: str) -> bool:
    name = name.lower()
    return name == "cf-cache-status" or (name.startswith("x-") and "cache" in name)


def _says_hit(value: str) -> bool:
    return re.search(r"\b(hit|stale|updating|revalidated)\b", value.lower()) is not None


def seconds_from(retry_after: str) -> float | None:
    """A Retry-After header in seconds from now, at most an hour; None where it is missing or unreadable."""
    value = retry_after.strip()
    if re.fullmatch(r"[0-9]+", value):
        return min(float(value[:9]), LONGEST_RETRY_AFTER)
    at = _http_date(value)
    if at is None:
        return None
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _http_date(value: str) -> datetime | None:
    try:
        return _in_utc(parsedate_to_datetime(value))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


# --- JSON ------------------------------------------------------------------------------------------------------------


def decode(body: bytes) -> Any:
    """The JSON of a body that must be nothing else. Raises `BadAnswer`."""
    return _parse(_characters(body))


def decode_after_noise(body: bytes) -> Any:
    """The JSON of a body that may start with a byte order mark or PHP notices. Raises `BadAnswer`.

    For reads only. Where JSON follows the noise, it must reach from its first bracket to the very end: a later, inner
    bracket is never tried, since the rest of a broken list can look like an empty one.
    """
    text = _characters(body).lstrip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        start = _JSON_STARTS.search(text)
        text = text[start.start() :] if start else text
    return _parse(text)


def _characters(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadAnswer("The store's answer is not readable text.") from None


def _parse(text: str) -> Any:
    if not text.strip():
        raise BadAnswer("The store's answer is empty.")
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation):
        raise BadAnswer("The store's answer is not readable data (JSON).") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


# --- Fields ----------------------------------------------------------------------------------------------------------


def document(value: Any, what: str) -> Document:
    if not isinstance(value, dict):
        raise BadAnswer(f"The store's answer is not {what}.")
    return value


def documents(value: Any, what: str) -> list[Document]:
    """A list of objects. An entry `{"errors": ...}` is something the store could not show: no list to trust."""
    if not isinstance(value, list):
        raise BadAnswer(f"The store's answer is not a list of {what}.")
    for entry in value:
        if not isinstance(entry, dict):
            raise BadAnswer(f"The store's answer is not a list of {what}.")
        if "errors" in entry and "id" not in entry:
            raise BadAnswer(f"The store could not show all {what}.")
    return value


def entries(data: Document, field: str) -> list[Document]:
    return documents(_present(data, field), field)


def part(data: Document, field: str) -> Document:
    return document(_present(data, field), field)


def _present(data: Document, field: str) -> Any:
    if field not in data:
        raise BadAnswer(f"The store's answer lacks “{field}”.")
    return data[field]


def whole(data: Document, field: str) -> int:
    """A whole number, also one written as text or as 2.0."""
    value = _present(data, field)
    if type(value) is int and -(2**63) < value < 2**63:
        return value
    number = _number(value) if isinstance(value, (str, Decimal)) else value
    if isinstance(number, Decimal) and number == number.to_integral_value():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) >= 2**63:
        raise BadAnswer(f"“{field}” in the store's answer is not a whole number.")
    return number


def whole_or(data: Document, field: str, default: int) -> int:
    return whole(data, field) if data.get(field) not in (None, "") else default


def identity(data: Document, field: str = "id") -> int:
    """An id: a whole number above zero, and no text."""
    value = _present(data, field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise BadAnswer(f"“{field}” in the store's answer is not an id.")
    return value


def amount(data: Document, field: str) -> Decimal:
    number = _number(_present(data, field))
    if number is None:
        raise BadAnswer(f"“{field}” in the store's answer is not an amount.")
    return number


def amount_or_zero(data: Document, field: str) -> Decimal:
    """As `amount`, but nothing at all counts as zero: a line that a rate does not tax carries an empty text."""
    return amount(data, field) if data.get(field) not in (None, "") else Decimal(0)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, str):
        if _USUAL.fullmatch(value):
            return Decimal(value)
        if not _SCIENTIFIC.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    number = Decimal(value)
    if not number.is_finite() or (number and number.adjusted() >= DIGITS_BEFORE_POINT):
        return None
    return number if int(number.as_tuple().exponent) >= -DIGITS_AFTER_POINT else None


def tidy(number: Decimal, decimals: int) -> Decimal:
    """The same value without zeros that only `dp` added: 50.00000000 with two decimals is 50.00."""
    before, _point, after = format(number, "f").partition(".")
    if len(after) <= decimals:
        return number
    after = after[:decimals] + after[decimals:].rstrip("0")
    return Decimal(f"{before}.{after}" if after else before)


def decimals_of(data: Document, field: str) -> int:
    """How many decimals an amount was printed with: the store's own, where the answer was read without `dp`."""
    number = amount(data, field)
    return max(0, -int(number.as_tuple().exponent))


def text(data: Document, field: str) -> str:
    value = _present(data, field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise BadAnswer(f"“{field}” in the store's answer is not text.")
    return _storable(value)


def _storable(value: str) -> str:
    return value if value.isascii() and "\x00" not in value else _UNSTORABLE.sub("\ufffd", value)


def text_or_empty(data: Document, field: str) -> str:
    return text(data, field) if data.get(field) is not None else ""


def name(data: Document, field: str) -> str:
    """Text as people read it: WordPress keeps names escaped for HTML."""
    escaped = text_or_empty(data, field)
    return _storable(html.unescape(escaped)) if "&" in escaped else escaped


def flag(data: Document, field: str) -> bool | None:
    """True or False; None where the answer does not say."""
    value = data.get(field)
    if value is not None and not isinstance(value, bool):
        raise BadAnswer(f"“{field}” in the store's answer is neither true nor false.")
    return value


def instant(data: Document, field: str) -> datetime | None:
    """An aware instant from a field in UTC; None where it is empty, or one of WordPress' dates before time began."""
    value = text_or_empty(data, field)
    if not value:
        return None
    try:
        return _in_utc(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


def web_address(value: Any) -> str:
    """An http(s) address, or nothing: other schemes have no place in a page."""
    return value if isinstance(value, str) and re.fullmatch(r"https?://[^\s\"'<>\x00\ud800-\udfff]+", value) else ""


def plain(words: str, longest: int = 300) -> str:
    """The store's words as one short line of text: no markup, no line breaks, nothing a database cannot keep."""
    line = " ".join(html.unescape(_MARKUP.sub(" ", _UNSTORABLE.sub("", words))).split())
    line = _UNSTORABLE.sub("", line)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def unique(lines: Iterable[int], what: str) -> None:
    """Raises `BadAnswer` when an id comes twice: it would be counted twice."""
    seen = tuple(lines)
    if len(seen) > 1 and len(set(seen)) != len(seen):
        raise BadAnswer(f"The store listed the same {what} twice.")
