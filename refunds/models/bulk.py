"""Decisions about many cases at once: what was asked for, by whom, and a row for each case with what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .case import DeclineReason, RefundRequest


class Act(models.TextChoices):
    APPROVE = "approve", _("Approve")
    DECLINE = "decline", _("Decline")
    ASSIGN = "assign", _("Pass on")


class Bulk(models.Model):
    act = models.CharField(max_length=16, choices=Act)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    decline_reason = models.CharField(max_length=32, choices=DeclineReason, blank=True)
    words = models.TextField(blank=True)
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.act} {self.pk}"


class BulkRow(models.Model):
    """One case of a bulk. `version` is the one its person saw; while `next_try_at` is set it is not done yet."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Not done")

    bulk = models.ForeignKey(Bulk, on_delete=models.PROTECT, related_name="rows")
    refund_request = models.ForeignKey(RefundRequest, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    message = models.TextField(blank=True)
    """Why it was not done, in words for staff."""
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    nudged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="bulk_case_once", fields=["bulk", "refund_request"]),
            models.CheckConstraint(
                name="bulk_waiting_is_due",
                condition=Q(state="waiting", next_try_at__isnull=False)
                | (~Q(state="waiting") & Q(next_try_at__isnull=True)),
            ),
        ]
        indexes = [models.Index(name="bulk_due", fields=["next_try_at"], condition=Q(next_try_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.bulk_id}/{self.refund_request_id}"
