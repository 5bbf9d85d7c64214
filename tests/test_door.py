"""The rest of what a customer can be refused: what the person sees, and that nothing has happened.

The limits and refusals of each page stand with that page; here are those that several pages share, and the rare ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from refunds import links, privacy, workflow
from refunds.models import LookUp, Photo, RefundRequest, Shop
from refunds.states import Status
from refunds.woocommerce.types import LineKind, Order, OrderLine, RefundSummary, Tax
from tests.factories import SHIPPING, SHIRT, RefundRequestFactory, agent, approver, order
from tests.test_pages import again_url, code_url, found, not_found, proof_path
from tests.test_pages_photos import kept, send_with
from tests.test_pages_request import CHOSEN, URL, proven, send, shown
from tests.test_pages_status import approved, declined, paid, submitted
from tests.test_photos import animated, archive, bomb, picture, upload

pytestmark = pytest.mark.django_db

NOT_READ = "is not a photo that we can read. Please send it as JPEG, PNG or WebP."


@pytest.fixture(autouse=True)
def shop(settings: Any) -> Shop:
    settings.APPROVAL_HOLD = 0
    return Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


def everything() -> str:
    """All rows of the portal, to the last field."""
    models = apps.get_app_config("refunds").get_models()
    return json.dumps([list(model.objects.order_by("pk").values()) for model in models], default=str)  # type: ignore[attr-defined]  # every model has objects


def text(answer: HttpResponse) -> str:
    return unescape(answer.content.decode()).replace("\u00a0", " ")


def nothing_happens(ask: Callable[[], HttpResponse]) -> HttpResponse:
    """Asks, and makes sure that not a single field of any row is another one then."""
    before = everything()

    answer = ask()

    assert everything() == before
    return answer


# --- Fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"email": "a" * 250 + "@example.com"}, "This is too long for an e-mail address."),
        ({"email": "anna@example.com\x00"}, "Null characters are not allowed."),
        ({"email": "anna@example.com\r\nBcc: eve@example.com"}, "Enter an e-mail address like name@example.com."),
        ({"number": "9" * 100_000}, "This is too long for an order number."),
    ],
)
def test_look_up_with_a_bad_field(client: Client, typed: dict[str, str], words: str) -> None:
    answer = nothing_happens(lambda: client.post("/", {"number": "1001", "email": "anna@example.com", **typed}))

    assert (answer.status_code, words in text(answer)) == (200, True)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("letters", "The code has digits only."),
        ("12e456", "The code has digits only."),
        ("²²²²²²", "or its time is over"),
        ("", "Enter the six digits from the mail."),
        ("1" * 41, "This is too long. Enter the six digits from the mail."),
        ("12345\x00", "Null characters are not allowed."),
        ("---", "The code has six digits. You typed none."),
    ],
)
def test_code_that_is_none(client: Client, typed: str, words: str) -> None:
    look_up = found()

    answer = client.post(code_url(look_up), {"code": typed})

    look_up.refresh_from_db()
    tries = 4 if "time is over" in words else 5
    assert (answer.status_code, words in text(answer)) == (200, True)
    assert (look_up.tries_left, look_up.proven_at) == (tries, None)


def test_missing_fields_are_asked_for(client: Client) -> None:
    look_up = found()
    proven(client)

    for path, words in (
        ("/", ("Enter your order number.", "Enter your e-mail address.")),
        (code_url(look_up), ("Enter the six digits from the mail.",)),
    ):
        answer = nothing_happens(lambda path=path: client.post(path, {"x": "1"}))
        assert [sentence for sentence in words if sentence not in text(answer)] == []

    answer = nothing_happens(lambda: client.post(URL, {"step": "submit"}, follow=True))
    assert "Choose at least one item" in text(answer)
    assert "Choose a reason." in text(answer)


# --- Another code ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [found, not_found])
@pytest.mark.parametrize("why", ["no tries left", "a day old"])
def test_look_up_that_is_over_sends_no_more_codes(client: Client, make: Callable[..., LookUp], why: str) -> None:
    look_up = make(tries_left=0 if why == "no tries left" else 5)

    with time_machine.travel(timezone.now() + timedelta(hours=25 if why == "a day old" else 1)):
        answer = nothing_happens(lambda: client.post(again_url(look_up), {"issue": "1"}, follow=True))

    assert "We cannot send another code here. Please start again." in text(answer)


def test_earlier_code_says_that_it_is_not_right(client: Client) -> None:
    look_up = found()
    code = links.code(look_up)
    LookUp.objects.update(code_issue=2)

    answer = client.post(code_url(look_up), {"code": code})

    look_up.refresh_from_db()
    assert "This code is not right, or its time is over." in text(answer)
    assert (look_up.proven_at, "look_up" in client.session) == (None, False)


# --- Links -----------------------------------------------------------------------------------------------------------


def tokens(case: RefundRequest, look_up: LookUp) -> dict[str, tuple[str, str]]:
    """Links that open nothing, and what the page says of them."""
    with time_machine.travel(timezone.now() - timedelta(days=91)):
        expired = links.status_path(case)
    good = links.status_path(case)
    proof = proof_path(look_up).split("/")[2]
    return {
        "expired": (expired, "It is too old."),
        "tampered": (good[:-2] + "/", "It may be too old, used already, or not complete."),
        "foreign": (f"/s/{proof}/", "It may be too old, used already, or not complete."),
        "of nobody": (links.status_path(RefundRequest(reference="RF-22222222")), "It may be too old"),
        "bare": (f"/s/{case.reference}/", "It may be too old"),
    }


@pytest.mark.parametrize("what", ["message", "withdraw", "erase"])
@pytest.mark.parametrize("spoil", ["expired", "tampered", "foreign", "of nobody", "bare"])
def test_link_that_is_not_good_does_nothing(client: Client, spoil: str, what: str) -> None:
    case = declined(approver()) if what == "erase" else submitted()
    path, words = tokens(case, found())[spoil]

    answer = nothing_happens(lambda: client.post(f"{path}{what}/", {"note": "Hello.", "photos": [upload(picture())]}))

    assert (answer.status_code, words in text(answer)) == (404, True)
    assert 'action="/" class="card form"' in text(answer)


@pytest.mark.parametrize("spoil", ["expired", "tampered", "foreign", "of nobody", "bare"])
def test_link_that_is_not_good_shows_nothing(client: Client, spoil: str) -> None:
    case = submitted()
    photo = kept(case.look_up)
    path, words = tokens(case, found())[spoil]

    for more in ("", "data/", "erase/", "withdraw/", f"photo/{photo.public_id}/"):
        answer = nothing_happens(lambda more=more: client.get(path + more))

        assert (answer.status_code, words in text(answer)) == (404, True)
        assert [secret for secret in ("anna@", "Anna", "T-Shirt", "23.80") if secret in text(answer)] == []


def test_status_link_proves_no_order_and_the_other_way_round(client: Client) -> None:
    case, look_up = submitted(), found()
    status = links.status_path(case).split("/")[2]

    for ask in (client.get, client.post):
        answer = nothing_happens(lambda ask=ask: ask(f"/p/{status}/"))
        assert (answer.status_code, "This link does not work" in text(answer)) == (404, True)
    assert "look_up" not in client.session
    assert look_up.proven_at is None


# --- What cannot be asked for ----------------------------------------------------------------------------------------


GIVEN = replace(SHIRT, refunded_quantity=1, refunded_total=Decimal("20.00"), refunded_taxes=(Tax(1, Decimal("3.80")),))
GONE = replace(SHIPPING, refunded_total=Decimal("5.00"), refunded_taxes=(Tax(1, Decimal("0.95")),))
COUPON = OrderLine(id=13, kind=LineKind.FEE, name="Coupon", quantity=1, total=Decimal("-4.00"))
GIFT = OrderLine(id=14, kind=LineKind.PRODUCT, name="Sticker", quantity=1, total=Decimal(0))


def mixed() -> Order:
    given = (RefundSummary(9, Decimal("29.75"), ""),)
    return order(lines=(GIVEN, GONE, COUPON, GIFT), total=Decimal("100.00"), refunds=given)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"q_11": "2"}, "T-Shirt: You can ask for 1 at most."),
        ({"q_12": "1"}, "Parcel: Refunded already."),
        ({"q_13": "1"}, "Coupon: This discount is taken off the other lines already."),
        ({"q_14": "1"}, "What you have chosen cost nothing."),
        ({"q_11": "-1"}, "T-Shirt: Enter a whole number from 0 to 1."),
        ({"q_11": "1e1"}, "T-Shirt: Enter a whole number from 0 to 1."),
        ({"q_11": "NaN"}, "T-Shirt: Enter a whole number from 0 to 1."),
        ({"q_99": "1"}, "Choose at least one item that you want the money back for."),
    ],
)
@pytest.mark.parametrize("step", ["review", "submit"])
def test_what_is_not_there_any_more_cannot_be_asked_for(
    client: Client, step: str, typed: dict[str, str], words: str
) -> None:
    proven(client, mixed())

    nothing_happens(lambda: send(client, step, reason="damaged", **typed))

    assert words in unescape(shown(client))


def test_order_without_money_left_says_so_and_takes_nothing(client: Client) -> None:
    proven(client, order(refunds=(RefundSummary(9, Decimal("53.55"), "by hand"),)))

    nothing_happens(lambda: send(client, "submit", **CHOSEN))

    assert "There is no money left in this order to give back." in shown(client)


def test_line_of_another_request_is_not_taken_twice(client: Client) -> None:
    other = RefundRequestFactory.create()
    proven(client)

    nothing_happens(lambda: send(client, "submit", **CHOSEN))

    assert "T-Shirt: You have asked for this already." in shown(client)
    assert list(RefundRequest.objects.all()) == [other]


def test_currency_that_cannot_be_refunded_here_says_so(client: Client) -> None:
    proven(client, order(decimals=5, currency="XXX"))

    nothing_happens(lambda: send(client, "submit", **CHOSEN))

    page = shown(client)
    assert "This shop’s amounts cannot be refunded here. Please write to us." in page
    assert "A hole in the sleeve.</textarea>" in page


# --- Photos ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", NOT_READ),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NOT_READ),
        (picture("GIF"), NOT_READ),
        (picture()[:200], NOT_READ),
        (bomb(), NOT_READ),
        (archive(), NOT_READ),
        (animated(), NOT_READ),
        (picture() + b"\x00" * 1_000_000, "is too large. A photo may have 1 MB."),
    ],
)
@pytest.mark.parametrize("where", ["request", "message"])
def test_photo_that_is_not_taken(
    client: Client, shop: Shop, photo_folder: Path, where: str, data: bytes, words: str
) -> None:
    shop.photo_megabytes = 1
    shop.save()
    case = submitted()
    proven(client, order(id=5002, number="1002"))
    url = links.status_path(case) + "message/"

    def ask() -> HttpResponse:
        if where == "message":
            return client.post(url, {"note": "", "photos": [upload(data, "dog.jpg")]})
        send_with(client, "submit", upload(data, "dog.jpg"), **CHOSEN)
        return client.get(URL)

    page = text(nothing_happens(ask))
    assert f'<a href="#id_photos">“dog.jpg” {words}' in page
    assert [path for path in photo_folder.rglob("*") if path.is_file()] == []


def test_photos_beyond_the_number_are_named_in_messages_too(client: Client, shop: Shop) -> None:
    shop.photos_per_case = 1
    shop.save()
    case = submitted()
    kept(case.look_up)
    url = links.status_path(case) + "message/"

    answer = nothing_happens(lambda: client.post(url, {"note": "", "photos": [upload(picture(), "two.jpg")]}))

    assert "“two.jpg” was not added: you can send 1 photo at most." in text(answer)
    assert Photo.objects.count() == 1


# --- A request that is there already ---------------------------------------------------------------------------------


def in_state(state: Status) -> RefundRequest:
    boss = approver()
    if state == Status.REFUNDED:
        return paid(approved(boss))
    if state == Status.APPROVED:
        return approved(boss)
    if state == Status.DECLINED:
        return declined(boss)
    case = submitted()
    if state == Status.WITHDRAWN:
        workflow.withdraw(case)
    return case


@pytest.mark.parametrize("state", [Status.APPROVED, Status.REFUNDED, Status.DECLINED, Status.WITHDRAWN])
def test_decided_request_is_not_taken_back(client: Client, state: Status) -> None:
    path = links.status_path(in_state(state))

    page = text(nothing_happens(lambda: client.post(path + "withdraw/", follow=True)))

    assert "This can no longer be taken back. Below you see where it stands now." in page
    assert "Take my request back" not in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Status.SUBMITTED, "While a request is open its data is needed."),
        (Status.APPROVED, "While a request is open its data is needed."),
        (Status.REFUNDED, "The payment is still being watched."),
    ],
)
def test_request_that_is_needed_is_not_erased(client: Client, state: Status, words: str) -> None:
    path = links.status_path(in_state(state))

    answer = nothing_happens(lambda: client.post(path + "erase/", follow=True))

    assert words in text(answer)


def test_erased_request_takes_no_message_and_is_not_erased_again(client: Client, photo_folder: Path) -> None:
    case = in_state(Status.DECLINED)
    privacy.erase(case)
    path = links.status_path(case)

    said = nothing_happens(lambda: client.post(path + "message/", {"note": "Hi.", "photos": [upload(picture())]}))
    gone = nothing_happens(lambda: client.post(path + "erase/"))

    assert (said.status_code, gone.status_code) == (302, 302)
    page = text(client.get(path))
    assert "This request is closed. Please write to us by e-mail." in page
    assert "what you wrote are erased" in page
    assert [path for path in photo_folder.rglob("*") if path.is_file()] == []


def test_question_is_answered_in_time_only(client: Client) -> None:
    """Declined while the customer was typing: the words are a message then, and move nothing."""
    case = submitted()
    workflow.ask(case, by=agent(), version=case.version, text="Which one?")
    workflow.withdraw(RefundRequest.objects.get(pk=case.pk))

    answer = nothing_happens(
        lambda: client.post(links.status_path(case) + "message/", {"note": "The blue one."}, follow=True)
    )

    assert "This request is closed. Please write to us by e-mail." in text(answer)


# --- Whole requests --------------------------------------------------------------------------------------------------


def many_fields() -> dict[str, Any]:
    return {f"f{n}": "x" for n in range(1100)}


def many_files() -> dict[str, Any]:
    return {"photos": [SimpleUploadedFile(f"{n}.jpg", b"x") for n in range(101)]}


@pytest.mark.parametrize("make", [many_fields, many_files])
def test_form_of_too_many_parts_is_refused(client: Client, make: Callable[[], dict[str, Any]]) -> None:
    case = submitted()
    proven(client, order(id=5002, number="1002"))

    for path in ("/", URL, links.status_path(case) + "message/"):
        answer = nothing_happens(lambda path=path: client.post(path, {**CHOSEN, "step": "submit", **make()}))

        assert (answer.status_code, "This page could not be read" in text(answer)) == (400, True)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "[::1", ""])
def test_other_hosts_are_not_answered(client: Client, host: str) -> None:
    answer = nothing_happens(
        lambda: client.post("/", {"number": "1001", "email": "anna@example.com"}, headers={"Host": host or "a b"})
    )

    assert (answer.status_code, "This page could not be read" in text(answer)) == (400, True)
    assert "evil" not in text(answer)


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_change_of_language_leads_nowhere_else(client: Client, to: str) -> None:
    answer = nothing_happens(lambda: client.post("/i18n/setlang/", {"language": "de", "next": to}))

    assert (answer.status_code, answer["Location"]) == (302, "/")


@pytest.mark.parametrize("path", ["/", "/code/x/", "/code/x/again/", "/p/x/", "/request/", "/s/x/", "/s/x/message/"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
def test_other_methods_do_nothing(client: Client, path: str, method: str) -> None:
    proven(client)

    answer = nothing_happens(lambda: client.generic(method, path, b"number=1001&email=anna@example.com"))

    assert (answer.status_code, answer.content) == (405, b"")
