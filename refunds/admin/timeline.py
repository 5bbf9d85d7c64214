"""The ledger in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..formats import amount_text
from ..models import DeclineReason, RefundEvent, RefundRequest
from ..states import Status
from .show import TONES, Moment

KINDS: Mapping[str, Any] = {
    "submitted": gettext_lazy("Asked for the refund"),
    "opened": gettext_lazy("Opened the case for the customer"),
    "withdrawn": gettext_lazy("Took the request back"),
    "asked": gettext_lazy("Asked the customer"),
    "answered": gettext_lazy("Answered"),
    "wrote": gettext_lazy("Wrote to the customer"),
    "customer_wrote": gettext_lazy("Wrote to the shop"),
    "mail_resent": gettext_lazy("Sent a mail once more"),
    "noted": gettext_lazy("Wrote a note for colleagues"),
    "assigned": gettext_lazy("Passed the case on"),
    "amount_edited": gettext_lazy("Changed the amount"),
    "first_approval": gettext_lazy("Approved, the first of two people"),
    "approved": gettext_lazy("Approved"),
    "approval_taken_back": gettext_lazy("Took the approval back"),
    "declined": gettext_lazy("Declined"),
    "reopened": gettext_lazy("Opened the case again"),
    "settled_paid": gettext_lazy("Saw the payout at the payment provider"),
    "settled_not_paid": gettext_lazy("Saw no payout at the payment provider"),
    "no_payout_confirmed": gettext_lazy("Confirmed that the payment provider shows no payout"),
    "settlement_proposed": gettext_lazy("Said how it ended, the first of two people"),
    "paid_after_all": gettext_lazy("The shop shows that an earlier payout was made after all"),
    "sending": gettext_lazy("Payout begun"),
    "paid": gettext_lazy("The shop confirmed the refund"),
    "adopted": gettext_lazy("Found the refund in the shop: it is paid"),
    "nothing_sent": gettext_lazy("Nothing had been sent after all"),
    "not_sent": gettext_lazy("Nothing was sent; it is tried again"),
    "refused": gettext_lazy("The shop refused"),
    "changed_in_store": gettext_lazy("The order had changed in the shop; nothing was sent"),
    "in_doubt": gettext_lazy("The outcome is unknown"),
    "doubt_reopened": gettext_lazy("The shop shows a refund after all; in doubt again"),
    "reversed": gettext_lazy("The refund is gone from the shop, or was changed there"),
    "corrected": gettext_lazy("Wrote to the customer that the refund was taken back"),
    "erased": gettext_lazy("Had the personal data erased"),
    "sum_mismatch": gettext_lazy("The order’s refunds do not add up: somebody refunded it at the same time"),
    "payouts_paused": gettext_lazy("Paused all payouts"),
    "exported": gettext_lazy("Took data out as a file"),
    "bulk_started": gettext_lazy("Began to decide several at once"),
    "payouts_resumed": gettext_lazy("Resumed payouts"),
    "second_factor_on": gettext_lazy("Set up a second factor for themselves"),
    "second_factor_off": gettext_lazy("Turned their second factor off"),
    "second_factor_reset": gettext_lazy("Reset the second factor of a colleague"),
    "recovery_codes_renewed": gettext_lazy("Made new recovery codes for themselves"),
}
ACTORS: Mapping[str, Any] = {
    "customer": gettext_lazy("Customer"),
    "staff": gettext_lazy("Staff"),
    "worker": gettext_lazy("Portal"),
    "sweep": gettext_lazy("Portal"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    moment: Moment
    who: str
    address: str
    what: str
    details: tuple[str, ...]
    status_label: str
    tone: str


def entries(events: Iterable[RefundEvent], now: datetime, of: RefundRequest | None = None) -> list[Entry]:
    events = list(events)
    passed_to = {event.data["to"] for event in events if event.kind == "assigned" and event.data["to"]}
    people = User.objects.in_bulk(passed_to) if passed_to else {}
    return [_entry(event, now, of, people) for event in events]


def _entry(event: RefundEvent, now: datetime, of: RefundRequest | None, people: Mapping[int, User]) -> Entry:
    return Entry(
        moment=Moment(event.at, now),
        who=event.by.get_username() if event.by else str(ACTORS.get(event.actor, event.actor)),
        address=event.address or "",
        what=str(KINDS.get(event.kind, event.kind)),
        details=(_to(event, people),) if event.kind == "assigned" else tuple(_details(event.data, of)),
        status_label=str(Status(event.to_status).label) if event.to_status in Status.values else "",
        tone=TONES.get(event.to_status, "quiet"),
    )


def _to(event: RefundEvent, people: Mapping[int, User]) -> str:
    to = people.get(event.data["to"])
    return _("to nobody") if to is None else _("to %(who)s") % {"who": to}


def _details(data: Mapping[str, Any], of: RefundRequest | None) -> Iterable[str]:
    """The figures of an event that people read; the rest is for programs."""
    for name, value in data.items():
        if value in (None, ""):
            continue
        if name in ("amount", "expected", "found") and of is not None:
            figure = amount_text(Decimal(value), of.currency, of.decimals)
            yield figure if name == "amount" else f"{_FIGURES[name]}: {figure}"
        elif name == "reason":
            yield str(DeclineReason(value).label) if value in DeclineReason.values else str(value)
        elif name == "api_refund":
            yield _("through the payment provider") if value else _("paid by hand")
        elif name == "store_refund_id":
            yield _("store refund #%(id)s") % {"id": value}
        elif name in ("reference", "code"):
            yield str(value)
        elif name == "http_status":
            yield f"HTTP {value}"


_FIGURES = {"expected": gettext_lazy("expected"), "found": gettext_lazy("found")}
