"""How long things may take, and why. Every waiting time of the product stands here.

`TIME_SCALE` shortens all of them together, so that tests and chaos runs see the same order of events in less time.
The call budgets of the money path must nest (`checks.py` proves it at start):

    slowest gateway < read timeout < deadline of the call < RQ's job timeout < lease
"""

import random
from datetime import timedelta

from django.conf import settings

SLOWEST_GATEWAY = 70
"""Seconds. The Stripe plugin waits this long for Stripe; giving up earlier would make doubts out of payouts."""
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 30
"""Seconds for reads of the worker. They can be repeated, so they need not wait for the slowest answer."""
STAFF_PATIENCE = 5
"""Seconds that a person waits for the store before the page says that it does not answer."""
LOOK_PATIENCE = 12
"""Seconds in all for one read around a payout, retries included, so that the lease always still covers the call."""
POST_READ_TIMEOUT = 90
POST_DEADLINE = 95
"""Seconds. A timeout of requests counts per read; this one counts from the first byte to the last."""
WRITE_AHEAD_FRESH = 2.0
"""Seconds between the committed write-ahead and the call. A process that was stopped in between must not send."""
RECORD_FOR = 12.0
"""Seconds in which an outcome is written again and again while the database restarts."""
JOB_TIMEOUT = 200
LEASE = 260
"""Seconds. Nobody touches a claimed payout before its lease has run out, so it outlives everything below it."""

LOOKS = (timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=24))
"""When a payout in doubt is looked at again, counted from the moment it was sent; daily after the last one."""
LOOK_DAILY = timedelta(days=1)
LOOK_FOR = timedelta(days=30)
PERSON_MAY_SETTLE_AFTER = timedelta(minutes=60)
"""A late answer of the store can still come for a while; a person decides only when it no longer can."""
WATCHES = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""When a paid refund is looked at again: a gateway or the shop may take it back."""

BACKOFF_FIRST = timedelta(seconds=5)
BACKOFF_LONGEST = timedelta(minutes=15)
RETRY_AFTER_LONGEST = timedelta(hours=1)
BREAKER_OPENS_AFTER = 5
"""Failures in a row after which the store is left alone for a while."""
BREAKER_OPEN_FOR = timedelta(seconds=60)
SIBLING_WAIT = timedelta(seconds=10)
"""How soon a refund looks again whether another one of the same order is through."""

HOME_FRESH = timedelta(minutes=10)
"""How long the store's home address is taken as read: a copy of the portal is noticed within this time."""

SNAPSHOT_FRESH = timedelta(seconds=60)
"""An approval needs to have seen the order as it was at most this long ago."""

ALARM_APPROVED = timedelta(minutes=10)
"""Approved money that is still not on its way by then waits for something that a person should know."""
ALARM_DOUBT = timedelta(minutes=75)
"""From an hour on a person may settle a doubt; a quarter of an hour later one should."""
ALARM_FAILED = timedelta(hours=4)
ALARM_MAIL = timedelta(minutes=15)
ALARM_HEARTBEAT = timedelta(minutes=2)
ALARM_AGAIN = timedelta(hours=4)
BEAT_EVERY = timedelta(seconds=20)
"""A sign of life costs a job. This and its alarm are not waits of money: `TIME_SCALE` leaves them alone."""
WATCH_EVERY = timedelta(minutes=1)
"""How often the sweep looks for alarms and audits the books. No wait of money either."""
AUDIT_BACK = timedelta(minutes=30)
"""The audit of the sweep looks at what has happened since; the command looks at everything."""

NUDGE_AGAIN = timedelta(seconds=60)
SWEEP_EVERY = timedelta(seconds=2)
QUEUE_DEPTH = 40
"""The sweep fills a queue up to this and no further: nudging everything every pass made recovery five times slower."""

CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
LOOK_UP_LIFE = timedelta(hours=24)
"""How long a look-up waits for a store that is down."""
PROOF_LIFE = timedelta(hours=2)
"""How long a proven customer may take for the form."""
STATUS_LINK_LIFE = timedelta(days=90)

MAIL_LEASE = timedelta(seconds=90)
"""Longer than an SMTP conversation may take (EMAIL_TIMEOUT counts per read)."""
MAIL_RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=24),
)


def scaled(wait: timedelta) -> timedelta:
    return wait * float(settings.TIME_SCALE)


def seconds(wait: float) -> float:
    return wait * float(settings.TIME_SCALE)


def backoff(failures: int, retry_after: float | None = None) -> timedelta:
    """How long to wait after so many failures in a row: doubling, with jitter, unless the store named a time itself."""
    if retry_after is not None:
        return scaled(min(timedelta(seconds=max(retry_after, 1)), RETRY_AFTER_LONGEST))
    doubled = min(BACKOFF_FIRST * 2 ** min(failures - 1, 16), BACKOFF_LONGEST)
    return scaled(doubled * random.uniform(0.5, 1))
