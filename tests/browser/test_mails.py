"""Mails as a mail program shows them: readable in the shop's colour, light and dark, from left and from right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from refunds.models import Mail, RefundLine, RefundRequest, Shop
from tests.factories import approver
from tests.test_pages_conversation import asked
from tests.test_pages_status import approved, paid, submitted

from .window import SCHEMES, Window, violations

KINDS: dict[str, Callable[[], RefundRequest]] = {
    "received": submitted,
    "needs_info": asked,
    "refunded": lambda: paid(approved(approver())),
}


@pytest.mark.parametrize(("accent", "width"), [("", 1280), ("#ffd400", 390), ("#7b1fa2", 320)])
def test_mails_can_be_read(window: Callable[..., Window], accent: str, width: int) -> None:
    Shop.objects.update(accent=accent)
    for make in KINDS.values():
        make()
        # The next one is about the same order.
        RefundLine.objects.update(is_open=False)
    reader = window(width=width)

    for letter in Mail.objects.filter(kind__in=KINDS):
        reader.page.set_content(letter.html)
        assert reader.sticks_out() == []
        for scheme in SCHEMES:
            reader.page.emulate_media(color_scheme=scheme)
            # The rules for whole pages, such as landmarks, are not for mails.
            found = violations(reader.page, {"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})
            assert not found, "\n".join(found)
            reader.shoot(f"mail-{letter.kind}-{scheme}-{accent.strip('#')}")
