"""Every page and state of the customer's side: nothing to find for axe, light and dark, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from portal.sandbox.store import catalogue
from refunds import links, photos, timing, workflow
from refunds.models import LookUp, ReasonRule, RefundRequest, Shop
from refunds.views import entry
from refunds.woocommerce.types import Order, RefundSummary, Tax
from tests.desk import in_store
from tests.factories import SHIPPING, SHIRT, approver, order
from tests.test_pages_conversation import asked
from tests.test_pages_request import proven
from tests.test_pages_status import STATES, submitted
from tests.test_photos import picture, upload

from .site import Site
from .window import Window

ANNA = "anna@example.com"
Windows = Callable[..., Window]
TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
    .filter((pressed) => pressed.checkVisibility() && !pressed.closest(".visually-hidden, .default, .skip"))
    .filter((pressed) => ![...(pressed.closest("p, dd, li")?.childNodes ?? [])]
        .some((part) => part.nodeType === 3 && part.textContent.trim()))
    .map((pressed) => [pressed, pressed.labels?.[0]?.closest(".line, .radio") ?? pressed])
    .filter(([, area]) => area.getBoundingClientRect().height < 44 || area.getBoundingClientRect().width < 44)
    .map(([pressed]) => pressed.outerHTML)"""
"""What is too small for a finger: under 44 pixels. Links in the middle of a sentence are as tall as its line."""


def look_at(window: Window, name: str) -> None:
    """On a phone, where fingers have to hit; then whether it still fits a desk, and a desk at 400 %."""
    window.look(name)
    assert window.page.evaluate(TOO_SMALL) == []
    for width in (320, 1280):
        window.resize(width)
        assert window.sticks_out() == []
        if width == 1280:
            window.shoot(f"{name}-light")
    window.resize(390)


@pytest.fixture
def anna(window: Windows) -> Window:
    return window(width=390)


# --- The way in ------------------------------------------------------------------------------------------------------


def test_start_and_help_with_the_number(anna: Window) -> None:
    anna.open("/")
    look_at(anna, "start")

    anna.page.locator("summary").click()

    assert anna.link("help@shop.example").first.is_visible()
    look_at(anna, "start-help")


def test_start_with_errors(anna: Window) -> None:
    anna.open("/")

    anna.button("Find my order").click()

    assert anna.page.evaluate("document.activeElement.className") == "errors"
    look_at(anna, "start-errors")
    anna.link("Enter your e-mail address.").click()
    assert anna.page.evaluate("document.activeElement.id") == "id_email"


def typed_in(anna: Window, number: str = "1001") -> None:
    anna.open("/")
    anna.field("Order number").fill(number)
    anna.field("E-mail address").fill(ANNA)
    anna.button("Find my order").click()


def test_code_wrong_code_and_no_tries(anna: Window) -> None:
    typed_in(anna)
    look_at(anna, "code")

    anna.button("Send the code again").click()
    look_at(anna, "code-too-soon")

    anna.field("Code").fill("12345")
    anna.button("Confirm my order").click()
    assert "The code has six digits. You typed 5." in anna.text
    for _try in range(timing.CODE_TRIES):
        anna.field("Code").fill("000000")
        anna.button("Confirm my order").click()
        if _try == 0:
            look_at(anna, "code-wrong")
    assert anna.heading == "This code can no longer be entered"
    look_at(anna, "code-no-tries")


def test_mailed_link(site: Site, anna: Window) -> None:
    in_store(site.store)
    typed_in(anna)
    site.work()

    anna.open(site.address_in_mail(ANNA))
    look_at(anna, "proof")
    anna.button("Confirm my order").click()

    assert anna.heading == "What do you want your money back for?"


def test_too_many_look_ups(anna: Window) -> None:
    Shop.objects.update(per_email_and_hour=1)
    typed_in(anna)

    typed_in(anna, "1002")

    assert anna.heading == "Please wait a little"
    look_at(anna, "429")


def test_page_without_its_cookie(anna: Window) -> None:
    anna.open("/")
    anna.context.clear_cookies()

    anna.button("Find my order").click()

    assert anna.heading == "Please send this once more"
    look_at(anna, "403-csrf")


def test_page_that_breaks(anna: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "page", lambda *_unused, **_too: 1 / 0)

    anna.open("/")

    assert anna.heading == "Something is broken on our side"
    look_at(anna, "500")
    assert anna.trouble == [f"500: {anna.site}/"]
    anna.trouble.clear()


@pytest.mark.parametrize("path", ["/s/nothing/", "/nothing/"])
def test_links_that_lead_nowhere(anna: Window, path: str) -> None:
    anna.open(path)

    look_at(anna, "dead-link" if path.startswith("/s/") else "404")


def test_link_that_is_too_old(anna: Window) -> None:
    with time_machine.travel(timezone.now() - timing.STATUS_LINK_LIFE - timedelta(days=1)):
        path = links.status_path(submitted())

    anna.open(path)

    assert "It is too old." in anna.text
    look_at(anna, "dead-link-old")


# --- What, and why ---------------------------------------------------------------------------------------------------


@pytest.fixture
def anna_proven(anna: Window) -> Callable[..., LookUp]:
    """Anna's window with an order that she has proven."""

    def prove(store_order: Order | None = None) -> LookUp:
        client = Client()
        look_up = proven(client, store_order)
        anna.carry_on(client)
        return look_up

    return prove


def test_lines_that_are_gone_and_free(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    lines = (
        replace(SHIRT, refunded_quantity=1, refunded_total=Decimal("20.00"), refunded_taxes=(Tax(1, Decimal("3.80")),)),
        replace(SHIRT, id=14, name="Sticker (a gift)", total=Decimal(0), taxes=()),
        replace(SHIPPING, refunded_total=Decimal("5.00"), refunded_taxes=(Tax(1, Decimal("0.95")),)),
    )
    given = (RefundSummary(9, Decimal("29.75"), ""),)
    submitted_before = submitted()
    workflow.withdraw(submitted_before)
    anna_proven(order(lines=lines, refunds=given))

    anna.open("/request/")

    assert "Refunded already." in anna.text
    assert "You took this request back on" in anna.text
    look_at(anna, "lines")


def test_thirty_lines_with_long_names(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    many = tuple(replace(SHIRT, id=100 + n, name=catalogue.TRIO.name) for n in range(30))
    anna_proven(order(lines=many, total=Decimal("1428.00")))

    anna.open("/request/")

    look_at(anna, "lines-many")


def test_nothing_left(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    submitted()
    anna_proven()

    anna.open("/request/")

    assert "There is nothing left to ask for" in anna.text
    look_at(anna, "lines-none")


def test_lines_with_every_error_at_once(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    ReasonRule.objects.create(reason="damaged", needs_note=True, needs_photo=True, hint="Show us the box, too.")
    anna_proven()
    anna.open("/request/")
    anna.page.locator("input[type=file]").set_input_files(
        {"name": "not-a-photo.jpg", "mimeType": "image/jpeg", "buffer": b"This is text."}
    )
    anna.page.get_by_label("T-Shirt", exact=True).fill("7")
    anna.page.get_by_label("Arrived damaged").check()

    anna.button("Continue").click()

    assert "You can ask for 2 at most." in anna.text
    assert anna.page.evaluate("document.activeElement.className") == "errors"
    look_at(anna, "lines-errors")


def test_lines_with_nothing_filled_in(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    anna_proven()
    anna.open("/request/")

    anna.button("Continue").click()

    assert "Choose at least one item that you want the money back for." in anna.text
    look_at(anna, "lines-nothing-chosen")


def test_review_with_note_and_photos(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    look_up = anna_proven()
    for size in ((1200, 900), (300, 900)):
        photos.add(upload(picture(size=size)), look_up=look_up)
    anna.open("/request/")
    anna.button("Choose everything").click()
    anna.page.get_by_label("Arrived damaged").check()
    anna.field("Anything we should know? (optional)").fill("A hole in the sleeve.\nAnd another one.")
    look_at(anna, "lines-chosen")

    anna.button("Continue").click()

    assert anna.heading == "Check and send"
    look_at(anna, "review")


def test_proof_that_is_too_old(anna: Window, anna_proven: Callable[..., LookUp]) -> None:
    look_up = anna_proven()
    LookUp.objects.filter(pk=look_up.pk).update(proven_at=timezone.now() - timing.PROOF_LIFE)

    anna.open("/request/")

    look_at(anna, "prove-again")


# --- Where it stands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "make"), [state[:2] for state in STATES], ids=[state[0] for state in STATES])
def test_every_state(anna: Window, state: str, make: Callable[[User], RefundRequest]) -> None:
    refund_request = make(approver())

    anna.open(links.status_path(refund_request))

    look_at(anna, f"status-{state.replace(' ', '-')}")


def test_question_messages_and_photos(anna: Window) -> None:
    refund_request = asked()
    workflow.write_back(
        refund_request, text="The blue one.", photos=[photos.add(upload(picture()), refund_request=refund_request)]
    )
    refund_request.refresh_from_db()
    workflow.ask(refund_request, by=approver(), version=refund_request.version, text="And its size?")

    anna.open(links.status_path(refund_request))

    look_at(anna, "status-needs-info")
    anna.button("Send my answer").click()
    assert "Write something first." in anna.text
    look_at(anna, "status-needs-info-error")


def test_withdrawing_and_erasing(anna: Window) -> None:
    anna.open(links.status_path(submitted()))

    anna.link("Take my request back").click()
    look_at(anna, "withdraw")
    anna.button("Take my request back").click()
    look_at(anna, "status-withdrawn")
    anna.link("Erase my data").click()
    look_at(anna, "erase")
    anna.button("Erase my data").click()

    assert "Your data is erased." in anna.text
    look_at(anna, "status-erased")
