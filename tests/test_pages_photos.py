"""Reasons that ask for something, and photos: kept as soon as they are sent, shown to their owner and nobody else."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from refunds import links, photos
from refunds.models import LookUp, Photo, ReasonRule, RefundRequest, Shop
from tests.factories import LookUpFactory, OrderSnapshotFactory, order
from tests.test_pages_request import CHOSEN, REVIEW, URL, nothing_sent, proven, send, shown
from tests.test_photos import picture, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop() -> Shop:
    return Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")


def send_with(client: Client, step: str, *files: SimpleUploadedFile, **typed: str) -> HttpResponse:
    return client.post(URL, {**typed, "step": step, "photos": list(files)})


def taken(owner: LookUp | RefundRequest) -> list[Photo]:
    return list(owner.photos.all())


def kept(look_up: LookUp) -> Photo:
    return photos.add(upload(picture()), look_up=look_up)


# --- Reasons ---------------------------------------------------------------------------------------------------------


def test_without_rules_every_reason_is_offered(client: Client) -> None:
    proven(client)

    assert shown(client).count('type="radio"') == 6


def test_reason_that_is_not_offered_is_not_taken(client: Client) -> None:
    ReasonRule.objects.create(reason="damaged", offered=False)
    proven(client)

    send(client, "submit", **CHOSEN)

    page = shown(client)
    assert "Choose one of the reasons in the list." in page
    assert 'value="damaged"' not in page
    assert page.count('type="radio"') == 5
    assert nothing_sent()


def test_hint_stands_under_its_reason(client: Client) -> None:
    ReasonRule.objects.create(reason="changed_mind", hint="Worn & washed things stay yours.", needs_photo=True)
    proven(client)

    page = shown(client)

    hint = "Worn &amp; washed things stay yours. Please add a photo below."
    assert f'Changed my mind<span class="radio-hint small">{hint}</span>' in page
    assert page.count("radio-hint") == 1


def test_reason_can_demand_a_note(client: Client) -> None:
    ReasonRule.objects.create(reason="damaged", needs_note=True)
    proven(client)

    send(client, "submit", **{**CHOSEN, "note": "  "})

    words = "Please tell us what happened. For this reason we need to know it."
    assert f'<a href="#id_note">{words}</a>' in shown(client)
    assert nothing_sent()
    send(client, "submit", **CHOSEN)
    assert RefundRequest.objects.count() == 1


def test_reason_can_demand_a_photo(client: Client) -> None:
    ReasonRule.objects.create(reason="damaged", needs_photo=True)
    look_up = proven(client)

    send(client, "submit", **CHOSEN)

    words = "Please add a photo. For this reason we need to see it."
    assert f'<a href="#id_photos">{words}</a>' in shown(client)
    assert nothing_sent()
    kept(look_up)
    send(client, "submit", **CHOSEN)
    assert RefundRequest.objects.count() == 1


def test_demands_of_other_reasons_do_not_count(client: Client) -> None:
    ReasonRule.objects.create(reason="faulty", needs_photo=True, needs_note=True)
    proven(client)

    send(client, "submit", **{**CHOSEN, "note": ""})

    assert RefundRequest.objects.count() == 1


# --- Photos on the way -----------------------------------------------------------------------------------------------


def test_photos_are_kept_at_once_and_go_with_the_request(client: Client) -> None:
    look_up = proven(client)

    answer = send_with(client, "review", upload(picture()), upload(picture("PNG"), "b.png"), **CHOSEN)
    review = shown(client, REVIEW)
    send(client, "submit", **CHOSEN)

    assert answer["Location"] == REVIEW
    assert review.count("/request/photo/") == 2
    assert taken(RefundRequest.objects.get()) == taken(look_up)
    assert len(taken(look_up)) == 2


def test_photos_survive_a_failed_form(client: Client) -> None:
    look_up = proven(client)

    send_with(client, "review", upload(picture()), **{**CHOSEN, "reason": ""})

    page = shown(client)
    photo = taken(look_up)[0]
    assert "Choose a reason." in page
    assert f'src="/request/photo/{photo.public_id}/" width="40" height="30"' in page
    assert f'name="remove" value="{photo.public_id}"' in page


def test_one_bad_photo_of_five_loses_neither_the_others_nor_the_text(client: Client) -> None:
    look_up = proven(client)
    files = [upload(picture(), f"{n}.jpg") for n in range(4)]

    answer = send_with(client, "submit", *files[:2], upload(b"<svg>", "drawing & more.svg"), *files[2:], **CHOSEN)

    page = shown(client)
    assert answer["Location"] == URL
    assert "“drawing &amp; more.svg” is not a photo that we can read." in page
    assert page.count('<a href="#id_photos">') == 1
    assert "A hole in the sleeve.</textarea>" in page
    assert 'value="damaged" id="id_reason_0" checked' in page
    assert len(taken(look_up)) == 4
    assert nothing_sent()


def test_every_bad_photo_is_named(client: Client, shop: Shop) -> None:
    shop.photos_per_case = 1
    shop.save()
    look_up = proven(client)

    send_with(client, "review", upload(b"", "a.jpg"), upload(picture(), "b.jpg"), upload(picture(), "c.jpg"), **CHOSEN)

    page = shown(client)
    assert page.count('<a href="#id_photos">') == 2
    assert "“c.jpg” was not added: you can send 1 photo at most." in page
    assert 'type="file"' not in page
    assert len(taken(look_up)) == 1


def test_errors_of_photos_are_told_once(client: Client) -> None:
    proven(client)
    send_with(client, "amount", upload(b"x", "a.jpg"), **CHOSEN)

    answer = send(client, "review", **CHOSEN)

    assert answer["Location"] == REVIEW
    assert "a.jpg" not in shown(client)


def test_photo_can_be_taken_back(client: Client, photo_folder: Path) -> None:
    look_up = proven(client)
    photo, other = kept(look_up), kept(look_up)

    answer = client.post(URL, {**CHOSEN, "remove": photo.public_id})

    assert answer["Location"] == URL
    assert taken(look_up) == [other]
    assert len([path for path in photo_folder.rglob("*") if path.is_file()]) == 1
    assert "A hole in the sleeve.</textarea>" in shown(client)


@pytest.mark.parametrize("name", ["{}", "", "{}\0", "\0", "x" * 5000])
def test_photos_of_others_cannot_be_taken_away(client: Client, name: str) -> None:
    theirs = kept(LookUpFactory.create())
    proven(client)

    answer = client.post(URL, {**CHOSEN, "remove": name.format(theirs.public_id)})

    assert answer.status_code == 302
    assert Photo.objects.get() == theirs


def test_working_out_the_amount_takes_no_photo(client: Client) -> None:
    look_up = proven(client)

    send_with(client, "live", upload(picture()), **CHOSEN)

    assert taken(look_up) == []


def test_without_proof_no_photo_is_taken(client: Client) -> None:
    look_up = proven(client, proven_at=timezone.now() - timedelta(hours=3))

    send_with(client, "review", upload(picture()), **CHOSEN)

    assert taken(look_up) == []


@pytest.mark.parametrize(("order_id", "is_carried"), [(5001, True), (5002, False)])
def test_photos_wait_for_who_has_to_prove_the_same_order_again(client: Client, order_id: int, is_carried: bool) -> None:
    photo = kept(proven(client, proven_at=timezone.now() - timedelta(hours=3)))
    snapshot = OrderSnapshotFactory.create(order=order(id=order_id))
    until = timezone.now() + timedelta(minutes=5)
    again = LookUpFactory.create(snapshot=snapshot, proven_at=None, code_until=until)

    client.post(f"/code/{again.public_id}/", {"code": links.code(again)})

    assert taken(again) == ([photo] if is_carried else [])


def test_photos_of_a_sent_request_are_not_carried(client: Client) -> None:
    look_up = proven(client)
    photo = kept(look_up)
    send(client, "submit", **CHOSEN)
    again = LookUpFactory.create(
        snapshot=look_up.snapshot, proven_at=None, code_until=timezone.now() + timedelta(minutes=5)
    )

    client.post(f"/code/{again.public_id}/", {"code": links.code(again)})

    assert taken(again) == []
    assert taken(look_up) == [photo]


# --- Who may see them ------------------------------------------------------------------------------------------------


def test_photo_is_served_as_nothing_but_a_picture(client: Client) -> None:
    photo = kept(proven(client))

    answer = client.get(f"/request/photo/{photo.public_id}/")

    assert b"".join(answer)[:3] == b"\xff\xd8\xff"
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'inline; filename="photo.jpg"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert {"private", "no-store"} <= set(re.split(r",\s*", answer["Cache-Control"]))


def test_photos_of_others_and_unknown_ones_are_alike(client: Client) -> None:
    theirs = kept(LookUpFactory.create())
    proven(client)

    pages = [client.get(f"/request/photo/{name}/") for name in (theirs.public_id, "nothing")]

    assert [page.status_code for page in pages] == [404, 404]
    assert pages[0].content == pages[1].content


def test_photo_needs_a_proof_that_is_fresh(client: Client) -> None:
    photo = kept(proven(client))
    path = f"/request/photo/{photo.public_id}/"

    with time_machine.travel(timezone.now() + timedelta(hours=2, minutes=1)):
        late = client.get(path)

    assert late.status_code == 404
    assert Client().get(path).status_code == 404


def test_lost_file_is_not_there(client: Client) -> None:
    photo = kept(proven(client))
    photo.file.delete(save=False)

    assert client.get(f"/request/photo/{photo.public_id}/").status_code == 404


def test_names_of_files_become_no_markup(client: Client) -> None:
    proven(client)

    send_with(client, "amount", upload(b"x", "<img src=x>%s.jpg"), **CHOSEN)

    assert "<img src=x>" not in shown(client)
    assert "%s.jpg" in shown(client)
