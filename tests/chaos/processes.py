"""Real processes: started, killed, stopped, started again, and never left behind."""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POLL = 0.02
END_WITHIN = 10.0

TOKEN_NAME, TOKEN = "CHAOS_RUN", secrets.token_hex(16)
"""In the environment of everything that is started here. Numbers of processes and sessions come round again within
minutes on a busy machine: without it, somebody else's process could be taken for one of ours."""

_sessions: set[int] = set()


class TooLate(AssertionError):
    """Something that had to happen did not, within its time."""


def wait_until(true: Callable[[], object], what: str, *, within: float = 30.0, every: float = POLL) -> None:
    """Returns as soon as `true()` is; raises `TooLate` after `within` seconds, saying `what` did not happen."""
    until = time.monotonic() + within
    while not true():
        if time.monotonic() > until:
            raise TooLate(f"{what}: not within {within} seconds.")
        time.sleep(every)


class Process:
    """One program in a session of its own, so that whatever it forks can be found, and ended, with it."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environment = {**environment, TOKEN_NAME: TOKEN}
        self._log = log
        self._popen: subprocess.Popen[bytes] | None = None
        self._own_sessions: set[int] = set()

    def __repr__(self) -> str:
        return f"<{self.name} {self.pid or 'not running'}>"

    def start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._own_sessions.add(self._popen.pid)
        _sessions.add(self._popen.pid)

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else None

    @property
    def alive(self) -> bool:
        return self.pid is not None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def horses(self) -> list[int]:
        """What it forked that is at work now, orphans of an earlier life included."""
        return [pid for pid in members(self._own_sessions) if pid != self.pid]

    def send(self, number: int) -> None:
        """To the process alone, not to what it forked."""
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL for the process alone. What it forked lives on, as it would."""
        self.send(signal.SIGKILL)
        self._reap()

    def kill_horses(self) -> int:
        """SIGKILL for what it forked, and says how many these were."""
        return sum(strike(pid, signal.SIGKILL) for pid in self.horses())

    def kill_all(self) -> None:
        """SIGKILL for all of it. The parent first: otherwise it still writes down that its child died."""
        self.kill()
        self.kill_horses()

    def end(self) -> None:
        """Asks it to end, waits a while, and kills what is left of it."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        self._reap(END_WITHIN)
        self.kill_all()

    def _reap(self, within: float = END_WITHIN) -> None:
        if self._popen is None:
            return
        try:
            self._popen.wait(within)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def strike(pid: int, number: int) -> bool:
    """Sends a signal; False where the process is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def members(sessions: Collection[int]) -> list[int]:
    """The living processes of these sessions that were started here."""
    return [pid for pid, state, session in _all() if session in sessions and state != "Z" and _is_ours(pid)]


def _all() -> Iterator[tuple[int, str, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent, group, session.
            state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        yield int(stat.parent.name), state, int(session)


def _is_ours(pid: int) -> bool:
    try:
        return f"{TOKEN_NAME}={TOKEN}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


@atexit.register
def _leave_nobody_behind() -> None:
    for pid in members(_sessions) if _sessions else ():
        strike(pid, signal.SIGKILL)
