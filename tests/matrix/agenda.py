"""What the rows of one case say is due, and when. Asked a dozen times in every case, so it is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from refunds import sweep

OF_REQUESTS = """
    SELECT 'breaker', id, breaker_until FROM refunds_storehealth WHERE breaker_until IS NOT NULL
    UNION ALL
    SELECT 'pay', id, next_action_at FROM refunds_refundrequest
        WHERE status = 'approved' AND next_action_at IS NOT NULL AND id IN ({ids})
        AND NOT EXISTS (SELECT 1 FROM refunds_storehealth WHERE payouts_paused_at IS NOT NULL)
    UNION ALL
    SELECT 'look', id, CASE WHEN status IN ('prepared', 'sent') THEN lease_until ELSE next_look_at END
        FROM refunds_payoutattempt
        WHERE (status IN ('prepared', 'sent') OR next_look_at IS NOT NULL) AND refund_request_id IN ({ids})
    UNION ALL
    SELECT 'deliver', id, next_try_at FROM refunds_mail WHERE next_try_at IS NOT NULL AND refund_request_id IN ({ids})
"""
OF_LOOK_UPS = """
    SELECT 'look_up', id, next_try_at FROM refunds_lookup WHERE next_try_at IS NOT NULL AND order_number = '{number}'
    UNION ALL
    SELECT 'deliver', id, next_try_at FROM refunds_mail WHERE next_try_at IS NOT NULL
        AND look_up_id IN (SELECT id FROM refunds_lookup WHERE order_number = '{number}')
"""


class Entry(NamedTuple):
    at: datetime
    job: str
    pk: int


def of_requests(ids: Sequence[int]) -> list[Entry]:
    """While the breaker is open nothing is paid: what is due then is due when it closes."""
    entries = _read(OF_REQUESTS.format(ids=", ".join(map(str, ids)) or "0"))
    shut = max((entry.at for entry in entries if entry.job == "breaker"), default=None)
    return [
        entry._replace(at=max(entry.at, shut)) if entry.job == "pay" and shut else entry
        for entry in entries
        if entry.job != "breaker"
    ]


def of_look_ups(number: str) -> list[Entry]:
    return _read(OF_LOOK_UPS.format(number=number))


def _read(statement: str) -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return sorted(Entry(_instant(at), job, pk) for job, pk, at in cursor.fetchall())


def _instant(value: Any) -> datetime:
    """SQLite keeps instants as text in UTC."""
    at: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def found_by_the_sweep(entry: Entry) -> bool:
    """Whether the sweep would find this row when its time has come."""
    return any(
        errand.job == entry.job and errand.due(entry.at).filter(pk=entry.pk).exists() for errand in sweep.ERRANDS
    )
