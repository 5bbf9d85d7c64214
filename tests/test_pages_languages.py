"""Which language a page speaks: the browser's, until another one is chosen; the request and its mails keep it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.utils import translation

from refunds import formats, links
from refunds.models import LookUp, Mail, RefundRequest, Shop
from tests.test_pages_request import CHOSEN, proven, send
from tests.test_pages_status import submitted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop() -> None:
    Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


def opening(page: bytes) -> str:
    match = re.search("<html[^>]*>", page.decode())
    return match[0] if match else ""


@pytest.mark.parametrize(
    ("asked_for", "tag"),
    [
        ("en", '<html lang="en" dir="ltr">'),
        ("de-AT,de;q=0.9", '<html lang="de" dir="ltr">'),
        ("zh-CN", '<html lang="zh-hans" dir="ltr">'),
        ("ar-EG", '<html lang="ar" dir="rtl">'),
        ("tlh", '<html lang="en" dir="ltr">'),
    ],
)
def test_page_follows_the_browser(client: Client, asked_for: str, tag: str) -> None:
    answer = client.get("/", headers={"Accept-Language": asked_for})

    assert opening(answer.content) == tag
    assert "Accept-Language" in answer["Vary"]


def test_language_can_be_chosen_on_every_page_and_stays(client: Client) -> None:
    page = client.get("/").content.decode()

    answer = client.post("/i18n/setlang/", {"language": "de", "next": "/"}, follow=True)

    assert '<option value="en" lang="en" selected>English</option>' in page
    assert '<option value="ar" lang="ar">العربيّة</option>' in page
    assert opening(answer.content) == '<html lang="de" dir="ltr">'
    assert opening(client.get("/", headers={"Accept-Language": "ar"}).content) == '<html lang="de" dir="ltr">'


def test_choice_leads_back_to_where_it_was_made(client: Client) -> None:
    path = links.status_path(submitted())

    pages = [client.get(path), client.post(f"{path}message/", {"note": ""}), client.get("/s/x/")]

    offered = [re.findall('name="next" value="([^"]+)"', page.content.decode()) for page in pages]
    assert offered[2] == ["/"]
    assert [client.get(address).status_code for [address] in offered] == [200, 200, 200]


def test_choice_leads_nowhere_else(client: Client) -> None:
    answer = client.post("/i18n/setlang/", {"language": "de", "next": "https://evil.example/"})

    assert answer["Location"] == "/"


def test_look_up_request_and_mails_keep_the_language(client: Client) -> None:
    client.post("/", {"number": "1001", "email": "anna@example.com"}, headers={"Accept-Language": "de"})
    assert LookUp.objects.get().language == "de"
    client.post("/i18n/setlang/", {"language": "ar"})
    proven(client)

    send(client, "submit", **CHOSEN)

    assert RefundRequest.objects.get().language == "ar"
    assert Mail.objects.get(kind="received").language == "ar"
    assert '<html lang="ar" dir="rtl">' in Mail.objects.get(kind="received").html
    assert Mail.objects.get(kind="new_request").language == "en"


@pytest.mark.parametrize(
    ("language", "amount"),
    [("en", "EUR\u00a01,234.50"), ("de", "EUR\u00a01.234,50"), ("zh-hans", "EUR\u00a01,234.50")],
)
def test_amounts_are_written_as_the_language_does(language: str, amount: str) -> None:
    with translation.override(language):
        assert formats.amount_text(Decimal("1234.50"), "EUR", 2) == amount


@pytest.mark.parametrize(
    ("language", "day"), [("en", "May 6, 2026"), ("de", "6. Mai 2026"), ("zh-hans", "2026年5月6日")]
)
def test_dates_are_written_as_the_language_does(client: Client, language: str, day: str) -> None:
    with time_machine.travel("2026-05-04 12:00:00Z", tick=False):
        path = links.status_path(submitted())

        page = client.get(path, headers={"Accept-Language": language}).content.decode()

    assert day in page
