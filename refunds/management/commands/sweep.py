import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from refunds import sweep, timing


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
        while not stop.wait(timing.scaled(timing.SWEEP_EVERY).total_seconds()):
            self._pass()

    def _pass(self) -> None:
        try:
            sweep.run_once()
        except DatabaseError as error:
            # A database that restarts must not end the one process that forgets nothing.
            self.stderr.write(f"sweep: {type(error).__name__}: {error}")
            connections.close_all()
