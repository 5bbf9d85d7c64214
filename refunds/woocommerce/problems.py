"""Answers to reads that are not what was asked for, told apart in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from .answers import Answer, plain
from .errors import BadAnswer, StoreError, StoreMisconfigured, StoreUnreachable
from .outcome import page_title

WEB_PAGE = (
    "The store answered with a web page instead of data. Are its permalinks set to “Plain”, or does a firewall show a "
    "challenge page?"
)

NO_ROUTE = "WordPress answers at this address, but WooCommerce does not. Is the plugin switched on?"
NO_WORDPRESS = "There is no such API at this address (HTTP 404). Check the address of the store and its plugins."


def web_page(answer: Answer) -> BadAnswer:
    title = page_title(answer)
    return BadAnswer(WEB_PAGE + (f" The page is called “{title}”." if title else ""))


def problem(answer: Answer, code: str, words: str, known: Mapping[str, type[StoreError]]) -> StoreError:
    """The error for an answer that is no success. `known` are codes of the dialect with an error of their own."""
    words = plain(words)
    said = f" The store said: “{words}”" if words else ""
    if code in known:
        return known[code](words or "The store does not know this.", code=code)
    if 300 <= answer.status < 400:
        return StoreMisconfigured(f"The store has moved to another address{_new_place(answer)}. Set the new address.")
    if answer.status in (401, 403) and code:
        return StoreMisconfigured(f"The store refused the key (HTTP {answer.status}).{said}", code=code)
    if answer.status in (401, 403):
        return StoreMisconfigured(f"A firewall or password in front of the store refused us (HTTP {answer.status}).")
    if answer.status == 404 and (not code or code.endswith(("no_route", "disabled"))):
        return StoreMisconfigured(NO_ROUTE if code else NO_WORDPRESS, code=code)
    if answer.status >= 500:
        return StoreUnreachable(f"The store reported an error (HTTP {answer.status}).{said}", code=code)
    return BadAnswer(f"The store answered with HTTP {answer.status}.{said}", code=code)


def _new_place(answer: Answer) -> str:
    """Scheme and host of a redirect: enough to mend the setting, and nothing that could carry a secret."""
    try:
        parts = urlsplit(answer.headers.get("Location", ""))
        host = parts.hostname or ""
    except ValueError:
        return ""
    return f": {parts.scheme}://{host}" if parts.scheme in ("http", "https") and host.isprintable() and host else ""
