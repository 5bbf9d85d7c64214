"""What a submission may leave in the database: nothing at all, or one whole thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db import connection

from refunds import audit
from refunds.models import (
    LookUp,
    Mail,
    Message,
    OrderSnapshot,
    PayoutAttempt,
    Photo,
    RefundEvent,
    RefundLine,
    RefundRequest,
    Shop,
)

TABLES = (LookUp, RefundRequest, RefundLine, RefundEvent, Message, Photo, Mail, OrderSnapshot, PayoutAttempt, Shop)
VERSIONS = "versions"
"""The versions of all cases summed up: any move or edit of one raises it."""

WHOLE: dict[str, dict[str, range]] = {
    "nothing": {},
    "a look-up": {"LookUp": range(1, 2)},
    "photos": {"Photo": range(-10, 11)},
    "a request": {
        "RefundRequest": range(1, 2),
        "RefundLine": range(1, 20),
        "RefundEvent": range(1, 2),
        "Mail": range(2, 3),
        "Photo": range(-10, 11),
        VERSIONS: range(1, 2),
    },
    "a message": {"Message": range(1, 2), "RefundEvent": range(1, 2), "Mail": range(1, 2), "Photo": range(11)},
    "an answer": {
        "Message": range(1, 2),
        "RefundEvent": range(1, 2),
        "Mail": range(1, 2),
        "Photo": range(11),
        VERSIONS: range(1, 2),
    },
    "a withdrawal": {"RefundEvent": range(1, 2), "Mail": range(1, 2), VERSIONS: range(1, 2)},
    "an erasure": {"RefundEvent": range(1, 2), "Photo": range(-10, 1)},
}
"""How many rows each thing is made of, all of them and nothing beside them."""


def counted() -> Counter[str]:
    """Rows by table, in one statement."""
    tables = [f"(SELECT COUNT(*) FROM {model._meta.db_table})" for model in TABLES]  # noqa: S608 - names of our own
    tables.append(f"(SELECT COALESCE(SUM(version), 0) FROM {RefundRequest._meta.db_table})")  # noqa: S608 - as above
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(tables)}")
        row = cursor.fetchone()
    return Counter(dict(zip([*(model.__name__ for model in TABLES), VERSIONS], row, strict=True)))


def thing(before: Counter[str], after: Counter[str]) -> str:
    """What was made between two counts; otherwise the half of it that stands there."""
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    for name, parts in WHOLE.items():
        fits = all(changed.get(part, 0) in wanted for part, wanted in parts.items())
        if fits and changed.keys() <= parts.keys():
            return name
    return f"half a thing: {changed}"


def problems() -> Iterator[str]:
    """What no number of submissions may bring about."""
    for violation in audit.violations():
        yield f"{violation.reference}: {violation.sentence}"
    for reference in RefundRequest.objects.filter(lines=None).values_list("reference", flat=True):
        yield f"{reference} has no lines"
    for reference in RefundRequest.objects.filter(events=None).values_list("reference", flat=True):
        yield f"{reference} has no history"
    orphans = Photo.objects.filter(refund_request=None, look_up=None).count()
    if orphans:
        yield f"{orphans} photos belong to nobody"
