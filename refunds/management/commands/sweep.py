import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from refunds import digest, health, sweep, timing, workflow

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Finds all that is due (payouts, doubts, watches, mails, look-ups) and nudges the workers."

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--once", action="store_true", help="One pass; prints how much is due.")
        how.add_argument("--loop", action="store_true", help="A pass every two seconds until stopped.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            for name, count in sweep.count_due().items():
                self.stdout.write(f"{count:6}  {name}")
            sweep.run_once()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_unused: stop.set())
        owner, watched = workflow.attempt_owner(), time.monotonic()
        while not stop.wait(timing.scaled(timing.SWEEP_EVERY).total_seconds()):
            self._survive(self._pass)
            if time.monotonic() - watched >= timing.WATCH_EVERY.total_seconds():
                self._survive(lambda: sweep.watch(owner=owner))
                self._survive(digest.write_if_due)
                watched = time.monotonic()

    def _pass(self) -> None:
        sweep.run_once()
        health.beat_of_sweep()

    def _survive(self, step: Callable[[], object]) -> None:
        """Nothing ends the one process that forgets nothing: no database that restarts, no mistake of ours."""
        try:
            step()
        except Exception:
            logger.exception("A pass of the sweep failed")
            connections.close_all()
