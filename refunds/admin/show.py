"""How times, amounts and states read on the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..clocks import Clock
from ..formats import amount_text
from ..models import RefundRequest
from ..states import Status
from ..woocommerce.types import Order

TONES: Mapping[str, str] = {
    Status.SUBMITTED: "waiting",
    Status.NEEDS_INFO: "quiet",
    Status.APPROVED: "going",
    Status.SENDING: "going",
    Status.REFUNDED: "good",
    Status.FAILED: "attention",
    Status.CHECK_NEEDED: "problem",
    Status.DECLINED: "quiet",
    Status.WITHDRAWN: "quiet",
}
"""How loud a state is: colour and sign of its badge. The word stands beside them always."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, read at `now`: its age or the wait for it, and exactly."""

    at: datetime
    now: datetime

    @property
    def iso(self) -> str:
        return self.at.isoformat(timespec="seconds")

    @property
    def exact(self) -> str:
        return date_format(timezone.localtime(self.at), "j M Y, H:i:s")

    @property
    def clock(self) -> str:
        """`14:05`, with the day if it is another one."""
        local = timezone.localtime(self.at)
        today = local.date() == timezone.localtime(self.now).date()
        return date_format(local, "H:i" if today else "j M, H:i")

    @property
    def age(self) -> str:
        return span(abs(self.now - self.at))

    @property
    def age_element(self) -> SafeString:
        """The age, and on hovering the time. Sentences are put around it: languages differ in where it goes."""
        return format_html('<time datetime="{}" title="{}">{}</time>', self.iso, self.exact, self.age)

    @property
    def is_ahead(self) -> bool:
        return self.at > self.now


def moment(at: datetime | None, now: datetime | None = None) -> Moment | None:
    return None if at is None else Moment(at, now or timezone.now())


def span(length: timedelta) -> str:
    """`40 s`, `12 min`, `3 h`, `5 d`: whole units, rounded down."""
    seconds = int(length.total_seconds())
    if seconds < 60:
        return _("%(n)d s") % {"n": seconds}
    if seconds < 60 * 60:
        return _("%(n)d min") % {"n": seconds // 60}
    if seconds < 48 * 60 * 60:
        return _("%(n)d h") % {"n": seconds // (60 * 60)}
    return _("%(n)d d") % {"n": seconds // (24 * 60 * 60)}


def age(at: datetime) -> SafeString:
    return Moment(at, timezone.now()).age_element


CLOCKS: Mapping[str, Any] = {
    Clock.ANSWER: gettext_lazy("first answer"),
    Clock.DECISION: gettext_lazy("decision"),
    Clock.PAYOUT: gettext_lazy("payout"),
    Clock.LEGAL: gettext_lazy("limit of the law"),
}


def due(refund_request: RefundRequest, now: datetime) -> SafeString | str:
    """How long there is until the first of a case's clocks runs out, or by how much it is late; empty if none runs."""
    found = refund_request.clocks.next(refund_request.status)
    if found is None:
        return ""
    shown = Moment(found[0], now)
    words = _("in %(time)s") if shown.is_ahead else _("%(time)s late")
    return format_html(
        '<time class="due{}" datetime="{}" title="{}">{}</time> <span class="quiet">{}</span>',
        "" if shown.is_ahead else " due--late",
        shown.iso,
        shown.exact,
        words % {"time": shown.age},
        CLOCKS[found[1]],
    )


def badge(status: str) -> SafeString:
    return format_html('<span class="badge badge--{}">{}</span>', TONES[status], Status(status).label)


def amount(of: RefundRequest | Order, value: Decimal) -> str:
    """An amount in the currency and with the decimals of a case or an order."""
    return amount_text(value, of.currency, of.decimals)


def waits_for(refund_request: RefundRequest, now: datetime) -> str:
    """Why an approved refund is not on its way yet: held, or what it says itself."""
    if refund_request.status != Status.APPROVED:
        return ""
    at = refund_request.next_action_at
    if refund_request.waits_for or at is None or at <= now:
        return refund_request.waits_for
    return _("Held for %(time)s") % {"time": span(at - now)}
