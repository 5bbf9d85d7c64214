"""Plays one run and prints its table. Exits 1 if anything was lost, doubled, wrong or untrue.

python -m tests.chaos --refunds 1000 --database postgresql --seed 7
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from portal.sandbox.valkey import ValkeyError
from tests.postgres import Postgres, PostgresError

from .site import Site

TIME_SCALE = 0.02
"""A lease is five seconds then, a call ends after two, and a doubt is looked at after 2.4, 6, 18 and 72 seconds."""


def main() -> int:
    options = _options()
    # Asked to end, it still ends all it has started.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _asked_to_end)
    print(f"{options.refunds} refunds, {options.database}, seed {options.seed}", flush=True)
    with _directory(keep=options.keep) as directory, _database(options.database, directory) as (url, postgres):
        site = Site(directory, database_url=url, time_scale=TIME_SCALE)
        for name in _processes(site, options):
            print(f"  {name}", flush=True)
        try:
            os.environ.update(site.environment)
            django.setup()
            # Only now: its models need the settings.
            run = importlib.import_module("tests.chaos.run").Run(
                site, postgres, seed=options.seed, refunds=options.refunds
            )
            report = run.play()
        finally:
            site.close()
    cpu = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"CPU seconds of all processes: {cpu:.0f}", flush=True)
    print(report.text(), flush=True)
    return 0 if report.passed else 1


def _asked_to_end(number: int, *_unused: object) -> None:
    sys.exit(f"Ended by {signal.Signals(number).name}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--refunds", type=int, default=100)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--payouts", type=int, default=3, help="how many workers pay")
    parser.add_argument("--sweeps", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave the directory with its logs and database")
    return parser.parse_args()


def _processes(site: Site, options: argparse.Namespace) -> Iterator[str]:
    yield site.add_web().name
    for n in range(options.payouts):
        yield site.add_worker(f"payouts{n + 1}", "payouts").name
    yield site.add_worker("messages", "messages").name
    for n in range(options.sweeps):
        yield site.add_sweep(f"sweep{n + 1}").name


@contextmanager
def _directory(*, keep: bool) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="refunds-chaos-"))
    try:
        yield directory
    finally:
        if keep:
            print(f"Everything that was written is in {directory}", flush=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _database(name: str, directory: Path) -> Iterator[tuple[str, Postgres | None]]:
    if name == "sqlite":
        yield f"sqlite:///{directory / 'portal.sqlite3'}", None
    else:
        with Postgres(durable=True) as postgres:
            yield postgres.url, postgres


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (PostgresError, ValkeyError) as error:
        sys.exit(str(error))
