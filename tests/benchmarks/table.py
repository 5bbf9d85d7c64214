"""One row of the table: what was measured, beside what, and whether the goal is met."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Iterable, Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """`met` is None where there is no goal, only a figure."""

    name: str
    against: str
    goal: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return "" if self.met is None else "met" if self.met else "not met"


def tell(row: Row) -> None:
    """To `python -m tests.benchmarks`, which started this process and reads its lines."""
    print(json.dumps(dataclasses.asdict(row)), flush=True)


def told(line: str) -> Row | None:
    """The row that a line tells of, or None for any other line."""
    return Row(**json.loads(line)) if line.startswith('{"name":') else None


def percentile(times: Sequence[float], part: float) -> float:
    """The nearest rank: of 200 times the 95th percentile is the 190th."""
    return sorted(times)[max(math.ceil(len(times) * part) - 1, 0)]


def milliseconds(times: Sequence[float]) -> str:
    """Median and 95th percentile of so many seconds."""
    return f"{statistics.median(times) * 1000:.1f} ms (p95 {percentile(times, 0.95) * 1000:.1f})"


def markdown(rows: Iterable[Row]) -> str:
    cells = [["What", "Against", "Goal", "Measured", ""], ["---"] * 5]
    cells += [[row.name, row.against, row.goal, row.measured, row.verdict] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
