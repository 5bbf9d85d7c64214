"""A server on loopback that answers with exact bytes, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Reply = bytes | Callable[[socket.socket], None]


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {key: value for key, value in parse_qsl(urlsplit(self.target).query) if key != "_"}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """Gives its replies in turn, the last one for ever. Bytes without a length end with the connection."""

    replies: list[Reply]
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(asked.method, asked.path) for asked in self.asked]

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serving(*replies: Reply) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(list(replies), port=listener.getsockname()[1])
    threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket, server: Server) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_talk, args=(connection, server, server.connections), daemon=True).start()


def _talk(connection: socket.socket, server: Server, number: int) -> None:
    with connection, connection.makefile("rb") as stream:
        try:
            while (asked := _read(stream, number)) is not None:
                server.asked.append(asked)
                reply = server.next_reply()
                if callable(reply):
                    reply(connection)
                    return
                connection.sendall(reply)
                if b"content-length:" not in reply[:2000].lower():
                    return
        except OSError:
            return


def _read(stream: Any, number: int) -> Asked | None:
    first = stream.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Asked(first[0], first[1], headers, body, number)


def reply(status: int, body: Any = b"", **headers: str) -> bytes:
    """A whole answer. A body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/json; charset=UTF-8" if not isinstance(body, bytes) else "text/html; charset=UTF-8"
    fields = {"Content-Type": kind, "Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- Answers as WooCommerce writes them -------------------------------------------------------------------------------


def woo_error(code: str, message: str = "Words of the store.", data: Any = None) -> dict[str, Any]:
    return {"code": code, "message": message, "data": data}


def woo_order(order_id: int = 1001, **fields: Any) -> dict[str, Any]:
    """An order read with `dp=8`: two T-shirts of 25.00, paid by card."""
    return {
        "id": order_id,
        "number": str(order_id),
        "status": "processing",
        "currency": "USD",
        "prices_include_tax": False,
        "date_created_gmt": "2026-11-20T14:42:55",
        "date_modified_gmt": "2026-11-20T14:42:58",
        "date_paid_gmt": "2026-11-20T14:42:57",
        "date_completed_gmt": None,
        "total": "50.00000000",
        "customer_id": 0,
        "billing": {"first_name": "Anna", "last_name": "M&uuml;ller", "email": "anna@example.com"},
        "payment_method": "testpay",
        "payment_method_title": "Test Pay (card)",
        "transaction_id": "tp_1",
        "line_items": [woo_line()],
        "tax_lines": [],
        "shipping_lines": [],
        "fee_lines": [],
        "refunds": [],
    } | fields


def woo_line(line_id: int = 808, **fields: Any) -> dict[str, Any]:
    return {
        "id": line_id,
        "name": "T-Shirt",
        "product_id": 10,
        "variation_id": 0,
        "quantity": 2,
        "total": "50.00000000",
        "taxes": [],
        "sku": "RS-TEE",
        "image": {"id": "", "src": ""},
    } | fields


def woo_refund(refund_id: int = 77, **fields: Any) -> dict[str, Any]:
    return {
        "id": refund_id,
        "date_created_gmt": "2026-11-20T14:53:21",
        "amount": "10.00000000",
        "reason": "RF-7K2M9QXD-1 Damaged",
        "refunded_payment": True,
        "meta_data": [{"id": 1, "key": "_refund_portal_marker", "value": "RF-7K2M9QXD-1"}],
        "line_items": [],
        "shipping_lines": [],
        "fee_lines": [],
    } | fields
