"""Runs the whole portal on this machine: embedded Valkey, sandbox store, and the processes of the Procfile.

    Valkey, store -> tables, people -> web, payouts, messages, sweep -> the page answers -> one screen -> Ctrl-C

They are stopped the other way round, Valkey last: a worker that is asked to end still writes down what it did.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from django.conf import settings
from django.core.management import call_command
from honcho.environ import parse_procfile

from refunds import timing

from . import demo
from .screen import screen
from .supervisor import DoesNotStart, Program, Supervisor
from .valkey import Valkey, ValkeyError

STORE, VALKEY = "store", "valkey"
STOP_ORDER = (("web",), ("sweep",), ("payouts", "messages"), (STORE,), (VALKEY,))
PAGE_WITHIN = 60
WORKER_PATIENCE = timing.JOB_TIMEOUT + 30
"""Seconds. A refund on its way is waited for; RQ itself ends it after its job timeout."""

BUSY_WITH = {"payouts": "it may be finishing a refund", "messages": "it may be delivering a mail"}


class CannotRun(Exception):
    """Something is missing or taken. The message is one line that says what, and what to do."""


class Runner:
    """One run of the portal. `say` shows a line to the person."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._state_dir = Path(settings.STATE_DIR)
        self._stopping = threading.Event()
        self._valkey = Valkey(self._state_dir)
        self._supervisor = Supervisor(
            log_dir=self._state_dir / "log", environment=self._environment(), directory=settings.BASE_DIR, say=say
        )

    def run(self) -> None:
        """Returns after Ctrl-C or SIGTERM, when everything has ended. Raises `CannotRun` if it does not come up."""
        began = time.monotonic()
        with _alone(self._state_dir), self._signals():
            self._check_ports()
            try:
                self._start()
                if not self._stopping.is_set():
                    self._say(screen(time.monotonic() - began))
                while not self._stopping.wait(0.2):
                    self._supervisor.check()
            except (DoesNotStart, ValkeyError) as error:
                raise CannotRun(str(error)) from error
            finally:
                self._stop()

    def _start(self) -> None:
        if settings.EMBEDDED_VALKEY:
            self._valkey.end_leftover()
            self._supervisor.start(Program(VALKEY, self._valkey.command(), shown=False))
        if settings.EMBEDDED_STORE:
            self._supervisor.start(Program(STORE, _store_command(self._state_dir)))
        call_command("migrate", interactive=False, verbosity=0)
        demo.prepare()
        programs = _procfile_programs(settings.BASE_DIR / "Procfile")
        self._supervisor.start(programs.pop("web"))
        if settings.EMBEDDED_VALKEY:
            self._wait_until(self._valkey.answers, PAGE_WITHIN, "Valkey does not answer")
        # The page first: on a small machine the others would only slow it down.
        self._wait_until(_page_answers, PAGE_WITHIN, "The page does not answer")
        for program in programs.values():
            self._supervisor.start(program)

    def _stop(self) -> None:
        for names in STOP_ORDER:
            self._supervisor.stop(*names)

    def _wait_until(self, true: Callable[[], bool], within: float, otherwise: str) -> None:
        """Returns early if the person stops it meanwhile."""
        until = time.monotonic() + within
        while not true() and not self._stopping.wait(0.05):
            self._supervisor.check()
            if time.monotonic() > until:
                raise CannotRun(f"{otherwise} within {within} seconds. The logs are in {self._state_dir / 'log'}.")

    def _check_ports(self) -> None:
        if _port_taken(settings.PORT):
            raise CannotRun(
                f"Port {settings.PORT} is in use. Stop what uses it, or take another one: make run PORT=8010"
            )
        if settings.EMBEDDED_STORE and _port_taken(settings.SANDBOX_STORE_PORT):
            raise CannotRun(
                f"Port {settings.SANDBOX_STORE_PORT} is in use, the sandbox store needs it. "
                "Stop what uses it, or take another: make run SANDBOX_STORE_PORT=8091"
            )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "PYTHONUNBUFFERED": "1",
            "STATE_DIR": str(self._state_dir),
            "PORT": str(settings.PORT),
            # On this machine only: everybody knows the passwords of the sandbox.
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{settings.PORT} {os.environ.get('GUNICORN_CMD_ARGS', '')}".strip(),
        }

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal asks everything to end, the second ends it at once."""

        def asked(*_unused: object) -> None:
            if self._stopping.is_set():
                self._supervisor.kill.set()
            else:
                self._stopping.set()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, asked) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Two runs over one directory would share a database and fight over Valkey's file."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRun(
                f"It is running already (its files are in {state_dir}). "
                "For a second one, set STATE_DIR, PORT and SANDBOX_STORE_PORT."
            ) from error
        yield


def _procfile_programs(procfile: Path) -> dict[str, Program]:
    commands = parse_procfile(procfile.read_text()).processes
    return {name: _program(name, command) for name, command in commands.items() if name != "release"}


def _program(name: str, command: str) -> Program:
    # The shell replaces itself, so that a signal reaches the program and not a shell around it.
    patience = WORKER_PATIENCE if name in BUSY_WITH else 10
    return Program(name, ("/bin/sh", "-c", f"exec {command}"), patience, BUSY_WITH.get(name, ""))


def _store_command(state_dir: Path) -> Sequence[str]:
    port, directory = str(settings.SANDBOX_STORE_PORT), str(state_dir / "store")
    # Without Django: it answers a second earlier.
    return (sys.executable, "-m", "portal.sandbox.store", "--port", port, "--directory", directory)


def _port_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _page_answers() -> bool:
    """Any answer of the portal will do, an error page too: what is wrong then is in its log."""
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{settings.PORT}/", timeout=5):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False
