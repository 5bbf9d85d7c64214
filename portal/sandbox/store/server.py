"""The shop on a socket: a thread for every connection, HTTP/1.1 that is kept alive, and full control of every byte."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import catalogue, orders, site
from .books import Books, Json
from .journal import Journal, Stopped
from .settings import Settings
from .shop import CallLog, Shop
from .wire import Answer, Request

TRICKLE_STEPS = 50
"""A trickled answer comes in this many pieces: no single wait is long, the whole of it is."""


class SandboxStore:
    """A WooCommerce shop over HTTP, for as long as it is started. See the package for how it is used.

    `orders` are those of a fresh shop: a list in the shape of `GET /orders`, by default the catalogue. What the
    journal in `directory` knows already is kept as it is, unless `fresh`. Further keywords are those of `Settings`.
    """

    def __init__(
        self, directory: Path | str, *, port: int = 0, host: str = "127.0.0.1", orders: Iterable[Json] | None = None,
        fresh: bool = False, **settings: Any,
    ) -> None:  # fmt: skip
        self.directory = Path(directory)
        self.shop: Shop
        self._host, self._port, self._fresh = host, port, fresh
        self._orders = None if orders is None else list(orders)
        self._settings = Settings(**settings)
        self._journals: list[Journal] = []
        self._server: _Server | None = None

    def start(self) -> str:
        """Begins to answer and returns the address. Raises `OSError` for a port in use, `InUse` for a directory."""
        server = _Server((self._host, self._port), self)
        try:
            self._open_books()
        except BaseException:
            server.server_close()
            self._close_books()
            raise
        self._port, self._server = server.server_address[1], server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self.base_url

    def stop(self) -> None:
        """Ends like a killed process: calls at work get no further, connections are cut. `start` goes on from there."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_connections()
        self._close_books()
        self.shop.interrupt()
        self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def money(self) -> list[Json]:
        """What left the bank account, oldest first: order_id, amount (as text), currency, reason, at."""
        return list(self.shop.books.money)

    @property
    def calls(self) -> list[Json]:
        """Every API call: n, at, method, path, call, order, faults, status."""
        return self.shop.log.since(0)

    def add_order(self, **given: Any) -> Json:
        """Books an order in the shape of `GET /orders` and returns it whole. By default: 50.00, one line, paid."""
        return orders.add(self.shop.books, self.shop.settings, given)

    def order(self, order_id: int) -> Json:
        return self.shop.books.orders[order_id]

    def refunds(self, order_id: int) -> list[Json]:
        """The refund rows of an order as they are stored, oldest first."""
        return self.shop.books.refunds_of(order_id)

    def arm(
        self, fault: str, *, times: int | None = 1, order: int | None = None, on: str = "any",
        delay: float | None = None,
    ) -> None:  # fmt: skip
        """Switches a fault on, as `POST /_sandbox/faults` does. Raises `Unknown` for a name that is none."""
        self.shop.faults.arm({"fault": fault, "times": times, "order": order, "on": on, "delay": delay})

    def answer(self, request: Request) -> Answer:
        request.base = (self.shop.settings.home_url or self.base_url).rstrip("/")
        return site.answer(self.shop, request)

    def _open_books(self) -> None:
        self._journals = []
        for name in ("books.jsonl", "calls.jsonl"):
            self._journals.append(Journal(self.directory / name))
        books, calls = self._journals
        if self._fresh:
            books.clear()
            calls.clear()
        self._fresh = False  # only the first start forgets: the next one follows a kill
        self.shop = Shop(Books(books), CallLog(calls), self._settings, self._first_orders)
        for order in self._first_orders():
            if self.shop.books.order(order.get("id", 0)) is None:
                orders.add(self.shop.books, self._settings, order)

    def _first_orders(self) -> list[Json]:
        return catalogue.orders() if self._orders is None else self._orders

    def _close_books(self) -> None:
        for journal in self._journals:
            journal.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], store: SandboxStore) -> None:
        self.store = store
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, Stopped):
            self.close_connection = True

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(headers), "")
        self._send(self.server.store.answer(request))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked_body()
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _chunked_body(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, answer: Answer) -> None:
        if answer.delivery == "closed":
            self.close_connection = True
            return
        head, body = self._head(answer), b"" if self.command == "HEAD" else answer.body
        if answer.delivery == "truncated":
            self.close_connection = True
            self.wfile.write(head + body[: len(body) // 2])
        elif answer.delivery == "trickle":
            self._trickle(head + body, answer.seconds)
        else:
            self.wfile.write(head + body)

    def _trickle(self, whole: bytes, seconds: float) -> None:
        step = -(-len(whole) // TRICKLE_STEPS)
        for start in range(0, len(whole), step):
            self.wfile.write(whole[start : start + step])
            self.server.store.shop.pause(seconds / TRICKLE_STEPS)

    def _head(self, answer: Answer) -> bytes:
        state = "close" if self.close_connection else "keep-alive"
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", "Server: nginx/1.22.1"]
        lines.append(f"Date: {formatdate(time.time(), usegmt=True)}")
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines += [f"Content-Length: {len(answer.body)}", f"Connection: {state}"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Silent: the log of calls says more."""
