"""Photos of customers on the desk: shown where the case is decided, and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.sandbox.store import SandboxStore
from refunds import photos, workflow
from refunds.models import Photo, RefundRequest
from tests.desk import case_of, in_store, open_case
from tests.factories import UserFactory, agent
from tests.test_photos import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(agent())


@pytest.fixture
def case(sandbox: SandboxStore) -> RefundRequest:
    return case_of(in_store(sandbox))


def a_photo(case: RefundRequest) -> Photo:
    return photos.add(SimpleUploadedFile("photo.jpg", picture()), refund_request=case)


def url_of(photo: Photo, case: RefundRequest) -> str:
    return f"/staff/refunds/refundrequest/{case.pk}/photo/{photo.public_id}/"


def test_photos_stand_beside_what_the_customer_wrote(client: Client, case: RefundRequest) -> None:
    photo = a_photo(case)

    page = open_case(client, case)

    assert page.html.count(f'<a href="{url_of(photo, case)}"') == 1
    assert f'<img src="{url_of(photo, case)}" width="40" height="30" loading="lazy"' in page.html
    assert page.blocked == []


def test_photos_of_an_answer_stand_beside_the_answer(client: Client, case: RefundRequest) -> None:
    photo = a_photo(case)
    message = workflow.write_back(case, text="Here it is.", photos=[photo])

    page = open_case(client, case)

    assert list(page.context["photos"]) == []
    assert [list(each.photos.all()) for each in page.context["messages_with_customer"]] == [[photo]]
    assert page.html.count(f'<a href="{url_of(photo, case)}"') == 1
    assert message.text in page.html


def test_a_photo_is_a_picture_and_nothing_else(client: Client, case: RefundRequest) -> None:
    photo = a_photo(case)

    answer = client.get(url_of(photo, case))

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(answer.streaming_content)[:3] == b"\xff\xd8\xff"  # type: ignore[arg-type]  # a file streams plainly
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))


def test_a_photo_of_another_case_is_not_found(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    photo = a_photo(case)
    other = case_of(in_store(sandbox, number="1002"))

    assert client.get(url_of(photo, other)).status_code == 404


def test_a_photo_whose_file_is_gone_is_not_found(client: Client, case: RefundRequest) -> None:
    photo = a_photo(case)
    Path(photo.file.path).unlink()

    assert client.get(url_of(photo, case)).status_code == 404
    assert open_case(client, case).status == 200


def test_who_may_not_see_cases_sees_no_photo(client: Client, case: RefundRequest) -> None:
    photo = a_photo(case)
    client.force_login(UserFactory.create(permissions=["change_shop"]))
    forbidden = client.get(url_of(photo, case)).status_code
    client.logout()

    stranger = client.get(url_of(photo, case))

    assert forbidden == 403
    assert (stranger.status_code, stranger.headers["Location"]) == (
        302,
        f"/staff/login/?next={url_of(photo, case)}",
    )
