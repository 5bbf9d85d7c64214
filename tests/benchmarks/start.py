"""From `make run` to the first page: the second time, with everything made. `make` itself adds hundredths."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from .scene import options
from .table import Row, tell

ROOT = Path(__file__).resolve().parents[2]
GOAL = 6.0
WITHIN = 120.0


def main() -> int:
    starts = 1 if options().quick else 5
    with tempfile.TemporaryDirectory(prefix="refunds-bench-") as name:
        first = start(Path(name))
        seconds = statistics.median(start(Path(name)) for _nth in range(starts))
    measured = f"{seconds:.1f} s (the first time {first:.1f} s)"
    tell(Row("make run to the first page, second start", "-", "< 6 s", measured, met=seconds < GOAL))
    return 0


def start(directory: Path) -> float:
    """Seconds until the page answers. It is stopped again, as Ctrl-C does."""
    port, store = free_port(), free_port()
    given = {"STATE_DIR": str(directory), "PORT": str(port), "SANDBOX_STORE_PORT": str(store), "DJANGO_DEBUG": "on"}
    own = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "WOOCOMMERCE_URL", "EMAIL_URL", "SITE_URL"), "")
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "manage.py", "sandbox"],
        cwd=ROOT,
        env={**os.environ, **own, **given},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            while not answers(port):
                if process.poll() is not None or time.monotonic() > began + WITHIN:
                    raise SystemExit("The portal did not start.")
                time.sleep(0.02)
            return time.monotonic() - began
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(WITHIN)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:  # the address is ours
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
