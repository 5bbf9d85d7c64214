"""The front door: which part of the site an address belongs to, and what is switched to go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from . import control, legacy, order_routes, pages, pictures, refund_routes, rest, shop_routes, troubles
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
    if "rest_route" in request.query:
        return _rest(shop, request, str(request.query["rest_route"]), keyless=True)
    if shop.settings.permalinks == "plain":
        return _plain(shop, request, path)
    if path == "/wp-json" or path.startswith("/wp-json/"):
        return _rest(shop, request, path.removeprefix("/wp-json"), keyless=not shop.settings.woocommerce)
    if path.startswith(legacy.ROOT):
        return _legacy(shop, request, path.removeprefix(legacy.ROOT))
    return _page(shop, request, path)


def path_of(request: Request) -> str:
    """The path as WordPress understands it: double slashes are one, and /index.php is nothing."""
    path = urlsplit("http://shop/" + request.target.lstrip("/")).path
    while "//" in path:
        path = path.replace("//", "/")
    return path.removeprefix("/index.php") or "/"


def _rest(shop: Shop, request: Request, path: str, *, keyless: bool) -> Answer:
    found = rest.find(ROUTES if shop.settings.woocommerce else _CORE, rest.effective_method(request), path)
    return _call(shop, request, found, lambda faults: rest.answer(shop, request, found, faults, keyless=keyless))


def _legacy(shop: Shop, request: Request, path: str) -> Answer:
    if shop.settings.legacy == "off" or not shop.settings.woocommerce:
        return html_answer(404, "", _page_headers(request))
    found = rest.find(legacy.ROUTES, request.method, path)
    return _call(shop, request, found, lambda faults: legacy.answer(shop, request, found, faults))


def _call(shop: Shop, request: Request, found: Found, work: Callable[[dict[str, float]], Answer]) -> Answer:
    """One call of an API: written down, troubled by whatever is switched on, and answered by `work`."""
    try:
        faults = shop.faults.take(found.call, found.order_id, request.headers.get("x-sandbox-fault", ""))
    except Unknown as error:
        return json_answer(400, {"error": str(error)})
    n = shop.log.began(request.method, request.target, found.call, found.order_id, list(faults))
    result = _troubled(shop, request, faults, work)
    shop.log.ended(n, result.delivery if result.delivery == "closed" else result.status)
    return result


def _troubled(
    shop: Shop, request: Request, faults: dict[str, float], work: Callable[[dict[str, float]], Answer]
) -> Answer:
    struck = troubles.before(shop, request, faults)
    if struck is not None:
        return struck
    try:
        result = work(faults)
    except Killed:
        return troubles.bad_gateway()
    troubles.keep_copy(shop, request, result)
    return troubles.after(shop, result, faults)


def _page(shop: Shop, request: Request, path: str) -> Answer:
    if path == "/":
        return html_answer(200, _home(shop), {"Link": _page_headers(request)["Link"]})
    page = pages.theme(shop.settings.name, "Page not found", "It looks like nothing was found at this location.")
    return html_answer(404, page, _page_headers(request))


def _plain(shop: Shop, request: Request, path: str) -> Answer:
    """Without pretty permalinks every address is the home page, and a GET is first sent to the one with a slash."""
    if request.method == "GET" and not path.endswith("/"):
        query = urlsplit(request.target).query
        location = f"{request.base}{path}/{'?' if query else ''}{query}"
        return html_answer(301, "", {"Cache-Control": rest.NO_CACHE, "Location": location})
    link = f'<{request.base}/index.php?rest_route=/>; rel="https://api.w.org/"'
    return html_answer(200, _home(shop), {**_page_headers(request), "Link": link})


def _home(shop: Shop) -> str:
    return pages.theme(shop.settings.name, "Welcome", "Bags, mugs and lamps from a small workshop.")


def _page_headers(request: Request) -> dict[str, str]:
    return {"Cache-Control": rest.NO_CACHE, "Link": f'<{request.base}/wp-json/>; rel="https://api.w.org/"'}
