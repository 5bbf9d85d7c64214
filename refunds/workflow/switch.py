"""The stop switch: payouts can be paused by a person, or by the portal itself when something looks wrong."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import StoreHealth
from .moves import WORKER, Actor, log, staff


def pause(*, by: User, reason: str, address: str | None = None) -> None:
    """Nothing is sent until somebody resumes. What is on its way already is not stopped."""
    _pause(staff(by, "pause_payouts", address), reason)


def pause_automatically(reason: str) -> None:
    _pause(WORKER, reason)


def _pause(actor: Actor, reason: str) -> None:
    with transaction.atomic():
        counted = StoreHealth.objects.filter(pk=StoreHealth.current().pk, payouts_paused_at=None).update(
            payouts_paused_at=timezone.now(), paused_by=actor.user, pause_reason=reason[:300]
        )
        if counted:
            log("payouts_paused", actor, data={"reason": reason})


def resume(*, by: User, address: str | None = None) -> None:
    """Payouts go on. Confirms the present addresses of this site and of the store, if those had changed."""
    actor = staff(by, "pause_payouts", address)
    with transaction.atomic():
        health = StoreHealth.current()
        counted = StoreHealth.objects.filter(pk=health.pk, payouts_paused_at__isnull=False).update(
            payouts_paused_at=None, paused_by=None, pause_reason="", site_url="", home_url="", home_read_at=None
        )
        if counted:
            log("payouts_resumed", actor)


def confirm_home(home_url: str) -> bool:
    """True if this site and the store are those of the last payout. Otherwise pauses: this may be a clone or a backup.

    The first payout of all writes the addresses down. Ports and schemes do not matter: a clone is on another host.
    """
    health = StoreHealth.current()
    moved = _moved(health.site_url, settings.SITE_URL) or _moved(health.home_url, home_url)
    if moved:
        pause_automatically(
            _(
                "An address has changed since the last payout: %(moved)s. "
                "If this is a copy of the portal, leave it paused."
            )
            % {"moved": moved}
        )
        return False
    StoreHealth.objects.filter(pk=health.pk).update(
        site_url=settings.SITE_URL,
        store_url=settings.WOOCOMMERCE_URL,
        home_url=home_url,
        home_read_at=timezone.now(),
    )
    return True


def _moved(before: str, now: str) -> str:
    """`before -> now` if these are two places, or empty."""
    then, today = urlsplit(before), urlsplit(now)
    same = (then.hostname, then.path.rstrip("/")) == (today.hostname, today.path.rstrip("/"))
    return f"{before} -> {now}" if before and not same else ""
