"""The tour reads pages as people do. The tour itself is run by `make tour`."""

from __future__ import annotations

import pytest

from portal.sandbox.browser import NotOnPage, Page

PAGE = """<!doctype html><html><head><title>Not this</title><script>nor("this")</script></head><body>
<h1>A case</h1> <span class="quiet badge">Being <b>sent</b></span> <a href="/next/">Next &amp; last</a>
<form id="approve" action="/approve/">
  <input type="hidden" name="version" value="3">
  <label for="amount">Lower amount <i>optional</i></label><input id="amount" name="amount" value="9.90">
  <label><input type="radio" name="payout" value="gateway" checked> Through the provider</label>
  <label><input type="radio" name="payout" value="hand"> By hand</label>
  <label><input type="checkbox" name="restock"> Goods return</label>
  <label for="why">Why</label><select id="why" name="why"><option value="">Choose</option>
    <option value="used">Used by the customer</option></select>
  <label for="note">Note</label><textarea id="note" name="note">
typed before</textarea>
  <fieldset disabled><label>Later <input name="later" value="1"></label><button>Not yet</button></fieldset>
  <button name="step" value="amount" aria-hidden="true"></button>
</form>
<label>Shirts <input name="quantity_7" value="1" form="approve"></label>
<label>Elsewhere <input name="q" value="x"></label>
<button form="approve">Approve 9.90</button> <button type="button">Copy</button> <input type="submit" value="Search">
</body></html>"""
STANDING = {"version": "3", "amount": "9.90", "payout": "gateway", "why": "", "note": "typed before", "quantity_7": "1"}


@pytest.fixture
def page() -> Page:
    return Page("http://127.0.0.1:8000/staff/case/", 200, PAGE)


def test_form_is_sent_as_it_stands(page: Page) -> None:
    form = page.form_of(page.button("Approve"))

    assert form.attrs["action"] == "/approve/"
    assert page.filled(form, {}) == STANDING


def test_fields_are_filled_in_by_their_labels(page: Page) -> None:
    form = page.form_of(page.button("Approve"))

    values = page.filled(
        form, {"Lower amount": "5.00", "By hand": True, "Goods return": True, "Why": "Used", "Shirts": "2", "Note": ""}
    )

    assert values == {
        **STANDING, "amount": "5.00", "payout": "hand", "restock": "on", "why": "used", "quantity_7": "2", "note": "",
    }  # fmt: skip


@pytest.mark.parametrize("label", ["version", "Later", "Elsewhere", "Nothing"])
def test_fields_that_a_person_cannot_fill_in_are_not_there(page: Page, label: str) -> None:
    form = page.form_of(page.button("Approve"))

    with pytest.raises(NotOnPage, match=f"There is no field '{label}'"):
        page.filled(form, {label: "1"})


@pytest.mark.parametrize("words", ["Not yet", "Copy", "Decline"])
def test_buttons_that_a_person_cannot_press_are_not_there(page: Page, words: str) -> None:
    assert not page.has_button(words)
    with pytest.raises(NotOnPage, match=f"There is no button '{words}'"):
        page.button(words)


def test_page_is_read_as_it_is_shown(page: Page) -> None:
    assert page.heading == "A case"
    assert page.of_class("badge") == ["Being sent"]
    assert page.link("Next") == "http://127.0.0.1:8000/next/"
    assert page.has_button("Search")
    assert not {"Not this", "nor"} & set(page.text.split())
