"""Who calls: the shop's API keys, and what WooCommerce makes of a missing, wrong or weak one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .shop import Shop
from .wire import ApiError, Request

TIMESTAMP_TOLERANCE = 15 * 60
_OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Key:
    """`permissions` is read, write or read_write. Only the key of a manager may see orders at all."""

    consumer_key: str
    consumer_secret: str
    permissions: str
    user_id: int
    manager: bool = True

    @property
    def may_read(self) -> bool:
        return self.permissions.startswith("read")

    @property
    def may_write(self) -> bool:
        return self.permissions.endswith("write")


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


class AuthError(ApiError):
    """wc/v3's words for it; the legacy API has the same words under another code."""

    def __init__(self, message: str, code: str = "woocommerce_rest_authentication_error") -> None:
        super().__init__(401, code, message)


def authenticated(request: Request, shop: Shop) -> Key | None:
    """The key of the caller, or None for a stranger: an unknown key is a stranger too, and so is Basic over plain http.

    Raises `AuthError` for a known key with a wrong secret, and for a signature that does not hold.
    """
    key = None if shop.settings.plain else _basic(request)
    return key or _signed(request, shop)


def _basic(request: Request) -> Key | None:
    consumer_key, consumer_secret = credentials(request)
    key = KEYS.get(consumer_key)
    if key and not hmac.compare_digest(key.consumer_secret.encode(), consumer_secret.encode()):
        raise AuthError("Consumer secret is invalid.")
    return key


def check_permissions(key: Key, method: str) -> None:
    """Raises `AuthError` where the key may not read, or may not write."""
    if method in ("GET", "HEAD") and not key.may_read:
        raise AuthError("The API key provided does not have read permissions.")
    if method in ("POST", "PUT", "PATCH", "DELETE") and not key.may_write:
        raise AuthError("The API key provided does not have write permissions.")


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


# --- OAuth 1.0a, the only way in over plain http ----------------------------------------------------------------------


def oauth_params(request: Request) -> dict[str, str]:
    """What a signature covers, from the query and the Authorization header together; the signature included."""
    params = {name: str(value) for name, value in request.query.items()}
    header = request.headers.get("authorization", "")
    if header.lower().startswith("oauth "):
        params |= {name: unquote(value) for name, value in re.findall(r'(oauth_\w+)="([^"]*)"', header)}
    return params


def _signed(request: Request, shop: Shop) -> Key | None:
    params = oauth_params(request)
    missing = [name for name in _OAUTH if name not in params]
    if len(missing) == len(_OAUTH):
        return None
    if missing:
        message = f"Missing OAuth parameter{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        raise AuthError(message, "woocommerce_rest_authentication_missing_parameter")
    key = KEYS.get(params["oauth_consumer_key"])
    if key is None:
        raise AuthError("Consumer key is invalid.")
    _check_signature(request, params, key)
    _check_once(shop, params)
    return key


def _check_signature(request: Request, params: dict[str, str], key: Key) -> None:
    if params["oauth_signature_method"] not in _HASHES:
        raise AuthError("Invalid signature - signature method is invalid.")
    given = params["oauth_signature"].replace(" ", "+")
    if not hmac.compare_digest(signature(request, params, key).encode(), given.encode()):
        raise AuthError("Invalid signature - provided signature does not match.")


def signature(request: Request, params: dict[str, str], key: Key) -> str:
    """The signature that the call should carry. The body is not covered by it."""
    covered = sorted((name, value) for name, value in params.items() if name != "oauth_signature")
    query = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in covered)
    signed = "&".join((request.method, _escaped(request.base + request.path), _escaped(query)))
    digest = hmac.new(f"{key.consumer_secret}&".encode(), signed.encode(), _HASHES[params["oauth_signature_method"]])
    return base64.b64encode(digest.digest()).decode()


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _check_once(shop: Shop, params: dict[str, str]) -> None:
    """A signed call is answered once, and only while it is young: the one guard against a repeat that there is."""
    stamp = params["oauth_timestamp"]
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > TIMESTAMP_TOLERANCE:
        raise AuthError("Invalid timestamp.")
    nonce = (params["oauth_consumer_key"], params["oauth_nonce"])
    if nonce in shop.nonces:
        raise AuthError("Invalid nonce - nonce has already been used.")
    shop.nonces.add(nonce)
