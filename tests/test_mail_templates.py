"""Mails: text and HTML say the same, subjects carry no words of customers, and "refunded" promises nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail as django_mail

from refunds import colours, mail, words, workflow
from refunds.models import DeclineReason, LookUp, Mail, RefundEvent, RefundRequest, Shop
from refunds.states import Status
from refunds.woocommerce.types import Verdict
from tests.factories import SHIPPING, SHIRT, LookUpFactory, OrderSnapshotFactory, approver, order
from tests.test_pages_conversation import asked
from tests.test_pages_status import answered, approved, declined, fresh, paid, submitted

pytestmark = pytest.mark.django_db

NASTY = 'Mug "A" & <b>B</b> \U0001f9e6 100% %s {{ code }}'
NOW = "2026-05-04 12:00:00Z"


@pytest.fixture(autouse=True)
def _plain(settings: Any) -> None:
    settings.APPROVAL_HOLD = 0
    settings.STAFF_EMAIL = "staff@shop.example"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Shop.objects.create(pk=1, name='Tea & "Cups"', support_email="help@shop.example")


def newest(kind: str) -> Mail:
    return Mail.objects.filter(kind=kind).latest("pk")


def plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def read(html: str) -> str:
    """The words of the HTML part; a link reads as its words and its address, as in the text part."""
    body = html[html.index("</head>") :]
    linked = re.sub(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', r"\2: \1", body)
    return plain(unescape(re.sub(r"<[^>]+>", " ", linked)))


def code_mail() -> Mail:
    return mail.write("code", look_up=LookUpFactory.create(proven_at=None))


def nasty_request() -> RefundRequest:
    snapshot = OrderSnapshotFactory.create(order=order(lines=(replace(SHIRT, name=NASTY), SHIPPING)))
    look_up: LookUp = LookUpFactory.create(snapshot=snapshot)
    return workflow.submit(look_up, chosen={11: 2}, reason="other", note=f"{NASTY}\nSubject: x")


def make(kind: str) -> Mail:
    if kind == "code":
        return code_mail()
    if kind == "declined":
        declined(approver())
    elif kind == "approved":
        approved(approver())
    elif kind == "needs_info":
        asked()
    elif kind == "message":
        refund_request = submitted()
        workflow.write(refund_request, by=approver(), text="We look at it.\nTomorrow & soon.")
    elif kind == "withdrawn":
        workflow.withdraw(submitted())
    elif kind == "correction":
        return mail.write("correction", refund_request=paid(approved(approver())))
    elif kind == "refunded":
        paid(approved(approver()))
    elif kind == "needs_staff":
        answered(approved(approver()), Verdict.IN_DOUBT)
    else:
        submitted()
    return newest(kind)


KINDS = [
    "code", "received", "message", "needs_info", "approved", "declined", "refunded", "withdrawn", "correction",
    "new_request", "needs_staff",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_say_the_same(kind: str) -> None:
    letter = make(kind)

    said = read(letter.html)
    sentences = [plain(line) for line in letter.text.split("\n--\n")[0].splitlines() if line.strip()]
    assert [line for line in sentences if line not in said and line.replace(": ", " ") not in said] == []
    assert len(sentences) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_thing_to_press(kind: str) -> None:
    letter = make(kind)

    assert len(re.findall(r"<a href=", letter.html)) == 1
    assert "<img" not in letter.html
    assert "prefers-color-scheme: dark" in letter.html


@pytest.mark.parametrize("kind", KINDS)
def test_secrets_are_put_in_at_delivery_only(kind: str) -> None:
    letter = make(kind)

    assert "/s/" not in letter.text + letter.html
    assert "/p/" not in letter.text + letter.html
    mail.deliver(letter.pk, owner="test")
    delivered = django_mail.outbox[0]
    assert "{{" not in str(delivered.body)
    assert "{{" not in str(delivered.alternatives[0][0])
    assert delivered.reply_to == ["help@shop.example"]


def test_nothing_of_a_customer_reaches_a_subject_or_becomes_markup() -> None:
    refund_request = nasty_request()

    received, new = newest("received"), newest("new_request")
    assert received.subject == f"We have your request {refund_request.reference}"
    assert plain(new.subject) == f"[{refund_request.reference}] New request: EUR 47.60"
    for letter in (received, new):
        assert f"2 × {NASTY}: EUR\u00a047.60" in letter.text
        assert "Mug &quot;A&quot; &amp; &lt;b&gt;B&lt;/b&gt;" in letter.html
        assert "Subject: x" not in letter.text + letter.html


def test_text_parts_are_not_escaped() -> None:
    letter = make("received")

    assert letter.text.endswith('--\nTea & "Cups"\n')
    assert "&amp;" not in letter.text
    assert "Tea &amp; &quot;Cups&quot;" in letter.html


def test_code_mail_has_the_code_and_the_way_for_another_device() -> None:
    letter = code_mail()
    mail.deliver(letter.pk, owner="test")

    body = str(django_mail.outbox[0].body)
    assert letter.subject == 'Your code for Tea & "Cups"'
    assert re.search(r"^Your code: \d{6}$", body, re.MULTILINE)
    assert re.search(r"^http://127\.0\.0\.1:8000/p/\S+/$", body, re.MULTILINE)
    assert "It works for 10 minutes after this mail arrives." in body
    assert "You did not ask for this?" in body


def test_refunded_says_how_and_when_and_never_that_money_arrived() -> None:
    with time_machine.travel(NOW, tick=False):
        refund_request = paid(approved(approver()))

    letter = newest("refunded")
    assert letter.subject == f"Refund issued for {refund_request.reference}"
    assert plain(letter.text).startswith(
        "Refund of EUR 41.20 issued on May 4, 2026. It goes back the way you paid: Test Pay (card). "
        "Banks usually show it within 5 to 10 working days. "
        "If you do not see it by May 18, 2026, ask your bank first, then write to us. "
        "You asked for EUR 53.55, and we approved EUR 41.20. See your request: {{ status_url }}"
    )
    assert not re.search("success|arrived|received", letter.text + letter.html)


def test_refund_by_hand_is_said_to_be_one() -> None:
    paid(approved(approver(), api_refund=False))

    text = newest("refunded").text
    assert "We made this payment by hand, by bank transfer or as agreed with you." in text
    assert "the way you paid" not in text
    assert "SEPA 4711" not in text


def test_refund_as_asked_mentions_no_difference() -> None:
    paid(approved(approver(), "53.55"))

    assert "You asked for" not in newest("refunded").text


def test_declined_gives_the_reason_and_a_way_to_answer() -> None:
    refund_request = submitted()
    workflow.decline(
        refund_request,
        by=approver(),
        version=refund_request.version,
        decline_reason=DeclineReason.USED,
        words='Washed at "60" °C & worn.\nSorry.',
        note="for colleagues",
    )

    letter = newest("declined")
    assert plain(letter.text).startswith(
        'We cannot refund this. Washed at "60" °C & worn. Sorry. If you see it differently, just answer this mail.'
    )
    assert "Washed at &quot;60&quot; °C &amp; worn.<br>Sorry." in letter.html
    assert "colleagues" not in letter.text + letter.html


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("in_doubt", "The outcome of this payout is unknown. The money may have moved."),
        ("refused", "The store or the payment provider refused this refund."),
        ("changed_in_store", "The order has changed in the store since the approval"),
        ("nothing_sent", "now it is certain that nothing was sent"),
        ("reversed", "has taken it back since"),
        ("sum_mismatch", "the order’s refunded sum is not what it should be"),
        ("unheard_of", "This case needs a decision."),
    ],
)
def test_staff_are_told_why_a_case_needs_them(kind: str, said: str) -> None:
    refund_request = approved(approver())
    event = RefundEvent.objects.create(refund_request=refund_request, kind=kind, actor="worker")

    letter = mail.write("needs_staff", refund_request=refund_request, event=event, recipient="staff@shop.example")

    assert plain(letter.subject) == f"[{refund_request.reference}] Needs you: EUR 41.20"
    assert said in letter.text
    assert f"/staff/refunds/refundrequest/{refund_request.pk}/change/" in letter.text


def test_page_and_mail_say_the_same() -> None:
    refund_request = paid(approved(approver()))

    assert refund_request.status == Status.REFUNDED
    state = words.state(fresh(refund_request), Shop.current())
    assert plain(newest("refunded").text).startswith(plain(" ".join((state.headline, *state.sentences))))


# --- Colour ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accent", ["#ffd400", "#000000", "#ffffff", "#b00020", "", "red"])
def test_buttons_have_the_shops_colour_and_can_be_read(accent: str) -> None:
    Shop.objects.update(accent=accent)

    html = code_mail().html

    light, dark = colours.light(accent), colours.dark(accent)
    assert f"color:{light.ink};text-decoration:none;border:1px solid {light.accent}" in html
    assert f"border-top:4px solid {light.accent}" in html
    assert f".button {{ background: {dark.accent} !important;" in html
    assert f"color: {dark.ink} !important;" in html
    for shades in (light, dark):
        assert colours.contrast(colours.read(shades.ink), colours.read(shades.accent)) >= 4.5


def test_shop_without_a_colour_has_that_of_the_pages() -> None:
    css = (settings.BASE_DIR / "static" / "refunds" / "portal.css").read_text()

    assert f"--accent: {colours.DEFAULT};" in css
    assert colours.light("") == colours.light("red") == colours.light(colours.DEFAULT)
    assert colours.light("").accent == colours.DEFAULT


@pytest.mark.parametrize(("language", "side"), [("en", "border-left"), ("ar", "border-right")])
def test_quotes_have_their_line_where_the_language_begins(language: str, side: str) -> None:
    RefundRequest.objects.filter(pk=submitted().pk).update(language=language)
    refund_request = RefundRequest.objects.get()

    workflow.ask(refund_request, by=approver(), version=refund_request.version, text="Which size?")

    assert re.findall("border-(?:left|right):3px", newest("needs_info").html) == [f"{side}:3px"]
