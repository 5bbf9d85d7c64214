"""Who calls: the shop's API keys, and what WooCommerce makes of a missing, wrong or weak one."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hmac import compare_digest

from .settings import Settings
from .wire import ApiError, Request


@dataclass(frozen=True, slots=True)
class Key:
    """`permissions` is read, write or read_write. Only the key of a manager may see orders at all."""

    consumer_key: str
    consumer_secret: str
    permissions: str
    user_id: int
    manager: bool = True


KEYS = {
    key.consumer_key: key
    for key in (
        Key("ck_sandbox", "cs_sandbox", "read_write", user_id=1),
        Key("ck_read", "cs_read", "read", user_id=1),
        Key("ck_write", "cs_write", "write", user_id=1),
        Key("ck_manager", "cs_manager", "read_write", user_id=3),
        Key("ck_customer", "cs_customer", "read_write", user_id=12, manager=False),
    )
}
"""Every key of the shop, in all its powers. The first is what the portal's sandbox settings use."""


def authentication_error(message: str) -> ApiError:
    return ApiError(401, "woocommerce_rest_authentication_error", message)


def authenticated(request: Request, settings: Settings) -> Key | None:
    """The key of the caller, or None for a stranger: an unknown key is a stranger too, and so is Basic over plain http.

    Raises `ApiError` 401 for a known key with a wrong secret.
    """
    if settings.plain:
        return None
    consumer_key, consumer_secret = credentials(request)
    key = KEYS.get(consumer_key)
    if key is None:
        return None
    if not compare_digest(key.consumer_secret.encode(), consumer_secret.encode()):
        raise authentication_error("Consumer secret is invalid.")
    return key


def check_permissions(key: Key, method: str) -> None:
    """Raises `ApiError` 401 where the key may not read, or may not write."""
    needed = {"HEAD": "read", "GET": "read", "OPTIONS": ""}.get(method, "write")
    if needed not in key.permissions:
        raise authentication_error(f"The API key provided does not have {needed} permissions.")


def credentials(request: Request) -> tuple[str, str]:
    """Consumer key and secret: those in the query win over the header."""
    query = request.query
    if query.get("consumer_key") and query.get("consumer_secret"):
        return str(query["consumer_key"]), str(query["consumer_secret"])
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret
