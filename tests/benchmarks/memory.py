"""Memory of the web process and of a worker, early and after many requests and jobs.

The requests are look-ups, and the jobs those that come of them: each reads the store and the database.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.chaos.processes import Process, wait_until
from tests.chaos.site import Site

from .load import Crowd, look_up_fields
from .pages import VISITORS, web
from .scene import options
from .table import Row, tell

EARLY = 100
GROWTH = 1.05
JOBS_WITHIN = 3600.0


def main() -> int:
    given = options()
    late = 500 if given.quick else 10_000
    with web(given.data, workers=1) as (started, _codes):
        started.store.start()
        before, after = of_web(started, late)
        tell(row(f"memory of the web process after {late:,} requests", before, after))
        before, after = of_worker(started)
        tell(row(f"memory of a worker and its fork after {late:,} jobs", before, after))
    return 0


def row(name: str, before: float, after: float) -> Row:
    measured = f"{after / before:.3f} ×; {after:.0f} MB after {before:.0f} MB"
    return Row(name, f"after {EARLY}", "flat within 5 %", measured, met=after <= before * GROWTH)


def of_web(started: Site, late: int) -> tuple[float, float]:
    crowd = Crowd(started.url, ["/"] * VISITORS, look_up_fields, 302)
    crowd.batch(EARLY // VISITORS)
    before = total(started.processes["web"])
    crowd.batch((late - EARLY) // VISITORS)
    return before, total(started.processes["web"])


def of_worker(started: Site) -> tuple[float, float]:
    """The most that was seen until the hundredth job, and the most that was ever seen."""
    worker = started.add_worker("messages", "messages")
    all_jobs = waiting(started)
    worker.start()
    seen: list[tuple[int, float]] = []

    def done() -> bool:
        left = waiting(started)
        if left and not worker.alive:
            raise SystemExit(f"The worker ended: {worker.log[-500:]}")
        seen.append((all_jobs - left, total(worker)))
        return left == 0

    wait_until(done, "All jobs are done", within=JOBS_WITHIN)
    return max(size for jobs, size in seen if jobs <= EARLY), max(size for _jobs, size in seen)


def waiting(started: Site) -> int:
    return int(started.valkey.client.llen("rq:queue:messages"))  # type: ignore[arg-type]  # redis types both of its clients


def total(process: Process) -> float:
    """Megabytes of a process and of what it forked. What they share is counted for each in its part."""
    return sum(megabytes(pid) for pid in (process.pid, *process.horses()) if pid is not None)


def megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    sys.exit(main())
