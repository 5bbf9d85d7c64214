"""What `make test` does: the whole suite on SQLite, then on PostgreSQL. Exits 1 if anything failed.

    python -m tests.run [options for pytest]

PostgreSQL is that of `TEST_DATABASE_URL`, or a throw-away one where its programs are installed. Where there is neither,
one line says that it was left out; with `REQUIRE_POSTGRESQL=1` that is a failure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from .postgres import Postgres, find

PROCESSES = os.environ.get("TEST_PROCESSES", "2")
NOT_THE_SITE = {
    **dict.fromkeys(("DATABASE_URL", "REDIS_URL", "WOOCOMMERCE_URL", "EMAIL_URL", "SITE_URL"), ""),
    "DJANGO_DEBUG": "on",
    "APPROVAL_HOLD": "3",
    "TIME_SCALE": "1",
}
"""No test may come near the person's own site, whatever the environment or .env say of it."""


def main() -> int:
    # Asked to end, it still stops and removes the database.
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(1))
    passed = _suite("SQLite", {})
    with _postgresql() as url:
        if url is not None:
            passed = _suite("PostgreSQL", {"DATABASE_URL": url}) and passed
        elif os.environ.get("REQUIRE_POSTGRESQL") == "1":
            print("PostgreSQL is required (REQUIRE_POSTGRESQL=1) and its programs were not found.", flush=True)
            passed = False
        else:
            print("PostgreSQL: left out, its programs were not found and TEST_DATABASE_URL is not set.", flush=True)
    return 0 if passed else 1


@contextmanager
def _postgresql() -> Iterator[str | None]:
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
    elif find() is not None:
        with Postgres() as postgres:
            yield postgres.url
    else:
        yield None


def _suite(name: str, settings: dict[str, str]) -> bool:
    print(f"=== {name} ===", flush=True)
    pytest = [sys.executable, "-m", "pytest", "-n", PROCESSES, *sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="refunds-test-") as state_dir:
        environment = {**os.environ, **NOT_THE_SITE, "STATE_DIR": state_dir, **settings}
        return subprocess.run(pytest, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
