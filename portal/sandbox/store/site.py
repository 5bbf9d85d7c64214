"""The front door: which part of the site an address belongs to, and what is switched to go wrong on the way."""

from __future__ import annotations

from urllib.parse import urlsplit

from . import control, order_routes, pages, pictures, refund_routes, rest, shop_routes, troubles
from .faults import Unknown
from .gateways import Killed
from .rest import Found
from .shop import Shop
from .wire import Answer, Request, html_answer, json_answer

ROUTES = (*refund_routes.ROUTES, *order_routes.ROUTES, *shop_routes.ROUTES)
_CORE = tuple(route for route in shop_routes.ROUTES if route.pattern.pattern == "/")


def answer(shop: Shop, request: Request) -> Answer:
    path = path_of(request)
    if path.startswith("/_sandbox/"):
        return control.answer(shop, request, path.removeprefix("/_sandbox/").rstrip("/"))
    if path.startswith(pictures.FOLDER):
        return pictures.answer(path)
    if path == "/wp-json" or path.startswith("/wp-json/"):
        return _api(shop, request, path.removeprefix("/wp-json"))
    if "rest_route" in request.query:
        return _api(shop, request, str(request.query["rest_route"]), keyless=True)
    return _page(shop, path)


def path_of(request: Request) -> str:
    """The path as WordPress understands it: double slashes are one, and /index.php is nothing."""
    path = urlsplit("http://shop/" + request.target.lstrip("/")).path
    while "//" in path:
        path = path.replace("//", "/")
    return path.removeprefix("/index.php") or "/"


def _api(shop: Shop, request: Request, path: str, *, keyless: bool = False) -> Answer:
    found = rest.find(ROUTES if shop.settings.woocommerce else _CORE, rest.effective_method(request), path)
    try:
        faults = shop.faults.take(found.call, found.order_id, request.headers.get("x-sandbox-fault", ""))
    except Unknown as error:
        return json_answer(400, {"error": str(error)})
    n = shop.log.began(request.method, request.target, found.call, found.order_id, list(faults))
    result = _troubled(shop, request, found, faults, keyless)
    shop.log.ended(n, result.delivery if result.delivery == "closed" else result.status)
    return result


def _troubled(shop: Shop, request: Request, found: Found, faults: dict[str, float], keyless: bool) -> Answer:
    struck = troubles.before(shop, request, faults)
    if struck is not None:
        return struck
    try:
        result = rest.answer(shop, request, found, faults, keyless=keyless)
    except Killed:
        return troubles.bad_gateway()
    troubles.keep_copy(shop, request, result)
    return troubles.after(shop, result, faults)


def _page(shop: Shop, path: str) -> Answer:
    name = shop.settings.name
    if path == "/":
        return html_answer(200, pages.theme(name, "Welcome", "Bags, mugs and lamps from a small workshop."))
    return html_answer(404, pages.theme(name, "Page not found", "It looks like nothing was found at this location."))
