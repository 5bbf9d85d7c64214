from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.sandbox.runner import CannotRun, Runner


class Command(BaseCommand):
    help = "Runs the whole portal on this machine, with a store to try it on, until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Runner(self._say).run()
        except CannotRun as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
