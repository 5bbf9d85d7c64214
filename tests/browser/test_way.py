"""The customer's whole way, from the order number on the parcel to the page that says where the money is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from refunds.models import RefundRequest
from tests.desk import in_store

from .site import Site
from .window import Window

ANNA = "anna@example.com"


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
    site: Site, window: Callable[..., Window], language: str, javascript: bool, width: int, scheme: str
) -> None:
    order = in_store(site.store)
    anna = window(language=language, javascript=javascript, width=width, scheme=scheme)

    anna.open("/")
    anna.field("Order number").fill("#1001")
    anna.field("E-mail address").fill("Anna@Example.com")
    anna.button("Find my order").click()
    site.work()
    anna.field("Code").fill(site.code(ANNA))
    anna.button("Confirm my order").click()
    anna.page.get_by_label("T-Shirt", exact=True).fill("1")
    anna.page.get_by_label(anna.says("Changed my mind")).check()
    anna.shoot(f"way-lines-{scheme}")
    anna.button("Continue").click()
    anna.shoot(f"way-review-{scheme}")
    anna.button("Ask for %(amount)s back", amount=Decimal("23.80")).click()
    anna.shoot(f"way-status-{scheme}")

    refund_request = RefundRequest.objects.get()
    assert anna.heading == anna.says("We have your request.")
    assert refund_request.language == language
    assert [(line.order_line_id, line.quantity) for line in refund_request.lines.all()] == [(order.lines[0].id, 1)]
