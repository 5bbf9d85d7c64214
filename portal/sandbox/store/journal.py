"""An append-only file of JSON lines. What was written before an answer is there after a kill."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Stopped(Exception):
    """The store was stopped while a call was still at work. To that call it is a killed process."""


class InUse(Exception):
    """Another store has this journal open."""


class Journal:
    """Each `append` is one write to the operating system: it survives the process, not a power cut.

    A torn last line, as a kill in the middle of a write leaves it, is cut off when the journal is read.
    """

    def __init__(self, path: Path) -> None:
        """Raises `InUse`: two stores on one journal would each believe a half of it."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._open = True
        self._lock = threading.Lock()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise InUse(str(path)) from error

    def entries(self) -> Iterator[Entry]:
        """Everything written so far. Raises `ValueError` for a damaged line that is not the last."""
        whole = 0
        with self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                yield json.loads(line)
                whole += len(line)
        os.truncate(self._file, whole)

    def append(self, entry: Entry) -> None:
        """Raises `Stopped` after `close`."""
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if not self._open:
                raise Stopped
            os.write(self._file, line)

    def clear(self) -> None:
        with self._lock:
            os.truncate(self._file, 0)

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._file)
