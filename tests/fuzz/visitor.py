"""A browser that sends whatever it is told to, through the same WSGI application that a server runs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from portal.wsgi import application

CSRF = "a" * 32
NOTHING = 599
"""The status of an exception that the server would have been left with."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Visitor:
    """`session` is the key of the session that this browser has proven an order in."""

    session: str = ""

    def send(self, method: str, path: bytes, body: bytes, kind: str, extra: Mapping[str, str], *, csrf: bool) -> Answer:
        """`extra` are entries of the WSGI environment: headers, and what a server says of the connection."""
        environ = RequestFactory()._base_environ(
            REQUEST_METHOD=method,
            PATH_INFO=path.decode("latin-1"),
            CONTENT_TYPE=kind,
            CONTENT_LENGTH=str(len(body)),
            **({"HTTP_X_CSRFTOKEN": CSRF} if csrf else {}),
        )
        environ |= {**extra, "HTTP_COOKIE": self._cookies(extra.get("HTTP_COOKIE")), "wsgi.input": io.BytesIO(body)}
        return _called(environ)

    def _cookies(self, given: str | None) -> str:
        """Others than this browser's own, where they are given; the form's token is always among them."""
        mine = f"{settings.SESSION_COOKIE_NAME}={self.session}" if self.session else ""
        parts = [mine if given is None else given, f"{settings.CSRF_COOKIE_NAME}={CSRF}"]
        return "; ".join(part for part in parts if part)


def _called(environ: dict[str, Any]) -> Answer:
    head: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        head.update(status=int(status.partition(" ")[0]), headers=dict(headers))

    with _one_connection():
        try:
            parts: Any = application(environ, start_response)
        except Exception as error:  # noqa: BLE001 - the server would be left with it, and the visitor with nothing
            return Answer(NOTHING, {}, f"{type(error).__name__}: {error}".encode())
        try:
            body = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
    return Answer(head["status"], head["headers"], body)


@contextmanager
def _one_connection() -> Iterator[None]:
    """A server opens a connection to the database for each request or keeps it; here the one that is there is used."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
