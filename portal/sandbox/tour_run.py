"""A portal of the tour's own: on free ports, over an empty directory, with a fast clock; gone afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from .tour import answers

TIME_SCALE = 0.01
"""An hour is 36 seconds, and the first look at a doubt comes after 1.2."""
STARTS_WITHIN = 60
ENDS_WITHIN = 30
POLL = 0.1
OWN = ("DATABASE_URL", "REDIS_URL", "WOOCOMMERCE_URL", "EMAIL_URL", "SITE_URL")


class DidNotStart(Exception):
    """The message has what the portal said last."""


@contextmanager
def portal_of_its_own() -> Iterator[str]:
    """The address of a portal that runs until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="refunds-tour-") as directory:
        output = Path(directory) / "output"
        port, store_port = _free_ports(2)
        environment = {
            **os.environ,
            # Empty is "not set", also for what a .env says.
            **dict.fromkeys(OWN, ""),
            "DJANGO_DEBUG": "on",
            "STATE_DIR": directory,
            "PORT": str(port),
            "SANDBOX_STORE_PORT": str(store_port),
            "TIME_SCALE": str(TIME_SCALE),
            "APPROVAL_HOLD": "1",
        }
        with output.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "sandbox"],
                cwd=settings.BASE_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=written,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(process, address, output)
            yield address
        finally:
            _end(process)


def _wait_for(process: subprocess.Popen[bytes], address: str, output: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while not answers(address):
        if process.poll() is not None or time.monotonic() > until:
            raise DidNotStart(f"The portal did not start. {output.read_text(errors='replace').strip()[-1000:]}")
        time.sleep(POLL)


def _end(process: subprocess.Popen[bytes]) -> None:
    for _asked in range(2):
        # The second time it ends at once, with all that it has started.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _number in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
