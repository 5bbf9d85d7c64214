"""The shop's own name, colour, logo, addresses and limits on every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from refunds import colours
from refunds.models import LookUp, Shop
from refunds.views import brand

PNG = b"\x89PNG\r\n\x1a\n picture"
DARK_BLOCK = "@media (prefers-color-scheme:dark)"


@pytest.fixture(autouse=True)
def logos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Shop._meta.get_field("logo"), "storage", FileSystemStorage(location=tmp_path, base_url=None))
    return tmp_path


@pytest.fixture
def shop(db: None, logos: Path) -> Shop:
    return Shop.objects.create(pk=1, name="Tea & Cups", support_email="help@shop.example")


def named(css: str) -> dict[str, colours.Colour]:
    return {name: colours.read(value) for name, value in re.findall(r"--([a-z-]+):(#[0-9a-f]{6})", css)}


def test_frame_shows_what_the_shop_has_set(
    client: Client, shop: Shop, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    shop.imprint_url, shop.privacy_url = "https://shop.example/imprint", "https://shop.example/privacy?a=1&b=2"
    shop.answer_days, shop.accent = 1, "#b00020"
    shop.save()

    with django_assert_num_queries(1):
        page = client.get("/").content.decode()

    assert '<a class="brand" href="/">Tea &amp; Cups</a>' in page
    assert '<a href="https://shop.example/imprint">Imprint</a>' in page
    assert '<a href="https://shop.example/privacy?a=1&amp;b=2">Privacy</a>' in page
    assert "Terms" not in page
    assert "within 1 working day, and tell you by mail." in page
    assert f'href="/brand.css?v={brand.version("#b00020")}"' in page


def test_plain_shop_asks_for_no_more_than_it_needs(client: Client, shop: Shop) -> None:
    page = client.get("/").content.decode()

    assert "brand.css" not in page
    assert "logo" not in page
    assert "Imprint" not in page


def test_limits_are_the_shops(client: Client, shop: Shop) -> None:
    shop.per_email_and_hour = 1
    shop.save()
    client.post("/", {"number": "1001", "email": "anna@example.com"})

    answer = client.post("/", {"number": "1002", "email": "anna@example.com"})

    assert answer.status_code == 429
    assert LookUp.objects.count() == 1


@pytest.mark.parametrize("field", ["per_network_and_hour", "per_order_and_day"])
def test_other_limits_are_the_shops_too(client: Client, shop: Shop, field: str) -> None:
    setattr(shop, field, 1)
    shop.save()
    client.post("/", {"number": "1001", "email": "anna@example.com"})

    answer = client.post("/", {"number": "1001", "email": "berta@example.com"})

    assert answer.status_code == 429
    assert LookUp.objects.count() == 1


# --- Colour ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 0xFFFFFF))
def test_every_accent_can_be_read(number: int) -> None:
    light, dark = brand.css(f"#{number:06x}").split(DARK_BLOCK)

    for names, grounds in ((named(light), colours.LIGHT_GROUNDS), (named(dark), colours.DARK_GROUNDS)):
        for ground in (*grounds, names["accent-soft"]):
            assert colours.contrast(names["accent"], ground) >= 4.5
        assert colours.contrast(names["accent-ink"], names["accent"]) >= 4.5
        assert colours.contrast(names["accent-ink"], names["accent-deep"]) >= 4.5


def test_readable_accent_is_left_as_it_is() -> None:
    light, _dark = brand.css("#2A48BF").split(DARK_BLOCK)

    assert light.startswith(":root{--accent:#2a48bf;")


@pytest.mark.parametrize("accent", ["", "red", "#fff", "#12345g", "}body{x"])
def test_what_is_no_colour_makes_no_style(accent: str) -> None:
    assert brand.css(accent) == ""


def test_stylesheet_is_kept_under_its_version_only(client: Client, shop: Shop) -> None:
    shop.accent = "#2a48bf"
    shop.save()

    kept = client.get("/brand.css", {"v": brand.version("#2a48bf")})
    old = client.get("/brand.css", {"v": "another"})

    assert (kept.status_code, kept["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert kept["Cache-Control"] == "public, max-age=31536000, immutable"
    assert old["Cache-Control"] == "no-cache"
    assert "Set-Cookie" not in kept
    assert kept.content == old.content


# --- Logo ------------------------------------------------------------------------------------------------------------


def test_logo_stands_for_the_name(client: Client, shop: Shop) -> None:
    shop.logo.save("cup.png", ContentFile(PNG))
    page = client.get("/").content.decode()
    address = re.search(r'src="(/logo\?v=[^"]+)" alt="Tea &amp; Cups"', page)
    assert address is not None

    answer = client.get(address[1])

    assert b"".join(answer) == PNG
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["page.html", "script.js", "logo"])
def test_only_pictures_are_logos(client: Client, shop: Shop, name: str) -> None:
    shop.logo.save(name, ContentFile(b"<script>"))

    assert client.get("/logo").status_code == 404


def test_no_logo_and_a_lost_logo_are_not_there(client: Client, shop: Shop) -> None:
    assert client.get("/logo").status_code == 404
    shop.logo = "logo/gone.png"
    shop.save()

    assert client.get("/logo").status_code == 404
