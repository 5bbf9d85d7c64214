"""Connections that a watchdog guards: what was sent is known to the byte, and no call outlives its deadline."""

from __future__ import annotations

import os
import socket
import threading
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


class Watchdog:
    """Ends one call at its deadline, whatever it is doing: handshake, headers or a body that trickles.

    It holds a second handle on the socket, since TLS moves the first one about and `Connection: close` lets go of it
    while the body is still being read. Shutting a socket down wakes whoever waits on it.
    """

    def __init__(self, seconds: float) -> None:
        self.sent = False
        self.ended = False
        self._deadline = time.monotonic() + seconds
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(max(seconds, 0.0), self._end)
        self._timer.daemon = True
        self._token: Token[Watchdog | None] | None = None

    def __enter__(self) -> Watchdog:
        self._token = _watchdog.set(self)
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        if self._token is not None:
            _watchdog.reset(self._token)
        self._watch(None)

    def connected(self, sock: socket.socket) -> None:
        """Takes over a socket before anything is written to it. Raises `TimeoutError` when it is too late to start."""
        self._watch(socket.socket(fileno=os.dup(sock.fileno())))
        self._in_time()

    def sending(self, sock: socket.socket) -> None:
        """Called before each piece of a request is handed to the socket."""
        if self._handle is None:
            self.connected(sock)
        self._in_time()
        self.sent = True

    def _in_time(self) -> None:
        if self.ended or time.monotonic() >= self._deadline:
            self.ended = True
            raise TimeoutError("The deadline of the call has passed.")

    def _watch(self, handle: socket.socket | None) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = handle

    def _end(self) -> None:
        with self._lock:
            self.ended = True
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # closed by the store a moment ago: whoever was waiting is awake already


_watchdog: ContextVar[Watchdog | None] = ContextVar("watchdog", default=None)


class _Watched(HTTPConnection):
    """A connection that tells the watchdog of its call what it does."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        watchdog = _watchdog.get()
        if watchdog is not None:
            try:
                watchdog.connected(sock)
            except TimeoutError:
                sock.close()
                raise
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # otherwise http.client would, after we had already said that something left
        watchdog = _watchdog.get()
        if watchdog is not None and self.sock is not None:
            watchdog.sending(self.sock)
        super().send(data)


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


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
