"""Where a request comes from, as far as that can be trusted."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address of the visitor, behind as many proxies of our own as TRUSTED_PROXY_HOPS says.

    Each proxy adds the address that it was called from at the right of X-Forwarded-For; what is further left than our
    own proxies wrote is only what a visitor says. A header that is too short has not come through all of them: then
    the address that called us counts.
    """
    caller = str(request.META.get("REMOTE_ADDR") or "")
    hops: int = settings.TRUSTED_PROXY_HOPS
    named = request.headers.get("X-Forwarded-For", "").split(",")
    if hops == 0 or len(named) < hops:
        return caller
    return _without_port(named[-hops].strip()) or caller


def _without_port(address: str) -> str:
    """Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`."""
    match = re.fullmatch(r"\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+", address)
    return address if match is None else match[1] or match[2]
