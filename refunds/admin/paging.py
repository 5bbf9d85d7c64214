"""Lists that stay fast at a million rows: nobody pages through ten thousand, so nothing is counted further."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db import connection

from ..models import RefundRequest

if TYPE_CHECKING:
    Base = Paginator[Any]
else:
    Base = Paginator

MOST = 10_000
MOST_FOUND = 1_000
"""Of a search: whether a row has the word can only be seen in the row."""


class CappedPaginator(Base):
    """Pages of the first `MOST` rows, of a search fewer. Whoever seeks further narrows the list down."""

    is_search = False

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        found: int = rows.order_by().values("pk")[: MOST_FOUND if self.is_search else MOST].count()
        return found

    def page(self, number: int | str) -> Any:
        """Where nothing was found, nothing is sought a second time."""
        if not self.count:
            rows: Any = self.object_list
            self.object_list = rows.none()
        return super().page(number)


def counts(states: Sequence[str]) -> dict[str, int]:
    """How many cases are in each state, counted up to `MOST`, in one query."""
    table = connection.ops.quote_name(RefundRequest._meta.db_table)
    capped = f"(SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE status = %s LIMIT {MOST}) AS capped)"  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join([capped] * len(states)), list(states))
        return dict(zip(states, cursor.fetchone(), strict=True))


def count_text(count: int) -> str:
    return f"{MOST}+" if count >= MOST else str(count)
