"""The customer's whole way, from the order number on the parcel to the page that says where the money is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from refunds.models import RefundRequest
from tests.desk import in_store

from .site import Site
from .window import Scheme, Window

ANNA = "anna@example.com"
SHOWS_FOCUS = """[document.activeElement, document.activeElement.closest(".radio")].some(
    (shown) => shown && getComputedStyle(shown).outlineStyle !== "none")"""


@pytest.mark.parametrize(
    ("language", "javascript", "width", "scheme"),
    [
        ("en", True, 1280, "light"),
        ("en", False, 390, "dark"),
        ("de", True, 390, "light"),
        ("de", False, 1280, "dark"),
        ("zh-hans", True, 390, "dark"),
        ("zh-hans", False, 1280, "light"),
        ("ar", True, 1280, "dark"),
        ("ar", False, 390, "light"),
    ],
)
def test_the_whole_way(
    site: Site, window: Callable[..., Window], language: str, javascript: bool, width: int, scheme: Scheme
) -> None:
    order = in_store(site.store)
    anna = window(language=language, javascript=javascript, width=width, scheme=scheme)

    def seen(name: str) -> None:
        if javascript:
            anna.look(name, schemes=[scheme])
        else:  # axe is a script, too
            anna.shoot(f"{name}-{scheme}")

    anna.open("/")
    seen("way-start")
    anna.field("Order number").fill("#1001")
    anna.field("E-mail address").fill("Anna@Example.com")
    anna.button("Find my order").click()
    site.work()
    anna.field("Code").fill(site.code(ANNA))
    anna.button("Confirm my order").click()
    anna.page.get_by_label("T-Shirt", exact=True).fill("1")
    anna.page.get_by_label(anna.says("Changed my mind")).check()
    if javascript:
        expect(anna.page.locator("#amount")).to_contain_text("23")
    seen("way-lines")
    anna.button("Continue").click()
    seen("way-review")
    anna.button("Ask for %(amount)s back", amount=Decimal("23.80")).click()
    refund_request = RefundRequest.objects.get()
    assert refund_request.language == language
    assert [(line.order_line_id, line.quantity) for line in refund_request.lines.all()] == [(order.lines[0].id, 1)]

    site.work()
    anna.open(site.address_in_mail(ANNA))

    assert anna.heading == anna.says("We have your request.")
    assert anna.page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    seen("way-status")


def tab_to(window: Window, element: str) -> None:
    """Presses Tab until the element has the focus, and sees that everything on the way shows that it has it."""
    for _press in range(40):
        window.page.keyboard.press("Tab")
        assert window.page.evaluate(SHOWS_FOCUS)
        if window.page.evaluate("element => document.activeElement.matches(element)", element):
            return
    raise AssertionError(f"Tab does not lead to {element}.")


def test_the_whole_way_by_keyboard_alone(site: Site, window: Callable[..., Window]) -> None:
    order = in_store(site.store)
    anna = window()
    keys = anna.page.keyboard

    anna.open("/")
    tab_to(anna, "#id_number")
    keys.type("1001")
    tab_to(anna, "#id_email")
    keys.type(ANNA)
    keys.press("Enter")
    expect(anna.page.locator("#id_code")).to_be_visible()
    site.work()
    tab_to(anna, "#id_code")
    keys.type(site.code(ANNA))
    keys.press("Enter")
    expect(anna.page.locator("#amount")).to_be_visible()
    tab_to(anna, f"#id_q_{order.lines[0].id}")
    keys.press("ArrowUp")
    tab_to(anna, f"#id_q_{order.lines[1].id}")
    keys.press("Space")
    tab_to(anna, "input[type=radio]")
    keys.press("ArrowDown")
    tab_to(anna, "button[value=review]")
    keys.press("Enter")
    expect(anna.page.locator("h1")).to_have_text("Check and send")
    tab_to(anna, "button[value=submit]")
    keys.press("Enter")
    expect(anna.page.locator("h1")).to_have_text("We have your request.")

    refund_request = RefundRequest.objects.get()
    assert (refund_request.reason, refund_request.requested_amount) == ("faulty", Decimal("29.75"))
