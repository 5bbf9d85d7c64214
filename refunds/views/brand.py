"""The shop's colour and logo, each under an address that changes with it, so that browsers may keep them."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ..models import Shop

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
LIGHT_GROUNDS: tuple[Colour, ...] = (WHITE, (0xF4, 0xF5, 0xF7))
DARK_GROUNDS: tuple[Colour, ...] = ((0x19, 0x20, 0x2A), (0x10, 0x15, 0x1C))
"""The card and the paper of `portal.css`, on which links and buttons stand."""
READABLE = 4.6
"""A little above the 4.5 that WCAG 2.2 AA asks of text, so that rounding does not matter."""
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


# --- Colours ---------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def css(accent: str) -> str:
    """The accent's names for light and dark, readable on every ground they stand on; empty without an accent."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", accent):
        return ""
    chosen = _read(accent)
    light, dark = _names(_light(chosen)), _names(_dark(chosen))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _light(chosen: Colour) -> dict[str, Colour]:
    soft = mix(chosen, WHITE, 0.9)
    accent = _readable(chosen, (*LIGHT_GROUNDS, soft), towards=BLACK)
    return {"accent": accent, "accent-deep": mix(accent, BLACK, 0.25), "accent-ink": WHITE, "accent-soft": soft}


def _dark(chosen: Colour) -> dict[str, Colour]:
    soft = mix(chosen, DARK_GROUNDS[0], 0.82)
    accent = _readable(chosen, (*DARK_GROUNDS, soft), towards=WHITE)
    ink = mix(chosen, BLACK, 0.92)
    return {"accent": accent, "accent-deep": mix(accent, WHITE, 0.3), "accent-ink": ink, "accent-soft": soft}


def _readable(colour: Colour, grounds: Iterable[Colour], *, towards: Colour) -> Colour:
    """The colour, moved no further than it must be to be read on each of the grounds."""
    grounds = tuple(grounds)
    moved = (mix(colour, towards, step / 50) for step in range(51))
    return next(tone for tone in moved if all(contrast(tone, ground) >= READABLE for ground in grounds))


def contrast(one: Colour, other: Colour) -> float:
    """From 1 to 21, as WCAG defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour, from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _read(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _names(colours: dict[str, Colour]) -> str:
    return ";".join(f"--{name}:#{bytes(colour).hex()}" for name, colour in colours.items())
