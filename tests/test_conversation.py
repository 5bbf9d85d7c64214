"""Talking: the customer and the shop both ways, notes among colleagues, and whose case it is."""

from __future__ import annotations

import pytest

from refunds import workflow
from refunds.models import Mail, Message, RefundEvent, RefundRequest
from refunds.states import Status
from tests.factories import RefundRequestFactory, UserFactory, agent
from tests.test_workflow import kinds, mails, refused

pytestmark = pytest.mark.django_db


def test_asking_makes_the_case_wait_for_the_customer_and_the_answer_for_the_shop() -> None:
    refund_request = RefundRequestFactory.create()

    workflow.ask(refund_request, by=agent(), version=1, text="Please send a photo.")
    assert RefundRequest.objects.get().status == Status.NEEDS_INFO
    workflow.write_back(refund_request, text="Here it is.")

    assert RefundRequest.objects.get().status == Status.SUBMITTED
    assert list(Message.objects.values_list("text", "internal")) == [
        ("Please send a photo.", False),
        ("Here it is.", False),
    ]
    assert kinds() == ["asked", "answered"]
    assert [kind for kind, _to in mails()] == ["needs_info", "customer_wrote"]
    assert "Please send a photo." in Mail.objects.get(kind="needs_info").text


def test_messages_go_both_ways_without_moving_the_case() -> None:
    refund_request = RefundRequestFactory.create()

    workflow.write(refund_request, by=agent(), text="We are on it.")
    workflow.write_back(refund_request, text="Thank you.")

    assert RefundRequest.objects.get().status == Status.SUBMITTED
    assert kinds() == ["wrote", "customer_wrote"]


def test_a_note_never_reaches_the_customer() -> None:
    refund_request = RefundRequestFactory.create()

    workflow.note(refund_request, by=agent(), text="Called, sounded honest.")

    assert Message.objects.get().internal is True
    assert mails() == []


def test_words_and_permission_are_needed() -> None:
    refund_request = RefundRequestFactory.create()
    by, stranger = agent(), UserFactory.create()

    refused("words", lambda: workflow.write(refund_request, by=by, text=" "), refund_request)
    refused("words", lambda: workflow.write_back(refund_request, text=""), refund_request)
    refused("permission", lambda: workflow.write(refund_request, by=stranger, text="x"), refund_request)
    refused("permission", lambda: workflow.note(refund_request, by=stranger, text="x"), refund_request)
    refused("permission", lambda: workflow.ask(refund_request, by=stranger, version=1, text="x"), refund_request)


def test_nobody_writes_on_a_request_that_was_taken_back() -> None:
    refund_request = RefundRequestFactory.create()
    workflow.withdraw(refund_request)

    refused("state", lambda: workflow.write_back(refund_request, text="Wait"), refund_request)


def test_a_case_is_taken_passed_on_and_not_taken_away_unseen() -> None:
    refund_request = RefundRequestFactory.create()
    first, second = agent(), agent()

    workflow.assign(refund_request, by=first, to=first, seen=None)
    with pytest.raises(workflow.LostRace):
        workflow.assign(refund_request, by=second, to=second, seen=None)
    workflow.assign(refund_request, by=first, to=second, seen=first)

    assert RefundRequest.objects.get().assigned_to == second
    assert RefundEvent.objects.count() == 2


def test_a_case_goes_only_to_somebody_who_can_work_on_it() -> None:
    refund_request = RefundRequestFactory.create()
    by, stranger = agent(), UserFactory.create()

    refused("assignee", lambda: workflow.assign(refund_request, by=by, to=stranger, seen=None), refund_request)
