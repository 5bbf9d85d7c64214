"""The promises about money, as queries. Each finds cases that break one; there should never be any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum

from .models import Mail, OrderSnapshot, PayoutAttempt, RefundEvent, RefundRequest
from .states import OPEN_ATTEMPT, AttemptStatus, Status

Cases = QuerySet[RefundRequest]


@dataclass(frozen=True)
class Invariant:
    """`broken` narrows the cases to those for which `sentence` is not true."""

    name: str
    sentence: str
    broken: Callable[[Cases], Cases]


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    sentence: str
    reference: str


def violations(*, since: datetime | None = None) -> Iterator[Violation]:
    """Every case that breaks a promise; with `since`, among those about which something has happened."""
    cases = RefundRequest.objects.all()
    if since is not None:
        cases = cases.filter(pk__in=RefundEvent.objects.filter(at__gte=since).values("refund_request"))
    for invariant in INVARIANTS:
        for reference in invariant.broken(cases).values_list("reference", flat=True):
            yield Violation(invariant.name, invariant.sentence, reference)


def _attempts(*statuses: AttemptStatus, **fields: Any) -> Exists:
    return Exists(PayoutAttempt.objects.filter(refund_request=OuterRef("pk"), status__in=statuses, **fields))


def _more_than_one(cases: Cases, *statuses: AttemptStatus) -> Cases:
    return cases.annotate(of_kind=Count("attempts", filter=Q(attempts__status__in=statuses))).filter(of_kind__gt=1)


def _refunded_unpaid(cases: Cases) -> Cases:
    paid = _attempts(AttemptStatus.SUCCEEDED, pk=OuterRef("paid_attempt"))
    return cases.filter(status=Status.REFUNDED).exclude(paid)


def _paid_not_refunded(cases: Cases) -> Cases:
    return cases.filter(_attempts(AttemptStatus.SUCCEEDED)).exclude(status=Status.REFUNDED)


def _refunded_untold(cases: Cases) -> Cases:
    mailed = Exists(Mail.objects.filter(refund_request=OuterRef("pk"), kind="refunded"))
    return cases.filter(status=Status.REFUNDED).exclude(mailed)


def _told_unpaid(cases: Cases) -> Cases:
    mailed = Exists(Mail.objects.filter(refund_request=OuterRef("pk"), kind="refunded"))
    return cases.filter(mailed).exclude(_attempts(AttemptStatus.SUCCEEDED, AttemptStatus.REVERSED))


def _other_amount(cases: Cases) -> Cases:
    return cases.filter(
        Exists(
            PayoutAttempt.objects.filter(refund_request=OuterRef("pk"), status=AttemptStatus.SUCCEEDED).exclude(
                amount=OuterRef("approved_amount"), currency=OuterRef("currency"), order_id=OuterRef("order_id")
            )
        )
    )


def _sending_alone(cases: Cases) -> Cases:
    return cases.filter(status=Status.SENDING).exclude(_attempts(AttemptStatus.PREPARED, AttemptStatus.SENT))


def _on_its_way_elsewhere(cases: Cases) -> Cases:
    return cases.filter(_attempts(AttemptStatus.PREPARED, AttemptStatus.SENT)).exclude(status=Status.SENDING)


def _doubt_elsewhere(cases: Cases) -> Cases:
    return cases.filter(_attempts(AttemptStatus.UNKNOWN)).exclude(status=Status.CHECK_NEEDED)


def _doubt_about_nothing(cases: Cases) -> Cases:
    return cases.filter(status=Status.CHECK_NEEDED).exclude(_attempts(AttemptStatus.UNKNOWN, AttemptStatus.REVERSED))


def _approved_forgotten(cases: Cases) -> Cases:
    return cases.filter(status=Status.APPROVED, next_action_at=None)


def _status_without_event(cases: Cases) -> Cases:
    last = RefundEvent.objects.filter(refund_request=OuterRef("pk")).exclude(to_status="").order_by("-pk")
    return cases.annotate(last_status=Subquery(last.values("to_status")[:1])).exclude(last_status=F("status"))


def _order_overpaid(cases: Cases) -> Cases:
    """Cases of orders whose payouts sum to more than the order: only orders with several of them are worked out."""
    orders = (
        PayoutAttempt.objects.filter(status=AttemptStatus.SUCCEEDED, order_id__in=cases.values("order_id"))
        .values("order_id")
        .annotate(paid=Sum("amount"), payouts=Count("pk"))
        .filter(payouts__gt=1)
    )
    overpaid = []
    for row in orders:
        snapshot = OrderSnapshot.objects.filter(order_id=row["order_id"]).order_by("-read_at", "-pk").first()
        if snapshot is not None and row["paid"] > snapshot.order.total:
            overpaid.append(row["order_id"])
    return cases.filter(order_id__in=overpaid)


INVARIANTS = (
    Invariant("one-open-attempt", "A case has at most one open attempt.", lambda c: _more_than_one(c, *OPEN_ATTEMPT)),
    Invariant("one-payout", "A case is paid once.", lambda c: _more_than_one(c, AttemptStatus.SUCCEEDED)),
    Invariant("refunded-is-paid", "Refunded means: its attempt succeeded.", _refunded_unpaid),
    Invariant("paid-is-refunded", "An attempt that succeeded makes its case refunded.", _paid_not_refunded),
    Invariant("refunded-is-told", "A refunded case has its mail.", _refunded_untold),
    Invariant("told-is-paid", "Nobody is told of a refund that was not made.", _told_unpaid),
    Invariant("as-approved", "What was paid is the amount, currency and order that were approved.", _other_amount),
    Invariant("sending-has-attempt", "A case being sent has an attempt on its way.", _sending_alone),
    Invariant("attempt-has-sending", "An attempt on its way belongs to a case being sent.", _on_its_way_elsewhere),
    Invariant("doubt-is-shown", "An attempt in doubt belongs to a case that needs a check.", _doubt_elsewhere),
    Invariant("check-has-doubt", "A case that needs a check has an attempt in doubt.", _doubt_about_nothing),
    Invariant("approved-is-due", "An approved case has a time at which it goes on.", _approved_forgotten),
    Invariant("ledger-agrees", "The last event of a case says where it stands.", _status_without_event),
    Invariant("order-not-overpaid", "No order is refunded beyond its total.", _order_overpaid),
)
