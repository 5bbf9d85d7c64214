"""The portal as the browser finds it, and the workers behind it, whose jobs the test runs itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.sandbox.store import SandboxStore
from refunds import dispatch, sweep

JOBS = {name: import_string(path) for name, (_queue, path) in dispatch.JOBS.items()}
ROUNDS = 20
"""More than any case needs: what is still due after them is due for ever."""


@dataclass(frozen=True)
class Site:
    url: str
    store: SandboxStore

    def work(self) -> None:
        """Runs what the workers would, until nothing is due."""
        for _round in range(ROUNDS):
            due = [(errand.job, pk) for errand in sweep.ERRANDS for pk in _rows(errand)]
            if not due:
                return
            for job, pk in due:
                JOBS[job](pk)
        raise AssertionError(f"This is still due: {due}")

    def mail(self, to: str) -> EmailMultiAlternatives:
        """The newest mail to this address."""
        return next(sent for sent in reversed(mail.outbox) if sent.to == [to])  # type: ignore[return-value]  # ours all are

    def code(self, to: str) -> str:
        found = re.search(r"\b\d{6}\b", str(self.mail(to).body))
        assert found is not None
        return found[0]

    def address_in_mail(self, to: str) -> str:
        """The one link of the newest mail."""
        found = re.search(rf"{re.escape(self.url)}\S+", str(self.mail(to).body))
        assert found is not None
        return found[0]


def _rows(errand: sweep.Errand) -> list[int]:
    return list(errand.due(timezone.now()).values_list("pk", flat=True))
