"""WordPress' REST server: finds the route, checks the caller and the arguments, calls the handler, wraps the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

from . import auth, shapes
from .args import Check, checked
from .auth import Key
from .settings import Settings
from .shop import Shop
from .wire import Answer, ApiError, PhpFatal, Request, json_answer, parsed_query

Json = dict[str, Any]
EDITABLE = ("POST", "PUT", "PATCH")
NO_CACHE = "no-cache, must-revalidate, max-age=0, no-store, private"
ALLOWED_HEADERS = "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type"
CANNOT_VIEW = ("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.")
CANNOT_LIST = ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
CANNOT_CREATE = ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources.")
CANNOT_EDIT = ("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource.")
CANNOT_DELETE = ("woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource.")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its handler gets it: `params` are checked and clean, `api` is the address of the namespace."""

    shop: Shop
    params: Json
    query: Json
    user_id: int
    base: str
    version: str
    faults: dict[str, float]

    @property
    def api(self) -> str:
        return f"{self.base}/wp-json/wc/{self.version}"

    @property
    def settings(self) -> Settings:
        return self.shop.settings

    @property
    def decimals(self) -> int:
        return int(self.params.get("dp", self.settings.decimals))


@dataclass(frozen=True, slots=True)
class Route:
    """`call` is the name faults and the log know it by; `denied` is what a caller without the right is told."""

    call: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    handler: Callable[[Call], Answer]
    denied: tuple[str, str] | None = None
    args: Mapping[str, Check] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a path and a method lead to. Without a route it is 404, but order and call are known for the log anyway."""

    route: Route | None
    url_params: Json
    path: str
    allow: tuple[str, ...] = ()

    @property
    def call(self) -> str:
        return self.route.call if self.route else "other"

    @property
    def order_id(self) -> int | None:
        order_id = self.url_params.get("order_id", self.url_params.get("id"))
        return int(order_id) if order_id and self.call.split(".")[0] in ("order", "refund", "note") else None


def route(call: str, methods: tuple[str, ...] | str, pattern: str, handler: Callable[[Call], Answer],
          denied: tuple[str, str] | None = None, args: Mapping[str, Check] | None = None) -> Route:  # fmt: skip
    methods = (methods,) if isinstance(methods, str) else methods
    return Route(call, methods, re.compile(pattern), handler, denied, args or {})


def find(routes: tuple[Route, ...], method: str, path: str) -> Found:
    """The route of a path below /wp-json, such as /wc/v3/orders/5. A trailing slash does not matter."""
    path = path.rstrip("/") or "/"
    chosen: tuple[Route, Json] | None = None
    allow: list[str] = []
    for candidate in routes:
        match = candidate.pattern.fullmatch(path)
        if match is None:
            continue
        allow += [name for name in candidate.methods if name not in allow]
        if chosen is None and ("GET" if method in ("HEAD", "OPTIONS") else method) in candidate.methods:
            chosen = candidate, match.groupdict()
    matched, url_params = chosen or (None, {})
    return Found(matched, url_params, path, tuple(sorted(allow, key=_usual_order)))


def _usual_order(method: str) -> int:
    return ("GET", "POST", "PUT", "PATCH", "DELETE").index(method)


def effective_method(request: Request) -> str:
    """`?_method=` or the override header turn any call into another."""
    override = request.query.get("_method") or request.headers.get("x-http-method-override")
    return str(override or request.method).upper()


def answer(shop: Shop, request: Request, found: Found, faults: dict[str, float], *, keyless: bool = False) -> Answer:
    """Answers one call. `keyless` is a way in on which WooCommerce does not look at keys at all."""
    headers = _common_headers(shop, request)
    try:
        key = None if keyless or not found.path.startswith("/wc/") else auth.authenticated(request, shop)
        if key:
            headers["Cache-Control"] = NO_CACHE
            auth.check_permissions(key, effective_method(request))
        result = _allowing(_served(shop, request, found, key, faults), found, key)
    except auth.AuthError as error:
        result = json_answer(error.status, error.body())
    except PhpFatal as fatal:
        result = json_answer(500, fatal.page)
    return _enveloped(request, _trimmed(request, result), headers)


def _common_headers(shop: Shop, request: Request) -> dict[str, str]:
    root = "/index.php?rest_route=/" if shop.settings.permalinks == "plain" else "/wp-json/"
    return {
        "X-Robots-Tag": "noindex",
        "Link": f'<{request.base}{root}>; rel="https://api.w.org/"',
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
    }


def _allowing(result: Answer, found: Found, key: Key | None) -> Answer:
    """Only who may use a route is told which methods it has."""
    if found.route and ((key and key.manager) or found.route.denied is None):
        result.headers["Allow"] = ", ".join(found.allow)
    return result


def _served(shop: Shop, request: Request, found: Found, key: Key | None, faults: dict[str, float]) -> Answer:
    try:
        return _dispatched(shop, request, found, key, faults)
    except ApiError as error:
        return json_answer(error.status, error.body())


def _dispatched(shop: Shop, request: Request, found: Found, key: Key | None, faults: dict[str, float]) -> Answer:
    method = effective_method(request)
    if found.route is None:
        raise ApiError(404, "rest_no_route", "No route was found matching the URL and request method.")
    if method == "OPTIONS":
        return json_answer(200, _described(found))
    params = checked(found.route.args, _params(request, method, found.url_params))
    if found.route.denied and not (key and key.manager):
        raise ApiError(403 if key else 401, *found.route.denied)
    version = found.url_params.get("version", "v3")
    user_id = key.user_id if key else 0
    call = Call(shop, params, request.query, user_id, request.base, version, faults)
    return found.route.handler(call)


def _params(request: Request, method: str, url_params: Json) -> Json:
    """All arguments in one, the strongest last: address, query, form, JSON. Yes, a body can overrule the address."""
    params = {**url_params, **request.query}
    if request.is_form and method in EDITABLE:
        params |= parsed_query(request.body.decode(errors="replace"))
    if request.is_json and request.body.strip():
        params |= _json_body(request.body)
    return params


def _json_body(body: bytes) -> Json:
    try:
        data = json.loads(body, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise _bad_json(5, "Malformed UTF-8 characters, possibly incorrectly encoded") from None
    except ValueError:
        raise _bad_json(4, "Syntax error") from None
    return data if isinstance(data, dict) else {}


def _no_number(name: str) -> NoReturn:
    """NaN and Infinity are Python's own JSON."""
    raise ValueError(name)


def _bad_json(code: int, message: str) -> ApiError:
    data = {"status": 400, "json_error_code": code, "json_error_message": message}
    return ApiError(400, "rest_invalid_json", "Invalid JSON body passed.", data)


def _described(found: Found) -> Json:
    args = {name: {"required": False} for name in (found.route.args if found.route else ())}
    endpoints = [{"methods": [method], "args": args} for method in found.allow]
    return {"namespace": "wc/v3", "methods": list(found.allow), "endpoints": endpoints}


def _trimmed(request: Request, result: Answer) -> Answer:
    fields = request.query.get("_fields")
    if not fields or result.status >= 400 or result.data is None:
        return result
    single = not isinstance(result.data, list)
    trimmed = shapes.trimmed_to(str(fields), result.data, keep_links=single)
    return json_answer(result.status, trimmed, result.headers)


def _enveloped(request: Request, result: Answer, headers: dict[str, str]) -> Answer:
    own = {name: value for name, value in result.headers.items() if name != "Content-Type"}
    if "_envelope" in request.query and result.data is not None:
        result = json_answer(200, {"body": result.data, "status": result.status, "headers": own})
    result.headers = {**headers, **result.headers}
    return result


# --- what handlers answer with ----------------------------------------------------------------------------------------


def linked(data: Json, links: Json) -> Json:
    return {**data, "_links": links}


def page_of(call: Call, items: list[Json], shown: Callable[[Json], Json], address: str) -> Answer:
    """One page of a list. A page beyond the end is empty and claims that there is nothing at all."""
    per_page, page = call.params.get("per_page", 10), call.params.get("page", 1)
    total, pages = len(items), -(-len(items) // per_page)
    start = (page - 1) * per_page if "offset" not in call.params else call.params["offset"]
    chosen = items[start : start + per_page]
    if not chosen and page > 1:
        total = pages = 0
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    links = [("prev", min(page - 1, pages))] if page > 1 else []
    links += [("next", page + 1)] if page < pages else []
    if links:
        headers["Link"] = ", ".join(_page_link(call, address, name, to) for name, to in links)
    return json_answer(200, [shown(item) for item in chosen], headers)


def _page_link(call: Call, address: str, name: str, page: int) -> str:
    query = {key: value for key, value in call.query.items() if key not in ("page", "status")}
    if address.endswith("/orders"):
        query |= {f"status[{n}]": status for n, status in enumerate(call.params.get("status", ["any"]))}
    query = {**query, "dp": query.get("dp", call.settings.decimals)}
    if address.endswith("/orders"):
        query.setdefault("context", "view")
    return f'<{address}?{urlencode(query, doseq=True)}&page={page}>; rel="{name}"'
