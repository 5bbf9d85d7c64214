"""Verbs of logging in: the second factor of a person is set up, changed, given up, or taken off by a superuser."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from .. import second_factor
from .moves import Actor, LostRace, NotAllowed, log


def confirm_app(device: TOTPDevice, *, by: User, address: str | None = None) -> list[str]:
    """From now on this app is the second factor of `by`. Returns the recovery codes, which are never shown again.

    An app that was there before counts no more, and neither do its recovery codes.
    """
    with transaction.atomic():
        if TOTPDevice.objects.filter(pk=device.pk, user=by, confirmed=False).update(confirmed=True) != 1:
            raise LostRace
        TOTPDevice.objects.filter(user=by).exclude(pk=device.pk).delete()
        codes = second_factor.new_recovery_codes(by)
        log("second_factor_on", Actor("staff", by, address))
    return codes


def renew_recovery_codes(*, by: User, address: str | None = None) -> list[str]:
    if second_factor.app_of(by) is None:
        raise NotAllowed("no_app", _("Set up an app first."))
    with transaction.atomic():
        codes = second_factor.new_recovery_codes(by)
        log("recovery_codes_renewed", Actor("staff", by, address))
    return codes


def turn_off_second_factor(*, by: User, address: str | None = None) -> None:
    """Refused where everybody needs one."""
    if second_factor.is_required():
        raise NotAllowed("required", _("Everybody needs a second factor here. You can set up another app."))
    with transaction.atomic():
        second_factor.forget(by)
        log("second_factor_off", Actor("staff", by, address))


def reset_second_factor(of: User, *, by: User, address: str | None = None) -> None:
    """A superuser takes the second factor off a colleague who has lost it."""
    if not by.is_active or not by.is_superuser:
        raise NotAllowed("permission", _("You do not have the permission to do this."))
    with transaction.atomic():
        second_factor.forget(of)
        log("second_factor_reset", Actor("staff", by, address), data={"of": of.pk})
