"""One command runs everything, keeps it running, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from portal.sandbox.browser import Browser
from portal.sandbox.demo import PASSWORD
from portal.sandbox.supervisor import DoesNotStart, Program, Supervisor, is_loud
from portal.sandbox.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
WITHIN = 60


def wait_until(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < until, f"Waited for: {what}"
        time.sleep(0.02)


def processes_of(mark: str) -> list[int]:
    """Every living process that was started with `mark` in its environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
        except OSError:
            continue
    return sorted(found)


# --- The supervisor --------------------------------------------------------------------------------------------------


class Said(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def supervisor(tmp_path: Path, said: Said) -> Iterator[Supervisor]:
    environment = {**os.environ, "MARK": str(tmp_path)}
    supervisor = Supervisor(log_dir=tmp_path / "log", environment=environment, directory=tmp_path, say=said)
    yield supervisor
    supervisor.kill.set()
    supervisor.stop("it")


def shell(script: str, **options: object) -> Program:
    return Program("it", ("/bin/sh", "-c", script), **options)  # type: ignore[arg-type]  # as the tests give them


def test_supervisor_starts_again_what_ended(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    supervisor.start(shell("echo started; exec sleep 60"))
    wait_until(lambda: processes_of(str(tmp_path)), "the process")
    first = processes_of(str(tmp_path))

    os.kill(first[0], signal.SIGKILL)
    wait_until(lambda: supervisor.check() or processes_of(str(tmp_path)) not in ([], first), "another process")

    assert said == ["it ended (killed by SIGKILL). It is started again."]


def test_supervisor_gives_up_on_what_never_starts(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    supervisor.start(shell("echo 'No such table'; exit 3"))

    with pytest.raises(DoesNotStart) as gave_up:
        wait_until(lambda: supervisor.check(), "the end of its patience")

    assert str(gave_up.value) == f"it does not start: No such table (all of it: {tmp_path / 'log' / 'it.log'})"
    assert said == ["it ended (exit code 3). It is started again."] * 2


def test_supervisor_waits_for_what_is_not_finished(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(
        shell(f"trap 'echo finished > {tmp_path}/done; exit' TERM; echo ready; while :; do sleep 0.1; done")
    )
    wait_until(lambda: "ready" in (tmp_path / "log" / "it.log").read_text(), "the process")

    supervisor.stop("it")

    assert (tmp_path / "done").read_text() == "finished\n"
    assert processes_of(str(tmp_path)) == []


def test_supervisor_waits_for_children_too(supervisor: Supervisor, tmp_path: Path) -> None:
    """A killed worker leaves the process behind that pays: it is not left alone."""
    supervisor.start(shell(f"(trap '' TERM; sleep 2; echo paid > {tmp_path}/done) & echo ready; exec sleep 60"))
    wait_until(lambda: "ready" in (tmp_path / "log" / "it.log").read_text(), "the process")

    supervisor.stop("it")

    assert (tmp_path / "done").read_text() == "paid\n"
    assert processes_of(str(tmp_path)) == []


def test_supervisor_kills_what_does_not_end(supervisor: Supervisor, tmp_path: Path) -> None:
    """Nor what it has forked."""
    supervisor.start(shell("trap '' TERM; (sleep 60) & echo ready; while :; do sleep 0.1; done", patience=0.2))
    wait_until(lambda: "ready" in (tmp_path / "log" / "it.log").read_text(), "the process")

    stopping = threading.Thread(target=supervisor.stop, args=("it",), daemon=True)
    stopping.start()
    stopping.join(10)

    assert processes_of(str(tmp_path)) == []


def test_supervisor_kills_at_once_when_asked_twice(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    supervisor.start(
        shell(
            "trap '' TERM; echo ready; while :; do sleep 0.1; done",
            patience=WITHIN,
            busy="it may be finishing a refund",
        )
    )
    wait_until(lambda: "ready" in (tmp_path / "log" / "it.log").read_text(), "the process")

    stopping = threading.Thread(target=supervisor.stop, args=("it",))
    stopping.start()
    wait_until(lambda: said, "the line that says why it takes long")
    supervisor.kill.set()
    stopping.join(5)

    assert said == ["Waiting for it: it may be finishing a refund. Ctrl-C again ends it at once."]
    assert processes_of(str(tmp_path)) == []


def test_supervisor_shows_warnings_and_keeps_everything(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    lines = ["12:00 INFO all is well", "12:01 WARNING the store is slow", "  for 3 s", "12:02 INFO well again"]
    supervisor.start(shell(f"printf '%s\\n' {' '.join(map(repr, lines))}; exec sleep 60"))
    log = tmp_path / "log" / "it.log"
    wait_until(lambda: "well again" in log.read_text(), "its lines")

    assert said == ["      it | 12:01 WARNING the store is slow", "      it |   for 3 s"]
    assert log.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("line", "before", "loud"),
    [
        ("2026-05-03 12:00:00,000 INFO rq.worker started", False, False),
        ("2026-05-03 12:00:00,000 ERROR refunds went wrong", False, True),
        ("[2026-05-03 12:00:00 +0000] [7] [INFO] Booting worker", True, False),
        ("[2026-05-03 12:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT", False, True),
        ("Traceback (most recent call last):", False, True),
        ("  a line without a level", True, True),
        ("  a line without a level", False, False),
        ("", False, False),
    ],
)
def test_loud_lines(line: str, before: bool, loud: bool) -> None:
    assert is_loud(line, before) is loud


# --- Valkey ----------------------------------------------------------------------------------------------------------


def test_valkey_keeps_what_it_holds_and_listens_on_its_socket_only(tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey, valkey.client as client:
        client.set("job", "waits")
        assert client.config_get("port") == {"port": "0"}
        assert (tmp_path / "valkey").stat().st_mode & 0o777 == 0o700

    with Valkey(tmp_path) as again, again.client as client:
        assert client.get("job") == b"waits"
        again.flush()
        assert client.get("job") is None


def test_valkey_replaces_one_that_was_left_behind(tmp_path: Path) -> None:
    left_behind = Valkey(tmp_path).start()
    process = left_behind.process
    assert process is not None

    with Valkey(tmp_path) as valkey:
        assert valkey.answers()
        assert process.wait(WITHIN) == 0


def test_valkey_starts_in_a_long_directory(tmp_path: Path) -> None:
    with Valkey(tmp_path / ("long" * 30)) as valkey:
        assert valkey.answers()
        assert not str(valkey.socket).startswith(str(tmp_path))
        assert valkey.socket.parent.stat().st_mode & 0o777 == 0o700


# --- The whole -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "WOOCOMMERCE_URL", "EMAIL_URL", "SITE_URL"), "")
    ports = {"PORT": str(free_port()), "SANDBOX_STORE_PORT": str(free_port())}
    return {**os.environ, **own, **ports, "DJANGO_DEBUG": "on", "STATE_DIR": str(tmp_path / "state")}


def run(environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as written:
        return subprocess.Popen(
            [sys.executable, "manage.py", "sandbox"], cwd=ROOT, env=environment, stdout=written, stderr=written
        )


def refused(environment: dict[str, str]) -> tuple[int, str]:
    answer = subprocess.run(
        [sys.executable, "manage.py", "sandbox"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=WITHIN,
    )  # fmt: skip
    return answer.returncode, answer.stderr


def test_one_command_runs_everything_and_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    output, mark = tmp_path / "output", f"STATE_DIR={tmp_path / 'state'}"
    process = run(environment, output)
    try:
        wait_until(lambda: process.poll() is not None or "is running" in output.read_text(), "the screen")
        screen = output.read_text()
        addresses = re.findall(r"http://\S+", screen)
        pages = [requests.get(address, timeout=WITHIN).status_code for address in addresses]
        desk = Browser(addresses[0])
        desk.open("/staff/")
        desk.press("Log in", {"Username": "approver", "Password": PASSWORD})
        second = refused(environment)

        log = tmp_path / "state" / "log" / "payouts.log"
        wait_until(lambda: log.exists() and "started with PID" in log.read_text(), "the worker")
        worker = int(re.findall(r"started with PID (\d+)", log.read_text())[0])
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: log.read_text().count("started with PID") == 2, "another worker")
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(WITHIN)

    assert pages == [200] * 4
    assert "1001   anna.becker@example.com" in screen
    assert not desk.page.has_button("Log in")
    assert second == (
        1,
        f"CommandError: It is running already (its files are in {tmp_path / 'state'}). "
        "For a second one, set STATE_DIR, PORT and SANDBOX_STORE_PORT.\n",
    )
    assert "payouts ended (killed by SIGKILL). It is started again." in output.read_text()
    assert code == 0
    assert processes_of(mark) == []


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_STORE_PORT"])
def test_a_port_in_use_is_one_line(environment: dict[str, str], name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        code, line = refused({**environment, name: port})

    assert code == 1
    assert line.startswith(f"CommandError: Port {port} is in use")
    assert line.count("\n") == 1


def test_a_missing_module_is_one_line() -> None:
    # -S: without what is installed.
    answer = subprocess.run(
        [sys.executable, "-S", "manage.py", "sandbox"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (answer.returncode, answer.stderr) == (
        1,
        "The module django is missing. `make install` installs all there is to install.\n",
    )


def test_an_old_python_is_one_line() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('manage.py', run_name='__main__')"

    answer = subprocess.run([sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stderr) == (
        1,
        "The portal needs Python 3.11 or newer. This is Python 3.9.\n",
    )
