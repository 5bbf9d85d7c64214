"""Nobody can tell an order that exists from one that does not: by what is answered, by the statements, or by the time.

The hit is a look-up whose order was found and whose code is on its way. The misses are look-ups of an unknown number,
or of a known number with another e-mail address: no row differs but in what the worker found.
"""

from __future__ import annotations

import gc
import math
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import time_machine
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from refunds import links, timing
from refunds.models import LookUp, OrderSnapshot, RefundRequest

from ..factories import LookUpFactory, OrderSnapshotFactory
from .junk import Junk
from .scene import token

MOST_Z = 5.0
"""Of the rank test: by chance it is exceeded once in two million."""
FRESH = {"csrftoken", settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_NAME}
"""Cookies whose values are random."""


@dataclass(frozen=True)
class Pair:
    """Two look-ups that differ in nothing but that the order of one was found."""

    hit: LookUp
    miss: LookUp


def pair(snapshot: OrderSnapshot, **fields: Any) -> Pair:
    now = timezone.now()
    same = {"code_issue": 1, "proven_at": None, "created_at": now, "network": "192.0.2.1", **fields}
    hit = LookUpFactory.create(snapshot=snapshot, code_until=now + timing.CODE_LIFE, **same)
    miss = LookUpFactory.create(**{**same, "snapshot": None, "proven_at": None})
    return Pair(hit, miss)


# --- The same answers ------------------------------------------------------------------------------------------------


def answers(rng: random.Random, count: int, told: list[str]) -> list[str]:
    """What differs in `count` pairs, of which each is asked the same questions in the same order."""
    broken: list[str] = []
    asked = 0
    snapshot = OrderSnapshotFactory.create()
    for n in range(count):
        with time_machine.travel(timezone.now(), tick=False):
            made = _situation(snapshot, rng)
            clients = Client(raise_request_exception=False), Client(raise_request_exception=False)
            for question in rng.choices(QUESTIONS, k=rng.randrange(1, 6)):
                both = question(made, clients, Junk(rng))
                asked += 1
                if both[0] != both[1]:
                    broken.append(f"pair {n}: {question.__name__} tells them apart: {_difference(*both)}")
    print(*broken[:5], sep="\n", end="\n" if broken else "")
    told.append(f"{asked} questions to {count} pairs of a hit and a miss: {len(broken)} answered differently")
    return broken


def _situation(snapshot: OrderSnapshot, rng: random.Random) -> Pair:
    """Early, late, with few tries, with many codes sent, or when somebody else has proven it since."""
    fields: dict[str, Any] = {
        "tries_left": rng.choice((0, 1, 2, 5)),
        "code_issue": rng.choice((1, 2, 3)),
        "created_at": timezone.now() - rng.choice((timedelta(0), timedelta(minutes=5), timedelta(hours=25))),
    }
    if rng.random() < 0.3:
        fields["proven_at"] = timezone.now()
    if rng.random() < 0.3:
        fields |= {"order_number": f"no-{rng.randrange(10**6)}", "email": "nobody@example.com"}
    return pair(snapshot, **fields)


Both = tuple[tuple[Any, ...], tuple[Any, ...]]
Clients = tuple[Client, Client]


def code_page(made: Pair, clients: Clients, junk: Junk) -> Both:
    return _asked(made, clients, lambda client, look_up: client.get(f"/code/{look_up.public_id}/"))


def wrong_code(made: Pair, clients: Clients, junk: Junk) -> Both:
    """For the miss the code that would be right if there were an order; for the hit any other one."""

    def typed(client: Client, look_up: LookUp) -> HttpResponse:
        guess = links.code(look_up) if look_up == made.miss else wrong(look_up)
        return client.post(f"/code/{look_up.public_id}/", {"code": guess})

    return _asked(made, clients, typed)


def junk_code(made: Pair, clients: Clients, junk: Junk) -> Both:
    text = junk.text()[:5000]
    return _asked(made, clients, lambda client, look_up: client.post(f"/code/{look_up.public_id}/", {"code": text}))


def late_code(made: Pair, clients: Clients, junk: Junk) -> Both:
    """The right code of an order that exists, when it is worth nothing any more."""
    LookUp.objects.filter(pk=made.hit.pk).update(code_until=timezone.now() - timedelta(seconds=1))
    return _asked(
        made, clients, lambda client, look_up: client.post(f"/code/{look_up.public_id}/", {"code": links.code(look_up)})
    )


def another_code(made: Pair, clients: Clients, junk: Junk) -> Both:
    issue = junk.rng.choice(("1", "2", "3", "", "x"))
    return _asked(made, clients, lambda client, look_up: _again(client, look_up, issue))


def old_link(made: Pair, clients: Clients, junk: Junk) -> Both:
    """One that was used or is too old, and one that was never sent."""
    LookUp.objects.filter(pk=made.hit.pk).update(code_until=timezone.now() - timedelta(seconds=1))
    ask = junk.rng.choice(("get", "post"))
    return _asked(made, clients, lambda client, look_up: getattr(client, ask)(f"/p/{token(links.proof_url(look_up))}/"))


def dead_status_link(made: Pair, clients: Clients, junk: Junk) -> Both:
    """Signed by us and expired: of a case that is there, and of one that never was."""
    with time_machine.travel(timezone.now() - timing.STATUS_LINK_LIFE - timedelta(days=1), tick=False):
        there = links.status_path(RefundRequest.objects.first() or RefundRequest(reference="RF-33333333"))
        nowhere = links.status_path(RefundRequest(reference="RF-22222222"))
    paths = {made.hit: there, made.miss: nowhere}
    return _asked(made, clients, lambda client, look_up: client.get(paths[look_up]))


def front_door(made: Pair, clients: Clients, junk: Junk) -> Both:
    """The order's own number and address, and what the miss was asked with."""
    network = f"192.0.2.{junk.rng.randrange(256)}"

    def typed(client: Client, look_up: LookUp) -> HttpResponse:
        made_up = f"no-{junk.rng.randrange(10**9):09d}"
        is_hit = look_up == made.hit
        data = {"number": "1001" if is_hit else made_up, "email": f"{made_up}@example.com"}
        return client.post("/", data, headers={"X-Forwarded-For": f"{network}{junk.rng.randrange(10**6)}"}, follow=True)

    LookUp.objects.filter(order_number="1001", created_at__gt=timezone.now() - timedelta(days=1)).exclude(
        pk__in=(made.hit.pk, made.miss.pk)
    ).update(order_number="1002")
    return _asked(made, clients, typed)


QUESTIONS = (
    code_page, wrong_code, wrong_code, junk_code, late_code, another_code, old_link, dead_status_link, front_door,
)  # fmt: skip


def wrong(look_up: LookUp) -> str:
    return "000000" if links.code(look_up) != "000000" else "111111"


def _again(client: Client, look_up: LookUp, issue: str) -> HttpResponse:
    return client.post(f"/code/{look_up.public_id}/again/", {"issue": issue})


def _asked(made: Pair, clients: Clients, ask: Callable[[Client, LookUp], HttpResponse]) -> Both:
    first, second = (bare(ask(client, look_up)) for client, look_up in zip(clients, (made.hit, made.miss), strict=True))
    return first, second


def bare(response: HttpResponse) -> tuple[Any, ...]:
    """The whole answer without what is random in every answer, ids of look-ups and tokens, and what was typed."""
    body = re.sub(rb'name="(csrfmiddlewaretoken|code)" value="[^"]+"', b"", response.content)
    cookies = {name: "" if name in FRESH else cookie.value for name, cookie in response.cookies.items()}
    headers = {name: _without_id(value) for name, value in response.headers.items()}
    return response.status_code, headers, cookies, _without_id(body.decode())


def _without_id(text: str) -> str:
    return re.sub(r"/(code|p|s)/[^/\"]+/", r"/\1/-/", text)


def _difference(first: Sequence[Any], second: Sequence[Any]) -> str:
    return "; ".join(f"{str(a)[:300]!r} and {str(b)[:300]!r}" for a, b in zip(first, second, strict=True) if a != b)


# --- The same work and the same time ---------------------------------------------------------------------------------


def times(samples: int, told: list[str]) -> list[str]:
    """What differs in the statements, or in the time of the processor, between hit and miss, sampled in turns.

    Not the time of the clock: other work on the machine is not ours. The work of the database is in its statements.
    """
    broken: list[str] = []
    made = pair(OrderSnapshotFactory.create())
    for name, ask in TIMED.items():
        statements = [_statements(ask, look_up) for look_up in (made.hit, made.miss)]
        if statements[0] != statements[1]:
            broken.append(f"{name}: {statements[0]} for a hit, {statements[1]} for a miss")
        hit, miss = _samples(ask, made, samples)
        z = rank_z(hit, miss)
        if abs(z) > MOST_Z:
            broken.append(f"{name}: hit and miss can be told apart by their time, z = {z:.1f}")
        medians = [statistics.median(side) * 1000 for side in (hit, miss)]
        told.append(
            f"time of {name}: {samples} each, {len(statements[0])} statements, "
            f"medians {medians[0]:.3f} and {medians[1]:.3f} ms, z = {z:+.1f} (at most {MOST_Z:g})"
        )
    print(*broken, sep="\n", end="\n" if broken else "")
    return broken


def _reset(look_up: LookUp) -> None:
    long_ago = timezone.now() - timedelta(minutes=9)
    LookUp.objects.filter(pk=look_up.pk).update(tries_left=5, code_issue=1, created_at=long_ago, next_try_at=None)


def _look_up_again(client: Client, look_up: LookUp) -> HttpResponse:
    data = {"number": look_up.order_number, "email": f"{time.monotonic_ns()}@example.com"}
    LookUp.objects.exclude(pk__in=(look_up.pk,)).filter(order_number=look_up.order_number).update(order_number="x")
    return client.post("/", data, headers={"X-Forwarded-For": f"10.{time.monotonic_ns()}"})


TIMED: dict[str, Callable[[Client, LookUp], HttpResponse]] = {
    "the code page": lambda client, look_up: client.get(f"/code/{look_up.public_id}/"),
    "a wrong code": lambda client, look_up: client.post(f"/code/{look_up.public_id}/", {"code": wrong(look_up)}),
    "another code": lambda client, look_up: _again(client, look_up, "1"),
    "a dead link": lambda client, look_up: client.get(f"/p/{token(links.proof_url(look_up))}x/"),
}


def _statements(ask: Callable[[Client, LookUp], HttpResponse], look_up: LookUp) -> list[str]:
    """Without their values."""
    seen: list[str] = []

    def kept(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    _reset(look_up)
    with connection.execute_wrapper(kept):
        ask(Client(), look_up)
    return seen


def _samples(ask: Callable[[Client, LookUp], HttpResponse], made: Pair, count: int) -> tuple[list[float], list[float]]:
    taken: dict[LookUp, list[float]] = {made.hit: [], made.miss: []}
    gc.collect()
    gc.disable()
    try:
        for n in range(count):
            for look_up in _in_turns(made, n):
                taken[look_up].append(_timed(ask, look_up))
    finally:
        gc.enable()
    return taken[made.hit], taken[made.miss]


def _in_turns(made: Pair, n: int) -> Iterator[LookUp]:
    yield from (made.hit, made.miss) if n % 2 else (made.miss, made.hit)


def _timed(ask: Callable[[Client, LookUp], HttpResponse], look_up: LookUp) -> float:
    _reset(look_up)
    client = Client()
    began = time.thread_time()
    ask(client, look_up)
    return time.thread_time() - began


def rank_z(first: Sequence[float], second: Sequence[float]) -> float:
    """Mann and Whitney's test, as how many standard deviations the ranks of `first` are off; positive if larger."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        middle = (at + 1 + end) / 2
        rank_sum += middle * sum(side == 0 for _value, side in ranked[at:end])
        at = end
    one, other = len(first), len(second)
    u = rank_sum - one * (one + 1) / 2
    return (u - one * other / 2) / math.sqrt(one * other * (one + other + 1) / 12)
