"""States of a case and of a payout attempt, and every move that is legal. Pure: nothing here reads or writes."""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Status(TextChoices):
    """Where a case stands, in the words staff read."""

    SUBMITTED = "submitted", _("Waiting for review")
    NEEDS_INFO = "needs_info", _("Waiting for customer")
    APPROVED = "approved", _("Approved, waiting to be sent")
    SENDING = "sending", _("Being sent")
    REFUNDED = "refunded", _("Refunded")
    FAILED = "failed", _("Not refunded")
    CHECK_NEEDED = "check_needed", _("Outcome unknown")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn by customer")


class AttemptStatus(TextChoices):
    """What is known of one movement of money. An attempt that was never `sent` has provably sent nothing."""

    PREPARED = "prepared", _("Prepared")
    SENT = "sent", _("Sent, answer awaited")
    SUCCEEDED = "succeeded", _("Paid")
    NOT_SENT = "not_sent", _("Nothing was sent")
    REFUSED = "refused", _("Refused")
    UNKNOWN = "unknown", _("Outcome unknown")
    REVERSED = "reversed", _("Taken back later")


VERBS: Mapping[str, tuple[frozenset[Status], Status]] = {
    # event: the states it starts from, and the one it leads to
    "asked": (frozenset({Status.SUBMITTED}), Status.NEEDS_INFO),
    "answered": (frozenset({Status.NEEDS_INFO}), Status.SUBMITTED),
    "withdrawn": (frozenset({Status.SUBMITTED, Status.NEEDS_INFO}), Status.WITHDRAWN),
    "declined": (frozenset({Status.SUBMITTED, Status.NEEDS_INFO, Status.FAILED}), Status.DECLINED),
    "reopened": (frozenset({Status.DECLINED}), Status.SUBMITTED),
    "approved": (frozenset({Status.SUBMITTED, Status.FAILED}), Status.APPROVED),
    "approval_taken_back": (frozenset({Status.APPROVED}), Status.SUBMITTED),
    "sending": (frozenset({Status.APPROVED}), Status.SENDING),
    "paid": (frozenset({Status.SENDING, Status.CHECK_NEEDED}), Status.REFUNDED),
    "adopted": (frozenset({Status.SENDING, Status.CHECK_NEEDED}), Status.REFUNDED),
    # Only the worker's own "nothing was sent" leads back to approved; out of a doubt nothing does.
    "not_sent": (frozenset({Status.SENDING}), Status.APPROVED),
    "nothing_sent": (frozenset({Status.CHECK_NEEDED}), Status.FAILED),
    "refused": (frozenset({Status.SENDING, Status.CHECK_NEEDED}), Status.FAILED),
    "changed_in_store": (frozenset({Status.SENDING, Status.CHECK_NEEDED}), Status.FAILED),
    "in_doubt": (frozenset({Status.SENDING}), Status.CHECK_NEEDED),
    # A refusal by the gateway can prove untrue, even after the case was declined.
    "doubt_reopened": (frozenset({Status.FAILED, Status.DECLINED}), Status.CHECK_NEEDED),
    "settled_paid": (frozenset({Status.CHECK_NEEDED}), Status.REFUNDED),
    "settled_not_paid": (frozenset({Status.CHECK_NEEDED}), Status.FAILED),
    "reversed": (frozenset({Status.REFUNDED}), Status.CHECK_NEEDED),
}
"""Every move of a case. Each verb names where it starts: that an edge exists does not open it to everybody."""

MOVES: Mapping[Status, frozenset[Status]] = {
    seen: frozenset(to for starts, to in VERBS.values() if seen in starts) for seen in Status
}

ATTEMPT_MOVES: Mapping[AttemptStatus, frozenset[AttemptStatus]] = {
    AttemptStatus.PREPARED: frozenset({AttemptStatus.SENT, AttemptStatus.NOT_SENT}),
    AttemptStatus.SENT: frozenset(
        {AttemptStatus.SUCCEEDED, AttemptStatus.NOT_SENT, AttemptStatus.REFUSED, AttemptStatus.UNKNOWN}
    ),
    # not_sent only by the process that knows it never sent.
    AttemptStatus.UNKNOWN: frozenset({AttemptStatus.SUCCEEDED, AttemptStatus.REFUSED, AttemptStatus.NOT_SENT}),
    AttemptStatus.SUCCEEDED: frozenset({AttemptStatus.REVERSED}),
    # A gateway's "no" can follow a real payout: evidence found later puts the attempt in doubt again.
    AttemptStatus.REFUSED: frozenset({AttemptStatus.UNKNOWN}),
    AttemptStatus.NOT_SENT: frozenset(),
    # A person can see at the provider that the money went back after all, whatever became of the store's row.
    AttemptStatus.REVERSED: frozenset({AttemptStatus.SUCCEEDED}),
}

OPEN = frozenset(
    {Status.SUBMITTED, Status.NEEDS_INFO, Status.APPROVED, Status.SENDING, Status.FAILED, Status.CHECK_NEEDED}
)
"""A case in one of these holds its order lines: nobody can ask for them a second time."""

OPEN_ATTEMPT = frozenset({AttemptStatus.PREPARED, AttemptStatus.SENT, AttemptStatus.UNKNOWN})
"""An attempt in one of these holds its whole order: no other payout of that order may begin."""

WITHDRAWABLE = frozenset({Status.SUBMITTED, Status.NEEDS_INFO})
