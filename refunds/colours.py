"""The shop's accent colour, moved no further than it must be to be read on pages and mails, light and dark."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
LIGHT_GROUNDS: tuple[Colour, ...] = (WHITE, (0xF4, 0xF5, 0xF7))
DARK_GROUNDS: tuple[Colour, ...] = ((0x19, 0x20, 0x2A), (0x10, 0x15, 0x1C))
"""The card and the paper of `portal.css` and of the mails, on which links and buttons stand."""
READABLE = 4.6
"""A little above the 4.5 that WCAG 2.2 AA asks of text, so that rounding does not matter."""
DEFAULT = "#2a48bf"
"""The accent of `portal.css`, for a shop that has chosen none."""


@dataclass(frozen=True, slots=True)
class Shades:
    """An accent and what goes with it, each as `#rrggbb`: `deep` under the pointer, `ink` on it, `soft` behind it."""

    accent: str
    deep: str
    ink: str
    soft: str


def is_colour(text: str) -> bool:
    return re.fullmatch("#[0-9a-fA-F]{6}", text) is not None


@functools.lru_cache(maxsize=8)
def light(accent: str) -> Shades:
    """For light grounds. What is no colour has the default's shades, as in all of this."""
    chosen = _chosen(accent)
    soft = _mix(chosen, WHITE, 0.9)
    readable = _readable(chosen, (*LIGHT_GROUNDS, soft), towards=BLACK)
    return Shades(_written(readable), deep=_written(_mix(readable, BLACK, 0.25)), ink="#ffffff", soft=_written(soft))


@functools.lru_cache(maxsize=8)
def dark(accent: str) -> Shades:
    chosen = _chosen(accent)
    soft = _mix(chosen, DARK_GROUNDS[0], 0.82)
    readable = _readable(chosen, (*DARK_GROUNDS, soft), towards=WHITE)
    deep, ink = _mix(readable, WHITE, 0.3), _mix(chosen, BLACK, 0.92)
    return Shades(_written(readable), deep=_written(deep), ink=_written(ink), soft=_written(soft))


def _chosen(accent: str) -> Colour:
    return read(accent if is_colour(accent) else DEFAULT)


def _readable(colour: Colour, grounds: Iterable[Colour], *, towards: Colour) -> Colour:
    """The colour, moved no further than it must be to be read on each of the grounds."""
    grounds = tuple(grounds)
    moved = (_mix(colour, towards, step / 50) for step in range(51))
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


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour, from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def read(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _written(colour: Colour) -> str:
    return f"#{bytes(colour).hex()}"
