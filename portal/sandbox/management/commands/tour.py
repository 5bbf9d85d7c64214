from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.sandbox.tour import Differs, Tour, answers
from portal.sandbox.tour_run import DidNotStart, portal_of_its_own


class Command(BaseCommand):
    help = "Presses all the buttons of a running portal, and compares the store's ledger with what was approved."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--base",
            metavar="URL",
            help=f"The portal to drive. Otherwise {settings.SITE_URL} if it runs, or one that is started for the tour.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._tour(options["base"])
        except (Differs, DidNotStart) as error:
            raise CommandError(str(error)) from error

    def _tour(self, base: str | None) -> None:
        if base is not None and not answers(base):
            raise CommandError(f"There is no portal with a sandbox at {base}.")
        if base is None and answers(settings.SITE_URL):
            base = settings.SITE_URL
        if base is not None:
            self._say(f"Tour of {base}")
            Tour(base, self._say).run()
            return
        self._say("Nothing runs here, so a portal is started for the tour, with a clock a hundred times faster.")
        with portal_of_its_own() as address:
            Tour(address, self._say).run()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
