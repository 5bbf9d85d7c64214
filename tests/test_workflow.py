"""The verbs of people. Every refusal also shows that nothing happened: no move, no event, no mail, no nudge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone

from refunds import money, workflow
from refunds.amounts import AmountError
from refunds.models import (
    AppendOnlyError,
    DeclineReason,
    LookUp,
    Mail,
    Message,
    PayoutAttempt,
    Reason,
    RefundEvent,
    RefundLine,
    RefundRequest,
    Shop,
)
from refunds.states import AttemptStatus, Status
from refunds.woocommerce.types import LineKind, RefundSummary, Tax, Verdict
from tests.factories import (
    LookUpFactory,
    OrderSnapshotFactory,
    RefundRequestFactory,
    UserFactory,
    agent,
    approver,
    order,
)
from tests.test_states import attempt

pytestmark = pytest.mark.django_db

ABOVE = ["approve_refundrequest", "approve_above_limit", "work_refundrequest"]


def kinds() -> list[str]:
    return list(RefundEvent.objects.values_list("kind", flat=True))


def mails() -> list[tuple[str, str]]:
    """Without the one that every approval writes."""
    return list(Mail.objects.exclude(kind="approved").order_by("pk").values_list("kind", "recipient"))


def approve(refund_request: RefundRequest, by: User, **fields: Any) -> None:
    workflow.approve(
        refund_request,
        **{
            "by": by,
            "version": refund_request.version,
            "breakdown": money.price(refund_request.order_now.order, {11: 1}),
            "api_refund": True,
            "restock": False,
            **fields,
        },
    )


def refused(code: str, call: Callable[[], object], refund_request: RefundRequest | None = None) -> None:
    """`call` is refused with `code`, and nothing has happened."""
    before = (kinds(), mails(), refund_request and RefundRequest.objects.values().get(pk=refund_request.pk))

    with pytest.raises(workflow.NotAllowed) as caught:
        call()

    assert caught.value.code == code
    assert caught.value.message
    assert (
        kinds(),
        mails(),
        refund_request and RefundRequest.objects.values().get(pk=refund_request.pk),
    ) == before


# --- Asking ----------------------------------------------------------------------------------------------------------


def submit(look_up: LookUp, chosen: dict[int, int] | None = None) -> RefundRequest:
    return workflow.submit(look_up, chosen=chosen or {11: 1}, reason=Reason.DAMAGED, note="A hole.")


def test_submit_makes_a_case_priced_from_the_order(settings: LazySettings) -> None:
    look_up = LookUpFactory.create()

    refund_request = submit(look_up, {11: 2, 12: 1})

    assert refund_request.status == Status.SUBMITTED
    assert refund_request.requested_amount == Decimal("53.55")
    assert refund_request.email == "anna@example.com"
    lines = RefundLine.objects.values_list("order_line_id", "quantity", "amount", "is_open")
    assert list(lines) == [(11, 2, Decimal("47.60"), True), (12, 1, Decimal("5.95"), True)]
    assert kinds() == ["submitted"]
    assert mails() == [("received", "anna@example.com"), ("new_request", settings.STAFF_EMAIL)]


def test_submit_twice_gives_one_case() -> None:
    look_up = LookUpFactory.create()
    same = LookUp.objects.get()

    first = submit(look_up)
    second = submit(same)

    assert first == second
    assert kinds() == ["submitted"]


@pytest.mark.parametrize("proven_at", [None, timezone.now() - timedelta(hours=3)])
def test_submit_needs_fresh_proof(proven_at: Any) -> None:
    look_up = LookUpFactory.create(proven_at=proven_at)

    refused("not_proven", lambda: submit(look_up))

    assert RefundRequest.objects.count() == 0


def test_submit_of_a_line_that_is_asked_for_already_is_refused() -> None:
    RefundRequestFactory.create()
    look_up = LookUpFactory.create()

    refused("lines_taken", lambda: submit(look_up))

    assert RefundRequest.objects.count() == 1
    assert LookUp.objects.get().refund_request is None


@pytest.mark.parametrize(("chosen", "code"), [({}, "nothing_chosen"), ({11: 3}, "too_many"), ({99: 1}, "unknown_line")])
def test_submit_of_what_cannot_be_paid_is_refused(chosen: dict[int, int], code: str) -> None:
    look_up = LookUpFactory.create()

    with pytest.raises(AmountError) as caught:
        workflow.submit(look_up, chosen=chosen, reason=Reason.DAMAGED, note="")

    assert caught.value.code == code
    assert RefundRequest.objects.count() == 0


def test_withdraw_frees_the_lines() -> None:
    refund_request = RefundRequestFactory.create()

    workflow.withdraw(refund_request)

    assert RefundRequest.objects.get().status == Status.WITHDRAWN
    assert RefundRequest.objects.get().closed_at is not None
    assert RefundLine.objects.get().is_open is False
    assert submit(LookUpFactory.create()).status == Status.SUBMITTED


def test_withdraw_after_the_decision_is_refused() -> None:
    refund_request = RefundRequestFactory.create()
    approve(refund_request, approver())

    refused("state", lambda: workflow.withdraw(refund_request), refund_request)


# --- Approving -------------------------------------------------------------------------------------------------------


def test_approve_decides_and_makes_it_due_after_the_hold(settings: LazySettings) -> None:
    settings.APPROVAL_HOLD = 30
    refund_request = RefundRequestFactory.create()
    by = approver()

    with time_machine.travel(timezone.now(), tick=False):
        approve(refund_request, by, note="Seen the photo.")
        due_at = timezone.now() + timedelta(seconds=30)

    decided = RefundRequest.objects.get()
    assert decided.status == Status.APPROVED
    assert decided.approved_amount == Decimal("23.80")
    assert decided.decided_by == by
    assert decided.next_action_at == due_at
    assert decided.version == 2
    assert Message.objects.values_list("text", "internal").get() == ("Seen the photo.", True)
    assert kinds() == ["approved"]


def test_approve_a_lower_amount_keeps_what_was_asked() -> None:
    refund_request = RefundRequestFactory.create()
    lower = money.lower(money.price(order(), {11: 1}), Decimal("10.00"))

    approve(refund_request, approver(), breakdown=lower)

    decided = RefundRequest.objects.get()
    assert (decided.requested_amount, decided.approved_amount) == (Decimal("23.80"), Decimal("10.00"))
    assert decided.breakdown == lower


def test_approve_needs_its_permission() -> None:
    refund_request = RefundRequestFactory.create()

    refused("permission", lambda: approve(refund_request, agent()), refund_request)


def test_approve_of_a_page_that_is_stale_is_lost() -> None:
    refund_request = RefundRequestFactory.create()
    workflow.edit_amount(RefundRequest.objects.get(), by=agent(), version=1, breakdown=money.price(order(), {12: 1}))

    with pytest.raises(workflow.LostRace):
        approve(refund_request, approver(), version=1)

    assert RefundRequest.objects.get().status == Status.SUBMITTED
    assert kinds() == ["amount_edited"]


def test_approve_needs_the_order_as_it_was_in_the_last_minute() -> None:
    refund_request = RefundRequestFactory.create()
    by = approver()

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        refused("stale_order", lambda: approve(refund_request, by), refund_request)


@pytest.mark.parametrize(
    "change",
    [
        {"number": "1002"},
        {"email": "eve@example.com"},
        {"currency": "USD"},
        {"refunds": (RefundSummary(7, Decimal("40.00"), ""),)},
    ],
)
def test_approve_of_an_order_that_has_changed_is_refused(change: dict[str, Any]) -> None:
    refund_request = RefundRequestFactory.create()
    breakdown = money.price(order(), {11: 1})
    refund_request.order_now = OrderSnapshotFactory.create(order=order(**change))
    by = approver()

    refused("changed_in_store", lambda: approve(refund_request, by, breakdown=breakdown), refund_request)


def test_approve_waits_while_a_sibling_is_in_doubt() -> None:
    sibling = doubtful(lines={12: 1})
    refund_request = RefundRequestFactory.create()
    by = approver()

    with pytest.raises(workflow.NotAllowed, match=sibling.reference):
        approve(refund_request, by)

    refused("sibling_in_doubt", lambda: approve(refund_request, by), refund_request)


def test_approve_by_hand_needs_the_reference_of_the_transfer() -> None:
    refund_request = RefundRequestFactory.create()
    by = approver()

    refused("manual_reference", lambda: approve(refund_request, by, api_refund=False), refund_request)
    approve(refund_request, by, api_refund=False, manual_reference="SEPA 4711")

    assert RefundRequest.objects.get().manual_reference == "SEPA 4711"


def test_above_the_limit_two_people_approve() -> None:
    Shop.objects.create(pk=1, second_approval_above=20)
    refund_request = RefundRequestFactory.create()
    first, second = (UserFactory.create(permissions=ABOVE) for _unused in range(2))

    approve(refund_request, first)
    assert RefundRequest.objects.get().status == Status.SUBMITTED
    refused("two_people", lambda: approve(refund_request, first), refund_request)
    approve(refund_request, second)

    decided = RefundRequest.objects.get()
    assert (decided.status, decided.decided_by, decided.second_by) == (Status.APPROVED, first, second)
    assert kinds() == ["first_approval", "approved"]


def test_above_the_limit_the_permission_is_needed() -> None:
    Shop.objects.create(pk=1, second_approval_above=20)
    refund_request = RefundRequestFactory.create()
    by = approver()

    refused("limit", lambda: approve(refund_request, by), refund_request)


def test_above_the_limit_who_changed_the_amount_does_not_approve() -> None:
    Shop.objects.create(pk=1, second_approval_above=5)
    refund_request = RefundRequestFactory.create()
    editor = UserFactory.create(permissions=ABOVE)
    lower = money.lower(money.price(order(), {11: 1}), Decimal("10.00"))

    workflow.edit_amount(refund_request, by=editor, version=1, breakdown=lower)

    refused("two_people", lambda: approve(refund_request, editor, breakdown=lower), refund_request)


def test_above_the_limit_a_second_payout_needs_two_people_anew() -> None:
    Shop.objects.create(pk=1, second_approval_above=5)
    refund_request = RefundRequestFactory.create()
    first, second = (UserFactory.create(permissions=ABOVE) for _unused in range(2))
    approve(refund_request, first)
    approve(refund_request, second)
    attempt(refund_request, status=AttemptStatus.NOT_SENT)
    RefundRequest.objects.update(status=Status.FAILED)
    refund_request.refresh_from_db()

    approve(refund_request, second)

    assert RefundRequest.objects.get().status == Status.FAILED
    assert kinds() == ["first_approval", "approved", "first_approval"]


FORGED = [
    ("more than the line has", {"quantity": 50, "kind": LineKind.SHIPPING}, "changed_in_store"),
    ("a quantity below zero", {"quantity": -1}, "changed_in_store"),
    ("a line of another order", {"line_id": 99}, "changed_in_store"),
    ("a rate that the line does not have", {"taxes": (Tax(99, Decimal("3.80")),)}, "changed_in_store"),
]


@pytest.mark.parametrize(("what", "change", "code"), FORGED)
def test_approve_believes_the_order_and_not_the_breakdown(what: str, change: dict[str, Any], code: str) -> None:
    refund_request = RefundRequestFactory.create()
    true = money.price(order(), {11: 1})
    forged = replace(true, lines=(replace(true.lines[0], **change),))
    by = approver()

    refused(code, lambda: approve(refund_request, by, breakdown=forged), refund_request)


def test_approve_of_one_line_twice_is_refused() -> None:
    refund_request = RefundRequestFactory.create()
    true = money.price(order(), {11: 1})
    twice = replace(true, lines=true.lines * 2, amount=true.amount * 2)
    by = approver()

    refused("changed_in_store", lambda: approve(refund_request, by, breakdown=twice), refund_request)


def test_an_edit_clears_the_first_approval() -> None:
    Shop.objects.create(pk=1, second_approval_above=5)
    refund_request = RefundRequestFactory.create()
    first, second = (UserFactory.create(permissions=ABOVE) for _unused in range(2))
    lower = money.lower(money.price(order(), {11: 1}), Decimal("10.00"))
    approve(refund_request, first)

    workflow.edit_amount(refund_request, by=agent(), version=2, breakdown=lower)
    approve(refund_request, second, breakdown=lower)

    assert RefundRequest.objects.get().status == Status.SUBMITTED
    assert RefundRequest.objects.get().decided_by == second


def test_an_approval_can_be_taken_back() -> None:
    refund_request = RefundRequestFactory.create()
    by = approver()
    approve(refund_request, by)

    workflow.take_back(refund_request, by=by, version=2)

    undone = RefundRequest.objects.get()
    assert (undone.status, undone.approved_amount, undone.decided_by) == (Status.SUBMITTED, None, None)
    assert kinds() == ["approved", "approval_taken_back"]


# --- Declining -------------------------------------------------------------------------------------------------------


def decline(refund_request: RefundRequest, by: User, words: str = "The shirt was worn.") -> None:
    workflow.decline(
        refund_request, by=by, version=refund_request.version, decline_reason=DeclineReason.USED, words=words, note="?"
    )


def test_decline_tells_the_customer_why() -> None:
    refund_request = RefundRequestFactory.create()

    decline(refund_request, agent())

    declined = RefundRequest.objects.get()
    assert (declined.status, declined.decline_words) == (Status.DECLINED, "The shirt was worn.")
    assert mails() == [("declined", "anna@example.com")]
    assert "The shirt was worn." in Mail.objects.get().text
    assert "?" not in [message.text for message in declined.messages.filter(internal=False)]


def test_decline_needs_words_and_permission() -> None:
    refund_request = RefundRequestFactory.create()
    by = agent()

    refused("words", lambda: decline(refund_request, by, "  "), refund_request)
    refused("permission", lambda: decline(refund_request, UserFactory.create()), refund_request)


def test_reopen_takes_the_lines_again_or_is_refused() -> None:
    refund_request = RefundRequestFactory.create()
    by = agent()
    decline(refund_request, by)
    other = RefundRequestFactory.create()

    refused(
        "lines_taken", lambda: workflow.reopen(refund_request, by=by, version=refund_request.version), refund_request
    )
    refund_request.refresh_from_db()
    workflow.withdraw(other)
    workflow.reopen(refund_request, by=by, version=refund_request.version)

    assert RefundRequest.objects.get(pk=refund_request.pk).status == Status.SUBMITTED


# --- After a refusal by the gateway ----------------------------------------------------------------------------------


def failed(**fields: Any) -> RefundRequest:
    refund_request = RefundRequestFactory.create()
    fields = {"looked_at": timezone.now(), **fields}
    attempt(refund_request, status=AttemptStatus.REFUSED, verdict=Verdict.GATEWAY_REFUSED, **fields)
    RefundRequest.objects.filter(pk=refund_request.pk).update(status=Status.FAILED)
    refund_request.refresh_from_db()
    return refund_request


def test_after_a_gateway_refusal_nothing_is_decided_before_somebody_looked_at_the_provider() -> None:
    refund_request = failed()
    by = approver()

    refused("no_payout_unconfirmed", lambda: approve(refund_request, by), refund_request)
    refused("no_payout_unconfirmed", lambda: decline(refund_request, by), refund_request)
    workflow.confirm_no_payout(refund_request, by=by, version=refund_request.version)
    approve(refund_request, by)

    assert PayoutAttempt.objects.get().no_payout_by == by
    assert RefundRequest.objects.get().status == Status.APPROVED


def test_a_gateway_refusal_that_proved_untrue_is_settled_as_paid() -> None:
    refund_request = failed()
    asked = refund_request.requested_amount
    approve_fields = {"approved_amount": asked, "approved_breakdown": {}, "order_decided": refund_request.order_now}
    by = approver()
    RefundRequest.objects.update(
        **approve_fields, api_refund=True, restock=False, decided_by=by, decided_at=timezone.now()
    )
    refund_request.refresh_from_db()

    workflow.settle_paid(refund_request, by=by, version=refund_request.version, reference="re_77")

    assert RefundRequest.objects.get().status == Status.REFUNDED
    assert PayoutAttempt.objects.get().status == AttemptStatus.SUCCEEDED
    assert kinds() == ["doubt_reopened", "settled_paid"]
    assert mails() == [("refunded", "anna@example.com")]


def test_a_wrong_no_payout_can_be_corrected_after_a_fresh_look() -> None:
    refund_request = failed()
    by = approver()
    RefundRequest.objects.update(
        approved_amount=refund_request.requested_amount, approved_breakdown={},
        order_decided=refund_request.order_now, api_refund=True,
        restock=False, decided_by=by, decided_at=timezone.now(),
    )  # fmt: skip
    refund_request.refresh_from_db()
    workflow.confirm_no_payout(refund_request, by=by, version=refund_request.version)
    decline(refund_request, by)
    PayoutAttempt.objects.update(looked_at=None)

    refused(
        "stale_look",
        lambda: workflow.settle_paid(refund_request, by=by, version=refund_request.version, reference="re_1"),
        refund_request,
    )
    PayoutAttempt.objects.update(looked_at=timezone.now())
    workflow.settle_paid(refund_request, by=by, version=refund_request.version, reference="re_1")

    assert RefundRequest.objects.get().status == Status.REFUNDED
    assert PayoutAttempt.objects.get().no_payout_by is None


def test_confirming_needs_its_permission_and_something_to_confirm() -> None:
    refund_request = failed()
    by, colleague = approver(), agent()

    refused("permission", lambda: workflow.confirm_no_payout(refund_request, by=colleague, version=1), refund_request)
    workflow.confirm_no_payout(refund_request, by=by, version=1)

    refused("state", lambda: workflow.confirm_no_payout(refund_request, by=by, version=2), refund_request)


# --- Settling doubts -------------------------------------------------------------------------------------------------


def doubtful(sent_ago: timedelta = timedelta(hours=2), lines: Any = None, **fields: Any) -> RefundRequest:
    refund_request = RefundRequestFactory.create(lines=lines)
    approve(refund_request, approver())
    fields = {"looked_at": timezone.now(), "sent_at": timezone.now() - sent_ago} | fields
    attempt(refund_request, status=AttemptStatus.UNKNOWN, **fields)
    RefundRequest.objects.filter(pk=refund_request.pk).update(status=Status.CHECK_NEEDED)
    refund_request.refresh_from_db()
    return refund_request


def test_a_person_who_saw_the_payout_settles_the_doubt() -> None:
    refund_request = doubtful()

    workflow.settle_paid(refund_request, by=approver(), version=refund_request.version, reference="re_123")

    settled = RefundRequest.objects.get()
    assert settled.status == Status.REFUNDED
    assert settled.paid_attempt == PayoutAttempt.objects.get(status=AttemptStatus.SUCCEEDED)
    assert settled.paid_attempt is not None
    assert settled.paid_attempt.settled_reference == "re_123"
    assert mails()[-1] == ("refunded", "anna@example.com")


def test_a_person_who_saw_no_payout_settles_the_doubt_without_sending_anything() -> None:
    refund_request = doubtful()

    workflow.settle_not_paid(refund_request, by=approver(), version=refund_request.version)

    assert RefundRequest.objects.get().status == Status.FAILED
    assert PayoutAttempt.objects.get().status == AttemptStatus.REFUSED
    assert mails() == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sent_ago": timedelta(minutes=59)}, "too_early"),
        ({"looked_at": None}, "stale_look"),
        ({"looked_at": timezone.now() - timedelta(minutes=5)}, "stale_look"),
    ],
)
def test_a_doubt_is_settled_only_when_no_late_answer_can_come_and_after_a_look(
    fields: dict[str, Any], code: str
) -> None:
    refund_request = doubtful(**fields)
    by = approver()
    version = refund_request.version

    refused(code, lambda: workflow.settle_not_paid(refund_request, by=by, version=version), refund_request)
    refused(code, lambda: workflow.settle_paid(refund_request, by=by, version=version, reference="x"), refund_request)


def test_settling_needs_its_permission_and_a_reference() -> None:
    refund_request = doubtful()
    by, colleague, version = approver(), agent(), refund_request.version

    refused(
        "permission", lambda: workflow.settle_not_paid(refund_request, by=colleague, version=version), refund_request
    )
    refused(
        "reference",
        lambda: workflow.settle_paid(refund_request, by=by, version=version, reference=" "),
        refund_request,
    )


# --- Ledger and switch -----------------------------------------------------------------------------------------------


def test_the_ledger_cannot_be_edited_or_deleted() -> None:
    workflow.withdraw(RefundRequestFactory.create())
    event = RefundEvent.objects.get()

    for call in (event.save, event.delete, RefundEvent.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            call()
    with pytest.raises(AppendOnlyError):
        RefundEvent.objects.update(kind="nothing")

    assert kinds() == ["withdrawn"]


def test_pausing_and_resuming_stand_in_the_ledger() -> None:
    by = approver()

    workflow.pause(by=by, reason="Stock-taking")
    workflow.pause(by=by, reason="Again")
    workflow.resume(by=by)

    assert list(RefundEvent.objects.values_list("kind", "by")) == [
        ("payouts_paused", by.pk),
        ("payouts_resumed", by.pk),
    ]


def test_pausing_needs_its_permission() -> None:
    refused("permission", lambda: workflow.pause(by=agent(), reason="no"))
