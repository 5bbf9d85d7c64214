"""The second factor of a member of staff: the codes of an authenticator app, and recovery codes for when it is lost."""

from __future__ import annotations

import re
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""31 letters without 0, o, 1, i and l. Ten of them are 49 random bits."""
CODE_LENGTH = 10
NEW_FOR = timedelta(minutes=15)
"""An app not confirmed by then has to be set up anew: the page that shows its key may still be open somewhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Who typed a code is let in by `device`, or not by None; `wait_until` if too many wrong ones were typed lately."""

    device: Device | None
    wait_until: datetime | None = None


def is_required() -> bool:
    return bool(settings.STAFF_TWO_FACTOR == "required")


def app_of(user: User) -> TOTPDevice | None:
    """The app that this person confirmed, if any."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def new_app_of(user: User) -> TOTPDevice | None:
    """The app that this person is setting up at the moment."""
    since = timezone.now() - NEW_FOR
    return TOTPDevice.objects.filter(user=user, confirmed=False, created_at__gt=since).order_by("-pk").first()


def begin(user: User) -> TOTPDevice:
    """A new key for an app. It counts when a code of it was typed in."""
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    device: TOTPDevice = TOTPDevice.objects.create(user=user, name="app", confirmed=False)
    return device


def key_text(device: TOTPDevice) -> str:
    """The key for typing it in, in groups of four."""
    return " ".join(re.findall(".{1,4}", b32encode(device.bin_key).decode()))


def check(user: User, typed: str) -> Answer:
    """Whether this is the app's code of the moment, or a recovery code. Either counts once.

    After a wrong one the next try has to wait for one second, then two, four, eight, and so on.
    """
    code = re.sub(r"[\s-]", "", typed).lower()
    if re.fullmatch("[0-9]{6}", code):
        return check_with(TOTPDevice.objects.filter(user=user, confirmed=True).first(), code)
    return check_with(StaticDevice.objects.filter(user=user, confirmed=True).first(), _digest(user, code))


def check_with(device: Device | None, token: str) -> Answer:
    if device is None:
        return Answer(None)
    with transaction.atomic():
        # Locked, so that one code typed twice at the same instant counts once.
        locked = type(device).objects.select_for_update().get(pk=device.pk)
        allowed, why = locked.verify_is_allowed()
        if not allowed:
            return Answer(None, why["locked_until"])
        return Answer(locked if locked.verify_token(token) else None)


def new_recovery_codes(user: User) -> list[str]:
    """Ten new ones; the old ones count no more. Only what is made of them is kept, so they can be shown once."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery")
    codes = ["".join(secrets.choice(ALPHABET) for _unused in range(CODE_LENGTH)) for _unused in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(user, code)) for code in codes)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_codes_left(user: User) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


def forget(user: User) -> None:
    """App and recovery codes of this person are gone."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def _digest(user: User, code: str) -> str:
    """What is kept of a recovery code: who reads the database cannot log in with it."""
    return salted_hmac("refunds.recovery", f"{user.pk} {code}", algorithm="sha256").hexdigest()[:16]
