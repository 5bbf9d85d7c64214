"""All parts of the customer pages in all their states, on one page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .window import Window


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("de", 320), ("ar", 390)])
def test_every_part_in_every_state(window: Callable[..., Window], language: str, width: int) -> None:
    anna = window(language=language, width=width)

    anna.open("/styleguide/")

    assert anna.heading == "Style guide"
    anna.look("styleguide")
