"""wc/v3: what the shop says about itself. Payment methods, settings, system status, the index of the API."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from . import gateways
from .books import Json
from .rest import CANNOT_LIST, CANNOT_VIEW, Call, linked, route
from .settings import VERSION
from .wire import Answer, ApiError, json_answer


def list_gateways(call: Call) -> Answer:
    return json_answer(200, [_gateway(call, gateway) for gateway in gateways.GATEWAYS.values()])


def view_gateway(call: Call) -> Answer:
    gateway = gateways.GATEWAYS.get(call.params["id"])
    if gateway is None:
        raise ApiError(404, "woocommerce_rest_payment_gateway_invalid", "Resource does not exist.")
    return json_answer(200, _gateway(call, gateway))


def _gateway(call: Call, gateway: gateways.Gateway) -> Json:
    here = f"{call.api}/payment_gateways"
    data = {
        "id": gateway.id,
        "title": gateway.title,
        "description": gateway.description,
        "order": list(gateways.GATEWAYS).index(gateway.id),
        "enabled": gateway.enabled,
        "method_title": gateway.title,
        "method_description": gateway.description,
        "method_supports": ["products", *(["refunds"] if gateway.supports_refunds else [])],
        "settings": {},
    }
    return linked(data, {"self": [{"href": f"{here}/{gateway.id}"}], "collection": [{"href": here}]})


def _settings(call: Call) -> dict[str, Json]:
    known = {
        "woocommerce_currency": ("Currency", "select", call.settings.currency),
        "woocommerce_price_thousand_sep": ("Thousand separator", "text", call.settings.thousand_separator),
        "woocommerce_price_decimal_sep": ("Decimal separator", "text", call.settings.decimal_separator),
        "woocommerce_price_num_decimals": ("Number of decimals", "number", str(call.settings.decimals)),
        "woocommerce_default_country": ("Country / State", "select", "DE"),
        "woocommerce_calc_taxes": ("Enable taxes", "checkbox", "yes"),
    }
    return {name: _setting(call, name, *facts) for name, facts in known.items()}


def _setting(call: Call, name: str, label: str, kind: str, value: str) -> Json:
    here = f"{call.api}/settings/general"
    data = {
        "id": name,
        "label": label,
        "description": "",
        "type": kind,
        "default": "",
        "tip": "",
        "value": value,
        "group_id": "general",
    }
    return linked(data, {"self": [{"href": f"{here}/{name}"}], "collection": [{"href": here}]})


def list_settings(call: Call) -> Answer:
    return json_answer(200, list(_settings(call).values()))


def view_setting(call: Call) -> Answer:
    setting = _settings(call).get(call.params["id"])
    if setting is None:
        raise ApiError(404, "rest_setting_setting_invalid", "Invalid setting.")
    return json_answer(200, setting)


def view_status(call: Call) -> Answer:
    settings = call.settings
    environment = {
        "home_url": call.base,
        "site_url": call.base,
        "version": VERSION,
        "wp_version": "6.9",
        "wp_multisite": False,
        "php_version": "8.2.35",
        "default_timezone": "UTC",
    }
    shown = {
        "api_enabled": settings.legacy != "off",
        "force_ssl": False,
        "currency": settings.currency,
        "thousand_separator": settings.thousand_separator,
        "decimal_separator": settings.decimal_separator,
        "number_of_decimals": settings.decimals,
        "HPOS_enabled": settings.order_tables,
        "HPOS_sync_enabled": False,
        "order_datastore": "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
        if settings.order_tables
        else "WC_Order_Data_Store_CPT",
    }
    return json_answer(200, {"environment": environment, "settings": shown})


def view_index(call: Call) -> Answer:
    """/wp-json/: who the site is. It answers everybody, and tells whether WooCommerce is there."""
    offset = datetime.now(ZoneInfo(call.settings.timezone)).utcoffset()
    own = ["wc/v1", "wc/v2", "wc/v3", "wc-analytics"] if call.settings.woocommerce else []
    data = {
        "name": call.settings.name,
        "description": "",
        "url": call.base,
        "home": call.base,
        "gmt_offset": (offset.total_seconds() if offset else 0) / 3600,
        "timezone_string": call.settings.timezone,
        "page_for_posts": 0,
        "page_on_front": 0,
        "show_on_front": "posts",
        "namespaces": ["oembed/1.0", *own, "wp/v2", "wp-site-health/v1", "wp-block-editor/v1"],
        "authentication": {},
        "routes": {},
    }
    return json_answer(200, linked(data, {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]}))


def view_namespace(call: Call) -> Answer:
    namespace = f"wc/{call.version}"
    up = [{"href": f"{call.base}/wp-json/"}]
    return json_answer(200, linked({"namespace": namespace, "routes": {}}, {"up": up}))


_API = r"/wc/(?P<version>v[123])"
ROUTES = (
    route("index", "GET", "/", view_index),
    route("index", "GET", _API, view_namespace),
    route("gateway.list", "GET", _API + "/payment_gateways", list_gateways, CANNOT_LIST),
    route("gateway.view", "GET", _API + r"/payment_gateways/(?P<id>[\w-]+)", view_gateway, CANNOT_VIEW),
    route("settings.list", "GET", _API + "/settings/general", list_settings, CANNOT_LIST),
    route("settings.view", "GET", _API + r"/settings/general/(?P<id>[\w-]+)", view_setting, CANNOT_VIEW),
    route("status.view", "GET", _API + "/system_status", view_status, CANNOT_LIST),
)
