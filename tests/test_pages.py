"""The way in: look-up, code, mailed link, limits. It says the same of every order, known or not."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from refunds import links, timing
from refunds.models import LookUp, Mail, RefundRequest, Shop
from tests.factories import LookUpFactory
from tests.fuzz.visitor import Visitor

pytestmark = pytest.mark.django_db

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
TYPED = {"number": "1001", "email": "anna@example.com"}


@pytest.fixture(autouse=True)
def _shop() -> None:
    Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


def found(**fields: object) -> LookUp:
    """The order exists and its code mail has left."""
    until = timezone.now() + timing.CODE_LIFE
    return LookUpFactory.create(**{"proven_at": None, "code_until": until, "tries_left": 5, **fields})


def not_found(**fields: object) -> LookUp:
    return LookUpFactory.create(snapshot=None, proven_at=None, **fields)


def code_url(look_up: LookUp) -> str:
    return reverse("refunds:code", args=[look_up.public_id])


def again_url(look_up: LookUp) -> str:
    return reverse("refunds:code_again", args=[look_up.public_id])


def proof_path(look_up: LookUp) -> str:
    return links.proof_url(look_up).removeprefix("http://127.0.0.1:8000")


def wrong(look_up: LookUp) -> str:
    return "000000" if links.code(look_up) != "000000" else "111111"


def bare(body: bytes, look_up: LookUp) -> str:
    """The page without what is random in every page."""
    text = body.decode().replace(look_up.public_id, "")
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)


def nothing_happened() -> bool:
    return not (LookUp.objects.exists() or Mail.objects.exists() or RefundRequest.objects.exists())


# --- Looking an order up ---------------------------------------------------------------------------------------------


def test_start_page_costs_one_query(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        page = client.get("/")

    assert page.status_code == 200
    assert "Ask for your money back" in page.content.decode()


def test_start_page_has_a_way_out_without_a_number(client: Client) -> None:
    page = client.get("/").content.decode()

    assert "I don't know my order number" in page
    assert "mailto:help@shop.example" in page


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("#1001", "1001"),
        (" 1001 ", "1001"),
        ("A-1001", "a-1001"),
        ("\uff11\uff10\uff10\uff11", "1001"),
    ],
)
def test_numbers_are_understood_as_people_type_them(client: Client, typed: str, number: str) -> None:
    answer = client.post("/", {"number": typed, "email": " ANNA@Example.com "})

    look_up = LookUp.objects.get()
    assert (look_up.order_number, look_up.email) == (number, "anna@example.com")
    assert (answer.status_code, answer["Location"]) == (302, code_url(look_up))


@pytest.mark.parametrize(
    ("typed", "anchor", "words"),
    [
        ({"number": "", "email": "anna@example.com"}, "id_number", "Enter your order number."),
        ({"number": " # ", "email": "anna@example.com"}, "id_number", "It has at least one digit or letter."),
        ({"number": "1" * 65, "email": "anna@example.com"}, "id_number", "This is too long for an order number."),
        ({"number": "1001", "email": ""}, "id_email", "Enter your e-mail address."),
        ({"number": "1001", "email": "anna"}, "id_email", "Enter an e-mail address like name@example.com."),
        ({"number": "10\x0001", "email": "anna@example.com"}, "id_number", "Null characters are not allowed."),
    ],
)
def test_errors_say_how_to_mend_and_keep_what_was_typed(
    client: Client, typed: dict[str, str], anchor: str, words: str
) -> None:
    answer = client.post("/", typed)

    page = answer.content.decode()
    assert f'<a href="#{anchor}">' in page
    assert words in page
    assert f'value="{typed["number"] or typed["email"]}"' in page
    assert nothing_happened()


def test_text_that_grows_in_one_form_is_no_error(client: Client) -> None:
    answer = client.post("/", {"number": "\ufdfa" * 64, "email": "anna@" + ".".join(["ß" * 40] * 5) + ".de"})

    look_up = LookUp.objects.get()
    assert answer.status_code == 302
    assert (len(look_up.order_number), len(look_up.email) <= 254) == (64, True)


def test_too_many_look_ups_get_the_time_and_leave_no_row(client: Client) -> None:
    with time_machine.travel("2026-05-04 12:00:00Z", tick=False):
        for _unused in range(6):
            client.post("/", TYPED)

        answer = client.post("/", TYPED)

    assert (answer.status_code, answer["Retry-After"]) == (429, "3600")
    assert "Please try again in 60 minutes." in answer.content.decode()
    assert "May 4, 2026 1 p.m. UTC" in answer.content.decode()
    assert LookUp.objects.count() == 6


def test_program_that_fills_in_everything_is_shown_the_same_and_makes_nothing(client: Client) -> None:
    followed = client.post("/", TYPED, follow=True)
    LookUp.objects.all().delete()

    answer = client.post("/", {**TYPED, "subject": "Buy now"})

    alike = re.compile(r"/code/[^/]+/")
    pages = [alike.sub("", bare(page.content, LookUp())) for page in (followed, answer)]
    assert answer.status_code == 200
    assert pages[0] == pages[1]
    assert nothing_happened()


def test_people_do_not_meet_the_hidden_field(client: Client) -> None:
    page = client.get("/").content.decode()

    assert '<div class="visually-hidden" aria-hidden="true"><label for="id_subject">' in page
    assert '<input type="text" name="subject" autocomplete="off" tabindex="-1" id="id_subject">' in page


# --- The code --------------------------------------------------------------------------------------------------------


def test_code_page_costs_two_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    look_up = found()

    with django_assert_num_queries(2):
        page = client.get(code_url(look_up)).content.decode()

    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    assert "The code works for 10 minutes after the mail arrives." in page


def test_pages_are_the_same_for_orders_that_do_not_exist(client: Client) -> None:
    known, unknown = found(), not_found()
    other = Client()

    for typed in (None, "12", wrong(known), *[wrong(known)] * 5):
        data = None if typed is None else {"code": typed}
        first = client.get(code_url(known)) if data is None else client.post(code_url(known), data)
        second = other.get(code_url(unknown)) if data is None else other.post(code_url(unknown), data)

        assert bare(first.content, known) == bare(second.content, unknown)
        assert first.status_code == second.status_code
        assert list(first.headers) == list(second.headers)
    known.refresh_from_db()
    unknown.refresh_from_db()
    assert (known.tries_left, unknown.tries_left) == (0, 0)


def test_code_of_another_length_takes_no_try(client: Client) -> None:
    look_up = found()

    page = client.post(code_url(look_up), {"code": "123 45"}).content.decode()

    look_up.refresh_from_db()
    assert "The code has six digits. You typed 5." in page
    assert look_up.tries_left == 5


@pytest.mark.parametrize("typed", ["letters", "12e456", ""])
def test_code_of_letters_takes_no_try(client: Client, typed: str) -> None:
    look_up = found()

    answer = client.post(code_url(look_up), {"code": typed})

    look_up.refresh_from_db()
    assert (answer.status_code, look_up.tries_left) == (200, 5)


@pytest.mark.parametrize(
    ("tries", "words"), [(5, "You have 4 more tries."), (2, "You have one more try."), (1, "can no longer be entered")]
)
def test_wrong_code_says_how_many_tries_are_left(client: Client, tries: int, words: str) -> None:
    look_up = found(tries_left=tries)

    page = client.post(code_url(look_up), {"code": wrong(look_up)}).content.decode()

    look_up.refresh_from_db()
    assert words in page
    assert (look_up.tries_left, look_up.proven_at) == (tries - 1, None)


def test_without_tries_the_right_code_is_worth_nothing(client: Client) -> None:
    look_up = found(tries_left=0)

    page = client.post(code_url(look_up), {"code": links.code(look_up)}).content.decode()

    look_up.refresh_from_db()
    assert f'href="{reverse("refunds:start")}">Start again' in page
    assert look_up.proven_at is None


@pytest.mark.parametrize("shape", ["{0}{1}", " {0} {1} ", "{0}-{1}", "{0}\u00a0{1}", "{0}\u2013{1}"])
def test_right_code_is_taken_as_it_is_pasted(client: Client, shape: str) -> None:
    look_up = found()
    code = links.code(look_up)

    answer = client.post(code_url(look_up), {"code": shape.format(code[:3], code[3:])})

    look_up.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, "/request/")
    assert look_up.proven_at is not None
    assert client.session["look_up"] == look_up.pk


def test_proof_begins_a_new_session(client: Client) -> None:
    look_up = found()
    before = client.session
    before["kept"] = "yes"
    before.save()
    client.cookies["sessionid"] = before.session_key or ""

    client.post(code_url(look_up), {"code": links.code(look_up)})

    assert client.session.session_key != before.session_key
    assert client.session["kept"] == "yes"


def test_code_works_for_ten_minutes(client: Client) -> None:
    look_up = found()

    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        page = client.post(code_url(look_up), {"code": links.code(look_up)}).content.decode()

    look_up.refresh_from_db()
    assert "or its time is over" in page
    assert look_up.proven_at is None


def test_code_works_once(client: Client) -> None:
    look_up = found()
    client.post(code_url(look_up), {"code": links.code(look_up)})

    second = Client()
    page = second.post(code_url(look_up), {"code": links.code(look_up)}).content.decode()

    assert "You have 3 more tries." in page
    assert "look_up" not in second.session


def test_back_to_the_code_page_leads_on(client: Client) -> None:
    look_up = found()
    client.post(code_url(look_up), {"code": links.code(look_up)})

    assert client.get(code_url(look_up))["Location"] == "/request/"
    assert client.post(code_url(look_up), {"code": links.code(look_up)})["Location"] == "/request/"


def test_unknown_code_page_is_a_dead_link(client: Client) -> None:
    answer = client.get(reverse("refunds:code", args=["nobody"]))

    assert answer.status_code == 404
    assert "This link does not work" in answer.content.decode()


# --- Another code ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [found, not_found])
def test_another_code_needs_a_minute(client: Client, make: type[LookUp]) -> None:
    look_up = make()

    answer = client.post(again_url(look_up), {"issue": "1"})

    look_up.refresh_from_db()
    assert (answer.status_code, 0 < int(answer["Retry-After"]) <= 60) == (429, True)
    assert "You can ask for another code in" in answer.content.decode()
    assert (look_up.code_issue, look_up.next_try_at) == (1, None)


@pytest.mark.parametrize("make", [found, not_found])
def test_another_code_is_asked_for_once_however_often_it_is_pressed(client: Client, make: type[LookUp]) -> None:
    look_up = make()

    with time_machine.travel(timezone.now() + timedelta(seconds=90)):
        first = client.post(again_url(look_up), {"issue": "1"}, follow=True)
        second = client.post(again_url(look_up), {"issue": "1"})

    look_up.refresh_from_db()
    assert second.status_code == 302
    assert "We have sent another code. The earlier one no longer works." in first.content.decode()
    assert look_up.code_issue == 2
    assert look_up.next_try_at is not None


@pytest.mark.parametrize("make", [found, not_found])
def test_a_look_up_has_three_codes(client: Client, make: type[LookUp]) -> None:
    look_up = make(code_issue=3)

    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        page = client.post(again_url(look_up), {"issue": "3"}, follow=True).content.decode()

    look_up.refresh_from_db()
    assert "We cannot send another code here. Please start again." in page
    assert "Send the code again" not in page
    assert (look_up.code_issue, look_up.next_try_at) == (3, None)


def test_asking_again_needs_a_press(client: Client) -> None:
    look_up = found()

    assert client.get(again_url(look_up)).status_code == 405
    assert client.post(reverse("refunds:code_again", args=["nobody"])).status_code == 404


def test_earlier_code_and_link_are_worthless_after_another_one(client: Client) -> None:
    look_up = found()
    code, link = links.code(look_up), proof_path(look_up)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        client.post(again_url(look_up), {"issue": "1"})

        typed = client.post(code_url(look_up), {"code": code})
        pressed = client.post(link)

    look_up.refresh_from_db()
    assert (typed.status_code, pressed.status_code, look_up.proven_at) == (200, 404, None)


def test_search_for_another_code_is_the_workers(client: Client) -> None:
    """The page does the same for both, so that its time tells nothing."""
    look_up = found()
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        client.post(again_url(look_up), {"issue": "1"})

    assert not Mail.objects.exists()


# --- The mailed link -------------------------------------------------------------------------------------------------


def test_opening_the_link_consumes_nothing(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    look_up = found()

    with django_assert_num_queries(2):
        page = client.get(proof_path(look_up))
    client.head(proof_path(look_up))

    look_up.refresh_from_db()
    assert (page.status_code, look_up.proven_at, look_up.tries_left) == (200, None, 5)
    assert "look_up" not in client.session
    assert "Confirm my order" in page.content.decode()


def test_button_behind_the_link_proves_once(client: Client) -> None:
    look_up = found()

    first = client.post(proof_path(look_up))
    second = Client().post(proof_path(look_up))

    assert (first.status_code, first["Location"]) == (302, "/request/")
    assert client.session["look_up"] == look_up.pk
    assert second.status_code == 404


@pytest.mark.parametrize("spoil", ["tampered", "expired", "not ours"])
def test_links_that_are_not_good_lead_to_the_start(client: Client, spoil: str) -> None:
    look_up = found(code_until=timezone.now() - timedelta(seconds=1)) if spoil == "expired" else found()
    path = {"tampered": proof_path(look_up)[:-2] + "/", "expired": proof_path(look_up), "not ours": "/p/x/"}[spoil]

    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 404
        assert 'action="/" class="card form"' in answer.content.decode()
    look_up.refresh_from_db()
    assert look_up.proven_at is None


# --- All pages -------------------------------------------------------------------------------------------------------


def test_personal_pages_are_kept_by_nobody(client: Client) -> None:
    look_up = found()

    for path in (proof_path(look_up), "/request/", "/request/review/", "/s/x/", "/s/x/withdraw/"):
        answer = client.get(path)

        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Referrer-Policy"] == "same-origin"


def test_forms_need_their_token() -> None:
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post("/", TYPED)

    assert answer.status_code == 403
    assert "Please send this once more" in answer.content.decode()
    assert nothing_happened()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "This page could not be read"),
        (403, "You cannot open this page"),
        (404, "There is nothing here"),
        (500, "Something is broken on our side"),
    ],
)
def test_error_pages_look_like_the_portal_and_ask_no_database(
    status: int, words: str, rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = rf.get("/nowhere/")
    handler = get_resolver().resolve_error_handler(status)

    with django_assert_num_queries(0):
        answer = handler(request) if status == 500 else handler(request, LookupError())

    assert answer.status_code == status
    assert words in answer.content.decode()
    assert "refunds/portal.css" in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/s/x/withdraw/"])
@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=rot13",
        'application/x-www-form-urlencoded; charset="hex"',
    ],
)
def test_form_that_cannot_be_read_is_refused_by_a_page(path: str, kind: str) -> None:
    visitor = Visitor()

    answer = visitor.send("POST", path.encode(), b"a=" + b"1" * 3_000_000, kind, {}, csrf=False)

    assert answer.status in (400, 404)
    assert b"Look up my order" in answer.body
    assert nothing_happened()


@pytest.mark.parametrize("path", [b"/code/a\0b/", b"/p/\0/", b"/s/a\0/", b"/request/photo/\0/"])
def test_link_with_a_nul_is_a_dead_link(path: bytes) -> None:
    assert Visitor().send("GET", path, b"", "", {}, csrf=True).status == 404


def test_cookie_with_a_nul_is_nobodys(client: Client) -> None:
    """Written so, it arrives as one: the database is asked for the session of that name."""
    answer = Visitor().send("GET", b"/request/", b"", "", {"HTTP_COOKIE": r'sessionid="aaaaaaaaaaaa\000"'}, csrf=True)

    assert answer.status == 403
    assert b"Please confirm your order again" in answer.body


def test_pages_need_no_inline_style_or_script() -> None:
    """The policy of the site forbids both; mails are no pages."""
    pages = [path for path in TEMPLATES.rglob("*.html") if not {"mail", "admin", "sandbox"} & set(path.parts)]
    inline = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:")

    assert [path.name for path in pages if inline.search(path.read_text())] == []


def test_methods_that_no_page_has_are_refused(client: Client) -> None:
    assert client.put("/").status_code == 405
    assert client.post("/s/x/").status_code == 405
    assert nothing_happened()
