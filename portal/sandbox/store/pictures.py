"""Pictures of the products: drawn on demand, so that none has to be kept."""

from __future__ import annotations

import re

from .wire import Answer, html_answer

FOLDER = "/wp-content/uploads/"
_NAME = re.compile(r"[\w/-]*?([a-z][a-z0-9-]*)\.svg")
_COLOURS = ("#7c5cbf", "#2a7f8e", "#b0563b", "#3d7a46", "#99732a", "#4a5f9c")
_DAYS_30 = "public, max-age=2592000"


def answer(path: str) -> Answer:
    name = _NAME.fullmatch(path.removeprefix(FOLDER))
    if name is None:
        return html_answer(404, "")
    return Answer(200, _svg(name.group(1)).encode(), {"Content-Type": "image/svg+xml", "Cache-Control": _DAYS_30})


def address(name: str) -> str:
    """The path of the picture of a product, below the shop's address."""
    return f"{FOLDER}2026/01/{name}.svg"


def _svg(name: str) -> str:
    colour = _COLOURS[sum(name.encode()) % len(_COLOURS)]
    initials = "".join(word[0] for word in name.split("-")[:2]).upper()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 300" role="img">'
        f'<rect width="300" height="300" rx="24" fill="{colour}" fill-opacity="0.14"/>'
        f'<circle cx="150" cy="150" r="92" fill="{colour}" fill-opacity="0.85"/>'
        '<text x="150" y="152" fill="#fff" font-family="system-ui, sans-serif" font-size="72" font-weight="600" '
        f'text-anchor="middle" dominant-baseline="middle">{initials}</text></svg>'
    )
