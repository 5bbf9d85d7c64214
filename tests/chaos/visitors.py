"""Customers who look at the pages of their cases throughout: what they are told there must be true, too."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime

import requests

from refunds import links
from refunds.models import RefundRequest

from .oracle import Truth

EVERY = 0.3
PATIENCE = 10.0
SAYS_REFUNDED = " issued on "


class Visitors(threading.Thread):
    """Looks at the page of a random case, again and again, until `leave`."""

    def __init__(self, address: str, chance: random.Random) -> None:
        super().__init__(name="visitors", daemon=True)
        self.answers: Counter[str] = Counter()
        self._told_refunded: dict[str, str] = {}
        self._pages = {made.reference: address + links.status_path(made) for made in RefundRequest.objects.all()}
        self._chance = chance
        self._leaving = threading.Event()

    def run(self) -> None:
        references = list(self._pages)
        while not self._leaving.wait(EVERY):
            self._visit(self._chance.choice(references))

    def leave(self) -> None:
        self._leaving.set()
        if self.is_alive():
            self.join()

    def _visit(self, reference: str) -> None:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(self._pages[reference], timeout=PATIENCE)
        except requests.RequestException:
            self.answers["nobody there"] += 1
            return
        self.answers[str(answer.status_code)] += 1
        if SAYS_REFUNDED in answer.text:
            self._told_refunded.setdefault(reference, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"))

    def untrue(self, truths: dict[str, Truth]) -> int:
        """Pages that called a case refunded before the ledger did, or though it never did."""
        return sum(
            not truths[reference].payments or truths[reference].first_paid_at[:19] > at
            for reference, at in self._told_refunded.items()
        )
