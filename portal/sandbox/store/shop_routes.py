"""wc/v3: what the shop says about itself. Payment methods, settings, system status, the index of the API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from . import gateways
from .books import Json
from .php import json_number
from .rest import CANNOT_LIST, CANNOT_VIEW, Call, linked, route
from .settings import VERSION, Settings
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


def _settings(call: Call) -> list[Json]:
    group, known = call.params["group"], _GROUPS.get(call.params["group"])
    if known is None:
        raise ApiError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    return [_setting(call, group, name, *facts) for name, facts in known(call.settings).items()]


def _general(settings: Settings) -> dict[str, tuple[str, str, str]]:
    return {
        "woocommerce_currency": ("Currency", "select", settings.currency),
        "woocommerce_price_thousand_sep": ("Thousand separator", "text", settings.thousand_separator),
        "woocommerce_price_decimal_sep": ("Decimal separator", "text", settings.decimal_separator),
        "woocommerce_price_num_decimals": ("Number of decimals", "number", str(settings.decimals)),
        "woocommerce_default_country": ("Country / State", "select", "DE"),
        "woocommerce_calc_taxes": ("Enable taxes", "checkbox", "yes"),
    }


def _refund_mail(settings: Settings) -> dict[str, tuple[str, str, str]]:
    return {"enabled": ("Enable/Disable", "checkbox", "yes")}


_GROUPS = {"general": _general, "email_customer_refunded_order": _refund_mail}


def _setting(call: Call, group: str, name: str, label: str, kind: str, value: str) -> Json:
    here = f"{call.api}/settings/{group}"
    data = {
        "id": name,
        "label": label,
        "description": "",
        "type": kind,
        "default": "",
        "tip": "",
        "value": value,
        "group_id": group,
    }
    return linked(data, {"self": [{"href": f"{here}/{name}"}], "collection": [{"href": here}]})


def list_settings(call: Call) -> Answer:
    return json_answer(200, _settings(call))


def view_setting(call: Call) -> Answer:
    for setting in _settings(call):
        if setting["id"] == call.params["id"]:
            return json_answer(200, setting)
    raise ApiError(404, "rest_setting_setting_invalid", "Invalid setting.")


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
        "gmt_offset": json_number(Decimal(offset.total_seconds() if offset else 0) / 3600),
        "timezone_string": call.settings.timezone,
        "page_for_posts": 0,
        "page_on_front": 0,
        "show_on_front": "posts",
        "namespaces": ["oembed/1.0", *own, "wp/v2", "wp-site-health/v1", "wp-block-editor/v1", "wp-abilities/v1"],
        "authentication": {
            "application-passwords": {"endpoints": {"authorization": f"{call.base}/wp-admin/authorize-application.php"}}
        },
        "routes": {},
        "site_logo": 0,
        "site_icon": 0,
        "site_icon_url": "",
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
    route("settings.list", "GET", _API + r"/settings/(?P<group>[\w-]+)", list_settings, CANNOT_LIST),
    route("settings.view", "GET", _API + r"/settings/(?P<group>[\w-]+)/(?P<id>[\w-]+)", view_setting, CANNOT_VIEW),
    route("status.view", "GET", _API + "/system_status", view_status, CANNOT_LIST),
)
