"""Saved replies: who sets them up, what they refuse, and what they put into a text at the case page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from portal.sandbox.store import SandboxStore
from refunds import workflow
from refunds.models import Mail, RefundEvent, RefundRequest, SavedReply, SavedReplyText, Shop
from refunds.models.replies import filled, known_places_only
from tests.desk import Page, case_of, in_store, open_case, press
from tests.factories import UserFactory, agent, approver
from tests.test_admin_queue import HOSTILE
from tests.test_workflow_desk import reversed_case

pytestmark = pytest.mark.django_db

LIST = "/staff/refunds/savedreply/"
GREETING = "Dear {name}, about {reference} (order {order_number}) and {amount}: your {shop}"


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(agent())


@pytest.fixture
def case(sandbox: SandboxStore) -> RefundRequest:
    Shop.objects.create(pk=1, name="Sandbox Shop")
    return case_of(in_store(sandbox))


def saved(title: str = "Greeting", active: bool = True, **bodies: str) -> SavedReply:
    reply = SavedReply.objects.create(title=title, active=active)
    for language, body in (bodies or {"en": GREETING}).items():
        SavedReplyText.objects.create(reply=reply, language=language, body=body)
    return reply


def use(client: Client, case: RefundRequest, reply: SavedReply, form: str = "write", **typed: Any) -> Page:
    return press(client, case, form, button="preview", reply=str(reply.pk), use="1", **typed)


# --- Setting them up -------------------------------------------------------------------------------------------------


def typed_texts(page: Page, **fields: str) -> dict[str, str]:
    return page.form_with_id("savedreply_form") | fields


@pytest.fixture
def configurer(client: Client) -> None:
    client.force_login(UserFactory.create(permissions=["change_shop"]))


@pytest.mark.usefixtures("configurer")
def test_a_reply_is_saved_in_several_languages(client: Client) -> None:
    page = Page(client.get(LIST + "add/"))

    answer = client.post(
        LIST + "add/", typed_texts(page, title="Photo", **{"texts-0-body": "A photo?", "texts-1-body": "Ein Foto?"})
    )

    assert answer.status_code == 302
    assert list(SavedReplyText.objects.values_list("reply__title", "language", "body")) == [
        ("Photo", "en", "A photo?"),
        ("Photo", "de", "Ein Foto?"),
    ]


@pytest.mark.usefixtures("configurer")
def test_a_place_that_cannot_be_filled_is_refused_by_name(client: Client) -> None:
    page = Page(client.get(LIST + "add/"))
    body = "Dear {customer}, {name}, {}"

    answer = Page(client.post(LIST + "add/", typed_texts(page, title="Photo", **{"texts-0-body": body})))

    assert "Nothing can be filled in for {customer}, {}." in answer.html
    assert "You can use {name}, {order_number}, {reference}, {amount}, {shop}." in answer.html
    assert answer.form_with_id("savedreply_form")["texts-0-body"] == body
    assert not SavedReply.objects.exists()


@pytest.mark.usefixtures("configurer")
def test_a_reply_has_words_in_one_language_at_least(client: Client) -> None:
    page = Page(client.get(LIST + "add/"))

    answer = Page(client.post(LIST + "add/", typed_texts(page, title="Photo")))

    assert "Write the reply in at least one language." in answer.html
    assert not SavedReply.objects.exists()


@pytest.mark.usefixtures("configurer")
def test_a_reply_is_changed_and_taken_away(client: Client) -> None:
    reply = saved(en="Hello.")
    page = Page(client.get(f"{LIST}{reply.pk}/change/"))

    client.post(f"{LIST}{reply.pk}/change/", typed_texts(page, active="on", **{"texts-0-body": "Good day."}))
    changed = SavedReplyText.objects.get().body
    client.post(f"{LIST}{reply.pk}/delete/", {"post": "yes"})

    assert changed == "Good day."
    assert not SavedReply.objects.exists()


@pytest.mark.parametrize("door", ["", "add/", "1/change/", "1/delete/"])
def test_replies_are_set_up_by_those_who_set_up_the_shop(client: Client, door: str) -> None:
    saved()
    for person in (agent(), approver()):
        client.force_login(person)

        assert client.get(LIST + door).status_code == 403
        assert client.post(LIST + door, {"title": "Mine", "post": "yes"}).status_code == 403
    assert SavedReply.objects.count() == 1


# --- Filling in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["{nmae}", "{ name }", "{}", "{name.__class__}", "{0}", "{name!r}"])
def test_other_places_are_unknown(text: str) -> None:
    with pytest.raises(ValidationError):
        known_places_only(text)


@pytest.mark.parametrize("text", ["{name}", "no place", "{", "}{", "10 % } {shop}"])
def test_braces_that_are_no_place_are_left_alone(text: str) -> None:
    known_places_only(text)

    assert filled(text, {"name": "A", "shop": "B"}) == text.replace("{name}", "A").replace("{shop}", "B")


def test_what_a_fact_says_is_not_looked_into_again() -> None:
    assert filled("{name} {shop}", {"name": "{shop}", "shop": "{name}"}) == "{shop} {name}"


def test_a_reply_is_put_into_the_text_with_the_facts_of_the_case(client: Client, case: RefundRequest) -> None:
    page = use(client, case, saved())

    assert page.form("write")["text"] == (
        f"Dear Anna Berg, about {case.reference} (order 1001) and EUR\xa023.80: your Sandbox Shop"
    )
    assert not Mail.objects.exists()
    assert not RefundEvent.objects.exists()


def test_a_reply_comes_in_the_customers_language_or_the_shops(client: Client, case: RefundRequest) -> None:
    both, other = saved(en="Hello {amount}", de="Hallo {amount}"), saved("Only English", en="Hello {amount}")
    RefundRequest.objects.update(language="de")

    texts = [use(client, case, reply).form("write")["text"] for reply in (both, other)]

    assert texts == ["Hallo EUR\xa023,80", "Hello EUR\xa023.80"]


def test_a_reply_is_put_below_what_was_typed(client: Client, case: RefundRequest) -> None:
    page = use(client, case, saved(en="Your shop."), text="Dear Anna,\n")

    assert page.form("write")["text"] == "Dear Anna,\n\nYour shop."


def test_a_reply_can_give_the_words_of_a_decline(client: Client, case: RefundRequest) -> None:
    page = use(client, case, saved(en="It was worn, {name}."), "decline", decline_reason="used", note="Kept.")

    fields = page.form("decline")
    assert (fields["words"], fields["decline_reason"], fields["note"]) == ("It was worn, Anna Berg.", "used", "Kept.")
    assert [letter.subject for letter in page.context["decline_mails"]] == ["About your request " + case.reference]


def test_what_is_proposed_among_colleagues_is_not_the_amount(client: Client, case: RefundRequest) -> None:
    RefundRequest.objects.update(approved_amount="1.00")

    assert use(client, case, saved(en="{amount}")).form("write")["text"] == "EUR\xa023.80"


def test_only_offered_replies_are_offered(client: Client, case: RefundRequest) -> None:
    saved("Shown")
    hidden = saved("Hidden", active=False)

    page = open_case(client, case)

    assert [reply.title for reply in page.context["replies"]] == ["Shown"]
    assert use(client, case, hidden).form("write")["text"] == ""


@pytest.mark.parametrize("reply", ["", "0", "-1", "abc", "9" * 30])
def test_a_reply_that_is_not_there_changes_nothing(client: Client, case: RefundRequest, reply: str) -> None:
    page = press(client, case, "write", button="preview", reply=reply, use="1", text="Mine.")

    assert (page.status, page.form("write")["text"]) == (200, "Mine.")


def test_who_may_not_write_gets_no_replies(client: Client, case: RefundRequest) -> None:
    reply, as_agent = saved(), open_case(client, case)
    client.force_login(UserFactory.create(permissions=["view_refundrequest"]))

    page = press(client, case, "write", as_agent, button="preview", reply=str(reply.pk), use="1")

    assert not page.offers("write")
    assert "Dear Anna Berg" not in page.html


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_ever_escaped_in_replies(client: Client, case: RefundRequest, words: str) -> None:
    RefundRequest.objects.update(customer_name=words[:200])

    page = use(client, case, saved(words[:80].strip() or "-", en="{name}"))

    assert page.blocked == []


# --- The mail before it goes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits", [None, "on"])
def test_the_mail_of_a_message_is_shown_as_it_will_be(client: Client, case: RefundRequest, waits: str | None) -> None:
    RefundRequest.objects.update(language="de")
    preview = press(client, case, "write", button="preview", text="Ein Foto, <bitte>.", waits=waits)
    nothing_yet = not Mail.objects.exists()

    press(client, case, "write", preview)

    (letter,), mail = preview.context["write_mails"], Mail.objects.get()
    assert nothing_yet
    assert mail.kind == ("needs_info" if waits else "message")
    assert (letter.recipient, letter.language, letter.subject) == (mail.recipient, "German", mail.subject)
    assert letter.text == mail.text.replace("{{ status_url }}", "[link to the request]")


def test_no_mail_is_shown_for_nothing(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "write", button="preview", text="  ")

    assert (page.status, page.context["write_mails"]) == (200, [])


# --- Corrections -----------------------------------------------------------------------------------------------------


@pytest.fixture
def taken_back(sandbox: SandboxStore) -> RefundRequest:
    return reversed_case()


def test_a_correction_is_shown_and_goes_out_once(client: Client, taken_back: RefundRequest) -> None:
    client.force_login(approver())
    page = open_case(client, taken_back)

    done = press(client, taken_back, "correct", page)
    again = press(client, taken_back, "correct", page)

    (letter,), mail = page.context["correct_mails"], Mail.objects.get()
    assert (letter.subject, letter.recipient) == (mail.subject, mail.recipient)
    assert letter.text == mail.text.replace("{{ status_url }}", "[link to the request]")
    assert "Sent. The customer reads that the refund was taken back." in done.html
    assert (done.offers("correct"), again.status) == (False, 409)
    assert RefundEvent.objects.filter(kind="corrected").count() == 1


def test_a_correction_is_for_those_who_settle_doubts(client: Client, taken_back: RefundRequest) -> None:
    client.force_login(approver())
    page = open_case(client, taken_back)
    client.force_login(agent())

    refused = press(client, taken_back, "correct", page)

    assert not open_case(client, taken_back).offers("correct")
    assert refused.status == 403
    assert not Mail.objects.exists()


def test_nothing_is_corrected_where_nothing_was_taken_back(client: Client, case: RefundRequest) -> None:
    client.force_login(approver())
    workflow.note(case, by=approver(), text="x")

    assert not open_case(client, case).offers("correct")
