"""Clients that keep their connection and send one request after the other: a bounded number, in threads."""

from __future__ import annotations

import http.client
import itertools
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

_numbers = itertools.count(1)
Fields = Callable[[], dict[str, str]]


@dataclass(slots=True)
class Batch:
    """`seconds` for all of them together, and what each one took."""

    seconds: float
    times: list[float]

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds


class Visitor:
    """One browser: its connection, its cookie and the token of its form."""

    def __init__(self, url: str, form: str) -> None:
        self._host = urlsplit(url).netloc
        self._form = form
        self._connection = http.client.HTTPConnection(self._host, timeout=60)
        self._cookie = self._token = ""

    def post(self, fields: dict[str, str], expected: int) -> float:
        """Seconds until the whole answer was there."""
        if not self._token:
            self._open()
        body = urlencode({**fields, "csrfmiddlewaretoken": self._token})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self._cookie, **_from_somewhere()}
        began = time.perf_counter()
        self._send("POST", body, headers, expected)
        return time.perf_counter() - began

    def get(self, path: str) -> None:
        self._form = path
        self._send("GET", None, {}, 200)

    def _open(self) -> None:
        text, cookie = self._send("GET", None, {}, 200)
        self._cookie = cookie.partition(";")[0]
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        if found is None:
            raise SystemExit(f"{self._form} has no form.")
        self._token = found[1]

    def _send(self, method: str, body: str | None, headers: dict[str, str], expected: int) -> tuple[str, str]:
        for last_try in (False, True):
            try:
                self._connection.request(method, self._form, body, headers)
                answer = self._connection.getresponse()
                text = answer.read().decode()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # It waited for its turn so long that the server hung up, as servers do.
                self._connection.close()
                if last_try:
                    raise
        if answer.status != expected:
            raise SystemExit(f"{method} {self._form} answered {answer.status}, not {expected}.")
        return text, answer.headers.get("Set-Cookie", "")


def _from_somewhere() -> dict[str, str]:
    """Each request from another address: the limits are not what is measured."""
    number = next(_numbers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


class Crowd:
    """So many visitors of one form at once."""

    def __init__(self, url: str, forms: list[str], fields: Fields, expected: int) -> None:
        self._visitors = [Visitor(url, form) for form in forms]
        self._fields = fields
        self._expected = expected
        self._threads = ThreadPoolExecutor(len(forms))

    def batch(self, each: int) -> Batch:
        """`each` requests by every visitor."""
        began = time.perf_counter()
        times = list(
            itertools.chain(*self._threads.map(lambda visitor: list(self._posts(visitor, each)), self._visitors))
        )
        return Batch(time.perf_counter() - began, times)

    def _posts(self, visitor: Visitor, each: int) -> Iterator[float]:
        for _turn in range(each):
            yield visitor.post(self._fields(), self._expected)


def look_up_fields() -> dict[str, str]:
    """An order and an address that nobody has asked for yet."""
    number = next(_numbers)
    return {"number": f"9{number}", "email": f"visitor{number}@example.com"}


def wrong_code() -> dict[str, str]:
    return {"code": f"{next(_numbers) % 1_000_000:06}"}


def nothing() -> dict[str, str]:
    return {"number": "", "email": ""}
