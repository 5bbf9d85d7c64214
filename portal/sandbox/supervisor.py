"""Keeps a handful of processes running, and stops them in order.

Not honcho's manager: that one ends everything when one process ends, stops all at the same moment, and kills after five
seconds what may be a refund on its way. Its reader of Procfiles is used.

Every process gets a session of its own, so that Ctrl-C reaches only us, and everything it forks can be found again.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL = 0.05
SHORT_LIFE = 5
"""Seconds. A process that ends sooner does not start; one that ends later had an accident."""
RESTART_FIRST, RESTART_LONGEST = 0.25, 10.0
GIVES_UP_AFTER = 3
"""Short lives in a row after which a start is called failed."""
PATIENCE_SHOWN_AFTER = 2
LAST_WORDS_WITHIN = 1

LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
LOUD = {"WARNING", "ERROR", "CRITICAL"}
TRACEBACK = "Traceback (most recent call last)"


class DoesNotStart(Exception):
    """A process ended again and again. The message names it, its log and its last words."""


@dataclass(frozen=True)
class Program:
    """A process to keep running. `patience`: seconds it may take to end before it is killed."""

    name: str
    command: Sequence[str]
    patience: float = 10
    busy: str = ""
    """What it may be doing when it takes its time to end."""
    shown: bool = True
    """Whether its warnings are shown, too, or only written to its log."""


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    sessions: list[int] = field(default_factory=list)
    """Of this process and of those it replaced: what they forked may have outlived them."""
    started_at: float = 0
    start_at: float | None = None
    short_lives: int = 0
    last_line: str = ""
    loud: bool = False


class Supervisor:
    """Starts programs, starts them again when they end, and stops them. `say` shows one line to the person.

    Everything is written to a file per program in `log_dir`; warnings, errors and tracebacks are shown as well.
    """

    def __init__(
        self, *, log_dir: Path, environment: dict[str, str], directory: Path, say: Callable[[str], None]
    ) -> None:
        self._log_dir = log_dir
        self._environment = environment
        self._directory = directory
        self._say = say
        self._children: dict[str, _Child] = {}
        self.kill = threading.Event()
        """Set: nothing is waited for any longer."""

    def start(self, program: Program) -> None:
        log = self._log_dir / f"{program.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".log.old"))
        log.touch()
        self._children[program.name] = child = _Child(program)
        self._spawn(child)

    def check(self) -> None:
        """Starts again what has ended. Raises `DoesNotStart` for what ends at once, three times in a row."""
        for child in self._children.values():
            if child.start_at is not None:
                if time.monotonic() >= child.start_at:
                    self._spawn(child)
            elif child.process is not None and child.process.poll() is not None:
                self._ended(child)

    def stop(self, *names: str) -> None:
        """Asks these to end, together, and waits until they and all they have forked are gone."""
        children = [self._children.pop(name) for name in names if name in self._children]
        for child in children:
            _ask_to_end(child)
        for child in children:
            self._wait_for(child)

    def _spawn(self, child: _Child) -> None:
        child.start_at, child.started_at = None, time.monotonic()
        child.process = subprocess.Popen(  # noqa: S603 - commands of the Procfile and our own
            child.program.command,
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        child.sessions.append(child.process.pid)
        child.reader = threading.Thread(target=self._read, args=(child, child.process), daemon=True)
        child.reader.start()

    def _ended(self, child: _Child) -> None:
        lived = time.monotonic() - child.started_at
        child.short_lives = child.short_lives + 1 if lived < SHORT_LIFE else 0
        if child.short_lives >= GIVES_UP_AFTER:
            if child.reader is not None:
                child.reader.join(LAST_WORDS_WITHIN)
            raise DoesNotStart(
                f"{child.program.name} does not start: {child.last_line or 'it says nothing'} "
                f"(all of it: {self._log_dir / child.program.name}.log)"
            )
        child.start_at = time.monotonic() + min(RESTART_FIRST * 2**child.short_lives, RESTART_LONGEST)
        self._say(f"{child.program.name} ended ({_how(child.process)}). It is started again.")
        child.process = None

    def _read(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines, (self._log_dir / f"{child.program.name}.log").open("ab") as log:
            for raw in lines:
                log.write(raw)
                log.flush()
                line = raw.decode(errors="replace").rstrip()
                child.last_line = line or child.last_line
                child.loud = is_loud(line, child.loud)
                if child.loud and child.program.shown:
                    self._say(f"{child.program.name:>8} | {line}")

    def _wait_for(self, child: _Child) -> None:
        asked_at, told = time.monotonic(), False
        while _alive(child):
            waited = time.monotonic() - asked_at
            if self.kill.is_set() or waited > child.program.patience:
                _kill(child)
            elif waited > PATIENCE_SHOWN_AFTER and child.program.busy and not told:
                told = True
                self._say(f"Waiting for {child.program.name}: {child.program.busy}. Ctrl-C again ends it at once.")
            time.sleep(POLL)
        if child.reader is not None:
            child.reader.join(LAST_WORDS_WITHIN)


def is_loud(line: str, before: bool) -> bool:
    """Whether a line of a log is worth showing. One without a level belongs to the line before it."""
    level = LEVEL.search(line)
    if level is not None:
        return level.group() in LOUD
    return before or line.startswith(TRACEBACK)


def _how(process: subprocess.Popen[bytes] | None) -> str:
    code = process.returncode if process is not None else 0
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _ask_to_end(child: _Child) -> None:
    if child.process is not None and child.process.poll() is None:
        child.process.terminate()


def _alive(child: _Child) -> bool:
    leader = child.process is not None and child.process.poll() is None
    return leader or bool(_members(child.sessions))


def _kill(child: _Child) -> None:
    for pid in {*_members(child.sessions), *([child.process.pid] if child.process is not None else [])}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _members(sessions: Sequence[int]) -> list[int]:
    """The living processes of these sessions. Empty where there is no /proc (macOS): only leaders are known there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent, group, session.
            state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(session) in sessions and state != "Z":
            found.append(int(stat.parent.name))
    return found
