"""Everything that can be done to a case at once, as staff, workers and sweeps would do it in the same moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from django.contrib.auth.models import User

from refunds import money, payout, reconcile, workflow
from refunds.models import PayoutAttempt, RefundRequest
from refunds.states import Status


def approve(case_pk: int, user_pk: int) -> None:
    """Approves what the customer asked for, from the page as it was when it was opened."""
    refund_request = RefundRequest.objects.select_related("order_now").get(pk=case_pk)
    chosen = {line.order_line_id: line.quantity for line in refund_request.lines.all()}
    workflow.approve(
        refund_request,
        by=User.objects.get(pk=user_pk),
        version=refund_request.version,
        breakdown=money.price(refund_request.order_now.order, chosen),
        api_refund=True,
        restock=False,
    )


def look(case_pk: int, user_pk: int) -> None:
    for attempt_pk in PayoutAttempt.objects.filter(refund_request=case_pk).values_list("pk", flat=True):
        reconcile.look(attempt_pk)


def pay(case_pk: int, user_pk: int) -> None:
    payout.pay(case_pk)


BLOWS: Sequence[Callable[[int, int], None]] = (approve, pay, pay, look)


def strike(case_pk: int, user_pk: int) -> str:
    """One blow. What is wrong with the outcome, or empty: a refusal in plain words is nothing wrong."""
    try:
        random.choice(BLOWS)(case_pk, user_pk)
    except (workflow.NotAllowed, workflow.LostRace):
        return ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
        return f"{type(error).__name__}: {error}"
    return ""


def strike_until_refunded(case_pks: Sequence[int], *, user_pk: int, within: float) -> list[str]:
    """Blows on these cases until all are refunded, and a few more. Returns what went wrong."""
    until = time.monotonic() + within
    errors = set()
    while not _all_refunded(case_pks):
        errors.add(strike(random.choice(case_pks), user_pk))
        if time.monotonic() > until:
            return [*sorted(errors - {""}), f"Not refunded within {within} seconds."]
    errors |= {strike(case_pk, user_pk) for case_pk in case_pks for _unused in BLOWS}
    return sorted(errors - {""})


def _all_refunded(case_pks: Sequence[int]) -> bool:
    refunded = RefundRequest.objects.filter(pk__in=case_pks, status=Status.REFUNDED)
    return refunded.count() == len(case_pks)
