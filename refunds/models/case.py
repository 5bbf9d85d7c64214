"""The case: what was asked for, of which order, and what was decided."""

from __future__ import annotations

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..clocks import Clocks
from ..money import Breakdown
from ..states import OPEN, Status
from ..woocommerce.codec import order_from_json
from ..woocommerce.types import LineKind, Order

REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 letters without 0, O, 1 and I, so that a reference can be read out on the phone."""


def new_reference() -> str:
    """`RF-` and eight letters: 40 random bits."""
    return "RF-" + "".join(secrets.choice(REFERENCE_ALPHABET) for _unused in range(8))


def new_public_id() -> str:
    return secrets.token_urlsafe(16)


def photo_storage() -> Storage:
    """Beside the static files and never among them: every photo goes through a view that asks who wants it."""
    return storages["photos"]


def photo_path(photo: Photo, _name: str) -> str:
    """A name that cannot be guessed, and nothing of the one the customer's file had."""
    return f"{timezone.now():%Y/%m}/{secrets.token_urlsafe(24)}.jpg"


class Reason(models.TextChoices):
    """Why the customer asks. The words also go to the store, after the marker, and into its mail to the customer."""

    DAMAGED = "damaged", _("Arrived damaged")
    FAULTY = "faulty", _("Does not work")
    WRONG_ITEM = "wrong_item", _("Not what I ordered")
    NOT_ARRIVED = "not_arrived", _("Did not arrive")
    CHANGED_MIND = "changed_mind", _("Changed my mind")
    OTHER = "other", _("Something else")


NOT_FOR_SALE_AGAIN = frozenset({Reason.DAMAGED, Reason.FAULTY, Reason.NOT_ARRIVED})


class DeclineReason(models.TextChoices):
    OUTSIDE_PERIOD = "outside_period", _("Too late for a return")
    NOT_RETURNED = "not_returned", _("Goods not sent back")
    USED = "used", _("Used or damaged by the customer")
    NOT_COVERED = "not_covered", _("Not covered")
    OTHER = "other", _("Another reason")


class OrderSnapshot(models.Model):
    """An order as the store had it at `read_at`. Never changed, except that erasure blanks `data`."""

    order_id = models.BigIntegerField(db_index=True)
    read_at = models.DateTimeField(default=timezone.now)
    data = models.JSONField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"order {self.order_id} at {self.read_at:%Y-%m-%d %H:%M:%S}"

    @property
    def order(self) -> Order:
        return order_from_json(self.data)


class RefundRequestQuerySet(models.QuerySet["RefundRequest"]):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def due(self, at: datetime) -> Self:
        """Approved and ready to be paid, oldest first."""
        return self.filter(status=Status.APPROVED, next_action_at__lte=at).order_by("next_action_at", "pk")

    def overdue(self, at: datetime) -> Self:
        """A clock of theirs has run out."""
        return self.filter(due_at__lte=at)


class RefundRequest(models.Model):
    """The case: what a customer asked for, what was decided, and where it stands."""

    reference = models.CharField(_("reference"), max_length=16, unique=True, default=new_reference)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.SUBMITTED)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("asked at"), default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    """Since when nothing of the person is kept any more."""

    order_id = models.BigIntegerField(_("order id in the store"))
    order_number = models.CharField(_("order number"), max_length=64)
    currency = models.CharField(max_length=3)
    decimals = models.PositiveSmallIntegerField()
    email = models.EmailField(_("e-mail"))
    customer_name = models.CharField(_("customer"), max_length=200, blank=True)
    language = models.CharField(max_length=16, default="en")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    reason = models.CharField(_("reason"), max_length=32, choices=Reason)
    note = models.TextField(_("what the customer wrote"), blank=True)
    requested_amount = models.DecimalField(max_digits=19, decimal_places=4, verbose_name=_("asked"))
    order_asked = models.ForeignKey(OrderSnapshot, on_delete=models.PROTECT, related_name="+")
    order_now = models.ForeignKey(OrderSnapshot, on_delete=models.PROTECT, related_name="+")

    approved_amount = models.DecimalField(
        max_digits=19, decimal_places=4, verbose_name=_("approved"), null=True, blank=True
    )
    approved_breakdown = models.JSONField(null=True, blank=True)
    order_decided = models.ForeignKey(OrderSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    api_refund = models.BooleanField(null=True, blank=True)
    restock = models.BooleanField(null=True, blank=True)
    manual_reference = models.CharField(max_length=200, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    needs_second = models.BooleanField(default=False)
    second_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    amount_words = models.TextField(blank=True)
    """Why another amount is paid than was asked for, in words for the customer."""
    decline_reason = models.CharField(max_length=32, choices=DeclineReason, blank=True)
    decline_words = models.TextField(blank=True)

    first_answer_at = models.DateTimeField(null=True, blank=True)
    answer_due_at = models.DateTimeField(null=True, blank=True)
    decision_due_at = models.DateTimeField(null=True, blank=True)
    payout_due_at = models.DateTimeField(null=True, blank=True)
    legal_due_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    """Since when the case waits for the customer, and the clock of the decision stands still."""
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    """When the first of the clocks that run now runs out, so that what is overdue is one query."""

    next_action_at = models.DateTimeField(null=True, blank=True)
    nudged_at = models.DateTimeField(null=True, blank=True)
    not_sent_count = models.PositiveIntegerField(default=0)
    waits_for = models.CharField(max_length=300, blank=True)
    """Why an approved refund is not on its way yet, in words for staff."""
    paid_attempt = models.OneToOneField(
        "PayoutAttempt", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = RefundRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")
        default_permissions = ("view",)
        permissions = [
            ("work_refundrequest", _("Can write to customers and take cases")),
            ("decline_refundrequest", _("Can decline requests")),
            ("approve_refundrequest", _("Can approve requests")),
            ("approve_above_limit", _("Can approve requests above the limit")),
            ("settle_doubts", _("Can settle payouts in doubt")),
            ("pause_payouts", _("Can pause and resume payouts")),
            ("export_refundrequest", _("Can take data out as files")),
        ]
        constraints = [
            models.CheckConstraint(name="request_status_known", condition=Q(status__in=Status.values)),
            models.CheckConstraint(name="request_asked_positive", condition=Q(requested_amount__gt=0)),
            models.CheckConstraint(
                name="request_approved_positive", condition=Q(approved_amount__isnull=True) | Q(approved_amount__gt=0)
            ),
            models.CheckConstraint(name="request_currency_code", condition=Exact(Length("currency"), 3)),
            models.CheckConstraint(
                name="request_decided_by_and_at",
                condition=Q(decided_by__isnull=True, decided_at__isnull=True)
                | Q(decided_by__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="request_decision_complete",
                condition=~Q(status__in=[Status.APPROVED, Status.SENDING, Status.REFUNDED, Status.CHECK_NEEDED])
                | Q(
                    approved_amount__isnull=False,
                    approved_breakdown__isnull=False,
                    order_decided__isnull=False,
                    api_refund__isnull=False,
                    restock__isnull=False,
                    decided_by__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="request_second_is_another",
                condition=Q(second_by__isnull=True) | Q(decided_by__isnull=True) | ~Q(second_by=F("decided_by")),
            ),
            models.CheckConstraint(
                name="request_second_when_needed",
                condition=Q(needs_second=False)
                # Later a new first approval may stand beside an older payout that comes to light.
                | ~Q(status__in=[Status.APPROVED, Status.SENDING])
                | (
                    Q(second_by__isnull=False)
                    & (Q(opened_by__isnull=True) | ~Q(opened_by=F("decided_by")) & ~Q(opened_by=F("second_by")))
                    & (Q(edited_by__isnull=True) | ~Q(edited_by=F("decided_by")) & ~Q(edited_by=F("second_by")))
                ),
            ),
            models.CheckConstraint(
                name="request_refunded_is_paid", condition=~Q(status=Status.REFUNDED) | Q(paid_attempt__isnull=False)
            ),
            models.CheckConstraint(
                name="request_approved_is_due", condition=~Q(status=Status.APPROVED) | Q(next_action_at__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="request_due", fields=["next_action_at", "id"], condition=Q(status=Status.APPROVED)),
            models.Index(name="request_open", fields=["status", "created_at"], condition=Q(status__in=sorted(OPEN))),
            models.Index(name="request_clock", fields=["due_at"], condition=Q(due_at__isnull=False)),
            models.Index(name="request_decided", fields=["decided_at"], condition=Q(decided_at__isnull=False)),
            models.Index(name="request_paid", fields=["closed_at"], condition=Q(status=Status.REFUNDED)),
            models.Index(name="request_status", fields=["status", "-created_at", "-id"]),
            models.Index(name="request_order", fields=["order_id"]),
            models.Index(name="request_reason", fields=["reason", "status"]),
            models.Index(name="request_assigned", fields=["assigned_to", "status"]),
            # Where PostgreSQL sorts as people do, a plain index cannot find addresses by their beginning.
            models.Index(name="request_email_begins", fields=["email"], opclasses=["varchar_pattern_ops"]),
            models.Index(name="request_number", fields=["order_number"]),
            models.Index(name="request_created", fields=["-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def breakdown(self) -> Breakdown | None:
        """What was approved, line by line; None before the decision."""
        return None if self.approved_breakdown is None else Breakdown.from_json(self.approved_breakdown)

    @property
    def clocks(self) -> Clocks:
        return Clocks(**{name: getattr(self, name) for name in Clocks.__slots__})

    @property
    def amount(self) -> Decimal:
        """What is decided, or else what is asked."""
        return self.requested_amount if self.approved_amount is None else self.approved_amount


class RefundLine(models.Model):
    """One order line the customer asks for. While the case is open, nobody else can: `line_is_asked_once`."""

    refund_request = models.ForeignKey(RefundRequest, on_delete=models.PROTECT, related_name="lines")
    order_line_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in LineKind])
    name = models.CharField(max_length=500)
    quantity = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=19, decimal_places=4)
    is_open = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="line_is_asked_once", fields=["order_line_id"], condition=Q(is_open=True)),
            models.CheckConstraint(name="line_amount_not_negative", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.name}"


class ReasonRule(models.Model):
    """What the shop wants with a reason: a note, a photo, or to say beforehand what it does not refund."""

    reason = models.CharField(max_length=32, choices=Reason, unique=True)
    offered = models.BooleanField(_("offered"), default=True)
    needs_note = models.BooleanField(_("needs a note"), default=False)
    needs_photo = models.BooleanField(_("needs a photo"), default=False)
    hint = models.CharField(_("hint for the customer"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reason")
        verbose_name_plural = _("reasons")
        default_permissions = ("view", "change", "add")
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.get_reason_display())


class Message(models.Model):
    """Words between customer and shop or, if `internal`, among colleagues. `by` is empty for customers."""

    refund_request = models.ForeignKey(RefundRequest, on_delete=models.PROTECT, related_name="messages")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    internal = models.BooleanField(default=False)
    text = models.TextField()

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"message of {self.at:%Y-%m-%d %H:%M}"


class Photo(models.Model):
    """A customer's picture, re-encoded and without metadata, of a case or of a look-up that may make one."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id)
    refund_request = models.ForeignKey(
        RefundRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="photos"
    )
    look_up = models.ForeignKey("LookUp", on_delete=models.PROTECT, null=True, blank=True, related_name="photos")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, null=True, blank=True, related_name="photos")
    added_at = models.DateTimeField(default=timezone.now)
    file = models.FileField(storage=photo_storage, upload_to=photo_path)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.public_id
