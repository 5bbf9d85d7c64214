"""The settings of a matrix process: its own database, no Redis, a store of its own. Nothing comes near a real site."""

from __future__ import annotations

import os
import tempfile
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


def scratch() -> Path:
    """A directory in memory, if the machine has such a place: a thousand small commits a second need no disk."""
    return Path(tempfile.mkdtemp(prefix="refunds-matrix-", dir=MEMORY if os.path.isdir(MEMORY) else None))


def make_database(directory: Path) -> None:
    """A database of this process' own, as a file in `directory` or on the server that DATABASE_URL names."""
    connection.settings_dict["TEST"]["NAME"] = (
        str(directory / "matrix.sqlite3") if connection.vendor == "sqlite" else f"test_matrix_{os.getpid()}"
    )
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)


def drop_database() -> None:
    connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
