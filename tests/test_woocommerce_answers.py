"""How answers are read: noise before JSON, caches, and fields that are not what they should be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from refunds.woocommerce import BadAnswer, answers
from refunds.woocommerce.answers import Answer

NOTICE = (
    b"<br />\n<b>Warning</b>:  Undefined array key &quot;foo&quot; in <b>/srv/some-plugin.php</b> on line <b>42</b>\n"
)


def answer(body: bytes = b"{}", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, CaseInsensitiveDict(fields), body)


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"a": 1.10}', {"a": Decimal("1.10")}),
        (b'\xef\xbb\xbf{"a": "\xc3\xb6"}', {"a": "ö"}),
        (NOTICE + b'{"id": 5}', {"id": 5}),
        (NOTICE + b'[{"id": 5}]\n', [{"id": 5}]),
        (NOTICE + b"[]", []),
        (b"\xef\xbb\xbf\n" + NOTICE + b"{}", {}),
        (b"Notice: a [b] c {d} in e.php on line 3 [1, 2]", [1, 2]),
    ],
)
def test_noise_before_the_data_of_a_read_is_skipped(body: bytes, data: Any) -> None:
    assert answers.decode_after_noise(body) == data


@pytest.mark.parametrize(
    "body",
    [
        NOTICE + b'[{"id": 5, "line_items": []',
        NOTICE + b'{"refunds": []',
        b'[{"id": 5, "line_items": []',
        b"[null, []",
        NOTICE,
        b'{"a": 1} and more',
        b"<html>[]</html>",
        b'{"a": NaN}',
        b'{"a": 1e99999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
    ],
)
def test_rest_of_a_broken_answer_is_never_taken_for_the_whole(body: bytes) -> None:
    """The inner `[]` of a list that was cut off would read as "no refunds"."""
    with pytest.raises(BadAnswer):
        answers.decode_after_noise(body)


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf{}", NOTICE + b"{}", b"{} ."])
def test_answer_to_a_refund_may_be_nothing_but_json(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        answers.decode(body)


# --- Caches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Age": "7"},
        {"X_Cache": "HIT"},
        {"X_Cache": "Hit from cloudfront"},
        {"X_Cache": "TCP_MISS, HIT"},
        {"x_proxy_cache": "hit"},
        {"X_Cache_Status": "STALE"},
        {"X_LiteSpeed_Cache": "hit,private"},
        {"X_WC_Cache": "HIT"},
        {"CF_Cache_Status": "HIT"},
        {"CF_Cache_Status": "REVALIDATED"},
    ],
)
def test_answer_of_a_cache_is_recognised(headers: dict[str, str]) -> None:
    assert answer(**headers).is_cached


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Age": "0"},
        {"Age": "\u00b2"},
        {"Age": "old"},
        {"X_Cache": "MISS"},
        {"X_Cache": "Miss from cloudfront"},
        {"CF_Cache_Status": "DYNAMIC"},
        {"X_LiteSpeed_Cache": "miss"},
        {"X_WC_Cache": "SKIP"},
        {"Cache_Control": "no-store, hit"},
        {"X_Whitelist": "hit"},
    ],
)
def test_answer_of_the_store_is_no_cache(headers: dict[str, str]) -> None:
    assert not answer(**headers).is_cached


def test_clock_of_the_store_is_its_date_header() -> None:
    assert answer(Date="Fri, 20 Nov 2026 14:53:21 GMT").date == datetime(2026, 11, 20, 14, 53, 21, tzinfo=UTC)
    assert answer(Date="yesterday").date is None
    assert answer().date is None


# --- Fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("10.00", "10.00"),
        ("-0.00", "-0.00"),
        ("0.886613", "0.886613"),
        ("3.5527136788005E-15", "3.5527136788005E-15"),
        (25, "25"),
        (Decimal("2.9966666666666666"), "2.9966666666666666"),
    ],
)
def test_amount_is_read_to_the_last_digit(value: Any, amount: str) -> None:
    assert answers.amount({"a": value}, "a") == Decimal(amount)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", " ", True, [], {}, Decimal("NaN"), Decimal("1e13"), "NaN", "Infinity", "1e9999"),
        *("10,00", "1.234,50", "$10.00", " 10.00", "10.", ".5", "\u0661\u0660", "1" * 13, "0." + "1" * 41),
    ],
)
def test_amount_that_is_none_is_a_bad_answer(value: Any) -> None:
    with pytest.raises(BadAnswer, match="“a” in the store's answer is not an amount"):
        answers.amount({"a": value}, "a")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (answers.identity, "7"),
        (answers.identity, 0),
        (answers.identity, -1),
        (answers.identity, 7.5),
        (answers.identity, True),
        (answers.identity, 2**63),
        (answers.whole, "7.5"),
        (answers.whole, Decimal("1.5")),
        (answers.whole, True),
        (answers.whole, None),
        (answers.whole, 2**70),
        (answers.text, None),
        (answers.text, []),
        (answers.text, True),
        (answers.flag, "true"),
        (answers.flag, 1),
        (answers.entries, {}),
        (answers.entries, [1]),
        (answers.entries, [{"errors": {}}]),
        (answers.part, []),
        (answers.instant, 5.0),
    ],
)
def test_field_of_the_wrong_kind_is_a_bad_answer(read: Any, value: Any) -> None:
    with pytest.raises(BadAnswer):
        read({"a": value}, "a")


@pytest.mark.parametrize(
    "read", [answers.identity, answers.whole, answers.text, answers.entries, answers.part, answers.amount]
)
def test_field_that_is_missing_is_a_bad_answer(read: Any) -> None:
    with pytest.raises(BadAnswer, match="lacks “a”"):
        read({}, "a")


@pytest.mark.parametrize(("value", "number"), [(7, 7), ("7", 7), (Decimal("2.0"), 2), ("-3", -3)])
def test_whole_number_is_read_in_every_way_php_writes_it(value: Any, number: int) -> None:
    assert answers.whole({"a": value}, "a") == number


def test_text_loses_what_no_database_keeps() -> None:
    assert answers.text({"a": "a\x00b\ud800c😀"}, "a") == "a\ufffdb\ufffdc😀"
    assert answers.name({"a": "Mug &quot;Gr&ouml;&szlig;e L&quot; &amp;amp; more&#0;"}, "a") == (
        'Mug "Größe L" &amp; more\ufffd'
    )


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-11-20T14:42:55", datetime(2026, 11, 20, 14, 42, 55, tzinfo=UTC)),
        ("2026-11-20T14:42:55Z", datetime(2026, 11, 20, 14, 42, 55, tzinfo=UTC)),
        ("2026-11-20T14:42:55+02:00", datetime(2026, 11, 20, 12, 42, 55, tzinfo=UTC)),
        (None, None),
        ("", None),
        ("-0001-11-30T00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_instant_is_aware_and_in_utc(value: str | None, at: datetime | None) -> None:
    assert answers.instant({"a": value}, "a") == at


@pytest.mark.parametrize(
    ("number", "decimals", "tidy"),
    [
        ("50.00000000", 2, "50.00"),
        ("50.00000000", 0, "50"),
        ("0.88661300", 2, "0.886613"),
        ("1200", 2, "1200"),
        ("1.2550", 3, "1.255"),
        ("-0.00", 0, "-0"),
    ],
)
def test_zeros_that_only_dp_added_are_dropped(number: str, decimals: int, tidy: str) -> None:
    assert str(answers.tidy(Decimal(number), decimals)) == tidy


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://shop.example/a.jpg?x=1", "https://shop.example/a.jpg?x=1"),
        ("javascript:alert(1)", ""),
        ("data:image/png;base64,AA", ""),
        ('https://shop.example/"onload="', ""),
        ("", ""),
        (None, ""),
        (False, ""),
    ],
)
def test_address_of_a_picture_is_http_or_nothing(address: Any, kept: str) -> None:
    assert answers.web_address(address) == kept


def test_words_of_the_store_become_one_plain_line() -> None:
    words = "<h1>Error</h1>\n establishing &lt;a&gt; <script>x()</script>\x00 database \ud800connection" + "!" * 400

    plain = answers.plain(words)

    assert plain.startswith("Error establishing <a> x() database connection!!!")
    assert (len(plain), plain[-1]) == (300, "…")
