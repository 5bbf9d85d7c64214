"""A pass of the sweep with nothing due, and what it looks at every minute, with a million cases and with a thousand."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from .data import Made
from .scene import Sites, in_turns, options
from .table import Row, percentile, tell

RATIO, LIMIT = 1.2, 0.020


def main() -> int:
    given = options()
    sites = Sites(given)
    sweep = importlib.import_module("refunds.sweep")
    rounds = 50 if given.quick else 300
    small, large = _both(sites, partial(_pass, sweep.run_once), rounds)
    ratio, median = statistics.median(large) / statistics.median(small), statistics.median(large)
    tell(
        Row(
            f"idle pass of the sweep, {sites.large.cases:,} cases",
            f"{sites.small.cases:,} cases",
            "≤ 1.2 ×, < 20 ms",
            f"{ratio:.2f} ×; {median * 1000:.1f} ms, p95 {percentile(large, 0.95) * 1000:.1f} ms",
            met=ratio <= RATIO and median < LIMIT,
        )
    )
    small, large = _both(sites, _minute, rounds // 5)
    ratio, median = statistics.median(large) / statistics.median(small), statistics.median(large)
    tell(
        Row(
            f"what the sweep looks at every minute, {sites.large.cases:,} cases",
            f"{sites.small.cases:,} cases",
            "",
            f"{ratio:.2f} ×; {median * 1000:.1f} ms",
            met=None,
        )
    )
    return 0


def _both(sites: Sites, call: Callable[[], None], rounds: int) -> list[list[float]]:
    return in_turns([partial(_timed, sites, made, call) for made in (sites.small, sites.large)], rounds)


def _timed(sites: Sites, made: Made, call: Callable[[], None]) -> float:
    sites.use(made)
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _pass(run_once: Callable[[], dict[str, int]]) -> None:
    if any(due := run_once().values()):
        raise SystemExit(f"Something is due: {due}.")


def _minute() -> None:
    """As `sweep.watch`, without the mail that would tell of what is found."""
    health, audit, timing = (importlib.import_module(f"refunds.{name}") for name in ("health", "audit", "timing"))
    health.problems()
    list(audit.violations(since=importlib.import_module("django.utils.timezone").now() - timing.AUDIT_BACK))


if __name__ == "__main__":
    sys.exit(main())
