"""What people do in a story: colleagues at the desk, and customers who prove that an order is theirs."""

from __future__ import annotations

import contextlib
import functools
import re
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from refunds import orders, verification, woocommerce, workflow
from refunds.models import DeclineReason, LookUp, Mail, RefundRequest, StoreHealth
from refunds.money import Breakdown
from refunds.states import Status

from ..factories import approver
from .story import Story

A_DAY = timedelta(hours=23)
"""So long a look-up waits for a store that is down."""
TRIES = 4


@functools.cache
def colleague() -> User:
    """Somebody who may approve and settle. Made once: the matrix is not about permissions."""
    return approver()


def approve(refund_request: RefundRequest, breakdown: Breakdown, *, transfer: bool = False) -> None:
    workflow.approve(
        refund_request,
        by=colleague(),
        version=refund_request.version,
        breakdown=breakdown,
        api_refund=not transfer,
        restock=False,
        manual_reference="SEPA 4711" if transfer else "",
    )


def lower(refund_request: RefundRequest, breakdown: Breakdown) -> None:
    """Somebody else proposes another amount, from a page of their own."""
    current = RefundRequest.objects.get(pk=refund_request.pk)
    workflow.edit_amount(current, by=colleague(), version=current.version, breakdown=breakdown)


def approve_a_stale_page(refund_request: RefundRequest, breakdown: Breakdown) -> None:
    """The page shows the case as it was before somebody else changed it. Refused, they look again and approve that."""
    with contextlib.suppress(workflow.LostRace):
        approve(refund_request, breakdown)
    current = RefundRequest.objects.get(pk=refund_request.pk)
    if current.status == Status.SUBMITTED and current.breakdown is not None:
        approve(current, current.breakdown)


def approve_again(refund_request: RefundRequest) -> bool:
    """Without a look at the payment provider. True if it was allowed."""
    try:
        orders.refresh(refund_request)
        if refund_request.breakdown is None:
            return False
        approve(refund_request, refund_request.breakdown, transfer=not refund_request.api_refund)
    except (workflow.NotAllowed, woocommerce.StoreError):
        return False
    return True


def tick_and_decline(refund_request: RefundRequest) -> None:
    """Somebody saw no payout at the provider, and declined the request."""
    current = RefundRequest.objects.get(pk=refund_request.pk)
    workflow.confirm_no_payout(current, by=colleague(), version=current.version)
    workflow.decline(
        current,
        by=colleague(),
        version=current.version,
        decline_reason=DeclineReason.OTHER,
        words="The provider does not pay it back.",
    )


def resume(story: Story) -> None:
    """Payouts that have paused themselves go on when somebody has confirmed that this is the right shop."""
    if StoreHealth.objects.filter(payouts_paused_at=None).exists():
        return
    if story.disturber.sendings:
        story.broken.append("SENT AGAIN: to a shop that nobody had confirmed")
    workflow.resume(by=colleague())
    story.settle()


# --- Customers -------------------------------------------------------------------------------------------------------


def look_up(story: Story) -> None:
    email = story.email if story.case.origin == "known" else f"not-{story.email}"
    _ask(story, email)
    if not story.started().exists():
        _ask(story, email)  # the page showed an error: pressed again
    story.settle(within=A_DAY)


def _ask(story: Story, email: str) -> None:
    story.person("a look-up", lambda: verification.start(number=story.number, email=email, address=story.address))


def prove(story: Story) -> None:
    """The customer types what came by mail, and asks for another code where that came too late."""
    story.look_ups = list(story.started())
    for asked in story.look_ups:
        for _try in range(TRIES):
            story.person("a code", functools.partial(_type, story, asked))
            asked.refresh_from_db()
            if asked.proven_at is not None or asked.snapshot_id is None:
                break
            if asked.code_until is not None and asked.code_until <= timezone.now():
                _another_code(story, asked)


def _type(story: Story, asked: LookUp) -> None:
    verification.prove(asked, _code(story, asked))


def _another_code(story: Story, asked: LookUp) -> None:
    story.world.move_to(timezone.now() + timedelta(minutes=3))
    story.person("another code", lambda: verification.again(asked, issue=asked.code_issue))
    story.settle(within=timedelta(hours=1))
    asked.refresh_from_db()


def _code(story: Story, asked: LookUp) -> str:
    ids = set(Mail.objects.filter(look_up=asked).values_list("message_id", flat=True))
    texts = [mail.text for mail in story.world.delivered if mail.message_id in ids]
    found = re.search(r"\b\d{6}\b", texts[-1]) if texts else None
    return found[0] if found else "000000"
