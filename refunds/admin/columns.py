"""What the queue shows of a case besides the case itself: what is remarkable about it, and the clock that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, Func, Max, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Message, OrderSnapshot, RefundRequest, Shop
from ..states import OPEN, Status

MANY = 3
"""So many refunds to one e-mail address within a year are worth a look."""
YEAR = timedelta(days=365)
WITH_THE_PAYOUT = frozenset({Status.APPROVED, Status.SENDING, Status.FAILED, Status.CHECK_NEEDED})


def facts() -> dict[str, Any]:
    """Annotations that `flags` and `clock` read, so that a page of cases stays one query."""
    others = RefundRequest.objects.exclude(pk=OuterRef("pk"))
    same_order = others.filter(order_id=OuterRef("order_id")).exclude(status=Status.WITHDRAWN)
    refunded = others.filter(
        email=OuterRef("email"), status=Status.REFUNDED, created_at__gte=timezone.now() - YEAR
    ).exclude(email="")
    said = Message.objects.filter(refund_request=OuterRef("pk"), internal=False)
    shop = Shop.objects.order_by()
    return {
        "first_refund": Subquery(_first_refund(OrderSnapshot.objects.filter(pk=OuterRef("order_now")))),
        "is_second": Exists(same_order),
        "refunds_of_email": Subquery(_counted(refunded)),
        "staff_wrote_at": Subquery(_latest(said.filter(by__isnull=False))),
        "customer_wrote_at": Subquery(_latest(said.filter(by__isnull=True))),
        "limit": Subquery(shop.values("second_approval_above")[:1]),
    }


def _first_refund(snapshots: QuerySet[OrderSnapshot]) -> Any:
    """Of the order as it was read last, without loading all of it, nor joining it where rows are only counted."""
    amount = KeyTextTransform("amount", KeyTransform(0, KeyTransform("refunds", "data")))
    return snapshots.annotate(amount=amount).values("amount")


def _counted(rows: QuerySet[RefundRequest]) -> Any:
    return rows.order_by().annotate(figure=Func(F("pk"), function="COUNT")).values("figure")


def _latest(rows: QuerySet[Message]) -> Any:
    return rows.order_by().values("refund_request").annotate(last=Max("at")).values("last")


def flags(case: Any) -> Iterator[str]:
    """What to look at twice before deciding. Of a closed case nothing is left to decide."""
    if case.status not in OPEN:
        return
    if case.first_refund is not None:
        yield _("Partly refunded already")
    if case.is_second:
        yield _("Second request")
    if case.limit is not None and case.amount > Decimal(case.limit):
        yield _("High amount")
    if case.refunds_of_email >= MANY:
        count = case.refunds_of_email
        yield ngettext("%(n)d refund in a year", "%(n)d refunds in a year", count) % {"n": count}


@dataclass(frozen=True, slots=True)
class Clock:
    """What is waited for, and since when."""

    waits_for: str
    since: datetime


def clock(case: Any) -> Clock:
    if case.status == Status.SUBMITTED and case.staff_wrote_at is None:
        return Clock(_("first answer"), case.created_at)
    if case.status == Status.SUBMITTED:
        # While the customer was asked, the clock stood still.
        return Clock(_("decision"), max(case.created_at, case.customer_wrote_at or case.created_at))
    if case.status == Status.NEEDS_INFO:
        return Clock(_("the customer"), case.staff_wrote_at or case.created_at)
    if case.status in WITH_THE_PAYOUT:
        return Clock(_("payout"), case.decided_at or case.created_at)
    return Clock("", case.created_at)
