"""Times on the pages: as the visitor's own clock shows them or, without scripts, as the shop's does, which is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import time_machine
from django.conf import LazySettings

from refunds import links
from tests.test_pages_status import submitted

from .window import Window

SENT = "2026-05-04 23:30:00Z"


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "May 4, 2026, 7:30 PM"),
        ("de", "04.05.2026, 19:30"),
        ("zh-hans", "2026年5月4日 19:30"),
        ("ar", "04\u200f/05\u200f/2026، 7:30 م"),
    ],
)
def test_times_are_the_visitors_own(window: Callable[..., Window], language: str, shown: str) -> None:
    with time_machine.travel(SENT):
        refund_request = submitted()
    anna = window(language=language, timezone_id="America/New_York")

    anna.open(links.status_path(refund_request))

    assert anna.page.locator(".timeline time").inner_text().replace("\u202f", " ") == shown


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "May 5, 2026 1:30 a.m. CEST"), ("de", "5. Mai 2026 01:30 CEST"), ("ar", "5 مايو، 2026 1:30 ص CEST")],
)
def test_without_scripts_times_are_the_shops(
    window: Callable[..., Window], settings: LazySettings, language: str, shown: str
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    with time_machine.travel(SENT):
        refund_request = submitted()
    anna = window(language=language, timezone_id="America/New_York", javascript=False)

    anna.open(links.status_path(refund_request))

    assert anna.page.locator(".timeline time").inner_text() == shown
