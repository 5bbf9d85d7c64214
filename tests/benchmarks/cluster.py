"""A PostgreSQL that is kept between runs, with a database per number of cases. It runs only while it is measured.

Sorted by a language's rules (ICU), as PostgreSQL in most places is: in the C locale every index would also serve the
search for beginnings, and a missing one would not be noticed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.postgres import ROLE, Postgres, PostgresError

SETTINGS = {
    # For the loading of millions of rows. Reads, which are what is measured here, do not care.
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "8GB",
    "shared_buffers": "1GB", "maintenance_work_mem": "512MB", "jit": "off",
}  # fmt: skip


class Cluster(Postgres):
    """Its directory stays. Other processes find it running by that directory alone: see `url_of`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory.rmdir()  # a throw-away one
        self.directory = directory.absolute()
        self._settings = SETTINGS

    def __enter__(self) -> Cluster:
        self.directory.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._set_up()
        self.start()
        return self

    def version(self) -> str:
        with self._connect("postgres") as connection:
            return f"PostgreSQL {connection.info.server_version // 10000}"

    def _set_up(self) -> None:
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            [self._programs / "initdb", "-D", self._data, "--username", ROLE, "--auth", "trust", "--encoding", "UTF8",
             "--locale-provider", "icu", "--icu-locale", "en", "--locale", "C.UTF-8", "--no-sync"],
            capture_output=True, text=True, check=False, **self._as_other,
        )  # fmt: skip
        if made.returncode != 0:
            raise PostgresError(f"initdb failed: {made.stderr.strip()[-500:]}")

    def _remove(self) -> None:
        self.stop()


def url_of(directory: Path, database: str) -> str:
    return f"postgres://{ROLE}@/{directory.absolute()}/{database}"


def words_of(directory: Path, database: str) -> dict[str, Any]:
    """For `psycopg.connect`."""
    return {"host": str(directory.absolute()), "user": ROLE, "dbname": database, "autocommit": True}
