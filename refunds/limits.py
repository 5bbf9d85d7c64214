"""Limits: so many rows in so much time, counted in the database, so that all processes count the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone


class TooMany(Exception):
    """A limit is reached. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("A limit is reached.")
        self.retry_after = retry_after


def require_room(rows: QuerySet[Any], at: str, *, most: int, within: timedelta) -> None:
    """Raises `TooMany` if `most` of the rows have their time `at` in the time just past, until one of them is older."""
    now = timezone.now()
    newest = rows.filter(**{f"{at}__gt": now - within}).order_by(f"-{at}").values_list(at, flat=True)
    if most == 0:
        raise TooMany(int(within.total_seconds()))
    nth = newest[most - 1 : most].first()
    if nth is not None:
        raise TooMany(max(int((nth + within - now).total_seconds()), 1))
