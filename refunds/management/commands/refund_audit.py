import sys
from typing import Any

from django.core.management.base import BaseCommand

from refunds import audit


class Command(BaseCommand):
    help = "Checks every promise about money in the portal's own books. Exit code 1 if one is broken."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = list(audit.violations())
        for invariant in audit.INVARIANTS:
            cases = [violation.reference for violation in broken if violation.invariant == invariant.name]
            self.stdout.write(f"{'BROKEN' if cases else 'ok':8}{invariant.sentence}  {', '.join(cases)}".rstrip())
        if broken:
            sys.exit(1)
