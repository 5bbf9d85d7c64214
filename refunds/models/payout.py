"""Movements of money, and the ledger of everything that happened."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..states import OPEN_ATTEMPT, AttemptStatus
from .case import RefundRequest


class PayoutAttempt(models.Model):
    """One movement of money. `payload` is frozen when it is prepared, and the payout reads nothing else."""

    refund_request = models.ForeignKey(RefundRequest, on_delete=models.PROTECT, related_name="attempts")
    n = models.PositiveIntegerField()
    marker = models.CharField(max_length=24, unique=True)
    status = models.CharField(max_length=16, choices=AttemptStatus, default=AttemptStatus.PREPARED)
    order_id = models.BigIntegerField()
    amount = models.DecimalField(max_digits=19, decimal_places=4)
    currency = models.CharField(max_length=3)
    api_refund = models.BooleanField()
    payload = models.JSONField()

    owner = models.CharField(max_length=120)
    lease_until = models.DateTimeField()
    prepared_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    baseline = models.JSONField(null=True, blank=True)
    """`refund_ids` and `refunded` of the order just before the call."""

    verdict = models.CharField(max_length=24, blank=True)
    rule = models.CharField(max_length=64, blank=True)
    """Which row of the table of answers matched, and what it proves."""
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    code = models.CharField(max_length=120, blank=True)
    message = models.TextField(blank=True)
    store_refund_id = models.BigIntegerField(null=True, blank=True, unique=True)
    evidence = models.JSONField(default=list, blank=True)
    """What each look found: newest last."""
    looks = models.PositiveIntegerField(default=0)
    failed_looks = models.PositiveIntegerField(default=0)
    """How often in a row the store could not be read for it."""
    next_look_at = models.DateTimeField(null=True, blank=True)
    nudged_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)

    no_payout_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who saw that the provider shows no payout. Without it a gateway's refusal is not the end of the matter."""
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_reference = models.CharField(max_length=200, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Above the limit two people settle a doubt: who said it first, and what."""
    proposal = models.CharField(max_length=220, blank=True)

    class Meta:
        verbose_name = _("payout attempt")
        default_permissions = ("view",)
        ordering = ["n"]
        constraints = [
            models.CheckConstraint(name="attempt_status_known", condition=Q(status__in=AttemptStatus.values)),
            models.CheckConstraint(name="attempt_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="attempt_currency_code", condition=Exact(Length("currency"), 3)),
            models.CheckConstraint(
                name="attempt_sent_has_baseline",
                condition=Q(status__in=[AttemptStatus.PREPARED, AttemptStatus.NOT_SENT])
                | Q(sent_at__isnull=False, baseline__isnull=False),
            ),
            models.UniqueConstraint(name="attempt_n", fields=["refund_request", "n"]),
            models.UniqueConstraint(
                name="attempt_one_open_per_request",
                fields=["refund_request"],
                condition=Q(status__in=sorted(OPEN_ATTEMPT)),
            ),
            models.UniqueConstraint(
                name="attempt_one_open_per_order", fields=["order_id"], condition=Q(status__in=sorted(OPEN_ATTEMPT))
            ),
            models.UniqueConstraint(
                name="attempt_one_success_per_request",
                fields=["refund_request"],
                condition=Q(status=AttemptStatus.SUCCEEDED),
            ),
        ]
        indexes = [
            models.Index(
                name="attempt_lease",
                fields=["lease_until"],
                condition=Q(status__in=[AttemptStatus.PREPARED, AttemptStatus.SENT]),
            ),
            # Every claim reads all that was ever paid of its order.
            models.Index(name="attempt_order", fields=["order_id"]),
            models.Index(name="attempt_look", fields=["next_look_at"], condition=Q(next_look_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.marker


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete what may only be added to."""


class AppendOnly(models.QuerySet["RefundEvent"]):
    def update(self, **fields: Any) -> int:
        raise AppendOnlyError("The ledger is not edited.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("The ledger is not edited.")


class RefundEvent(models.Model):
    """The ledger: who, when, from what to what, with ids and figures. Only ever added to; no name or free text in it.

    An event of the whole site, such as pausing payouts, has no case.
    """

    refund_request = models.ForeignKey(
        RefundRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )
    attempt = models.ForeignKey(PayoutAttempt, on_delete=models.PROTECT, null=True, blank=True, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=16)
    """`customer`, `staff`, `worker` or `sweep`."""
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    address = models.GenericIPAddressField(null=True, blank=True)
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, blank=True)
    data = models.JSONField(default=dict, blank=True)

    objects = AppendOnly.as_manager()

    class Meta:
        verbose_name = _("event")
        default_permissions = ("view",)
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.from_status} -> {self.to_status}"

    def save(self, *args: Any, **options: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError("The ledger is not edited.")
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("The ledger is not edited.")
