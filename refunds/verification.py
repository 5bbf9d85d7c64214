"""Proof that an order is theirs: a look-up, the worker's search for the order, and a code to the order's own address.

Order number and e-mail identify, they do not authenticate. Everything a visitor can see here is the same for an order
that exists and for one that does not, tries left included.
"""

from __future__ import annotations

import ipaddress
import math
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import get_language

from . import dispatch, links, mail, orders, timing, woocommerce
from .limits import TooMany, require_room
from .models import LookUp, Shop

CODE_AGAIN_AFTER = timedelta(minutes=1)
CODES_PER_LOOK_UP = 3
NUMBER_LENGTH, EMAIL_LENGTH = 64, 254
"""What the columns hold. Both kinds of text can grow while they are brought to one form."""


def network(address: str) -> str:
    """What limits are counted by: the address, or the /64 of an IPv6 one, of which a visitor has all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        # A server that listens on both kinds of address writes the old kind so: not one network, but all of them.
        parsed = parsed.ipv4_mapped
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


def start(*, number: str, email: str, address: str) -> LookUp:
    """A new look-up, due at once. Raises `TooMany` at a limit of the shop; never tells whether the order exists.

    Found or not, all look-ups count. Codes are guessed five tries at a time: 15 look-ups of an order are 75 guesses.
    """
    shop = Shop.current()
    number = woocommerce.number_key(number)[:NUMBER_LENGTH]
    email = woocommerce.email_key(email)[:EMAIL_LENGTH]
    an_hour, a_day = timedelta(hours=1), timedelta(days=1)
    of_network = LookUp.objects.filter(network=network(address))
    require_room(of_network, "created_at", most=shop.per_network_and_hour, within=an_hour)
    require_room(LookUp.objects.filter(email=email), "created_at", most=shop.per_email_and_hour, within=an_hour)
    require_room(LookUp.objects.filter(order_number=number), "created_at", most=shop.per_order_and_day, within=a_day)
    with transaction.atomic():
        look_up = LookUp.objects.create(
            order_number=number,
            email=email,
            network=network(address),
            language=get_language() or settings.LANGUAGE_CODE,
            tries_left=timing.CODE_TRIES,
            code_issue=1,
            next_try_at=timezone.now(),
        )
        dispatch.nudge("look_up", look_up.pk)
    return look_up


def again(look_up: LookUp, *, issue: int) -> bool:
    """Another code instead of the one counted as `issue`; the earlier one is worthless from now on.

    False where this look-up has had its codes or its tries. Pressed twice, it counts once. The worker searches anew, so
    that an unknown order takes the same time here. Raises `TooMany` before the wait is over.
    """
    now = timezone.now()
    if issue != look_up.code_issue:
        return True
    too_old = look_up.created_at < now - timing.LOOK_UP_LIFE
    if too_old or not look_up.tries_left or look_up.code_issue >= CODES_PER_LOOK_UP:
        return False
    wait = look_up.created_at + look_up.code_issue * CODE_AGAIN_AFTER - now
    if wait > timedelta(0):
        raise TooMany(math.ceil(wait.total_seconds()))
    with transaction.atomic():
        counted = LookUp.objects.filter(pk=look_up.pk, code_issue=issue).update(
            code_issue=issue + 1, next_try_at=now, nudged_at=None
        )
        if counted:
            dispatch.nudge("look_up", look_up.pk)
    return True


def find(look_up_id: int) -> None:
    """The worker's part: finds the order, keeps it, and writes the code mail. A store that is down is asked again."""
    look_up = LookUp.objects.filter(pk=look_up_id, next_try_at__lte=timezone.now()).first()
    if look_up is None:
        return
    if look_up.created_at < timezone.now() - timing.LOOK_UP_LIFE:
        _done(look_up)
        return
    try:
        order = orders.find(
            number=look_up.order_number, email=look_up.email, patience=timing.seconds(timing.READ_TIMEOUT)
        )
    except woocommerce.StoreError as error:
        _later(look_up, error.retry_after)
        return
    if order is None:
        _done(look_up)
        return
    with transaction.atomic():
        look_up.snapshot = orders.snapshot(order)
        if _done(look_up):
            mail.write("code", look_up=look_up)


def _done(look_up: LookUp) -> bool:
    """True for the one that ends the search: two workers at once write one mail."""
    return bool(
        LookUp.objects.filter(pk=look_up.pk, next_try_at=look_up.next_try_at).update(
            next_try_at=None, snapshot=look_up.snapshot
        )
    )


def _later(look_up: LookUp, retry_after: float | None) -> None:
    tries = look_up.tries_of_store + 1
    LookUp.objects.filter(pk=look_up.pk, next_try_at=look_up.next_try_at).update(
        tries_of_store=tries, next_try_at=timezone.now() + timing.backoff(tries, retry_after), nudged_at=None
    )


def prove(look_up: LookUp, typed: str) -> bool:
    """Takes one of five tries. True if the code is right, in time, and not used before; the look-up is proven then.

    The try is taken before the code is compared, in one statement, so that no number of visitors at once gets a sixth.
    It is taken from a look-up proven elsewhere too: to whoever made it for somebody else's order, nothing has changed.
    """
    now = timezone.now()
    counted = LookUp.objects.filter(pk=look_up.pk, tries_left__gt=0).update(tries_left=F("tries_left") - 1)
    look_up.refresh_from_db(fields=["tries_left", "code_until", "code_issue", "proven_at"])
    right = links.code_matches(look_up, typed)
    if not (counted and right and look_up.snapshot_id and look_up.code_until and look_up.code_until > now):
        return False
    return _proven(look_up)


def prove_by_link(token: str) -> LookUp | None:
    """The look-up whose mailed link was opened and its button pressed; None where the link is old, used or not ours."""
    look_up = of_link(token)
    return look_up if look_up is not None and _proven(look_up) else None


def of_link(token: str) -> LookUp | None:
    read = links.read_proof(token)
    if read is None:
        return None
    public_id, issue = read
    return LookUp.objects.filter(
        public_id=public_id, code_issue=issue, proven_at=None, tries_left__gt=0, code_until__gt=timezone.now()
    ).first()


def _proven(look_up: LookUp) -> bool:
    look_up.proven_at = timezone.now()
    return bool(LookUp.objects.filter(pk=look_up.pk, proven_at=None).update(proven_at=look_up.proven_at))
