"""Staff at the end of a run: they look at the payment provider, settle what is parked, and approve again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.utils import timezone

from refunds import evidence, orders, reconcile, timing, workflow
from refunds.models import PayoutAttempt, RefundRequest
from refunds.states import AttemptStatus, Status

from .cases import Case, approve_again
from .oracle import Truth

PATIENCE = 15.0


@dataclass
class Desk:
    """What staff did. `refused` holds what the portal did not let them do, in its own words."""

    by: User
    paid: int = 0
    approved_again: int = 0
    refused: list[str] = field(default_factory=list)

    def settle(self, cases: Iterable[Case], truths: dict[str, Truth]) -> None:
        """All of these, oldest first: an hour has to pass since each was sent, at the time scale of the run."""
        unpaid = [case for case in sorted(cases, key=_sent_at) if self._try(self._settle, case, truths[case.reference])]
        for case in unpaid:
            self._try(self._approve_again, case)

    def _try(self, step: Callable[..., bool], case: Case, *more: Truth) -> bool:
        try:
            return step(case, *more)
        except (workflow.NotAllowed, workflow.LostRace) as error:
            self.refused.append(f"{case.reference}: {error}")
            return False

    def _settle(self, case: Case, truth: Truth) -> bool:
        """True if the provider shows no payout, so that it has to be approved again."""
        refund_request = _looked_at(case)
        if refund_request.status not in (Status.CHECK_NEEDED, Status.FAILED):
            return False  # the look has settled it
        known = {"by": self.by, "version": refund_request.version}
        if truth.payments:
            workflow.settle_paid(refund_request, reference="seen at the provider", **known)
            self.paid += 1
        elif refund_request.status == Status.CHECK_NEEDED:
            workflow.settle_not_paid(refund_request, **known)
        elif _newest(case).status == AttemptStatus.REFUSED:
            workflow.confirm_no_payout(refund_request, **known)
        return not truth.payments

    def _approve_again(self, case: Case) -> bool:
        _delete_left_overs(RefundRequest.objects.get(pk=case.pk))
        approve_again(case, self.by)
        self.approved_again += 1
        return True


def _sent_at(case: Case) -> float:
    newest = _newest(case)
    return (newest.sent_at or newest.prepared_at).timestamp()


def _newest(case: Case) -> PayoutAttempt:
    return PayoutAttempt.objects.filter(refund_request=case.pk).order_by("-n")[0]


def _looked_at(case: Case) -> RefundRequest:
    """The case after a fresh look at the store, when a person may settle it."""
    attempt = PayoutAttempt.objects.select_related("refund_request").get(pk=_newest(case).pk)
    if attempt.status in (AttemptStatus.UNKNOWN, AttemptStatus.REFUSED) and attempt.sent_at is not None:
        may_at = attempt.sent_at + timing.scaled(timing.PERSON_MAY_SETTLE_AFTER)
        time.sleep(max((may_at - timezone.now()).total_seconds(), 0))
        reconcile.look_now(attempt, patience=PATIENCE)
    return RefundRequest.objects.get(pk=case.pk)


def _delete_left_overs(refund_request: RefundRequest) -> None:
    """Rows without payment hold their part of the order: staff delete them in WooCommerce."""
    for row in orders.refunds(refund_request.order_id, patience=PATIENCE):
        if evidence.is_ours(row.reason, refund_request.reference) and not row.refunded_payment:
            orders.store().delete_refund(refund_request.order_id, row.id, patience=PATIENCE)
