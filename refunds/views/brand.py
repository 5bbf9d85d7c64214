"""The shop's colour and logo, each under an address that changes with it, so that browsers may keep them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import PurePosixPath

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from .. import colours
from ..models import Shop

KEEP = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
LOGO_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A drawing may carry styles of its own; opened by itself it can do nothing else."""


@require_safe
def stylesheet(request: HttpRequest) -> HttpResponse:
    accent = Shop.current().accent
    response = HttpResponse(css(accent), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = _keeping(request, version(accent))
    return response


@require_safe
def logo(request: HttpRequest) -> FileResponse:
    file = Shop.current().logo
    name = file.name or ""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in LOGO_TYPES:
        raise Http404
    try:
        response = FileResponse(file.open(), content_type=LOGO_TYPES[suffix], filename=f"logo{suffix}")
    except FileNotFoundError as error:
        raise Http404 from error
    response["Content-Security-Policy"] = LOGO_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = _keeping(request, name)
    return response


def _keeping(request: HttpRequest, current: str) -> str:
    """For ever under the address of the present version; an old address may show the new one, but not for long."""
    return KEEP if request.GET.get("v") == current else ASK_AGAIN


@functools.lru_cache(maxsize=8)
def version(accent: str) -> str:
    return hashlib.sha256(css(accent).encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=8)
def css(accent: str) -> str:
    """The accent's names for light and dark, readable on every ground they stand on; empty without an accent."""
    if not colours.is_colour(accent):
        return ""
    light, dark = _names(colours.light(accent)), _names(colours.dark(accent))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _names(shades: colours.Shades) -> str:
    return f"--accent:{shades.accent};--accent-deep:{shades.deep};--accent-ink:{shades.ink};--accent-soft:{shades.soft}"
