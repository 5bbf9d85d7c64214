"""Whatever a server sends, only the client's own errors come out; and only canonical amounts go in."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refunds.woocommerce import (
    InstructionLine,
    Outcome,
    RefundInstruction,
    Store,
    StoreError,
    Tax,
    Timeouts,
    Verdict,
    connect,
)
from refunds.woocommerce import legacy as legacy_dialect
from refunds.woocommerce import v3 as v3_dialect

from .woocommerce_server import Server, reply, serving, woo_line, woo_order, woo_refund

QUICK = Timeouts(connect=2, read=0.3, refund_read=0.3, refund_total=0.5, pause=0.001)
RUNS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ASKED = RefundInstruction(
    amount=Decimal("10.00"), reason="RF-1-1 Damaged", marker="RF-1-1", api_refund=True, api_restock=True
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(b"") as running:
        yield running


def client(server: Server, api: str = "wc/v3") -> Store:
    return connect(url=server.url, key="ck_1", secret="cs_1", api=api, decimals=2, timeouts=QUICK)


MOMENT = 0.05
READS: tuple[Callable[[Store], Any], ...] = (
    lambda store: store.order(1001, patience=MOMENT),
    lambda store: store.refunds(1001, patience=MOMENT),
    lambda store: store.refund(1001, 77, patience=MOMENT),
    lambda store: store.find_orders(number="1001", email="anna@example.com", patience=MOMENT),
    lambda store: store.orders(patience=MOMENT),
    lambda store: store.notes(1001, patience=MOMENT),
    lambda store: store.gateways(patience=MOMENT),
    lambda store: store.order_statuses(patience=MOMENT),
    lambda store: store.count_orders(patience=MOMENT),
    lambda store: store.settings(patience=MOMENT),
    lambda store: store.index(patience=MOMENT),
    lambda store: store.mails_customers(patience=MOMENT),
    lambda store: store.prove_write_scope(patience=MOMENT),
    lambda store: store.add_note(1001, "x", patience=MOMENT),
    lambda store: store.delete_refund(1001, 77, patience=MOMENT),
)
ASKING = st.tuples(st.sampled_from(READS), st.sampled_from(["wc/v3", "wc-api/v3"]))


def ask(server: Server, asking: tuple[Callable[[Store], Any], str], answer: bytes) -> None:
    """Closes each connection after the answer, so that no answer runs on into the next."""
    read, api = asking
    server.replies = [lambda connection: connection.sendall(answer)]
    with client(server, api) as store, contextlib.suppress(StoreError):
        read(store)


def pay(server: Server, answer: bytes) -> Outcome:
    server.replies = [lambda connection: connection.sendall(answer)]
    with client(server) as store:
        return store.create_refund(1001, ASKED)


def framed(body: bytes, status: int = 200) -> bytes:
    return reply(status, body)


# --- Bytes -----------------------------------------------------------------------------------------------------------

HEADS = st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"])
STRANGE = (
    *(b"Content-Length: -1", b"Content-Length: 5, 6", b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"),
    *(b"Retry-After: Fri, 99 Foo 2026", b"Set-Cookie: =;=,\xff", b"Location: http://[", b"Age: \xb2", b"Date: x"),
    *(b"Content-Type: text/html; charset=\xff", b"X-WP-Total: many", b"Link: <>", b"X-Cache: \xff"),
)
HEADERS = st.lists(st.sampled_from(STRANGE) | st.binary(max_size=40), max_size=3)
BODIES = st.binary(max_size=200) | st.sampled_from([b"{}", b"[]", b'{"errors": []}', json.dumps(woo_order()).encode()])


@RUNS
@given(head=HEADS, headers=HEADERS, body=BODIES)
def test_no_bytes_make_a_refund_raise_or_succeed(
    server: Server, head: bytes, headers: list[bytes], body: bytes
) -> None:
    outcome = pay(server, head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body)

    assert (
        outcome.verdict is Verdict.IN_DOUBT or outcome.http_status in (401, 403, 429) or 300 <= _status(outcome) < 400
    )


def _status(outcome: Outcome) -> int:
    return outcome.http_status or 0


@RUNS
@given(asking=ASKING, head=HEADS, headers=HEADERS, body=BODIES)
def test_no_bytes_make_a_read_raise_anything_else(
    server: Server, asking: Any, head: bytes, headers: list[bytes], body: bytes
) -> None:
    ask(server, asking, head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body)


# --- JSON of the wrong shape -----------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=5)
    | st.sampled_from(["10.00", "-0.00", "1e999", "2026-11-20T14:42:55", "0000-00-00T00:00:00", "\ud800", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "total", "taxes", "errors", "code", "value", "meta_data", "src"]), inner
        )
    ),
    max_leaves=6,
)
ORDER = woo_order(line_items=[woo_line(taxes=[{"id": 1, "total": "1.10"}])], refunds=[{"id": 5, "total": "-1.00"}])
NOTE = {"id": 5, "note": "x", "customer_note": False, "date_created_gmt": "2026-11-20T14:42:55"}
GATEWAY = {"id": "testpay", "title": "Card", "enabled": True, "method_supports": ["refunds"]}
INDEX = {"name": "Shop", "home": "https://shop.example", "namespaces": ["wc/v3"]}
SHAPES = (ORDER, woo_refund(), {"order_refunds": [woo_refund()]}, NOTE, {"order_notes": [NOTE]}, GATEWAY, INDEX)


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """A good answer with one thing in it replaced or left out, alone or in a list."""
    shape = json.loads(json.dumps(draw(st.sampled_from(SHAPES))))
    place = shape
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    if isinstance(place, dict) and draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(VALUES)
    return draw(st.sampled_from([shape, [shape]]))


@settings(RUNS, max_examples=300)
@given(asking=ASKING, data=VALUES | mutants())
def test_no_json_makes_a_read_raise_anything_else(server: Server, asking: Any, data: Any) -> None:
    ask(server, asking, framed(json.dumps(data).encode()))


@RUNS
@given(data=VALUES | mutants(), status=st.sampled_from([200, 201, 400, 404, 500]))
def test_no_json_makes_a_refund_raise(server: Server, data: Any, status: int) -> None:
    outcome = pay(server, framed(json.dumps(data).encode(), status))

    assert outcome.verdict is not Verdict.ACCEPTED


# --- Amounts ---------------------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(min_value=0, max_value=10_000, places=2)
CANONICAL = re.compile(r"\d+(\.\d+)?", re.ASCII)


def numbers_in(body: Any) -> Iterator[str]:
    """Every amount in the body of a refund, of either dialect."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name in ("amount", "refund_total") or (name.isdigit() and isinstance(value, str)):
                yield value
            yield from numbers_in(value)
    elif isinstance(body, list):
        for value in body:
            yield from numbers_in(value)


@settings(deadline=None, max_examples=400)
@given(
    decimals=st.integers(0, 4),
    amount=AMOUNTS,
    parts=st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=3),
    adds_up=st.booleans(),
)
def test_amounts_are_sent_in_canonical_form_or_not_at_all(
    decimals: int, amount: Decimal, parts: list[tuple[Decimal, Decimal]], adds_up: bool
) -> None:
    finite = all(part.is_finite() for pair in parts for part in pair)
    if adds_up and finite and parts:
        amount = sum((net + tax for net, tax in parts), Decimal(0))
    lines = tuple(InstructionLine(number, 1, net, (Tax(1, tax),)) for number, (net, tax) in enumerate(parts, start=1))
    asked = RefundInstruction(amount, "RF-1-1 Damaged", "RF-1-1", api_refund=True, api_restock=False, lines=lines)

    for refund_body in (v3_dialect.refund_body, legacy_dialect.refund_body):
        try:
            body = refund_body(asked, decimals)
        except ValueError:
            continue
        sent = list(numbers_in(body))
        assert len(sent) == 1 + 2 * len(lines)
        assert all(CANONICAL.fullmatch(text) and len(text.partition(".")[2]) == decimals for text in sent)
        assert Decimal(sent[0]) == amount > 0
        assert not lines or sum(map(Decimal, sent[1:]), Decimal(0)) == amount
