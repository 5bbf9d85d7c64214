"""Connections that know their call: whether a byte of it was sent, and when it must be over.

A timeout of requests counts per read, so an answer that trickles would never end; and its ConnectionError means both
"never connected" and "broke after sending". Here every read of the socket, from the first header on, gets only the time
that is left of the whole call, and the first byte handed to the socket is noted before it goes.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection


def clock() -> float:
    """Seconds that go on while this process, or the whole machine, is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Call:
    """One request and its answer. `sent` turns true just before the first byte of the request leaves.

    With `send_by`, an instant of `clock`, no first byte leaves after it, whatever name resolution or TLS took.
    """

    def __init__(self, seconds: float, send_by: float | None = None) -> None:
        self.sent = False
        self._send_by = send_by
        self._deadline = time.monotonic() + seconds
        self._outer: Token[Call | None] | None = None

    def __enter__(self) -> Call:
        self._outer = _call.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._outer is not None:
            _call.reset(self._outer)

    def begin(self) -> None:
        """To be called before bytes leave. Raises `TimeoutError` if the first of them would come too late."""
        self.time_left()
        if not self.sent and self._send_by is not None and clock() > self._send_by:
            raise TimeoutError("The call was not begun in time.")
        self.sent = True

    def time_left(self) -> float:
        """Seconds, more than none. Raises `TimeoutError` when the call should be over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline of the call has passed.")
        return left


_call: ContextVar[Call | None] = ContextVar("call", default=None)


class _TimedReader(io.RawIOBase):
    """The reading side of a socket, for one answer. No read waits longer than its own timeout, or than the call."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase, call: Call) -> None:
        self._sock, self._stream, self._call = sock, stream, call
        self._patience = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._call.time_left()
        self._sock.settimeout(left if self._patience is None else min(left, self._patience))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        call = _call.get()
        if call is not None:
            self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach(), call))


class _Connection(HTTPConnection):
    response_class = _TimedResponse

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # otherwise http.client would, after we had already said that something left
        call = _call.get()
        if call is not None:
            call.begin()
        super().send(data)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Session(requests.Session):
    """A session that goes where it is told and nowhere else: no proxies or keys from the environment, no redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies = _NoCookies()
        self.headers.clear()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Not even looked at: requests would read a redirect's whole body, and could stumble over its address."""


class _NoCookies(RequestsCookieJar):
    """Nothing may tie one call to another."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        return None


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Only what is needed of a response, and nothing that could stumble over a strange header."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        return response
