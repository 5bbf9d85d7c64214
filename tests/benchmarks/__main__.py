"""Measures, prints a table, and writes docs/benchmarks.md. Exits 1 if a goal is not met.

    python -m tests.benchmarks [--quick] [--only NAME]

Each benchmark is a process of its own. Whatever is compared takes turns in short batches of one run, so that whatever
else the machine does strikes both. `--quick` measures less of everything, at 50,000 cases in place of a million, and
writes no document; `--only` neither.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from .cluster import Cluster
from .table import Row, markdown, told

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
BENCHMARKS = ("refunds", "queue", "case_page", "idle", "pages", "memory", "start")
PACKAGES = ("django", "psycopg", "gunicorn", "rq", "django-rq", "redis", "requests")
ABOUT = """\
# Benchmarks

Written by `make bench`. Everything is compared with a peer in the same run, in turns, so that ratios can be read on any
machine; times hold for this one. How each figure led to a choice is in [performance.md](performance.md).
"""


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(1))
    names = [options.only] if options.only else BENCHMARKS
    loads, rows = [os.getloadavg()[0]], []
    with Cluster(options.data) as cluster:
        for name in names:
            rows += _run(name, cluster.directory, quick=options.quick)
            loads.append(os.getloadavg()[0])
        server = cluster.version()
    if not options.quick and not options.only:
        DOCUMENT.write_text(f"{ABOUT}\n{_circumstances(server, loads)}\n\n{markdown(rows)}\n")
        print(f"Written: {DOCUMENT.relative_to(ROOT)}")
    return 0 if all(row.met is not False for row in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of everything, in under two minutes")
    parser.add_argument("--only", choices=BENCHMARKS, help="one of them")
    parser.add_argument("--data", type=Path, default=ROOT / ".state" / "bench", help="where the database is kept")
    return parser.parse_args()


def _run(name: str, data: Path, *, quick: bool) -> Iterator[Row]:
    """The rows of one benchmark, printed as they come."""
    began = time.monotonic()
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--data", str(data), *(["--quick"] if quick else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            row = told(line)
            if row is None:
                print(line, end="", flush=True)
                continue
            print(f"{row.verdict or '-':8}{row.name}: {row.measured} (goal: {row.goal}; {row.against})", flush=True)
            yield row
    print(f"        {name}: {time.monotonic() - began:.0f} s", flush=True)
    if process.returncode:
        yield Row(name, "", "", f"ended with {process.returncode}", met=False)


def _circumstances(server: str, loads: list[float]) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.machine()}, "
        f"{platform.system()} {platform.release()}. Python {platform.python_version()}, {server}, {versions}.\n"
        f"Load of the machine (one minute) before and after each part: {', '.join(f'{load:.1f}' for load in loads)}."
    )


if __name__ == "__main__":
    sys.exit(main())
