"""Two sites in one process: the portal's pages over the one database, then over the other, in turns."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import django
from django.test import Client

from .data import MILLION, QUICK, SMALL, Made, site

HOST = "127.0.0.1"


def options() -> argparse.Namespace:
    """What `python -m tests.benchmarks` hands to each of them."""
    # Asked to end, it still ends all it has started.
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


def large(given: argparse.Namespace) -> int:
    return QUICK if given.quick else MILLION


def set_up(url: str, **environment: str) -> None:
    """Django in this process, over this database, with nothing of the environment's own site."""
    nothing = dict.fromkeys(("EMAIL_URL", "SITE_URL", "WOOCOMMERCE_CONSUMER_KEY", "WOOCOMMERCE_CONSUMER_SECRET"), "")
    os.environ.update(
        {
            **nothing,
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "DJANGO_DEBUG": "on",
            "DATABASE_URL": url,
            "TIME_SCALE": "1",
            "LOG_LEVEL": "ERROR",
            **environment,
        }
    )
    django.setup()


class Sites:
    """The same code over several databases. `use` decides over which."""

    def __init__(self, given: argparse.Namespace, **environment: str) -> None:
        self.small, self.large = (site(given.data, cases) for cases in (SMALL, large(given)))
        set_up(self.small.url, **environment)
        self._connections = importlib.import_module("django.db").connections
        self._made: Mapping[int, Any] = {made.cases: self._connect(made) for made in (self.small, self.large)}
        self.clients = {made.cases: self._log_in(made) for made in (self.small, self.large)}

    def _connect(self, made: Made) -> Any:
        wrapper = self._connections.create_connection("default")
        wrapper.settings_dict = {**wrapper.settings_dict, "NAME": f"cases_{made.cases}"}
        return wrapper

    def use(self, made: Made) -> None:
        self._connections["default"] = self._made[made.cases]

    def _log_in(self, made: Made) -> Client:
        self.use(made)
        users = importlib.import_module("django.contrib.auth.models").User.objects
        client = Client(headers={"host": HOST})
        client.force_login(users.get(username="staff1"), backend="django.contrib.auth.backends.ModelBackend")
        return client

    def page(self, made: Made, address: str) -> Any:
        """The response, with what it was rendered from. Its SQL is not recorded."""
        self.use(made)
        answer = self.clients[made.cases].get(address)
        if answer.status_code != 200:
            raise SystemExit(f"{address} answered {answer.status_code}.")
        return answer

    def get(self, made: Made, address: str) -> float:
        """Seconds that the page took."""
        began = time.perf_counter()
        self.page(made, address)
        return time.perf_counter() - began


def in_turns(calls: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """What each call took, `rounds` times. They take turns one by one; the first round is not counted."""
    times: list[list[float]] = [[] for _call in calls]
    for turn in range(rounds + 1):
        for call, took in zip(calls, times, strict=True):
            seconds = call()
            if turn:
                took.append(seconds)
    return times
