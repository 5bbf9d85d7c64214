"""Charts as SVG: where every bar stands, worked out here; the template only writes it down.

No style but classes and attributes, because the site allows no inline style. Bars begin at zero, and what a chart says
also stands in a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

WIDTH, HEIGHT = 320, 96
"""Of the drawing, in its own units. The page stretches it."""
TOP, BOTTOM = 18, 16
"""Room above the highest bar for its figure, and below the base line for the first and the last day."""
EDGE = 36
"""Nearer to a side than this, a figure in the middle of its bar would stick out."""
GAP = 0.3
"""Of the room of a bar."""

Value = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Point:
    """A part of the period: what it is called, its value, and how that reads. `upper` is a second, higher value."""

    label: str
    value: Value
    text: str
    upper: Value = 0
    upper_text: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    x: str
    y: str
    width: str
    height: str
    middle: str
    upper_y: str
    """Where the mark of the second value stands; empty without one."""
    point: Point

    @property
    def label_y(self) -> str:
        return _units(float(self.upper_y or self.y) - 4)

    @property
    def anchor(self) -> str:
        """Text at an edge leans inwards."""
        middle = float(self.middle)
        return "start" if middle < EDGE else "end" if middle > WIDTH - EDGE else "middle"


@dataclass(frozen=True, slots=True)
class Columns:
    """A trend. Only the highest bar is labelled: the others are read by comparison with it, or in the table."""

    bars: Sequence[Bar]
    highest: Bar
    width: int = WIDTH
    height: int = HEIGHT
    base: int = HEIGHT - BOTTOM
    foot: int = HEIGHT - 4

    @property
    def first(self) -> str:
        return self.bars[0].point.label

    @property
    def last(self) -> str:
        return self.bars[-1].point.label

    @property
    def is_empty(self) -> bool:
        return not any(bar.point.value or bar.point.upper for bar in self.bars)


def columns(points: Sequence[Point]) -> Columns:
    most = max((max(point.value, point.upper) for point in points), default=0) or 1
    room = WIDTH / len(points)
    bars = [_bar(nth, point, room, most) for nth, point in enumerate(points)]
    return Columns(bars, max(bars, key=lambda bar: bar.point.value))


def _bar(nth: int, point: Point, room: float, most: Value) -> Bar:
    scale = HEIGHT - TOP - BOTTOM
    height = scale * float(point.value) / float(most)
    upper = scale * float(point.upper) / float(most)
    return Bar(
        x=_units(nth * room + room * GAP / 2),
        y=_units(HEIGHT - BOTTOM - height),
        width=_units(room * (1 - GAP)),
        height=_units(height),
        middle=_units((nth + 0.5) * room),
        upper_y=_units(HEIGHT - BOTTOM - upper) if point.upper else "",
        point=point,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One bar that lies: its length in hundredths of the longest, and that of the period before."""

    label: str
    count: int
    before: int
    length: str
    before_length: str


def rows(found: Sequence[tuple[str, int, int]]) -> list[Row]:
    most = max((max(count, before) for _label, count, before in found), default=0) or 1
    return [
        Row(label, count, before, _units(100 * count / most), _units(100 * before / most))
        for label, count, before in found
    ]


def _units(value: Any) -> str:
    """Written with a point in every language: a comma would end the number."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
