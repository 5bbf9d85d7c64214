"""What stands in the way of payouts at this moment, for the top of every staff page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import RefundRequest, StoreHealth
from ..states import Status
from .show import Moment


@dataclass(frozen=True, slots=True)
class Notice:
    tone: str
    text: str
    detail: str = ""


def notices() -> list[Notice]:
    """Nothing in the ordinary case, for one query."""
    health = StoreHealth.objects.select_related("paused_by").filter(pk=1).first()
    if health is None or not (health.payouts_paused_at or health.unreachable_since):
        return []
    waiting = _waiting()
    return [notice for notice in (_paused(health, waiting), _unreachable(health, waiting)) if notice]


def _waiting() -> str:
    count = RefundRequest.objects.filter(status=Status.APPROVED).count()
    if not count:
        return _("no approved refund waits")
    return ngettext("%(n)d approved refund waits", "%(n)d approved refunds wait", count) % {"n": count}


def _paused(health: StoreHealth, waiting: str) -> Notice | None:
    if health.payouts_paused_at is None:
        return None
    facts = {
        "time": Moment(health.payouts_paused_at, timezone.now()).clock,
        "who": health.paused_by.get_username() if health.paused_by else _("the portal itself"),
        "waiting": waiting,
    }
    text = _("Payouts are paused since %(time)s by %(who)s; %(waiting)s.") % facts
    return Notice("attention", text, health.pause_reason)


def _unreachable(health: StoreHealth, waiting: str) -> Notice | None:
    if health.unreachable_since is None:
        return None
    time = Moment(health.unreachable_since, timezone.now()).clock
    text = _("The shop does not answer since %(time)s; %(waiting)s.") % {"time": time, "waiting": waiting}
    return Notice("problem", text, health.breaker_reason)
