"""Which order numbers and e-mail addresses are the same."""

from __future__ import annotations

import pytest

from refunds.woocommerce import email_key, number_key


@pytest.mark.parametrize(
    "typed", ["1001", "#1001", " 1001 ", "# 1001", "\uff11\uff10\uff10\uff11", "\u200b1001", "##1001"]
)
def test_number_is_the_same_however_it_is_typed(typed: str) -> None:
    assert number_key(typed) == "1001"


def test_letters_of_a_number_are_compared_without_case() -> None:
    assert number_key("#A-1001") == number_key("a-1001") == "a-1001"


@pytest.mark.parametrize("other", ["1002", "01001", "A1001", "1001-1", "10 01", "1001.0", ""])
def test_other_numbers_stay_other_numbers(other: str) -> None:
    assert number_key(other) != number_key("1001")


@pytest.mark.parametrize("typed", ["anna@example.com", " Anna@Example.COM ", "ANNA@EXAMPLE.COM\n"])
def test_email_is_the_same_in_any_case(typed: str) -> None:
    assert email_key(typed) == "anna@example.com"


def test_email_in_two_spellings_of_one_letter_is_the_same() -> None:
    assert email_key("zoe\u0308@example.com") == email_key("ZO\u00cb@example.com")


@pytest.mark.parametrize(
    "other", ["anna@example.co", "anna+shop@example.com", "a.nna@example.com", "\uff41nna@example.com"]
)
def test_other_emails_stay_other_emails(other: str) -> None:
    assert email_key(other) != email_key("anna@example.com")
