"""Whatever customers type, or a shop's order says of them, is text: no page and no mail makes anything else of it.

Each string goes into every such field. Pages and mails are parsed, and have to have the same elements with the same
attributes as with a harmless word in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail as django_mail
from django.db import transaction
from django.test import Client

from refunds import links, mail, workflow
from refunds.models import DeclineReason, LookUp, Mail, RefundRequest, Shop
from tests.factories import SHIPPING, SHIRT, LookUpFactory, OrderSnapshotFactory, approver, order

pytestmark = pytest.mark.django_db

STRINGS = (
    # markup
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><meta http-equiv=refresh content=0>",
    "</pre></td></tr></table><h1>Refund now</h1>",
    "</option></select><input name=payout value=hand>",
    "<!-- <b>",
    "--> <b>bold",
    "<![CDATA[<b>]]>",
    "<?php echo 1 ?>",
    "<a href=javascript:alert(1)>press</a>",
    "<form action=https://evil.example><button>",
    "<style>*{display:none}</style>",
    "<base href=https://evil.example/>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "&lt;b&gt;already escaped&lt;/b&gt;",
    "&#60;b&#62; &amp;amp; &nbsp;",
    "<\x0bb onmouseover=alert(1)>",
    "<<b>>",
    "<b",
    # quotes and attributes
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "`onclick=alert(1)`",
    "O'Brien \"the\" ‘great’ “one”",
    "javascript:alert(document.cookie)",
    "data:text/html,<script>alert(1)</script>",
    # template syntax and format strings
    "{{ 7|add:7 }} {% now 'Y' %}",
    "{% load static %}{% debug %}",
    "{{ code }} {{ status_url }} {{ proof_url }}",
    "{# comment #}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "%(amount)s %s %d %n 100%",
    "{0} {name} {!r}",
    # directions and control characters
    "\u202egnp.exe",
    "\u2066hidden\u2069 \u200f\u200e",
    "\u200b\u200c\u200d\ufeffzero width",
    "bell \x07 back \x08 escape \x1b[31mred\x1b[0m",
    "\x01\x02\x03 control \x7f\x85",
    "tab\tand \x0c form feed",
    "line\u2028and paragraph\u2029separators",
    # line breaks
    "x\r\nBcc: everybody@example.com",
    "x\nSubject: You have won\n\nBody",
    "x\r\rContent-Type: text/html",
    "%0d%0aBcc: everybody@example.com",
    "many\n\n\n\n\nlines",
    # formulas
    "=HYPERLINK(\"http://evil.example\",\"press\")",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    # letters
    "\U0001f9e6\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f3fd",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0300\u0316l\u0334g\u0317o\u0321",
    "مرحبا שלום 你好",
    "ﷺ" * 40,
    "İıſß ǅ ﬀ",
    # very long
    "x" * 5_000,
    "<b>" * 1_500,
)  # fmt: skip


class Shape(HTMLParser):
    """The elements of a page with the names of their attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _value in attrs))))

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("!", (data,)))

    def handle_decl(self, decl: str) -> None:
        self.elements.append((f"!{decl}", ()))

    def handle_pi(self, data: str) -> None:
        self.elements.append(("?", (data,)))

    def unknown_decl(self, data: str) -> None:
        self.elements.append(("![", (data,)))

    def handle_data(self, data: str) -> None:
        self.words += data


def harmless(words: str) -> str:
    """The same lines, with a word in each: line breaks may become elements."""
    return re.sub(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+", "x", words)


def a_case(words: str) -> RefundRequest:
    """A request in every field of which, and of its order, somebody has put these words. The address is true still."""
    lines = (replace(SHIRT, name=words, sku=words[:100]), SHIPPING)
    hostile = order(number=words[:64], first_name=words, last_name=words, payment_method_title=words, lines=lines)
    look_up: LookUp = LookUpFactory.create(snapshot=OrderSnapshotFactory.create(order=hostile))
    refund_request = workflow.submit(look_up, chosen={11: 2}, reason="other", note=words)
    workflow.write_back(refund_request, text=words)
    return refund_request


DESK = "/staff/refunds/"


def page(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def pages(client: Client, case: RefundRequest) -> dict[str, str]:
    mails = Mail.objects.filter(refund_request=case, kind__in=["received", "customer_wrote"]).order_by("pk")
    return {
        "queue": page(client, f"{DESK}refundrequest/", state="all"),
        "case": page(client, f"{DESK}refundrequest/{case.pk}/change/"),
        "mails": page(client, f"{DESK}mail/"),
        "status": page(client, links.status_path(case)),
        **{f"mail {letter.kind}": page(client, f"{DESK}mail/{letter.pk}/change/") for letter in mails},
        **{f"rendered {letter.kind}": page(client, f"{DESK}mail/{letter.pk}/rendered/") for letter in mails},
    }


def delivered() -> Iterator[tuple[Any, Any]]:
    """Each mail as it was written and as it went out."""
    for letter in Mail.objects.order_by("pk"):
        assert mail.deliver(letter.pk, owner="test"), Mail.objects.get(pk=letter.pk).last_error
        yield letter, message_from_bytes(django_mail.outbox[-1].message().as_bytes(), policy=policy.default)


@pytest.fixture(autouse=True)
def _nowhere(settings: LazySettings) -> None:
    settings.APPROVAL_HOLD = 0
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Shop.objects.create(pk=1, name="Tea & Cups", support_email="help@shop.example")


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(approver())
    return client


Shown = dict[str, Any]
MEASURES: dict[tuple[str, str], Shown] = {}
"""What comes of harmless words, the measure of all strings with the same lines."""


def compare(words: str, make: Callable[[str], Shown]) -> tuple[Shown, Shown]:
    """What `make` makes of a harmless word, and of these."""
    plain = harmless(words)
    key = (make.__qualname__, plain)
    if key not in MEASURES:
        MEASURES[key] = undone(make, plain)
    return MEASURES[key], undone(make, words)


def undone(make: Callable[[str], Shown], text: str) -> Shown:
    """What comes of it, with nothing left of it in the database."""
    with transaction.atomic():
        made = make(text)
        transaction.set_rollback(True)
    return made


def test_there_are_sixty() -> None:
    assert len(set(STRINGS)) == 60


@pytest.mark.parametrize("words", STRINGS, ids=range(1, 61))
def test_pages_make_nothing_but_text_of_it(desk: Client, words: str) -> None:
    def shapes(text: str) -> dict[str, Shape]:
        case = a_case(text)
        RefundRequest.objects.filter(pk=case.pk).update(email=text[:254])
        Mail.objects.filter(refund_request=case).update(
            recipient=text[:254], subject=text[:300], last_error=text[:300], state=Mail.State.FAILED
        )
        return {name: Shape(html) for name, html in pages(desk, case).items()}

    usual, found = compare(words, shapes)

    assert {name: shape.elements for name, shape in found.items()} == {
        name: shape.elements for name, shape in usual.items()
    }
    assert _begins(words) in _plain(found["case"].words)
    assert _begins(words) in _plain(found["queue"].words)


def _plain(words: str) -> str:
    return " ".join(words.split())


def _begins(words: str) -> str:
    return _plain(words)[:40]


@pytest.mark.parametrize("words", STRINGS, ids=range(1, 61))
def test_the_search_only_repeats_it(desk: Client, words: str) -> None:
    case = a_case(words)

    found = Shape(page(desk, f"{DESK}refundrequest/", q=words[:1000]))
    usual = Shape(page(desk, f"{DESK}refundrequest/", q=case.reference if case.reference in found.words else "RF-2222"))

    assert found.elements == usual.elements


@pytest.mark.parametrize("words", STRINGS, ids=range(1, 61))
def test_mails_make_nothing_but_text_of_it(words: str) -> None:
    def letters(text: str) -> dict[str, Any]:
        case = a_case(text)
        workflow.decline(case, by=approver(), version=case.version, decline_reason=DeclineReason.OTHER, words="Sorry.")
        case.refresh_from_db()
        return {letter.kind: (letter, sent) for letter, sent in delivered()}

    usual, found = compare(words, letters)

    assert found.keys() == usual.keys() == {"received", "new_request", "customer_wrote", "declined"}
    for kind, (letter, sent) in found.items():
        _letter, usual_sent = usual[kind]
        assert sent.keys() == usual_sent.keys()
        assert sent["To"] == usual_sent["To"]
        assert "\n" not in sent["Subject"]
        assert [part.get_content_type() for part in sent.walk()] == [
            "multipart/alternative", "text/plain", "text/html",
        ]  # fmt: skip
        html, usual_html = (each.get_body(("html",)).get_content() for each in (sent, usual_sent))
        assert Shape(html).elements == Shape(usual_html).elements
        assert Shape(letter.html).elements == Shape(html).elements
    text = found["received"][1].get_body(("plain",)).get_content()
    assert _begins(words)[:10] in _plain(text)
