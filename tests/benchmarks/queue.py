"""The staff's queue with a million cases beside the same page with a thousand: every tab, filter and search."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from .data import Made
from .scene import Sites, in_turns, options
from .table import Row, percentile, tell

RATIO, P95 = 1.5, 0.150
FAR = 100
QUEUE = "/staff/refunds/refundrequest/"


def main() -> int:
    given = options()
    sites = Sites(given)
    rounds, every = (3, 3) if given.quick else (30, 1)
    for name, of_small, of_large in list(pages(sites))[::every]:
        calls = [partial(sites.get, sites.small, QUEUE + of_small), partial(sites.get, sites.large, QUEUE + of_large)]
        small, large = in_turns(calls, rounds)
        ratio, p95 = statistics.median(large) / statistics.median(small), percentile(large, 0.95)
        tell(
            Row(
                f"queue of {sites.large.cases:,}: {name}",
                f"the same page at {sites.small.cases:,} cases",
                "≤ 1.5 ×, p95 < 150 ms",
                f"{ratio:.2f} ×; {statistics.median(large) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms",
                met=ratio <= RATIO and p95 < P95,
            )
        )
    return 0


def pages(sites: Sites) -> Iterator[tuple[str, str, str]]:
    """Name, and query on the small site and on the large one."""
    yield "front", "", ""
    for title, query in filters(sites):
        yield title, query, query
    for reason in ("damaged", "other"):
        yield f"all, reason {reason}", f"?state=all&reason={reason}", f"?state=all&reason={reason}"
    yield "all, mine", "?state=all&whose=mine", "?state=all&whose=mine"
    for state in ("open", "refunded", "all"):
        small, large = (last_page(sites, made, state) for made in (sites.small, sites.large))
        yield f"{state}, page {large}", f"?state={state}&p={small}", f"?state={state}&p={large}"
    for what, term in sites.large.terms.items():
        yield f"search, {what}", "?" + urlencode({"q": sites.small.terms[what]}), "?" + urlencode({"q": term})


def filters(sites: Sites) -> Iterator[tuple[str, str]]:
    """Every choice of every filter, as the page itself offers it."""
    changes = sites.page(sites.large, QUEUE).context_data["cl"]
    for spec in changes.filter_specs:
        for choice in spec.choices(changes):
            if choice["query_string"] not in ("", "?"):
                yield f"{spec.title} {choice['display']}", choice["query_string"]


def last_page(sites: Sites, made: Made, state: str) -> int:
    return min(sites.page(made, f"{QUEUE}?state={state}").context_data["cl"].paginator.num_pages, FAR)


if __name__ == "__main__":
    sys.exit(main())
