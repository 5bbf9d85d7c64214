"""How the portal meets a customer: look-ups that prove an order is theirs, and mails."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .case import OrderSnapshot, RefundRequest, new_public_id
from .payout import RefundEvent


class LookUp(models.Model):
    """Somebody says that an order is theirs. Knows nothing of the order until the worker has found it."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id)
    created_at = models.DateTimeField(default=timezone.now)
    order_number = models.CharField(max_length=64)
    email = models.CharField(max_length=254)
    network = models.CharField(max_length=64)
    """The visitor's address, for IPv6 its /64: what limits are counted by."""
    language = models.CharField(max_length=16, default="en")

    next_try_at = models.DateTimeField(null=True, blank=True)
    """When the store is asked for the order (again); empty once that is over."""
    nudged_at = models.DateTimeField(null=True, blank=True)
    tries_of_store = models.PositiveIntegerField(default=0)
    snapshot = models.ForeignKey(OrderSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    code_issue = models.PositiveIntegerField(default=0)
    """Counts the codes sent: each new one makes the earlier ones useless. The code itself is stored nowhere."""
    code_until = models.DateTimeField(null=True, blank=True)
    tries_left = models.PositiveSmallIntegerField(default=5)
    proven_at = models.DateTimeField(null=True, blank=True)
    vouched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who of the staff had the customer on the phone, and proved the order instead of a code."""
    refund_request = models.OneToOneField(
        RefundRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="look_up"
    )

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(name="lookup_due", fields=["next_try_at"], condition=Q(next_try_at__isnull=False)),
            models.Index(name="lookup_network", fields=["network", "created_at"]),
            models.Index(name="lookup_email", fields=["email", "created_at"]),
            models.Index(name="lookup_number", fields=["order_number", "created_at"]),
        ]

    def __str__(self) -> str:
        return f"look-up of {self.created_at:%Y-%m-%d %H:%M}"


class Mail(models.Model):
    """One mail, written in the transaction that caused it. Codes and links are put in at delivery, never stored."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        SENDING = "sending", _("Being delivered")
        SENT = "sent", _("Delivered")
        FAILED = "failed", _("Given up")
        CANCELLED = "cancelled", _("Not sent any more")

    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    refund_request = models.ForeignKey(
        RefundRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="mails"
    )
    event = models.ForeignKey(RefundEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="mails")
    look_up = models.ForeignKey(LookUp, on_delete=models.PROTECT, null=True, blank=True, related_name="mails")
    recipient = models.EmailField()
    language = models.CharField(max_length=16)
    subject = models.CharField(max_length=300)
    text = models.TextField()
    html = models.TextField()
    message_id = models.CharField(max_length=200, unique=True)

    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    nudged_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=120, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("mail")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="mail_one_of_a_kind_per_event", fields=["event", "kind"]),
        ]
        indexes = [
            models.Index(name="mail_recipient", fields=["recipient"]),
            models.Index(name="mail_undelivered", fields=["state"], condition=~Q(state="sent")),
            models.Index(name="mail_failed", fields=["created_at"], condition=Q(state="failed")),
            models.Index(name="mail_due", fields=["next_try_at"], condition=Q(next_try_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
