"""The breaker: whether the store is worth calling. In the database, so that every host knows the same."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from . import timing
from .models import StoreHealth


def succeeded(health: StoreHealth) -> None:
    """The store answered a read sensibly. Writes only where something was wrong before, as `health` says.

    What a payout was told is not undone by it: a key that may read need not be one that may refund.
    """
    if health.payouts_refused or (health.breaker_until is not None and health.breaker_until > timezone.now()):
        return
    if health.failures or health.unreachable_since or health.breaker_until:
        StoreHealth.objects.filter(pk=health.pk).update(
            failures=0, unreachable_since=None, breaker_until=None, breaker_reason=""
        )


def failed(reason: str, retry_after: float | None = None) -> None:
    """The store did not answer, or asked for patience. After some failures in a row it is left alone for a while."""
    now = timezone.now()
    health = StoreHealth.current()
    StoreHealth.objects.filter(pk=health.pk).update(
        failures=F("failures") + 1, unreachable_since=health.unreachable_since or now, breaker_reason=reason[:300]
    )
    if retry_after is not None or health.failures + 1 >= timing.BREAKER_OPENS_AFTER:
        wait = timing.scaled(timing.BREAKER_OPEN_FOR) if retry_after is None else timing.backoff(1, retry_after)
        StoreHealth.objects.filter(pk=health.pk).update(breaker_until=now + wait)


def misconfigured(reason: str) -> None:
    """The key or the address is wrong. Tried again once a minute, so that it heals when somebody mends it."""
    now = timezone.now()
    health = StoreHealth.current()
    StoreHealth.objects.filter(pk=health.pk).update(
        failures=F("failures") + 1,
        unreachable_since=health.unreachable_since or now,
        breaker_until=now + timing.scaled(timing.BREAKER_OPEN_FOR),
        breaker_reason=reason[:300],
    )


def payouts_refused(reason: str) -> None:
    """The store refuses refunds as such, by this key or at this address."""
    misconfigured(reason)
    StoreHealth.objects.update(payouts_refused=True)


def payouts_work() -> None:
    """A refund went through, so nothing is wrong any more."""
    StoreHealth.objects.filter(payouts_refused=True).update(
        payouts_refused=False, failures=0, unreachable_since=None, breaker_until=None, breaker_reason=""
    )
