"""The desk for doubts: what people see of a payout whose outcome is unknown, and when they may say how it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import orders, payout
from refunds.models import Mail, PayoutAttempt, RefundEvent, RefundRequest, Shop
from refunds.states import AttemptStatus, Status
from tests.desk import case_of, in_store, now_of, open_case, press
from tests.factories import UserFactory, agent, approver

pytestmark = pytest.mark.django_db

TWO_HOURS = timedelta(hours=2)


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(approver())


def paid_with(client: Client, sandbox: SandboxStore, fault: str) -> RefundRequest:
    """An approved case whose one call to the store went wrong."""
    case = case_of(in_store(sandbox))
    press(client, case, "approve")
    sandbox.arm(fault, on="refund.create")
    payout.pay(case.pk)
    return now_of(case)


@pytest.fixture
def doubtful(client: Client, sandbox: SandboxStore) -> RefundRequest:
    """Nothing reached the store: it shows no refund."""
    return paid_with(client, sandbox, "closed-before")


@pytest.fixture
def refused(client: Client, sandbox: SandboxStore) -> RefundRequest:
    return paid_with(client, sandbox, "gateway-declines")


def aged(case: RefundRequest) -> RefundRequest:
    """The same, sent two hours ago."""
    attempt = the_attempt(case)
    PayoutAttempt.objects.filter(pk=attempt.pk).update(sent_at=attempt.sent_at - TWO_HOURS)  # type: ignore[operator]  # it was sent
    return case


def the_attempt(case: RefundRequest) -> PayoutAttempt:
    return PayoutAttempt.objects.get(refund_request=case)


# --- What is shown ---------------------------------------------------------------------------------------------------


def test_the_page_says_what_was_sent_and_what_came_back(client: Client, doubtful: RefundRequest) -> None:
    page = open_case(client, doubtful)

    doubt = page.context["doubt"]
    assert doubtful.status == Status.CHECK_NEEDED
    assert "Nobody knows yet whether this was paid" in page.html
    assert (doubt.amount, doubt.way) == ("EUR\xa023.80", "through the payment provider")
    assert doubt.answer == "answer_lost"
    assert "its answer did not arrive" in doubt.attempt.message
    assert f'data-copy="{doubtful.reference}-1"' in page.html
    assert "Nobody has looked yet." in page.html
    assert (page.offers("approve"), page.offers("decline")) == (False, False)


def test_evidence_is_shown_newest_first(client: Client, sandbox: SandboxStore) -> None:
    case = paid_with(client, sandbox, "killed-before-payment")

    page = press(client, case, "look")

    (look,) = page.context["doubt"].looks
    (row,) = sandbox.refunds(case.order_id)
    assert look.finding == ("The shop shows this refund, but not that money moved: still running, or died half-way.")
    assert look.details == (f"#{row['id']} · EUR\xa023.80 · not paid · ours",)


def test_the_choices_are_closed_for_an_hour_and_say_until_when(client: Client, doubtful: RefundRequest) -> None:
    sent_at = the_attempt(doubtful).sent_at

    page = open_case(client, doubtful)

    assert page.context["too_early"]
    assert page.context["settle_at"].at == sent_at + timedelta(hours=1)  # type: ignore[operator]  # it was sent
    assert page.html.count("<fieldset disabled>") == 2
    assert "A late answer can still come. You can settle this from" in page.html


# --- Look now --------------------------------------------------------------------------------------------------------


def test_a_look_that_finds_the_refund_settles_the_case(client: Client, sandbox: SandboxStore) -> None:
    case = paid_with(client, sandbox, "closed-after")

    page = press(client, case, "look")

    assert "The shop shows the refund: it is paid." in page.html
    assert now_of(case).status == Status.REFUNDED
    assert [line["amount"] for line in sandbox.money] == ["23.80"]


def test_a_look_that_finds_nothing_leaves_the_case(client: Client, doubtful: RefundRequest) -> None:
    page = press(client, doubtful, "look")

    assert "The shop was looked at just now." in page.html
    assert now_of(doubtful).status == Status.CHECK_NEEDED
    assert the_attempt(doubtful).looks == 1


def test_a_look_at_a_store_that_is_down_says_so(client: Client, settings: Any, doubtful: RefundRequest) -> None:
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    orders._connect.cache_clear()

    page = press(client, doubtful, "look")

    assert page.status == 409
    assert "The shop does not answer, so nothing was found out." in page.html
    assert the_attempt(doubtful).looks == 0


def test_agents_look_and_do_not_settle(client: Client, doubtful: RefundRequest) -> None:
    client.force_login(agent())

    page = open_case(client, doubtful)

    assert (page.offers("look"), page.offers("settle_paid"), page.offers("settle_not_paid")) == (True, False, False)


def test_who_may_only_read_does_not_look(client: Client, doubtful: RefundRequest) -> None:
    page = open_case(client, doubtful)
    client.force_login(UserFactory.create(permissions=["view_refundrequest"]))

    again = press(client, doubtful, "look", page)

    assert again.status == 403
    assert the_attempt(doubtful).looks == 0


# --- Settling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["settle_paid", "settle_not_paid"])
def test_nobody_settles_within_the_hour(client: Client, doubtful: RefundRequest, action: str) -> None:
    page = press(client, doubtful, action, reference="PSP-1", looked="on")

    assert page.status == 409
    assert "A late answer can still come." in page.html
    assert now_of(doubtful).status == Status.CHECK_NEEDED
    assert the_attempt(doubtful).status == AttemptStatus.UNKNOWN


def test_paid_at_the_provider_is_recorded_with_its_reference(client: Client, doubtful: RefundRequest) -> None:
    page = press(client, aged(doubtful), "settle_paid", reference="PSP-4711")

    attempt = the_attempt(doubtful)
    assert "Recorded as paid. The customer gets a mail." in page.html
    assert now_of(doubtful).status == Status.REFUNDED
    assert (attempt.status, attempt.settled_reference) == (AttemptStatus.SUCCEEDED, "PSP-4711")
    assert attempt.looks == 1
    assert Mail.objects.filter(kind="refunded").count() == 1


def test_no_payout_is_recorded_and_the_case_can_be_approved_again(
    client: Client, sandbox: SandboxStore, doubtful: RefundRequest
) -> None:
    page = press(client, aged(doubtful), "settle_not_paid", looked="on")
    failed = now_of(doubtful)
    press(client, doubtful, "approve", page)
    payout.pay(doubtful.pk)

    assert "Recorded: no payout." in page.html
    assert failed.status == Status.FAILED
    assert now_of(doubtful).status == Status.REFUNDED
    assert [line["amount"] for line in sandbox.money] == ["23.80"]


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("settle_paid", "Enter the provider’s reference of the payout."),
        ("settle_not_paid", "Look at the payment provider first, then tick this."),
    ],
)
def test_settling_needs_what_was_seen(client: Client, doubtful: RefundRequest, action: str, says: str) -> None:
    page = press(client, aged(doubtful), action)

    assert page.status == 422
    assert says in page.html
    assert now_of(doubtful).status == Status.CHECK_NEEDED
    assert the_attempt(doubtful).looks == 0


@pytest.mark.parametrize("action", ["settle_paid", "settle_not_paid"])
def test_the_store_is_looked_at_in_the_same_action_and_its_word_counts(
    client: Client, sandbox: SandboxStore, action: str
) -> None:
    case = aged(paid_with(client, sandbox, "closed-after"))

    page = press(client, case, action, reference="PSP-1", looked="on")

    assert "The shop shows the refund by now: it is paid, and there was nothing left to settle." in page.html
    assert now_of(case).status == Status.REFUNDED
    assert not RefundEvent.objects.filter(kind__in=["settled_paid", "settled_not_paid"]).exists()
    assert [line["amount"] for line in sandbox.money] == ["23.80"]


@pytest.mark.parametrize("action", ["settle_paid", "settle_not_paid"])
def test_nobody_settles_while_the_store_is_down(
    client: Client, settings: Any, doubtful: RefundRequest, action: str
) -> None:
    aged(doubtful)
    page = open_case(client, doubtful)
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    orders._connect.cache_clear()

    again = press(client, doubtful, action, page, reference="PSP-1", looked="on")

    assert again.status == 409
    assert "The shop does not answer" in again.html
    assert now_of(doubtful).status == Status.CHECK_NEEDED


def test_a_stale_page_settles_nothing(client: Client, doubtful: RefundRequest) -> None:
    page = open_case(client, aged(doubtful))
    RefundRequest.objects.filter(pk=doubtful.pk).update(version=doubtful.version + 1)

    again = press(client, doubtful, "settle_not_paid", page, looked="on")

    assert again.status == 409
    assert "Somebody else has changed this in the meantime." in again.html
    assert now_of(doubtful).status == Status.CHECK_NEEDED


def test_who_may_not_settle_does_not(client: Client, doubtful: RefundRequest) -> None:
    page = open_case(client, aged(doubtful))
    client.force_login(agent())

    again = press(client, doubtful, "settle_paid", page, reference="PSP-1")

    assert again.status == 403
    assert now_of(doubtful).status == Status.CHECK_NEEDED


def test_above_the_limit_two_people_say_the_same(client: Client, sandbox: SandboxStore) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "20.00"})
    people = [UserFactory.create(permissions=RIGHTS) for _unused in range(2)]
    case = case_of(in_store(sandbox))
    for person in people:
        client.force_login(person)
        press(client, case, "approve")
    sandbox.arm("closed-before", on="refund.create")
    payout.pay(case.pk)

    first = press(client, aged(case), "settle_not_paid", looked="on")
    between = now_of(case).status
    client.force_login(people[0])
    second = press(client, case, "settle_not_paid", looked="on")

    assert "Recorded. The amount is above the limit: a second person has to say the same." in first.html
    assert f"{people[1].username} has recorded: The provider shows no payout." in first.html
    assert between == Status.CHECK_NEEDED
    assert "Recorded: no payout." in second.html
    assert now_of(case).status == Status.FAILED


RIGHTS = ["view_refundrequest", "work_refundrequest", "approve_refundrequest", "approve_above_limit", "settle_doubts"]


# --- Refused by the gateway ------------------------------------------------------------------------------------------


def test_a_refusal_by_the_gateway_needs_the_tick_first(client: Client, refused: RefundRequest) -> None:
    before = open_case(client, refused)
    after = press(client, refused, "confirm_no_payout", before, looked="on")

    assert refused.status == Status.FAILED
    assert "The payment provider is said to have refused" in before.html
    assert (before.offers("approve"), before.offers("decline"), before.offers("look")) == (False, False, True)
    assert "You can decide again." in after.html
    assert (after.offers("approve"), after.offers("decline")) == (True, True)
    assert the_attempt(refused).no_payout_by is not None


def test_a_refusal_that_was_paid_after_all_is_recorded_so(client: Client, refused: RefundRequest) -> None:
    page = press(client, refused, "settle_paid", reference="PSP-9")

    assert "Recorded as paid. The customer gets a mail." in page.html
    assert now_of(refused).status == Status.REFUNDED
    assert the_attempt(refused).settled_reference == "PSP-9"


def test_above_the_limit_two_people_confirm_a_refusal(client: Client, sandbox: SandboxStore) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "20.00"})
    people = [UserFactory.create(permissions=RIGHTS) for _unused in range(2)]
    case = case_of(in_store(sandbox))
    for person in people:
        client.force_login(person)
        press(client, case, "approve")
    sandbox.arm("gateway-declines", on="refund.create")
    payout.pay(case.pk)

    first = press(client, case, "confirm_no_payout", looked="on")
    client.force_login(people[0])
    second = press(client, case, "confirm_no_payout", looked="on")

    assert "Recorded. The amount is above the limit: a second person has to say the same." in first.html
    assert f"{people[1].username} has recorded: The provider shows no payout." in first.html
    assert (first.offers("approve"), first.offers("confirm_no_payout")) == (False, True)
    assert "You can decide again." in second.html
    assert (second.offers("approve"), second.offers("confirm_no_payout")) == (True, False)


def test_a_payout_that_was_denied_by_mistake_is_recorded_later(client: Client, refused: RefundRequest) -> None:
    denied = press(client, refused, "confirm_no_payout", looked="on")
    page = press(client, refused, "settle_paid", denied, reference="PSP-9")

    assert "It was paid after all" in denied.html
    assert "Recorded as paid. The customer gets a mail." in page.html
    assert now_of(refused).status == Status.REFUNDED
    assert (the_attempt(refused).looks, the_attempt(refused).settled_reference) == (1, "PSP-9")


def test_a_declined_case_that_was_paid_after_all_is_recorded_so(client: Client, refused: RefundRequest) -> None:
    press(client, refused, "confirm_no_payout", looked="on")
    declined = press(client, refused, "decline", decline_reason="used", words="Worn.")

    page = press(client, refused, "settle_paid", declined, reference="PSP-9")

    assert (declined.offers("reopen"), declined.offers("settle_paid")) == (True, True)
    assert "Recorded as paid." in page.html
    assert now_of(refused).status == Status.REFUNDED


def test_the_newest_refusal_is_the_one_that_is_looked_at(
    client: Client, sandbox: SandboxStore, doubtful: RefundRequest
) -> None:
    press(client, aged(doubtful), "settle_not_paid", looked="on")
    press(client, doubtful, "approve")
    sandbox.arm("gateway-declines", on="refund.create")
    payout.pay(doubtful.pk)
    press(client, doubtful, "confirm_no_payout", looked="on")

    page = press(client, doubtful, "settle_paid", reference="PSP-9")

    first, second = doubtful.attempts.all()
    assert "Recorded as paid." in page.html
    assert (first.looks, second.looks) == (1, 1)
    assert (first.status, second.status) == (AttemptStatus.REFUSED, AttemptStatus.SUCCEEDED)


def test_a_case_that_never_was_refused_has_nothing_to_record(client: Client, sandbox: SandboxStore) -> None:
    case = case_of(in_store(sandbox))

    page = press(client, case, "decline", decline_reason="used", words="Worn.")

    assert "It was paid after all" not in page.html
    assert not page.offers("settle_paid")


def test_without_the_tick_nothing_is_confirmed(client: Client, refused: RefundRequest) -> None:
    page = press(client, refused, "confirm_no_payout")

    assert page.status == 422
    assert the_attempt(refused).no_payout_by is None


def test_approving_past_the_tick_is_refused(client: Client, sandbox: SandboxStore, refused: RefundRequest) -> None:
    fresh = open_case(client, case_of(in_store(sandbox, number="1002")))
    page = open_case(client, refused)

    answer = press(
        client, refused, "approve", fresh, version=str(page.context["case"].version),
        **{f"quantity_{refused.lines.get().order_line_id}": "1"},
    )  # fmt: skip

    assert answer.status == 409
    assert "Confirm first that the provider shows no payout." in answer.html
    assert now_of(refused).status == Status.FAILED


def test_a_look_at_a_refusal_that_was_paid_after_all_finds_the_refund(
    client: Client, sandbox: SandboxStore, refused: RefundRequest
) -> None:
    from_doubt = the_attempt(refused)
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        page = press(client, refused, "look")

    assert "The shop was looked at just now." in page.html
    assert the_attempt(refused).looks == from_doubt.looks + 1
    assert now_of(refused).status == Status.FAILED


def test_a_case_that_failed_offers_the_same_decision_again(client: Client, refused: RefundRequest) -> None:
    page = press(client, refused, "confirm_no_payout", looked="on")

    fields = page.form("approve")

    assert (fields["shown"], fields["payout"]) == ("23.80", "gateway")
