"""What the shop sets for itself: its own row, and what it wants to know for each reason."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from refunds.models import Reason, ReasonRule, Shop
from tests.desk import Page
from tests.factories import UserFactory, approver
from tests.test_admin_queue import HOSTILE
from tests.test_photos import picture

pytestmark = pytest.mark.django_db

SHOP = "/staff/refunds/shop/1/change/"
REASONS = "/staff/refunds/reasonrule/"


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(UserFactory.create(permissions=["change_shop", "change_reasonrule"]))
    Shop.current()


def save(client: Client, url: str, form_id: str, **typed: Any) -> Page:
    """The page's form as it came, with something typed over it, sent off."""
    filled = Page(client.get(url)).form_with_id(form_id) | typed
    return Page(client.post(url, {name: value for name, value in filled.items() if value is not None}, follow=True))


# --- The shop --------------------------------------------------------------------------------------------------------


def test_every_field_of_the_shop_can_be_set(client: Client) -> None:
    fields = {field.name for field in Shop._meta.fields if not field.primary_key}

    assert fields - set(Page(client.get(SHOP)).form_with_id("shop_form")) == set()


def test_the_shop_is_set(client: Client) -> None:
    save(
        client, SHOP, "shop_form", name="Lamps & Co", support_email="help@example.com", accent="#336699",
        second_approval_above="500", answer_days="3", mails_refunded=None, keep_closed_days="90",
    )  # fmt: skip

    shop = Shop.current()
    assert (shop.name, shop.support_email, shop.accent) == ("Lamps & Co", "help@example.com", "#336699")
    assert (str(shop.second_approval_above), shop.answer_days, shop.keep_closed_days) == ("500.0000", 3, 90)
    assert not shop.mails_refunded


def test_business_hours_are_set(client: Client) -> None:
    save(
        client, SHOP, "shop_form", opens_at="08:30", closes_at="00:00", working_days=["6", "1"],
        holidays="12-25 Christmas", answer_hours="4", legal_days="10", daily_digest=None,
    )  # fmt: skip

    shop = Shop.current()
    assert (shop.opens_at, shop.closes_at, shop.working_days) == (time(8, 30), time(0), "16")
    assert (shop.holidays, shop.answer_hours, shop.legal_days) == ("12-25 Christmas", 4, 10)
    assert not shop.daily_digest


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"closes_at": "09:00"}, "Work ends before it begins."),
        ({"holidays": "24.12.2026"}, "“24.12.2026” does not begin with a date such as 2026-12-24 or 12-25."),
        ({"working_days": None}, "This field is required."),
        ({"working_days": "8"}, "is not one of the available choices."),
        ({"decision_hours": "0"}, "Ensure this value is greater than or equal to 1."),
    ],
)
def test_impossible_business_hours_are_refused(client: Client, typed: dict[str, Any], says: str) -> None:
    page = save(client, SHOP, "shop_form", **typed)

    shop = Shop.current()
    assert says in page.html
    assert (shop.closes_at, shop.holidays, shop.working_days, shop.decision_hours) == (time(17), "", "12345", 16)


def test_a_colour_that_is_none_is_refused(client: Client) -> None:
    page = save(client, SHOP, "shop_form", accent="red;}body{display:none")

    assert Shop.current().accent == ""
    assert "Please correct the error below." in page.html


def test_a_logo_is_set_kept_and_removed(client: Client) -> None:
    save(client, SHOP, "shop_form", logo=SimpleUploadedFile("Our logo.png", picture("PNG")))
    shown = Page(client.get(SHOP))
    save(client, SHOP, "shop_form", name="Lamps & Co")
    kept = Shop.current().logo.name
    save(client, SHOP, "shop_form", remove_logo="on")

    assert '<img class="logo-now" src="/logo"' in shown.html
    assert kept.endswith(".png")
    assert Shop.current().logo.name == ""


@pytest.mark.parametrize(
    ("name", "size", "says"),
    [("logo.html", 10, "is not allowed"), ("logo.png", 1_000_001, "This file is too large. A logo may have 1 MB.")],
)
def test_a_file_that_is_no_logo_is_refused(client: Client, name: str, size: int, says: str) -> None:
    page = save(client, SHOP, "shop_form", logo=SimpleUploadedFile(name, b"x" * size))

    assert says in page.html
    assert not Shop.current().logo


def test_the_shop_is_neither_added_nor_deleted(client: Client) -> None:
    client.force_login(UserFactory.create(is_superuser=True))

    assert client.get("/staff/refunds/shop/add/").status_code == 403
    assert client.post("/staff/refunds/shop/1/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("url", [SHOP, REASONS])
def test_who_decides_cases_does_not_set_the_shop(client: Client, url: str) -> None:
    client.force_login(approver())

    assert (client.get(url).status_code, client.post(url, {"name": "Mine"}).status_code) == (403, 403)
    assert Shop.current().name != "Mine"


# --- Reasons ---------------------------------------------------------------------------------------------------------


def test_every_reason_is_in_the_list(client: Client) -> None:
    ReasonRule.objects.create(reason=Reason.FAULTY, hint="Kept.")

    page = Page(client.get(REASONS))

    assert (page.status, page.blocked) == (200, [])
    assert sorted(ReasonRule.objects.values_list("reason", flat=True)) == sorted(Reason.values)
    assert ReasonRule.objects.get(reason=Reason.FAULTY).hint == "Kept."
    assert all(str(reason.label) in page.html for reason in Reason)


def test_what_a_reason_needs_is_set_in_the_list(client: Client) -> None:
    client.get(REASONS)

    page = save(
        client, REASONS, "changelist-form", **{"form-0-needs_photo": "on", "form-0-hint": "Show the box.",
        "form-1-offered": None, "form-2-needs_note": "on", "_save": "Save"},
    )  # fmt: skip

    first, second, third = ReasonRule.objects.all()[:3]
    assert page.status == 200
    assert (first.reason, first.offered, first.needs_photo, first.hint) == ("damaged", True, True, "Show the box.")
    assert (second.offered, third.needs_note) == (False, True)


def test_reasons_are_neither_added_nor_deleted(client: Client) -> None:
    client.force_login(UserFactory.create(is_superuser=True))
    client.get(REASONS)
    pk = ReasonRule.objects.first().pk  # type: ignore[union-attr]  # the page has made them

    assert client.get(f"{REASONS}add/").status_code == 403
    assert client.post(f"{REASONS}{pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_may_only_look_changes_no_reason(client: Client) -> None:
    ReasonRule.objects.create(reason=Reason.FAULTY)
    client.force_login(UserFactory.create(permissions=["view_reasonrule"]))

    page = Page(client.get(REASONS))

    assert "form-0-offered" not in page.html
    assert ReasonRule.objects.count() == 1


def test_the_list_of_reasons_costs_the_same_every_time(client: Client) -> None:
    client.get(REASONS)

    with CaptureQueriesContext(connection) as queries:
        client.get(REASONS)

    # session, user, two for permissions, the six that must be there, two for what is wrong, two counts and the page
    assert len(queries) == 10


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_ever_escaped(client: Client, words: str) -> None:
    Shop.objects.update(name=words, accent="", support_email="help@example.com")
    ReasonRule.objects.create(reason=Reason.FAULTY, hint=words)

    pages = Page(client.get(SHOP)), Page(client.get(REASONS))

    assert [page.blocked for page in pages] == [[], []]
