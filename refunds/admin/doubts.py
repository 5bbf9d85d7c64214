"""The desk for doubts: what was sent, what came back, what every look found, and when a person may settle it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import evidence, timing
from ..formats import amount_text
from ..models import PayoutAttempt, RefundRequest
from ..states import AttemptStatus, Status
from ..woocommerce.types import Verdict
from .show import Moment, moment

IN_DOUBT = frozenset({AttemptStatus.UNKNOWN, AttemptStatus.REVERSED})
TONES: Mapping[str, str] = {
    AttemptStatus.PREPARED: "going",
    AttemptStatus.SENT: "going",
    AttemptStatus.SUCCEEDED: "good",
    AttemptStatus.NOT_SENT: "quiet",
    AttemptStatus.REFUSED: "attention",
    AttemptStatus.UNKNOWN: "problem",
    AttemptStatus.REVERSED: "problem",
}
FINDINGS: Mapping[str, Any] = {
    "paid": gettext_lazy("The shop shows this refund, paid."),
    "unfinished": gettext_lazy(
        "The shop shows this refund, but not that money moved: still running, or died half-way."
    ),
    "nothing": gettext_lazy("The shop shows no refund of this case."),
    "unclear": gettext_lazy("The shop shows refunds of this case that are not as they were asked for."),
    "row_of_another": gettext_lazy("The refund in the shop belongs to another case."),
    "paid_after_all": gettext_lazy("The shop shows this refund, paid, though the case has gone on without it."),
    "still_there": gettext_lazy("The refund is still there, as it was recorded."),
    "gone": gettext_lazy("The refund is gone from the shop."),
    "changed": gettext_lazy("The refund was changed in the shop."),
    "not_seen": gettext_lazy("The order is in the bin: that proves nothing."),
    "changed_in_store": gettext_lazy("The order had changed in the shop before anything was sent."),
}


@dataclass(frozen=True, slots=True)
class Look:
    moment: Moment | None
    finding: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One attempt as the page shows it."""

    attempt: PayoutAttempt
    status: str
    tone: str
    amount: str
    way: str
    sent: Moment | None
    settled: Moment | None
    next_look: Moment | None
    looked: Moment | None
    answer: str
    proposal: str
    looks: tuple[Look, ...]


def shown(attempt: PayoutAttempt, refund_request: RefundRequest, now: datetime) -> Shown:
    return Shown(
        attempt=attempt,
        status=str(AttemptStatus(attempt.status).label),
        tone=TONES[attempt.status],
        amount=amount_text(attempt.amount, attempt.currency, refund_request.decimals),
        way=_("through the payment provider") if attempt.api_refund else _("paid by hand"),
        sent=moment(attempt.sent_at, now),
        settled=moment(attempt.settled_at, now),
        next_look=moment(attempt.next_look_at, now),
        looked=moment(attempt.looked_at, now),
        answer=_answer(attempt),
        proposal=_proposal(attempt),
        looks=tuple(_look(found, attempt, refund_request, now) for found in reversed(attempt.evidence)),
    )


def _answer(attempt: PayoutAttempt) -> str:
    parts = [f"HTTP {attempt.http_status}" if attempt.http_status else "", attempt.code, attempt.rule]
    return " · ".join(part for part in parts if part)


def _proposal(attempt: PayoutAttempt) -> str:
    """What the first of two people has said about the outcome."""
    if attempt.proposal == "not paid":
        return _("The provider shows no payout.")
    return _("Paid at the provider, reference %(reference)s.") % {"reference": attempt.proposal.removeprefix("paid ")}


def _look(found: Mapping[str, Any], attempt: PayoutAttempt, refund_request: RefundRequest, now: datetime) -> Look:
    at = parse_datetime(str(found.get("at", "")))
    finding = str(found.get("finding", ""))
    details = tuple(_details(found, attempt, refund_request))
    return Look(moment(at, now), str(FINDINGS.get(finding, finding)), details)


def _details(found: Mapping[str, Any], attempt: PayoutAttempt, refund_request: RefundRequest) -> Iterator[str]:
    yield from (_row(row, attempt, refund_request, _("ours")) for row in found.get("rows", ()))
    yield from (_row(row, attempt, refund_request, _("without our marker")) for row in found.get("strangers", ()))
    if notes := found.get("notes"):
        yield _("Order notes that name this case: %(ids)s") % {"ids": ", ".join(f"#{note}" for note in notes)}
    if "remaining" in found:
        left = amount_text(Decimal(found["remaining"]), attempt.currency, refund_request.decimals)
        yield _("What no longer fits: %(what)s; the order holds %(left)s.") % {"what": found["what"], "left": left}


def _row(row: Mapping[str, Any], attempt: PayoutAttempt, refund_request: RefundRequest, whose: str) -> str:
    payment = {True: _("paid"), False: _("not paid"), None: _("payment not told")}[row["refunded_payment"]]
    figure = amount_text(Decimal(row["amount"]), attempt.currency, refund_request.decimals)
    return f"#{row['id']} · {figure} · {payment} · {whose}"


def to_settle(refund_request: RefundRequest, attempts: Iterable[PayoutAttempt]) -> PayoutAttempt | None:
    """The attempt whose end a person may record: of a doubt, or of a refusal that can still prove untrue."""
    is_meant = {
        Status.CHECK_NEEDED: _is_in_doubt,
        Status.FAILED: _was_refused,
        Status.DECLINED: _was_refused,
    }.get(Status(refund_request.status))
    if is_meant is None:
        return None
    return max(filter(is_meant, attempts), key=lambda attempt: attempt.n, default=None)


def _is_in_doubt(attempt: PayoutAttempt) -> bool:
    return attempt.status in IN_DOUBT


def _was_refused(attempt: PayoutAttempt) -> bool:
    said_so = attempt.verdict == Verdict.GATEWAY_REFUSED or attempt.no_payout_by_id is not None
    return attempt.status == AttemptStatus.REFUSED and said_so


def unconfirmed(attempts: Iterable[PayoutAttempt]) -> PayoutAttempt | None:
    """The refusal by the gateway that nobody has confirmed at the provider yet."""
    return next(
        (attempt for attempt in attempts if _was_refused(attempt) and attempt.no_payout_by_id is None),
        None,
    )


def may_settle_at(attempt: PayoutAttempt) -> datetime:
    """A late answer can still come until then."""
    return (attempt.sent_at or attempt.prepared_at) + timing.scaled(timing.PERSON_MAY_SETTLE_AFTER)


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A row in the store of an attempt that moved no money, but still holds that much of the order."""

    store_refund_id: int
    amount: str
    marker: str


def left_overs(refund_request: RefundRequest, attempts: Iterable[PayoutAttempt]) -> list[LeftOver]:
    """Refunds to delete in WooCommerce before this case can be paid in full."""
    unpaid = {attempt.marker for attempt in attempts if attempt.no_payout_by_id is not None}
    return [
        LeftOver(refund.id, amount_text(refund.amount, refund_request.currency, refund_request.decimals), marker)
        for refund in refund_request.order_now.order.refunds
        if (marker := evidence.marker_of(refund.reason)) in unpaid
    ]
