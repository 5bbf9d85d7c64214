"""The settings of a matrix process: its own database, no Redis, a store of its own. Nothing comes near a real site."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from django.db import connection

from ..run import NOT_THE_SITE

ENVIRONMENT = {
    **NOT_THE_SITE,
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "APPROVAL_HOLD": "0",
    "LOG_LEVEL": "CRITICAL",
    "REDIS_URL": "unix:///nowhere/valkey.sock",
}
"""Redis is down in every case: what is due is found from the rows alone."""
MEMORY = "/dev/shm"  # noqa: S108 - the directory made in it is private


def prepare() -> None:
    """Sets Django up. Before any model is imported; DATABASE_URL is the only thing taken from outside."""
    os.environ.update(ENVIRONMENT | {"DATABASE_URL": os.environ.get("DATABASE_URL", "")})
    django.setup()


@dataclass(frozen=True)
class Place:
    """Where one process has its database and its store."""

    directory: Path
    database: str

    def make(self) -> None:
        """An empty database with all tables: a file in the directory, or on the server that DATABASE_URL names."""
        self.directory.mkdir()
        is_file = connection.vendor == "sqlite"
        connection.settings_dict["TEST"]["NAME"] = str(self.directory / self.database) if is_file else self.database
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)


@contextmanager
def places(count: int) -> Iterator[list[Place]]:
    """One for each process; whatever becomes of the processes, nothing of them is left behind.

    In memory if the machine has such a place: a thousand small commits a second need no disk.
    """
    root = Path(tempfile.mkdtemp(prefix="refunds-matrix-", dir=MEMORY if os.path.isdir(MEMORY) else None))
    found = [Place(root / str(n), f"test_matrix_{os.getpid()}_{n}") for n in range(count)]
    try:
        yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)
        connection.close()
        if connection.vendor != "sqlite":
            with connection._nodb_cursor() as cursor:
                for place in found:
                    cursor.execute(f'DROP DATABASE IF EXISTS "{place.database}" WITH (FORCE)')
