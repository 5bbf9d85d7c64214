"""A throw-away PostgreSQL for tests: its own directory, a unix socket and no port, gone when it is stopped.

`initdb` and `postgres` refuse to run as root, so they run as another user then, in a directory of that user. They are
often not in PATH: Debian keeps them in /usr/lib/postgresql/<version>/bin.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

ROLE = DATABASE = "refunds"
START_WITHIN = 30
POLL = 0.05
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""What a power cut does to a test's database does not matter."""


class PostgresError(Exception):
    """The server could not be set up or did not start. The message has its own last words."""


def find() -> Path | None:
    """The directory of PostgreSQL's programs, the newest where there are several, or None."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(versions, key=lambda place: float(place.parent.name), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


class Postgres:
    """A cluster of its own. `durable=True` keeps its promises through a kill, as in production; it is slower."""

    def __init__(self, *, durable: bool = False) -> None:
        programs = find()
        if programs is None:
            raise PostgresError("PostgreSQL's programs are not installed.")
        self._programs = programs
        self._settings = {} if durable else FAST
        self._user = _other_user()
        # Short, because the socket is in it; not TMPDIR, which the other user may be unable to enter.
        self.directory = Path(tempfile.mkdtemp(prefix="refunds-pg-", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://{ROLE}@/{self.directory}/{DATABASE}"

    def __enter__(self) -> Self:
        try:
            self._set_up()
            self.start()
            with self._connect("postgres") as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._remove()

    def start(self) -> None:
        """Returns when it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "max_connections": "200",
            **self._settings,
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **self._as_other,
            )  # fmt: skip
        until = time.monotonic() + START_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise PostgresError(f"PostgreSQL did not start: {(self.directory / 'log').read_text()[-500:]}")
            time.sleep(POLL)

    def stop(self) -> None:
        self._end(signal.SIGINT)  # "fast": connections are cut, everything is written

    def kill(self) -> None:
        """As a power cut ends it: its children notice and leave, `start` recovers from its log."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _as_other(self) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        if self._user is None:
            return {"cwd": self.directory, "env": environment}
        ids = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return {"cwd": self.directory, "env": environment, **ids}

    def _set_up(self) -> None:
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            [self._programs / "initdb", "-D", self._data, "--username", ROLE, "--auth", "trust", "--encoding", "UTF8",
             "--locale", "C", "--no-sync"],
            capture_output=True, text=True, check=False, **self._as_other,
        )  # fmt: skip
        if made.returncode != 0:
            raise PostgresError(f"initdb failed: {made.stderr.strip()[-500:]}")

    def _remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(START_WITHIN)
            self._process = None

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.directory), user=ROLE, dbname=database, autocommit=True)

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True


def _other_user() -> pwd.struct_passwd | None:
    """Somebody else if we are root, otherwise nobody else is needed."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError("There is neither a user postgres nor a user nobody to run PostgreSQL as.")
