"""What the first page costs a phone, measured on the way to the browser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Response

from refunds.models import Shop

from .window import Window

MOST = {"stylesheet": 25_000, "script": 8_000}
MOST_IN_ALL = 60_000
"""Bytes, before the server packs them."""


@pytest.mark.parametrize("language", ["en", "ar"])
def test_first_page_is_light(window: Callable[..., Window], language: str) -> None:
    Shop.objects.update(accent="#b00020")
    anna = window(width=390, language=language)
    answers: list[Response] = []
    anna.context.on("response", lambda answer: answers.append(answer))

    anna.open("/")
    anna.page.wait_for_load_state("networkidle")

    weights: Counter[str] = Counter()
    for answer in answers:
        weights[answer.request.resource_type] += len(answer.body())
    assert weights["stylesheet"] > 0
    assert weights["script"] > 0
    assert {kind: weights[kind] for kind, most in MOST.items() if weights[kind] >= most} == {}
    assert weights.total() < MOST_IN_ALL
