"""The shop and its store, a row each."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..clocks import MIDNIGHT, MOST_HOLIDAYS, Calendar, Rules, holidays
from .case import photo_storage

HOURS = [MinValueValidator(1), MaxValueValidator(1000)]


def real_holidays(text: str) -> None:
    try:
        count = len(holidays(text))
    except ValueError as error:
        raise ValidationError(
            gettext("“%(line)s” does not begin with a date such as 2026-12-24 or 12-25.") % {"line": error}
        ) from None
    if count > MOST_HOLIDAYS:
        raise ValidationError(gettext("These are more than %(most)d holidays.") % {"most": MOST_HOLIDAYS})


class Shop(models.Model):
    """What the shop sets for itself. One row."""

    name = models.CharField(_("shop name"), max_length=120, default="Sandbox Shop")
    support_email = models.EmailField(_("support e-mail"), blank=True)
    logo = models.FileField(_("logo"), storage=photo_storage, upload_to="logo", blank=True)
    accent = models.CharField(
        _("accent colour"), max_length=7, blank=True, validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$")]
    )
    imprint_url = models.URLField(_("imprint"), blank=True)
    privacy_url = models.URLField(_("privacy notice"), blank=True)
    terms_url = models.URLField(_("terms"), blank=True)
    answer_days = models.PositiveSmallIntegerField(_("working days until we answer"), default=2)
    opens_at = models.TimeField(_("work begins at"), default=time(9))
    closes_at = models.TimeField(_("work ends at"), default=time(17), help_text=_("00:00 is the end of the day."))
    working_days = models.CharField(
        _("working days"), max_length=7, default="12345", validators=[RegexValidator(r"^[1-7]+$")]
    )
    holidays = models.TextField(
        _("holidays"),
        blank=True,
        validators=[real_holidays],
        help_text=_("One in a line: 2026-12-24 for one year, 12-25 for every year. A name may follow."),
    )
    answer_hours = models.PositiveSmallIntegerField(_("hours until the first answer"), default=8, validators=HOURS)
    decision_hours = models.PositiveSmallIntegerField(_("hours until the decision"), default=16, validators=HOURS)
    payout_hours = models.PositiveSmallIntegerField(
        _("hours from the approval to the refund"), default=8, validators=HOURS
    )
    legal_days = models.PositiveSmallIntegerField(
        _("days until the money has to be back by law"),
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )
    daily_digest = models.BooleanField(_("send the team a summary when work begins"), default=True)
    mails_refunded = models.BooleanField(
        _("send our own mail about refunds"), default=True, help_text=_("WooCommerce can send one of its own.")
    )
    per_network_and_hour = models.PositiveIntegerField(_("look-ups per network and hour"), default=20)
    per_email_and_hour = models.PositiveIntegerField(_("look-ups per e-mail and hour"), default=6)
    per_order_and_day = models.PositiveIntegerField(_("look-ups per order and day"), default=15)
    per_case_and_hour = models.PositiveIntegerField(
        _("messages per request and hour"), default=10, help_text=_("What one customer can write to you.")
    )
    photos_per_case = models.PositiveSmallIntegerField(_("photos per request"), default=5)
    photo_megabytes = models.PositiveSmallIntegerField(_("megabytes per photo"), default=8)
    keep_look_ups_days = models.PositiveSmallIntegerField(
        _("days to keep look-ups"), default=7, validators=[MinValueValidator(1)]
    )
    keep_closed_days = models.PositiveSmallIntegerField(_("days to keep personal data of closed cases"), default=180)
    second_approval_above = models.DecimalField(
        max_digits=19, decimal_places=4, verbose_name=_("amount above which two people approve"), null=True, blank=True
    )

    class Meta:
        verbose_name = verbose_name_plural = _("shop")
        default_permissions = ("view", "change")
        constraints = [models.CheckConstraint(name="shop_one_row", condition=Q(pk=1))]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.opens_at and self.closes_at and self.opens_at >= self.closes_at != MIDNIGHT:
            raise ValidationError({"closes_at": gettext("Work ends before it begins.")})

    @property
    def calendar(self) -> Calendar:
        return Calendar(
            zone=ZoneInfo(settings.TIME_ZONE),
            opens=self.opens_at,
            closes=self.closes_at,
            days=frozenset(map(int, self.working_days)),
            holidays=holidays(self.holidays),
        )

    @property
    def clock_rules(self) -> Rules:
        return Rules(
            calendar=self.calendar,
            answer=timedelta(hours=self.answer_hours),
            decision=timedelta(hours=self.decision_hours),
            payout=timedelta(hours=self.payout_hours),
            legal_days=self.legal_days,
        )

    @classmethod
    def current(cls) -> Shop:
        return cls.objects.get_or_create(pk=1)[0]


class StoreHealth(models.Model):
    """What the portal knows of the store and of its own stop switch. One row, so that every host sees the same."""

    payouts_paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    pause_reason = models.CharField(max_length=300, blank=True)

    failures = models.PositiveIntegerField(default=0)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    breaker_until = models.DateTimeField(null=True, blank=True)
    breaker_reason = models.CharField(max_length=300, blank=True)
    payouts_refused = models.BooleanField(default=False)
    """The store reads us but refuses our refunds as such, until one goes through."""

    decimals = models.PositiveSmallIntegerField(null=True, blank=True)
    site_url = models.CharField(max_length=300, blank=True)
    store_url = models.CharField(max_length=300, blank=True)
    home_url = models.CharField(max_length=300, blank=True)
    """The addresses that payouts were confirmed for: of this portal, of the store as set, and as it calls itself."""
    home_read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(name="store_health_one_row", condition=Q(pk=1))]

    def __str__(self) -> str:
        return "store"

    ONLY = 1

    @classmethod
    def current(cls) -> StoreHealth:
        return cls.objects.get_or_create(pk=cls.ONLY)[0]


class Digest(models.Model):
    """That the team's summary of a day was written: one row, so that it is written once."""

    day = models.DateField(unique=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.day)


class Heartbeat(models.Model):
    """The last sign of life of one kind of process: `sweep`, or a queue whose worker has run a job of the sweep's."""

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField(null=True, blank=True)
    nudged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class Alarm(models.Model):
    """Something that is wrong now, since when, and when staff were last told."""

    code = models.CharField(max_length=40, unique=True)
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.code
