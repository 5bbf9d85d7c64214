from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from refunds import privacy


class Command(BaseCommand):
    help = "Blanks personal data that the shop's settings say is kept long enough. Amounts and history stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be blanked or deleted.")

    def handle(self, *args: Any, **options: Any) -> None:
        for what, count in privacy.purge(dry_run=options["dry_run"]):
            self.stdout.write(f"{count:6}  {what}")
