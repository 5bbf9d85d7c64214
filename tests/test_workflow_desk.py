"""The verbs of the desk beside the decision itself: cases from the phone, corrections, mails once more, previews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from refunds import money, timing, workflow
from refunds.amounts import AmountError
from refunds.models import (
    DeclineReason,
    LookUp,
    Mail,
    OrderSnapshot,
    Reason,
    RefundEvent,
    RefundLine,
    RefundRequest,
    Shop,
)
from refunds.states import AttemptStatus, Status
from tests.factories import LookUpFactory, RefundRequestFactory, UserFactory, agent, approver, order
from tests.test_states import attempt
from tests.test_workflow import ABOVE, approve, kinds, mails, refused

pytestmark = pytest.mark.django_db


def letters() -> list[tuple[str, str, str, str, str]]:
    """Every mail, word for word."""
    return list(Mail.objects.order_by("pk").values_list("kind", "recipient", "language", "subject", "text"))


def drafts(composed: list[Any]) -> list[tuple[str, str, str, str, str]]:
    return [(each.kind, each.recipient, each.language, each.subject, each.text) for each in composed]


# --- Cases from the phone --------------------------------------------------------------------------------------------


def on_the_phone(**fields: Any) -> LookUp:
    return workflow.vouch(order(), **{"by": agent(), "language": "de", **fields})


def opened(look_up: LookUp, **fields: Any) -> RefundRequest:
    asked = {"by": look_up.vouched_by, "chosen": {11: 1}, "reason": Reason.DAMAGED, "note": "She called."}
    return workflow.open_for_customer(look_up, **{**asked, **fields})


def test_a_case_from_the_phone_is_the_customers_and_says_who_opened_it(settings: LazySettings) -> None:
    look_up = on_the_phone()

    case = opened(look_up, address="192.0.2.7")

    assert (case.status, case.opened_by, case.language) == (Status.SUBMITTED, look_up.vouched_by, "de")
    assert (case.requested_amount, case.email) == (Decimal("23.80"), "anna@example.com")
    assert RefundLine.objects.values_list("order_line_id", "quantity", "is_open").get() == (11, 1, True)
    assert mails() == [("received", "anna@example.com"), ("new_request", settings.STAFF_EMAIL)]
    assert Mail.objects.get(kind="received").subject == f"Ihre Anfrage {case.reference} ist bei uns"
    event = RefundEvent.objects.get()
    assert (event.kind, event.actor, event.by, event.address, event.to_status) == (
        "opened",
        "staff",
        look_up.vouched_by,
        "192.0.2.7",
        "submitted",
    )


def test_a_case_from_the_phone_is_opened_once() -> None:
    look_up = on_the_phone()

    first, second = opened(look_up), opened(LookUp.objects.get())

    assert first == second
    assert kinds() == ["opened"]


def test_vouching_takes_nothing_from_the_customers_own_look_ups() -> None:
    look_up = on_the_phone()

    assert (look_up.order_number, look_up.email, look_up.network, look_up.next_try_at) == ("", "", "", None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: workflow.vouch(order(), by=UserFactory.create(), language="en"),
        lambda: opened(on_the_phone(), by=UserFactory.create()),
    ],
)
def test_a_case_from_the_phone_needs_the_permission_to_work(call: Callable[[], object]) -> None:
    refused("permission", call)

    assert not RefundRequest.objects.exists()


def test_a_case_from_the_phone_needs_ones_own_and_fresh_look() -> None:
    look_up, customers = on_the_phone(), LookUpFactory.create()
    colleague = agent()

    refused("not_proven", lambda: opened(look_up, by=colleague))
    refused("not_proven", lambda: opened(customers, by=colleague))
    with time_machine.travel(timezone.now() + timing.PROOF_LIFE + timedelta(seconds=1)):
        refused("not_proven", lambda: opened(look_up))

    assert not RefundRequest.objects.exists()


def test_what_staff_vouched_for_is_no_proof_of_a_customers() -> None:
    look_up = on_the_phone()

    refused("not_proven", lambda: workflow.submit(look_up, chosen={11: 1}, reason=Reason.OTHER, note=""))


def test_a_case_from_the_phone_is_checked_like_any_other() -> None:
    RefundRequestFactory.create()
    look_up = on_the_phone()

    refused("lines_taken", lambda: opened(look_up))
    for chosen, code in [({}, "nothing_chosen"), ({12: 2}, "too_many"), ({99: 1}, "unknown_line")]:
        with pytest.raises(AmountError) as caught:
            opened(look_up, chosen=chosen)
        assert caught.value.code == code

    assert RefundRequest.objects.count() == 1


def test_above_the_limit_who_opened_the_case_does_not_approve() -> None:
    Shop.objects.create(pk=1, second_approval_above=5)
    opener = UserFactory.create(permissions=ABOVE)
    case = opened(on_the_phone(by=opener), by=opener)

    refused("two_people", lambda: approve(case, opener), case)
    for _unused in range(2):
        approve(case, UserFactory.create(permissions=ABOVE))

    assert RefundRequest.objects.get().status == Status.APPROVED


def test_an_order_that_led_to_no_case_is_forgotten_like_other_look_ups() -> None:
    on_the_phone()

    assert OrderSnapshot.objects.filter(pk__in=LookUp.objects.filter(refund_request=None).values("snapshot")).exists()


# --- Corrections -----------------------------------------------------------------------------------------------------


def reversed_case(**fields: Any) -> RefundRequest:
    """Refunded, and taken back by the store since."""
    case: RefundRequest = RefundRequestFactory.create(**fields)
    approve(case, approver())
    paid = attempt(case, status=AttemptStatus.SUCCEEDED)
    RefundRequest.objects.update(status=Status.REFUNDED, paid_attempt=paid)
    workflow.record_watch(paid, found={"finding": "gone"}, next_look_at=None, gone=True)
    Mail.objects.all().delete()
    case.refresh_from_db()
    return case


def correct(case: RefundRequest, **fields: Any) -> None:
    workflow.correct(case, **{"by": approver(), "version": case.version, **fields})


def test_a_refund_that_was_taken_back_is_corrected_once() -> None:
    case = reversed_case(language="de")
    by = approver()

    correct(case, by=by, address="192.0.2.7")

    event = RefundEvent.objects.get(kind="corrected")
    assert (event.by, event.address, event.attempt) == (by, "192.0.2.7", case.attempts.get())
    assert [(mail.kind, mail.recipient, mail.language) for mail in Mail.objects.all()] == [
        ("correction", "anna@example.com", "de")
    ]
    assert RefundRequest.objects.get().status == Status.CHECK_NEEDED
    refused("state", lambda: correct(case), case)


def test_a_refund_that_is_taken_back_again_is_corrected_again() -> None:
    case = reversed_case()
    correct(case)
    paid = case.attempts.get()
    paid.status, paid.sent_at = AttemptStatus.SUCCEEDED, timezone.now() - timedelta(hours=2)
    paid.save()
    RefundRequest.objects.update(status=Status.REFUNDED, paid_attempt=paid)
    workflow.record_watch(paid, found={"finding": "gone"}, next_look_at=None, gone=True)
    case.refresh_from_db()

    correct(case)

    assert kinds().count("corrected") == 2


def test_nothing_is_corrected_that_was_not_taken_back() -> None:
    case = RefundRequestFactory.create()
    approve(case, approver())
    attempt(case, status=AttemptStatus.UNKNOWN)
    RefundRequest.objects.update(status=Status.CHECK_NEEDED)
    case.refresh_from_db()

    refused("state", lambda: correct(case), case)


def test_a_correction_needs_its_permission_and_the_case_as_it_was_shown() -> None:
    case = reversed_case()
    colleague = agent()

    refused("permission", lambda: correct(case, by=colleague), case)
    with pytest.raises(workflow.LostRace):
        correct(case, version=case.version - 1)

    assert not Mail.objects.exists()


def settled_case(call: Callable[..., None], **fields: Any) -> RefundRequest:
    case = reversed_case()
    case.attempts.update(sent_at=timezone.now() - timedelta(hours=2), looked_at=timezone.now())
    call(case, by=approver(), version=case.version, **fields)
    return case


def test_what_was_settled_as_not_paid_can_still_be_corrected() -> None:
    case = settled_case(workflow.settle_not_paid)

    correct(case)

    assert (case.status, kinds()[-1]) == (Status.FAILED, "corrected")


def test_what_was_settled_as_paid_needs_no_correction() -> None:
    case = settled_case(workflow.settle_paid, reference="re_1")

    refused("state", lambda: correct(case), case)


# --- Mails once more -------------------------------------------------------------------------------------------------


def a_mail(state: str) -> Mail:
    case = RefundRequestFactory.create()
    workflow.write(case, by=agent(), text="We are on it.")
    Mail.objects.update(state=state)
    return Mail.objects.get()


@pytest.mark.parametrize("state", ["sent", "failed"])
def test_a_mail_that_goes_once_more_stands_in_the_ledger(state: str) -> None:
    letter, by = a_mail(state), agent()

    workflow.resend(letter, by=by, address="192.0.2.7")

    event = RefundEvent.objects.get(kind="mail_resent")
    assert (event.by, event.address, event.refund_request) == (by, "192.0.2.7", letter.refund_request)
    assert event.data == {"mail": letter.pk, "mail_kind": "message"}
    assert Mail.objects.get().state == Mail.State.PENDING


@pytest.mark.parametrize("state", ["pending", "sending", "cancelled"])
def test_a_mail_that_is_not_over_does_not_go_again(state: str) -> None:
    letter, by = a_mail(state), agent()

    refused("state", lambda: workflow.resend(letter, by=by))

    assert Mail.objects.get().state == state


def test_sending_a_mail_again_needs_its_permission() -> None:
    letter = a_mail("sent")

    refused("permission", lambda: workflow.resend(letter, by=UserFactory.create()))

    assert Mail.objects.get().state == "sent"


# --- Previews --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api_refund", [True, False])
@pytest.mark.parametrize("amount", ["23.80", "10.00"])
def test_the_mails_of_an_approval_are_those_that_follow(amount: str, api_refund: bool) -> None:
    case = RefundRequestFactory.create(language="de")
    breakdown = money.lower(money.price(order(), {11: 1}), Decimal(amount))
    before = RefundRequest.objects.values().get()
    with time_machine.travel(timezone.now(), tick=False):
        preview = workflow.mails_of_approval(case, breakdown, api_refund=api_refund, words=" Worn once. ")
        untouched = (RefundRequest.objects.values().get(), case.status, kinds(), letters())

        approve(
            case,
            approver(),
            breakdown=breakdown,
            api_refund=api_refund,
            manual_reference="" if api_refund else "SEPA 4711",
            words=" Worn once. ",
        )
        paid = attempt(case, status=AttemptStatus.UNKNOWN, sent_at=timezone.now(), amount=breakdown.amount)
        RefundRequest.objects.update(status=Status.CHECK_NEEDED)
        paid.refund_request.refresh_from_db()
        workflow.adopt(paid, store_refund_id=7, found={})

    assert untouched == (before, Status.SUBMITTED, [], [])
    assert [draft.kind for draft in preview] == ["approved", "refunded"]
    assert drafts(preview) == letters()


def test_where_the_shop_mails_refunds_itself_only_the_approval_is_ours() -> None:
    Shop.objects.create(pk=1, mails_refunded=False)
    case = RefundRequestFactory.create()

    preview = workflow.mails_of_approval(case, money.price(order(), {11: 1}), api_refund=True, words="")

    assert [draft.kind for draft in preview] == ["approved"]


def test_the_mail_of_a_decline_is_the_one_that_follows() -> None:
    case = RefundRequestFactory.create(language="ar")

    preview = workflow.mails_of_decline(case, words=" Worn. ")
    workflow.decline(case, by=agent(), version=1, decline_reason=DeclineReason.USED, words=" Worn. ")

    assert drafts(preview) == letters()


@pytest.mark.parametrize("waits", [True, False])
def test_the_mail_of_a_message_is_the_one_that_follows(waits: bool) -> None:
    case = RefundRequestFactory.create()

    preview = workflow.mails_of_message(case, text=" A photo, please. ", waits=waits)
    if waits:
        workflow.ask(case, by=agent(), version=1, text=" A photo, please. ")
    else:
        workflow.write(case, by=agent(), text=" A photo, please. ")

    assert drafts(preview) == letters()


def test_the_mail_of_a_correction_is_the_one_that_follows() -> None:
    case = reversed_case()

    preview = workflow.mails_of_correction(case)
    correct(case)

    assert drafts(preview) == letters()


# --- What goes back to stock -----------------------------------------------------------------------------------------


def test_the_payload_restocks_what_was_decided(settings: LazySettings) -> None:
    settings.APPROVAL_HOLD = 0
    mug = replace(order().lines[0], id=13, name="Mug")
    both = order(lines=(*order().lines, mug), total=Decimal("101.15"))
    case = RefundRequestFactory.create(order=both, chosen={11: 2, 13: 1}, lines={11: 2, 13: 1})
    breakdown, restock = money.restock(money.price(both, {11: 2, 13: 1}), {11: 1})

    approve(case, approver(), breakdown=breakdown, restock=restock)
    payload = workflow.claim(case.pk, owner="test").payload  # type: ignore[union-attr]  # it is due

    sent = money.Breakdown.from_json(payload["breakdown"]).instruction_lines()
    assert (payload["restock"], [(line.line_id, line.quantity) for line in sent]) == (True, [(11, 1), (13, 0)])
    assert [line.quantity for line in breakdown.lines] == [2, 1]
