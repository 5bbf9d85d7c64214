"""Messages both ways, answers, photos of a case, and one's own data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from refunds import links, photos, workflow
from refunds.models import Mail, Message, Photo, RefundEvent, RefundRequest, Shop
from refunds.states import Status
from tests.factories import SHIRT, RefundRequestFactory, agent, approver, order
from tests.test_pages_status import approved, declined, fresh, paid, seen, submitted
from tests.test_photos import picture, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plain(settings: Any) -> None:
    settings.APPROVAL_HOLD = 0
    Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


@pytest.fixture
def boss() -> User:
    return approver()


def asked() -> RefundRequest:
    refund_request = submitted()
    workflow.ask(refund_request, by=agent(), version=refund_request.version, text="Which shirt & <size>?")
    return refund_request


def url(refund_request: RefundRequest, *more: str) -> str:
    return "".join([links.status_path(refund_request), *(f"{part}/" for part in more)])


def write(client: Client, refund_request: RefundRequest, text: str, *files: SimpleUploadedFile) -> HttpResponse:
    return client.post(url(refund_request, "message"), {"note": text, "photos": list(files)}, follow=True)


def customers() -> list[str]:
    return list(Message.objects.filter(by=None).values_list("text", flat=True))


# --- Messages --------------------------------------------------------------------------------------------------------


def test_question_is_shown_with_room_for_the_answer(client: Client) -> None:
    page = seen(client, asked())

    assert "We need something from you. We go on when we have your answer. Which shirt & <size>? Your answer" in page
    assert "Send my answer" in page
    assert "Write to us about this request" not in page


def test_answer_sets_the_case_going_again(client: Client) -> None:
    refund_request = asked()

    answer = write(client, refund_request, "The blue one.")

    assert "Your message is sent." in answer.content.decode()
    assert fresh(refund_request).status == Status.SUBMITTED
    assert customers() == ["The blue one."]
    assert Mail.objects.filter(kind="customer_wrote").count() == 1
    assert "Sandbox Shop" in seen(client, refund_request)
    assert "You" in seen(client, refund_request)


def test_latest_question_is_the_one_that_waits(client: Client) -> None:
    refund_request = asked()
    workflow.write(refund_request, by=agent(), text="By the way, we are closed on Monday.")

    page = client.get(url(refund_request)).content.decode()

    assert '<blockquote class="quote" dir="auto">Which shirt &amp; &lt;size&gt;?</blockquote>' in page
    assert page.count("By the way, we are closed on Monday.") == 1


def test_message_moves_nothing(client: Client, boss: User) -> None:
    refund_request = paid(approved(boss))

    write(client, refund_request, "Not here yet.")

    assert fresh(refund_request).status == Status.REFUNDED
    assert customers() == ["Not here yet."]
    assert "Not here yet." in seen(client, refund_request)


def test_declined_customer_can_answer(client: Client, boss: User) -> None:
    refund_request = declined(boss)

    write(client, refund_request, "It was never washed.")

    assert fresh(refund_request).status == Status.DECLINED
    assert customers() == ["It was never washed."]


def test_notes_among_colleagues_are_not_shown(client: Client) -> None:
    refund_request = submitted()
    workflow.note(refund_request, by=agent(), text="Looks like fraud.")

    assert "fraud" not in seen(client, refund_request)


def test_second_press_writes_once(client: Client) -> None:
    refund_request = submitted()

    for _unused in range(2):
        write(client, refund_request, "Hello.")

    assert customers() == ["Hello."]
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        write(client, refund_request, "Hello.")
    assert customers() == ["Hello.", "Hello."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("   ", "Write something first."),
        ("x" * 2001, "Please shorten your note to 2000 characters."),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
def test_errors_of_messages_keep_the_text(client: Client, text: str, words: str) -> None:
    refund_request = submitted()

    answer = write(client, refund_request, text)

    page = answer.content.decode()
    assert f'<a href="#id_note">{words}</a>' in page
    assert text.strip() in page
    assert customers() == []


def test_withdrawn_case_takes_no_message(client: Client) -> None:
    refund_request = submitted()
    workflow.withdraw(refund_request)

    answer = write(client, refund_request, "Hello.")

    assert "This request is closed. Please write to us by e-mail." in answer.content.decode()
    assert "Write to us about this request" not in seen(client, refund_request)
    assert customers() == []


def test_too_many_messages_get_the_time_and_keep_the_words(client: Client, photo_folder: Path) -> None:
    Shop.objects.update(per_case_and_hour=2)
    refund_request = submitted()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        write(client, refund_request, "One.")
        workflow.write(refund_request, by=agent(), text="Yes?")
        clock.shift(timedelta(minutes=10))
        write(client, refund_request, "Two.")
        events, mails = RefundEvent.objects.count(), Mail.objects.count()

        answer = write(client, refund_request, "Three & four.", upload(picture()))

        page = answer.content.decode()
        words = "You have written to us often in a short time. Please send this in 50 minutes."
        assert (answer.status_code, answer["Retry-After"]) == (429, "3000")
        assert f'<a href="#id_note">{words}</a>' in page
        assert "Three &amp; four.</textarea>" in page
        assert customers() == ["One.", "Two."]
        assert (RefundEvent.objects.count(), Mail.objects.count(), Photo.objects.count()) == (events, mails, 0)
        assert [path for path in photo_folder.rglob("*") if path.is_file()] == []
        clock.shift(timedelta(minutes=50, seconds=1))
        write(client, refund_request, "Three & four.")
    assert customers() == ["One.", "Two.", "Three & four."]


def test_messages_are_counted_by_request(client: Client) -> None:
    Shop.objects.update(per_case_and_hour=1)
    other = RefundRequestFactory.create(order=order(id=5002, lines=(replace(SHIRT, id=21),)), chosen={21: 1})
    write(client, submitted(), "One.")

    answer = write(client, other, "Two.")

    assert answer.status_code == 200
    assert customers() == ["One.", "Two."]


def test_answer_that_is_too_many_leaves_the_question_open(client: Client) -> None:
    Shop.objects.update(per_case_and_hour=0)
    refund_request = asked()

    answer = write(client, refund_request, "The blue one.")

    assert (answer.status_code, answer["Retry-After"]) == (429, "3600")
    assert fresh(refund_request).status == Status.NEEDS_INFO
    assert customers() == []


def test_bad_link_writes_nothing(client: Client) -> None:
    submitted()

    assert client.post("/s/x/message/", {"note": "Hello."}).status_code == 404
    assert client.get("/s/x/message/").status_code == 405
    assert customers() == []


# --- Photos ----------------------------------------------------------------------------------------------------------


def test_photos_belong_to_their_message(client: Client) -> None:
    refund_request = submitted()

    write(client, refund_request, "See here.", upload(picture()), upload(picture("PNG"), "b.png"))

    message = Message.objects.get()
    assert message.photos.count() == 2
    path = url(refund_request)
    page = client.get(path).content.decode()
    for photo in message.photos.all():
        assert f'src="{path}photo/{photo.public_id}/"' in page


def test_photo_alone_is_a_message(client: Client) -> None:
    refund_request = asked()

    write(client, refund_request, "", upload(picture()))

    assert fresh(refund_request).status == Status.SUBMITTED
    assert Photo.objects.get().message is not None


def test_bad_photo_costs_neither_the_words_nor_the_others(client: Client) -> None:
    refund_request = submitted()

    answer = write(client, refund_request, "See here.", upload(b"x", "bad.jpg"), upload(picture()))

    assert "“bad.jpg” is not a photo that we can read." in answer.content.decode()
    assert "Your message is sent." in answer.content.decode()
    assert customers() == ["See here."]
    assert Photo.objects.count() == 1


def test_bad_photo_alone_is_no_message(client: Client) -> None:
    answer = write(client, submitted(), "", upload(b"x", "bad.jpg"))

    assert '<a href="#id_photos">“bad.jpg” is not' in answer.content.decode()
    assert customers() == []


def test_case_that_moved_on_keeps_the_words_and_no_photo(
    client: Client, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_request = asked()
    add = photos.add

    def slow(*args: Any, **options: Any) -> Photo:
        workflow.withdraw(fresh(refund_request))
        return add(*args, **options)

    monkeypatch.setattr(photos, "add", slow)
    answer = write(client, refund_request, "The blue one.", upload(picture()))

    assert "Your request has changed in the meantime." in answer.content.decode()
    assert customers() == []
    assert not Photo.objects.exists()
    assert [path for path in photo_folder.rglob("*") if path.is_file()] == []


def test_photos_are_for_the_holder_of_the_link(client: Client) -> None:
    mine, theirs = (
        submitted(),
        RefundRequestFactory.create(order=order(id=5002, lines=(replace(SHIRT, id=21),)), chosen={21: 1}),
    )
    photo = photos.add(upload(picture()), refund_request=mine)

    shown = client.get(url(mine, "photo", photo.public_id))
    pages = [client.get(url(theirs, "photo", photo.public_id)), client.get(url(mine, "photo", "nothing"))]

    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(shown)[:3] == b"\xff\xd8\xff"
    assert {page.status_code for page in pages} == {404}
    assert pages[0].content == pages[1].content
    assert client.get(f"/s/x/photo/{photo.public_id}/").status_code == 404


# --- One's own data --------------------------------------------------------------------------------------------------


def test_data_can_be_taken_along(client: Client) -> None:
    refund_request = submitted()

    answer = client.get(url(refund_request, "data"))

    assert answer["Content-Disposition"] == f'attachment; filename="{refund_request.reference}.json"'
    assert answer["Content-Type"] == "application/json"
    assert "no-store" in answer["Cache-Control"]
    held = json.loads(answer.content)
    assert (held["email"], held["note"]) == ("anna@example.com", "A hole & a <stain>.")
    assert Decimal(held["amount_asked"]) == Decimal("53.55")


def test_data_of_others_stays_with_them(client: Client) -> None:
    submitted()

    assert client.get("/s/x/data/").status_code == 404
    assert client.get("/s/x/erase/").status_code == 404


def test_erasing_asks_first(client: Client, boss: User) -> None:
    refund_request = declined(boss)

    page = client.get(url(refund_request, "erase")).content.decode()

    assert "This cannot be undone." in page
    assert fresh(refund_request).email == "anna@example.com"


def test_erased_case_shows_amounts_and_nothing_else(client: Client, boss: User) -> None:
    refund_request = declined(boss)

    answer = client.post(url(refund_request, "erase"), follow=True)

    page = seen(client, refund_request).replace("\u00a0", " ")
    assert "Your data is erased." in answer.content.decode()
    assert "You asked for EUR 53.55" in page
    assert "A hole" not in page
    assert "washed" not in page
    assert "Erase my data" not in page
    assert fresh(refund_request).email == ""
    write(client, refund_request, "Hello.")
    assert customers() == []
    assert client.post(url(refund_request, "erase")).status_code == 302
    assert RefundEvent.objects.filter(kind="erased").count() == 1


def test_open_case_is_not_erased_and_says_why(client: Client) -> None:
    refund_request = submitted()

    answer = client.post(url(refund_request, "erase"), follow=True)

    assert "While a request is open its data is needed." in answer.content.decode()
    assert fresh(refund_request).email == "anna@example.com"
