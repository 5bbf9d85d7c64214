"""Deciding on a case: what each button does, and that a refusal of any kind leaves everything as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import orders, workflow
from refunds.models import DeclineReason, Mail, Message, OrderSnapshot, RefundEvent, RefundRequest, Shop
from refunds.states import Status
from refunds.woocommerce.types import Order
from tests.desk import case_of, case_url, in_store, now_of, open_case, parcel, press, shirts, somebody_returns, stock
from tests.factories import UserFactory, agent, approver
from tests.test_payout import somebody_refunds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(approver())


@pytest.fixture
def order(sandbox: SandboxStore) -> Order:
    return in_store(sandbox)


@pytest.fixture
def case(order: Order) -> RefundRequest:
    return case_of(order)


def nothing_happened(case: RefundRequest) -> bool:
    """No state, no version, no event, no note and no mail since the case was made."""
    now = now_of(case)
    rows = RefundEvent.objects.count() + Message.objects.count() + Mail.objects.count()
    return (now.status, now.version, now.approved_amount, rows) == (case.status, case.version, None, 0)


# --- Approve ---------------------------------------------------------------------------------------------------------


def test_approve_as_the_page_came(client: Client, order: Order, case: RefundRequest) -> None:
    page = press(client, case, "approve", note="Fine by me.")

    now = now_of(case)
    assert page.status == 200
    assert "Approved: EUR\xa023.80." in page.html
    assert (now.status, str(now.approved_amount)) == (Status.APPROVED, "23.8000")
    assert (now.api_refund, now.restock) == (True, False)
    assert now.breakdown is not None
    assert [(line.line_id, line.quantity) for line in now.breakdown.lines] == [(order.lines[0].id, 1)]
    assert [note.text for note in now.messages.all()] == ["Fine by me."]


def test_approve_keeps_who_and_where_from(client: Client, case: RefundRequest) -> None:
    press(client, case, "approve")

    event = RefundEvent.objects.get(kind="approved")
    assert (event.by, event.address) == (now_of(case).decided_by, "127.0.0.1")


def test_approve_other_quantities_shipping_and_restock(client: Client, order: Order, case: RefundRequest) -> None:
    press(
        client,
        case,
        "approve",
        **{shirts(order): "2", parcel(order): "on", stock(order): "all", "shown": "53.55"},
        words="All of it.",
    )

    now = now_of(case)
    assert (str(now.approved_amount), now.restock) == ("53.5500", True)


def test_approve_a_lower_amount(client: Client, case: RefundRequest) -> None:
    press(client, case, "approve", amount="10,00", shown="10.00", words="It was worn once.")

    assert (str(now_of(case).approved_amount), now_of(case).amount_words) == ("10.0000", "It was worn once.")
    assert "and we approved EUR\xa010.00. It was worn once." in Mail.objects.get().text


@pytest.mark.parametrize("words", ["", "  "])
def test_another_amount_is_explained_to_the_customer(client: Client, case: RefundRequest, words: str) -> None:
    page = press(client, case, "approve", amount="10.00", shown="10.00", words=words, note="Kept.")

    assert page.status == 409
    assert "Tell the customer why it is another amount." in page.html
    assert (page.form("approve")["amount"], page.form("approve")["note"]) == ("10.00", "Kept.")
    assert nothing_happened(case)


def test_approve_by_hand_needs_the_reference_of_the_transfer(client: Client, case: RefundRequest) -> None:
    refused = press(client, case, "approve", payout="hand", note="Called her.")
    untouched = nothing_happened(case)
    press(client, case, "approve", refused, payout="hand", manual_reference="SEPA 4711")

    assert refused.status == 422
    assert "Enter the reference of the transfer that you have made." in refused.html
    assert refused.form("approve")["note"] == "Called her."
    assert untouched
    assert (now_of(case).api_refund, now_of(case).manual_reference) == (False, "SEPA 4711")


def test_what_is_approved_is_what_was_read(client: Client, order: Order, case: RefundRequest) -> None:
    """Without a script the amount on the page is the old one until the page comes again."""
    again = press(client, case, "approve", **{shirts(order): "2"}, words="Both.")
    untouched = nothing_happened(case)
    press(client, case, "approve", again)

    assert again.status == 409
    assert "The amount is now EUR\xa047.60. Look at it, then approve." in again.html
    assert "Approve EUR\xa047.60</button>" in again.html
    assert untouched
    assert str(now_of(case).approved_amount) == "47.6000"


@pytest.mark.parametrize("shown", [None, "", "23.8", "0", "nonsense", "999999999999999999999"])
def test_an_amount_that_was_not_shown_is_not_approved(client: Client, case: RefundRequest, shown: str | None) -> None:
    page = press(client, case, "approve", shown=shown)

    assert page.status == 409
    assert nothing_happened(case)


@pytest.mark.parametrize("amount", ["23.81", "0", "-1", "1e3", "abc", "1,234", "10.001", "NaN", "9" * 40])
def test_an_amount_that_cannot_be_is_not_approved(client: Client, case: RefundRequest, amount: str) -> None:
    page = press(client, case, "approve", amount=amount, shown=amount)

    assert page.status in (409, 422)
    assert page.form("approve")["amount"] == amount
    assert nothing_happened(case)


@pytest.mark.parametrize("quantity", ["3", "-1", "1.5", "many", "9" * 30])
def test_a_quantity_that_is_not_left_is_not_approved(
    client: Client, order: Order, case: RefundRequest, quantity: str
) -> None:
    page = press(client, case, "approve", **{shirts(order): quantity})

    assert page.status == 422
    assert "Look at the marked fields. Nothing was decided." in page.html
    assert page.form("approve")[shirts(order)] == quantity
    assert nothing_happened(case)


def test_nothing_chosen_is_not_approved(client: Client, order: Order, case: RefundRequest) -> None:
    page = press(client, case, "approve", **{shirts(order): "0"})

    assert page.status == 409
    assert "Choose at least one line." in page.html
    assert nothing_happened(case)


def test_an_order_read_a_minute_ago_is_read_again(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    page = open_case(client, case)
    OrderSnapshot.objects.update(read_at=timezone.now() - timedelta(minutes=2))

    press(client, case, "approve", page)

    assert now_of(case).status == Status.APPROVED
    decided_on = now_of(case).order_decided
    assert decided_on is not None
    assert decided_on.read_at > timezone.now() - timedelta(minutes=1)


def test_what_was_refunded_meanwhile_is_not_approved_again(
    client: Client, sandbox: SandboxStore, order: Order, case: RefundRequest
) -> None:
    page = open_case(client, case)
    somebody_returns(sandbox, order, 2)
    OrderSnapshot.objects.update(read_at=timezone.now() - timedelta(minutes=2))

    again = press(client, case, "approve", page)

    assert again.status == 409
    assert "Choose at least one line." in again.html
    assert nothing_happened(case)


def test_an_order_that_holds_less_by_now_shows_the_new_amount_first(
    client: Client, sandbox: SandboxStore, order: Order, case: RefundRequest
) -> None:
    page = open_case(client, case)
    somebody_refunds(sandbox, order.id, "50.00")
    OrderSnapshot.objects.update(read_at=timezone.now() - timedelta(minutes=2))

    again = press(client, case, "approve", page)

    assert again.status == 409
    assert "The amount is now EUR\xa03.55. Look at it, then approve." in again.html
    assert "EUR\xa020.25 is cut off: the order does not hold more." in again.html
    assert nothing_happened(case)


def test_a_store_that_is_down_is_no_approval(client: Client, settings: Any, case: RefundRequest) -> None:
    page = open_case(client, case)
    OrderSnapshot.objects.update(read_at=timezone.now() - timedelta(minutes=2))
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    orders._connect.cache_clear()

    again = press(client, case, "approve", page, note="Call her back.")

    assert again.status == 503
    assert "The shop does not answer, so nothing was decided. Try again when it does." in again.html
    assert again.form("approve")["note"] == "Call her back."
    assert nothing_happened(case)


def test_another_customers_order_is_not_approved(
    client: Client, sandbox: SandboxStore, order: Order, case: RefundRequest
) -> None:
    RefundRequest.objects.filter(pk=case.pk).update(email="other@example.com")

    page = press(client, case, "approve")

    assert page.status == 409
    assert "e-mail address has changed in the shop" in page.html
    assert nothing_happened(case)


# --- Two people ------------------------------------------------------------------------------------------------------


def test_above_the_limit_two_people_approve(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "20.00"})
    both = ["view_refundrequest", "approve_refundrequest", "approve_above_limit"]
    client.force_login(UserFactory.create(permissions=both))
    before = open_case(client, case)
    first = press(client, case, "approve", before)
    recorded = now_of(case)
    client.force_login(UserFactory.create(permissions=both))
    second = press(client, case, "approve")

    assert "Above EUR\xa020.00 a second person has to approve too; nothing is paid before." in before.html
    assert "A second person has to approve it too." in first.html
    assert (recorded.status, recorded.needs_second) == (Status.SUBMITTED, True)
    assert "Approved: EUR\xa023.80." in second.html
    assert now_of(case).status == Status.APPROVED


def test_one_person_is_not_two(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "20.00"})
    client.force_login(
        UserFactory.create(permissions=["view_refundrequest", "approve_refundrequest", "approve_above_limit"])
    )
    press(client, case, "approve")

    page = press(client, case, "approve")

    assert page.status == 409
    assert "You have approved this already." in page.html
    assert now_of(case).status == Status.SUBMITTED


BOTH = ["view_refundrequest", "work_refundrequest", "approve_refundrequest", "approve_above_limit"]


def test_above_the_limit_another_amount_is_proposed_first(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "10.00"})
    proposer = UserFactory.create(permissions=BOTH)
    client.force_login(proposer)
    preview = press(client, case, "approve", button="preview", amount="15.00")
    page = press(client, case, "approve", preview, button="propose")
    proposed = now_of(case)
    again = press(client, case, "approve", page, words="Worn once.")
    for _unused in range(2):
        client.force_login(UserFactory.create(permissions=BOTH))
        last = press(client, case, "approve", words="Worn once.")

    assert "Propose this amount</button>" in preview.html
    assert "Approve EUR" not in preview.html
    assert preview.context["plan_sentences"] == [
        "EUR\xa015.00 is proposed; the customer asked for EUR\xa023.80.",
        "Whoever proposes it does not approve it: two other people do. Nothing is paid before.",
    ]
    assert "Proposed: EUR\xa015.00. Two others have to approve it." in page.html
    assert page.context["figures"][-1] == (f"Proposed by {proposer.username}", "EUR\xa015.00", "strong")
    assert (proposed.status, proposed.edited_by) == (Status.SUBMITTED, proposer)
    assert again.status == 409
    assert "two people approve who neither opened the case nor changed the amount" in again.html
    assert "Approved: EUR\xa015.00." in last.html
    assert (now_of(case).status, str(now_of(case).approved_amount)) == (Status.APPROVED, "15.0000")


def test_who_does_not_approve_can_propose(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "10.00"})
    client.force_login(agent())
    page = open_case(client, case)
    preview = press(client, case, "propose", page, button="preview", amount="15.00")

    press(client, case, "propose", preview)

    assert page.context["plan_sentences"] == ["This amount need not be proposed."]
    assert "Propose this amount</button>" not in page.html
    assert "Propose this amount</button>" in preview.html
    assert str(now_of(case).approved_amount) == "15.0000"


@pytest.mark.parametrize(("limit", "amount"), [("10.00", "23.80"), ("10.00", "9.00"), ("30.00", "15.00")])
def test_nothing_is_proposed_that_can_be_approved(client: Client, case: RefundRequest, limit: str, amount: str) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": limit})
    page = open_case(client, case)

    refused = press(client, case, "approve", page, button="propose", amount=amount, shown=amount)

    assert "Propose this amount</button>" not in page.html
    assert refused.status == 409
    assert "This amount need not be proposed." in refused.html
    assert refused.form("approve")["amount"] == amount
    assert nothing_happened(case)


def test_without_a_limit_nothing_is_proposed(client: Client, case: RefundRequest) -> None:
    client.force_login(agent())

    assert not open_case(client, case).offers("propose")


def test_the_page_says_who_approved_first(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "10.00"})
    first = UserFactory.create(permissions=BOTH)
    client.force_login(first)

    page = press(client, case, "approve")

    assert page.context["figures"][-1][0] == f"Approved by {first.username}, the first of two"
    assert page.context["plan_sentences"][-2] == "This is the second approval. With it the refund is paid."


def test_an_earlier_pair_of_approvals_does_not_count_again(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "10.00"})
    both = {"decided_by": approver(), "second_by": approver(), "decided_at": timezone.now(), "needs_second": True}
    RefundRequest.objects.filter(pk=case.pk).update(status=Status.FAILED, **both)

    sentences = open_case(client, case).context["plan_sentences"]

    assert "Above EUR\xa010.00 a second person has to approve too; nothing is paid before." in sentences


def test_what_was_paid_by_hand_is_not_proposed_to_the_gateway(
    client: Client, settings: Any, case: RefundRequest
) -> None:
    settings.APPROVAL_HOLD = 30
    press(client, case, "approve", payout="hand", manual_reference="SEPA 4711")

    page = press(client, case, "take_back")

    fields = page.form("approve")
    assert (fields["payout"], fields["manual_reference"]) == ("hand", "SEPA 4711")
    assert "This was approved as paid by hand before." in page.html


# --- Somebody was faster ---------------------------------------------------------------------------------------------


def test_a_stale_page_shows_what_has_changed_and_keeps_what_was_typed(
    client: Client, sandbox: SandboxStore, case: RefundRequest
) -> None:
    workflow.decline(case, by=approver(), version=case.version, decline_reason=DeclineReason.USED, words="Worn.")
    workflow.reopen(case, by=approver(), version=case.version)
    page = open_case(client, case)
    colleague = approver()
    workflow.decline(case, by=colleague, version=case.version, decline_reason=DeclineReason.USED, words="No.")
    workflow.reopen(case, by=colleague, version=case.version)

    again = press(client, case, "approve", page, note="She called.")

    assert again.status == 409
    assert "Somebody else has changed this in the meantime." in again.html
    assert [(entry.what, entry.who) for entry in again.context["since"]] == [
        ("Opened the case again", colleague.username),
        ("Declined", colleague.username),
    ]
    assert again.form("approve")["note"] == "She called."
    assert now_of(case).status == Status.SUBMITTED
    assert now_of(case).approved_amount is None


def test_a_stale_page_can_be_decided_after_another_look(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)
    workflow.decline(case, by=approver(), version=case.version, decline_reason=DeclineReason.USED, words="No.")
    workflow.reopen(case, by=approver(), version=case.version)
    again = press(client, case, "approve", page)

    press(client, case, "approve", again)

    assert now_of(case).status == Status.APPROVED


def test_words_for_a_case_that_is_decided_by_now_can_be_copied(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)
    press(client, case, "approve", page)

    again = press(client, case, "decline", page, decline_reason="used", words="Dear Anna, <it> was worn.")

    assert again.status == 409
    assert '<pre class="typed">Dear Anna, &lt;it&gt; was worn.</pre>' in again.html
    assert now_of(case).status == Status.APPROVED
    assert not Mail.objects.filter(kind="declined").exists()


def test_pressing_twice_approves_once(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)

    press(client, case, "approve", page)
    again = press(client, case, "approve", page)

    assert again.status == 409
    assert RefundEvent.objects.filter(kind="approved").count() == 1


@pytest.mark.parametrize("version", [None, "", "abc", "-1", "9" * 30])
def test_without_the_version_it_was_decided_on_nothing_happens(
    client: Client, case: RefundRequest, version: str | None
) -> None:
    page = press(client, case, "approve", version=version)

    assert page.status == 409
    assert nothing_happened(case)


# --- Decline, take back, reopen --------------------------------------------------------------------------------------


def test_decline_tells_the_customer_why(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "decline", decline_reason="used", words="It was worn outside.", note="Photos show it.")

    now = now_of(case)
    assert "Declined. The customer gets your words by mail." in page.html
    assert (now.status, now.decline_reason, now.decline_words) == (Status.DECLINED, "used", "It was worn outside.")
    assert [mail.kind for mail in Mail.objects.all()] == ["declined"]
    assert "It was worn outside." in Mail.objects.get().text
    assert "Photos show it." not in Mail.objects.get().text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"decline_reason": "used", "words": "  "}, "Tell the customer why."),
        ({"decline_reason": "", "words": "Sorry."}, "This field is required."),
        ({"decline_reason": "nonsense", "words": "Sorry."}, "Select a valid choice."),
    ],
)
def test_decline_needs_a_reason_and_words(
    client: Client, case: RefundRequest, typed: dict[str, str], says: str
) -> None:
    page = press(client, case, "decline", note="Kept.", **typed)

    assert page.status == 422
    assert says in page.html
    assert page.form("decline")["note"] == "Kept."
    assert nothing_happened(case)


def test_an_approval_can_be_taken_back(client: Client, settings: Any, case: RefundRequest) -> None:
    settings.APPROVAL_HOLD = 30
    page = press(client, case, "approve")

    back = press(client, case, "take_back", page)

    assert "Held for " in page.html
    assert "The approval is taken back. Nothing was sent." in back.html
    assert now_of(case).status == Status.SUBMITTED


def test_a_payout_that_has_begun_cannot_be_taken_back(client: Client, settings: Any, case: RefundRequest) -> None:
    settings.APPROVAL_HOLD = 30
    page = press(client, case, "approve")
    RefundRequest.objects.filter(pk=case.pk).update(next_action_at=timezone.now())
    workflow.claim(case.pk, owner=workflow.attempt_owner())

    late = press(client, case, "take_back", page)

    assert late.status == 409
    assert "It can no longer be taken back." in late.html
    assert now_of(case).status == Status.SENDING


def test_a_declined_case_can_be_opened_again(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "decline", decline_reason="used", words="Worn.")

    press(client, case, "reopen", page)

    assert now_of(case).status == Status.SUBMITTED


def test_a_declined_case_stays_closed_where_its_items_were_asked_for_again(
    client: Client, order: Order, case: RefundRequest
) -> None:
    page = press(client, case, "decline", decline_reason="used", words="Worn.")
    case_of(order)

    refused = press(client, case, "reopen", page)

    assert refused.status == 409
    assert "Another open request asks for the same items." in refused.html
    assert now_of(case).status == Status.DECLINED


# --- Whose case it is ------------------------------------------------------------------------------------------------


def test_a_case_is_taken(client: Client, case: RefundRequest) -> None:
    me = agent()
    client.force_login(me)

    page = press(client, case, "assign")

    (entry,) = page.context["timeline"]
    assert "The case is yours." in page.html
    assert (now_of(case).assigned_to, now_of(case).version) == (me, case.version)
    assert (entry.what, entry.details, entry.address) == (
        "Passed the case on",
        (f"to {me.username}",),
        "127.0.0.1",
    )
    assert "Take it" not in page.html


def test_a_case_is_passed_on_and_let_go(client: Client, case: RefundRequest) -> None:
    colleague = agent()

    passed = press(client, case, "assign", to=str(colleague.pk))
    owner = now_of(case).assigned_to
    let_go = press(client, case, "assign", passed, to="")

    assert f"Passed on to {colleague.username}." in passed.html
    assert f"Case of <strong>{colleague.username}</strong>" in passed.html
    assert owner == colleague
    assert "The case is nobody’s now." in let_go.html
    assert [entry.details for entry in let_go.context["timeline"]] == [("to nobody",), (f"to {colleague.username}",)]
    assert now_of(case).assigned_to is None


def test_a_case_that_somebody_took_meanwhile_stays_theirs(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)
    faster = agent()
    workflow.assign(case, by=faster, to=faster, seen=None)

    again = press(client, case, "assign", page)

    assert again.status == 409
    assert "Somebody else has changed this in the meantime." in again.html
    assert now_of(case).assigned_to == faster


@pytest.mark.parametrize("to", ["999999", "abc", "9" * 30])
def test_a_case_is_not_passed_to_nobody_we_know(client: Client, case: RefundRequest, to: str) -> None:
    page = press(client, case, "assign", to=to)

    assert page.status == 422
    assert now_of(case).assigned_to is None


def test_a_case_is_not_passed_to_who_cannot_work_on_it(client: Client, case: RefundRequest) -> None:
    reader = UserFactory.create(permissions=["view_refundrequest"])

    page = press(client, case, "assign", to=str(reader.pk))

    assert page.status == 422
    assert f">{reader.username}</option>" not in page.html
    assert now_of(case).assigned_to is None


def test_a_closed_case_is_not_passed_on(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "decline", decline_reason="used", words="Worn.")

    assert not page.offers("assign")


# --- Talking ---------------------------------------------------------------------------------------------------------


def test_a_message_goes_to_the_customer(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "write", text="We are on it.")

    assert "Sent. The customer gets it by mail." in page.html
    assert [(mail.kind, mail.recipient) for mail in Mail.objects.all()] == [("message", case.email)]
    assert [message.text for message in page.context["messages_with_customer"]] == ["We are on it."]
    assert now_of(case).status == Status.SUBMITTED


def test_a_question_makes_the_case_wait_for_the_customer(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "write", text="Please send a photo.", waits="on")

    assert "Sent. The case waits for the customer’s answer." in page.html
    assert now_of(case).status == Status.NEEDS_INFO
    assert (page.offers("approve"), page.offers("decline")) == (False, True)


def test_a_message_on_a_stale_page_is_not_sent(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)
    workflow.decline(case, by=approver(), version=case.version, decline_reason=DeclineReason.USED, words="No.")

    again = press(client, case, "write", page, text="We will pay soon.")

    assert again.status == 409
    assert again.form("write")["text"] == "We will pay soon."
    assert not Mail.objects.filter(kind="message").exists()


def test_a_note_stays_among_colleagues(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "note", text="She called twice.")

    assert "Noted. Only colleagues see it." in page.html
    assert [note.text for note in page.context["notes"]] == ["She called twice."]
    assert not Mail.objects.exists()


def test_a_note_is_added_whatever_others_did_meanwhile(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)
    workflow.decline(case, by=approver(), version=case.version, decline_reason=DeclineReason.USED, words="No.")

    press(client, case, "note", page, text="She called twice.")

    assert Message.objects.get().text == "She called twice."


@pytest.mark.parametrize("action", ["write", "note"])
def test_nothing_is_not_written(client: Client, case: RefundRequest, action: str) -> None:
    page = press(client, case, action, text="  ")

    assert page.status == 422
    assert "Write something first." in page.html
    assert nothing_happened(case)


# --- Who may ---------------------------------------------------------------------------------------------------------


def test_agents_decline_and_do_not_approve(client: Client, case: RefundRequest) -> None:
    as_approver = open_case(client, case)
    client.force_login(agent())
    page = open_case(client, case)

    refused = press(client, case, "approve", as_approver)

    assert (page.offers("approve"), page.offers("decline")) == (False, True)
    assert refused.status == 403
    assert "You do not have the permission to do this." in refused.html
    assert nothing_happened(case)


@pytest.mark.parametrize(
    "action",
    [
        "approve",
        "propose",
        "decline",
        "take_back",
        "reopen",
        "look",
        "settle_paid",
        "settle_not_paid",
        "confirm_no_payout",
        "correct",
        "assign",
        "write",
        "note",
    ],
)
def test_who_may_only_read_presses_no_button(client: Client, case: RefundRequest, action: str) -> None:
    as_approver = open_case(client, case)
    client.force_login(UserFactory.create(permissions=["view_refundrequest"]))
    typed = {
        "decline_reason": "used",
        "words": "No.",
        "reference": "X",
        "looked": "on",
        "text": "Hello.",
        "version": str(case.version),
    }

    page = open_case(client, case)
    answer = client.post(case_url(case, action), as_approver.form("approve") | typed)

    assert not any(page.offers(each) for each in ("approve", "decline", "take_back", "look"))
    assert answer.status_code == 403
    assert nothing_happened(case)


@pytest.mark.parametrize("action", ["approve", "preview", "take_back"])
def test_a_decision_is_a_post(client: Client, case: RefundRequest, action: str) -> None:
    answer = client.get(case_url(case, action))

    assert (answer.status_code, answer.headers["Location"]) == (302, case_url(case))
    assert nothing_happened(case)


def test_a_decision_needs_the_token_of_its_form(case: RefundRequest) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(approver())

    answer = client.post(case_url(case, "approve"), {"version": case.version, "shown": "23.80"})

    assert answer.status_code == 403
    assert nothing_happened(case)


def test_a_decision_on_a_case_that_is_not_there_is_404(client: Client) -> None:
    assert client.post("/staff/refunds/refundrequest/999999/approve/").status_code == 404
