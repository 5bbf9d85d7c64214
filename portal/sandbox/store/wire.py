"""One HTTP call as the shop sees it, and its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


@dataclass(slots=True)
class Request:
    """`headers` have small letters. `base` is the address of the shop as its own answers give it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    base: str

    @property
    def path(self) -> str:
        return urlsplit("http://shop" + self.target).path

    @property
    def query(self) -> dict[str, Any]:
        return parsed_query(urlsplit("http://shop" + self.target).query)

    @property
    def is_json(self) -> bool:
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    @property
    def is_form(self) -> bool:
        return self.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")


@dataclass(slots=True)
class Answer:
    """`delivery` says what becomes of it on the wire: "closed", "truncated" or "trickle", the last in `seconds`."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delivery: str = ""
    seconds: float = 0.0
    data: Any = None
    """What the body was made from, for whoever still changes it."""


class ApiError(Exception):
    """An error that the REST API answers as JSON. `data` is whatever stands in the body, an object or a bare number."""

    def __init__(self, status: int, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.data = {"status": status} if data is None else data

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "data": self.data}


class PhpFatal(Exception):
    """PHP gave up in the middle. `page` is what WordPress then answers."""

    def __init__(self, page: dict[str, Any]) -> None:
        super().__init__(page["code"])
        self.page = page


def business_error(code: str, message: str, data: int) -> NoReturn:
    """The refund controller gives WordPress a bare number for a status; WordPress then always answers 500."""
    raise ApiError(500, code, message, data)


def to_json(data: Any) -> bytes:
    """As `wp_json_encode` writes: nothing but ASCII, slashes escaped."""
    return json.dumps(data, separators=(",", ":")).replace("/", "\\/").encode()


def json_answer(status: int, data: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, to_json(data), {"Content-Type": JSON_TYPE, **(headers or {})}, data=data)


def html_answer(status: int, page: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, page.encode(), {"Content-Type": HTML_TYPE, **(headers or {})})


def parsed_query(query: str) -> dict[str, Any]:
    """As PHP reads it: the last of equal names counts, `name[]` makes a list and `name[key]` a map."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        base, bracket, rest = name.partition("[")
        key = rest.partition("]")[0]
        if not bracket:
            found[name] = value
        elif key and not key.isdigit():
            found[base] = {**_as_map(found.get(base)), key: value}
        else:
            found[base] = [*_as_list(found.get(base)), value]
    return found


def _as_map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
