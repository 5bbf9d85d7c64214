import sys
from typing import Any

from django.core.management.base import BaseCommand

from refunds import orders
from refunds.woocommerce import shopcheck


class Command(BaseCommand):
    help = "Proves that the shop is fit for refunds: key, versions, storage, caching, gateways. Moves no money."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = orders.examine()
        for finding in findings:
            self.stdout.write(f"{finding.level:8} {finding.sentence}")
            if finding.advice:
                self.stdout.write(f"{'':8} -> {finding.advice}")
        if not shopcheck.is_fit(findings):
            self.stdout.write("No refund should go out like this.")
            sys.exit(1)
        self.stdout.write("The shop is fit for refunds.")
