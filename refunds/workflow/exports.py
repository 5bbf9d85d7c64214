"""The verb of taking data out: who did, and what."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import User

from .moves import log, staff


def log_export(
    *, by: User, table: str, since: date | None = None, until: date | None = None, address: str | None = None
) -> None:
    """Notes in the ledger that `by` takes a table out as a file. Raises `NotAllowed` without the permission."""
    actor = staff(by, "export_refundrequest", address)
    days = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    log("exported", actor, data={"table": table, **days})
