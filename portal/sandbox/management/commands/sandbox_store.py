import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.sandbox.store import cli


class Command(BaseCommand):
    help = "Runs the sandbox WooCommerce store until it is stopped."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        cli.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(cli.run(argparse.Namespace(**options)))
