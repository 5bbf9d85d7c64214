"""What customers post, beside an empty Django form in the same gunicorn with the same middleware and database."""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psycopg
from psycopg import sql

from tests.chaos.processes import Process, wait_until
from tests.chaos.site import Site

from .cluster import url_of, words_of
from .data import SMALL, site
from .load import Crowd, look_up_fields, nothing, wrong_code
from .scene import options
from .table import Row, percentile, tell

VISITORS = 8
WORKERS = 2
EACH = 15
RATIO, LATE = 0.6, 3.0


def main() -> int:
    given = options()
    batches = 4 if given.quick else 60
    with web(given.data, workers=WORKERS) as (started, codes):
        empty, saving = ["/_empty/"] * VISITORS, ["/_saving/"] * VISITORS
        pairs = (
            ("look-up page POST", Crowd(started.url, ["/"] * VISITORS, look_up_fields, 302), look_up_fields, 302),
            ("code page POST, a wrong code", Crowd(started.url, codes, wrong_code, 200), nothing, 200),
        )
        for name, ours, fields, expected in pairs:
            compare(name, ours, Crowd(started.url, empty, fields, expected), batches)
        ours = Crowd(started.url, ["/"] * VISITORS, look_up_fields, 302)
        peer = Crowd(started.url, saving, look_up_fields, 302)
        compare("look-up page POST", ours, peer, batches, against="a Django form that keeps a row", has_goal=False)
    return 0


def compare(
    name: str,
    ours: Crowd,
    empty: Crowd,
    batches: int,
    *,
    against: str = "an empty Django form in the same gunicorn",
    has_goal: bool = True,
) -> None:
    for crowd in (ours, empty):
        crowd.batch(3)
    taken = [(ours.batch(EACH), empty.batch(EACH)) for _turn in range(batches)]
    rates = [statistics.median(batch.per_second for batch in batches) for batches in zip(*taken, strict=True)]
    late = [
        percentile(list(itertools.chain(*(batch.times for batch in batches))), 0.99)
        for batches in zip(*taken, strict=True)
    ]
    tell(
        Row(
            f"{name}, gunicorn with {WORKERS} workers, {VISITORS} visitors at once",
            against,
            "≥ 0.6 × its requests per second, p99 within 3 ×" if has_goal else "",
            f"{rates[0] / rates[1]:.2f} × ({rates[0]:.0f} and {rates[1]:.0f} per second); "
            f"p99 {late[0] / late[1]:.2f} × ({late[0] * 1000:.0f} and {late[1] * 1000:.0f} ms)",
            met=rates[0] / rates[1] >= RATIO and late[0] / late[1] <= LATE if has_goal else None,
        )
    )


@contextmanager
def web(data: Path, *, workers: int) -> Iterator[tuple[Site, list[str]]]:
    """A site with its web process running over a copy of the small database, and look-ups that have endless tries."""
    site(data, SMALL)
    with tempfile.TemporaryDirectory(prefix="refunds-bench-") as name, copy_of_small(data) as database:
        started = Site(Path(name), database_url=url_of(data, database), time_scale=1)
        started.environment = {  # type: ignore[misc]
            **started.environment,
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "TRUSTED_PROXY_HOPS": "1",
            "WEB_CONCURRENCY": str(workers),
            "LOG_LEVEL": "ERROR",
        }
        try:
            started.valkey.start()
            process = started.add_web()
            process.start()
            wait_until(lambda: answers(started.url, process), "The page answers", within=60)
            yield started, open_codes(data, database)
        finally:
            started.close()


@contextmanager
def copy_of_small(data: Path) -> Iterator[str]:
    """Rows are written here: the kept database stays as it is."""
    name = sql.Identifier("pages")
    with psycopg.connect(**words_of(data, "postgres")) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(f"cases_{SMALL}")))
        try:
            yield "pages"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def open_codes(data: Path, database: str) -> list[str]:
    """The addresses of code pages, a row for each visitor."""
    with psycopg.connect(**words_of(data, database)) as connection:
        made = connection.execute(
            "UPDATE refunds_lookup SET tries_left = 32767, proven_at = NULL, refund_request_id = NULL "
            "WHERE id IN (SELECT id FROM refunds_lookup ORDER BY id LIMIT %s) RETURNING public_id",
            [VISITORS],
        )
        return [f"/code/{row[0]}/" for row in made]


def answers(url: str, process: Process) -> bool:
    if not process.alive:
        raise SystemExit(f"The web process ended: {process.log[-500:]}")
    try:
        with urlopen(f"{url}/", timeout=5) as answer:  # noqa: S310  # the address is ours
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
