"""What the faults do to a call. Their names and meanings are in `faults`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import urlencode

from . import pages
from .rest import NO_CACHE
from .shop import Copy, Shop
from .wire import HTML_TYPE, Answer, Request, html_answer, json_answer

RETRY_AFTER = 2
MAINTENANCE_SECONDS = 600
PLAIN_HTML = {"Content-Type": "text/html"}


def before(shop: Shop, request: Request, faults: dict[str, float]) -> Answer | None:
    """The answer of a fault that strikes before anything happens, if one of them has one."""
    if "slow-before" in faults:
        shop.pause(faults["slow-before"])
    for name in faults:
        if name in _BEFORE:
            answer = _BEFORE[name](shop, request)
            if answer is not None:
                return answer
    return None


def after(shop: Shop, answer: Answer, faults: dict[str, float]) -> Answer:
    """What the client gets of an answer that was complete."""
    for name in faults:
        if name in _AFTER:
            answer = _AFTER[name](answer)
    if "trickle" in faults:
        answer = replace(answer, delivery="trickle", seconds=faults["trickle"])
    if "slow-after" in faults:
        shop.pause(faults["slow-after"])
    return answer


def bad_gateway() -> Answer:
    """What a web server answers for a PHP process that died."""
    return Answer(502, pages.web_server("502 Bad Gateway", "nginx/1.22.1").encode(), dict(PLAIN_HTML))


def _web_server(status: int, title: str, headers: dict[str, str] | None = None) -> Answer:
    return html_answer(status, pages.web_server(f"{status} {title}"), headers)


def _too_many(retry_after: str) -> Answer:
    body = {"code": "rest_too_many_requests", "message": "Too many requests.", "data": {"status": 429}}
    return json_answer(429, body, {"Retry-After": retry_after})


def _maintenance(shop: Shop, request: Request) -> Answer:
    headers = {"Retry-After": str(MAINTENANCE_SECONDS), "Cache-Control": NO_CACHE}
    if wants_json(request):
        return json_answer(503, pages.died_json(503, pages.MAINTENANCE), headers)
    return html_answer(503, pages.died(pages.MAINTENANCE), headers)


def _database_down(shop: Shop, request: Request) -> Answer:
    message, headers = f"<h1>{pages.DATABASE_DOWN}</h1>", {"Cache-Control": NO_CACHE}
    if wants_json(request):
        return json_answer(500, pages.died_json(500, message), headers)
    return html_answer(500, pages.died(message), headers)


def wants_json(request: Request) -> bool:
    """Whether WordPress gives up in JSON: it goes by the type of the body and by what is accepted."""
    return request.is_json or "application/json" in request.headers.get("accept", "")


def _redirect(status: int) -> Callable[[Shop, Request], Answer]:
    def answer(shop: Shop, request: Request) -> Answer:
        return html_answer(status, "", {"Location": request.base + "/index.php" + request.target})

    return answer


def _redirect_elsewhere(shop: Shop, request: Request) -> Answer:
    """To the same machine under its other name: to a client that is another host, which must not see its key."""
    host = request.base.replace("//127.0.0.1", "//localhost")
    return html_answer(301, "", {"Location": host + request.target})


def _no_route(shop: Shop, request: Request) -> Answer:
    message = "No route was found matching the URL and request method."
    return json_answer(404, {"code": "rest_no_route", "message": message, "data": {"status": 404}})


def address(request: Request) -> str:
    """The address of a call as a page cache knows it that leaves cache-busters out."""
    query = {name: value for name, value in request.query.items() if name != "_"}
    return f"{request.path}?{urlencode(query, doseq=True)}"


def _cached(shop: Shop, request: Request) -> Answer | None:
    """A page cache goes by the whole address: with a cache-buster in the query it has never seen it."""
    return None if "_" in request.query else _cached_stubborn(shop, request)


def _cached_stubborn(shop: Shop, request: Request) -> Answer | None:
    copy = shop.copies.get(address(request)) if request.method == "GET" else None
    if copy is None:
        return None
    age = str(int(time.time() - copy.kept_at))
    kept = {name: value for name, value in copy.answer.headers.items() if name != "Cache-Control"}
    headers = {**kept, "Age": age, "X-Cache": "HIT", "X-LiteSpeed-Cache": "hit"}
    return replace(copy.answer, headers=headers)


def keep_copy(shop: Shop, request: Request, answer: Answer) -> None:
    if request.method == "GET" and answer.status == 200:
        shop.keep_copy(address(request), Copy(answer, time.time()))


_BEFORE: dict[str, Callable[[Shop, Request], Answer | None]] = {
    "closed-before": lambda shop, request: Answer(0, delivery="closed"),
    "429": lambda shop, request: _too_many(str(RETRY_AFTER)),
    "429-date": lambda shop, request: _too_many(formatdate(time.time() + RETRY_AFTER, usegmt=True)),
    "429-html": lambda shop, request: _web_server(429, "Too Many Requests", {"Retry-After": str(RETRY_AFTER)}),
    "403-html": lambda shop, request: html_answer(403, pages.FORBIDDEN),
    "200-html": lambda shop, request: html_answer(200, pages.CHECKING_BROWSER),
    "503-maintenance": _maintenance,
    "503-html": lambda shop, request: html_answer(
        503, pages.died(pages.MAINTENANCE), {"Retry-After": str(MAINTENANCE_SECONDS)}
    ),
    "502-before": lambda shop, request: bad_gateway(),
    "database-down": _database_down,
    "redirect-301": _redirect(301),
    "redirect-302": _redirect(302),
    "redirect-308": _redirect(308),
    "redirect-elsewhere": _redirect_elsewhere,
    "no-route": _no_route,
    "cached": _cached,
    "cached-stubborn": _cached_stubborn,
}


def _prefixed(answer: Answer, prefix: bytes) -> Answer:
    return replace(answer, body=prefix + answer.body)


def _fatal(answer: Answer) -> Answer:
    body = pages.fatal(
        "Call to undefined function send_to_warehouse()", "/srv/shop/wp-content/plugins/erp/erp.php", 144
    )
    return json_answer(500, body, {"Cache-Control": NO_CACHE})


HUGE = 32 * 1024 * 1024
_AFTER: dict[str, Callable[[Answer], Answer]] = {
    "closed-after": lambda answer: replace(answer, delivery="closed"),
    "truncated": lambda answer: replace(answer, delivery="truncated"),
    "500-after": lambda answer: Answer(500, b"", {"Content-Type": HTML_TYPE}),
    "502-after": lambda answer: bad_gateway(),
    "504-after": lambda answer: _web_server(504, "Gateway Time-out"),
    "fatal-after": _fatal,
    "notice-prefix": lambda answer: _prefixed(answer, pages.PHP_WARNING.encode()),
    "bom": lambda answer: _prefixed(answer, b"\xef\xbb\xbf"),
    "huge": lambda answer: _prefixed(answer, b" " * HUGE),
}
