"""Photos are proven by content and made anew: nothing that was sent is stored."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from refunds import photos
from refunds.models import LookUp, Photo, Shop
from tests.factories import LookUpFactory, RefundRequestFactory

pytestmark = pytest.mark.django_db


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    data = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(data, kind, **options)
    return data.getvalue()


def upload(data: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def stored(photo: Photo) -> Image.Image:
    with photo.file.open() as file:
        return Image.open(io.BytesIO(file.read()))


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")]
)
def test_photos_of_all_kinds_become_plain_jpegs(kind: str, mode: str) -> None:
    photo = photos.add(upload(picture(kind, mode=mode)), look_up=LookUpFactory.create())

    made = stored(photo)

    assert (made.format, made.mode, made.size) == ("JPEG", "RGB", (40, 30))
    assert (photo.width, photo.height) == (40, 30)


def test_where_it_was_taken_is_dropped() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "my home"

    photo = photos.add(upload(picture(exif=exif)), look_up=LookUpFactory.create())

    assert dict(stored(photo).getexif()) == {}


def test_large_photos_are_made_smaller() -> None:
    photo = photos.add(upload(picture(size=(5000, 100))), look_up=LookUpFactory.create())

    assert (photo.width, photo.height) == (2000, 40)


def test_names_are_not_the_customers_and_cannot_be_guessed(photo_folder: Path) -> None:
    photo = photos.add(upload(picture(), "../../etc/passwd.jpg"), look_up=LookUpFactory.create())

    assert "passwd" not in photo.file.name
    assert len(Path(photo.file.name).stem) >= 32
    assert Path(photo.file.path).is_relative_to(photo_folder)


def bomb() -> bytes:
    """A PNG of a few bytes that claims to be 50,000 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a.txt", "a")
    return data.getvalue()


def animated() -> bytes:
    data = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(data, "WEBP", save_all=True, append_images=frames[1:])
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<?php system($_GET['c']); ?>",
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"%PDF-1.7",
        picture("GIF"),
        picture("BMP"),
        picture()[:200],
        picture("PNG")[:50],
        bomb(),
        archive(),
        animated(),
    ],
)
def test_what_is_no_photo_is_refused_and_nothing_is_kept(data: bytes, photo_folder: Path) -> None:
    with pytest.raises(photos.BadPhoto, match="dog"):
        photos.add(upload(data, "dog.jpg"), look_up=LookUpFactory.create())

    assert Photo.objects.count() == 0
    assert list(photo_folder.rglob("*.*")) == []


def test_code_that_hides_in_a_real_photo_does_not_survive() -> None:
    photo = photos.add(upload(picture() + b"<?php evil(); ?>"), look_up=LookUpFactory.create())

    with photo.file.open() as file:
        assert b"php" not in file.read()


class WhileOthersArrive(SimpleUploadedFile):
    """While this one is read, another photo of the same owner is kept."""

    def __init__(self, data: bytes, **owner: Any) -> None:
        super().__init__("slow.jpg", data)
        self.owner: dict[str, Any] | None = owner

    def read(self, *args: Any) -> bytes:
        if self.owner is not None:
            owner, self.owner = self.owner, None
            photos.add(upload(picture()), **owner)
        return super().read(*args)


@pytest.mark.parametrize("make", [LookUpFactory, RefundRequestFactory])
def test_photos_at_once_do_not_get_past_the_limit(make: Any, photo_folder: Path) -> None:
    Shop.objects.create(pk=1, photos_per_case=1)
    made = make.create()
    owner = {"look_up" if isinstance(made, LookUp) else "refund_request": made}

    with pytest.raises(photos.BadPhoto, match=r"“slow\.jpg” was not added: you can send 1 photo at most"):
        photos.add(WhileOthersArrive(picture(), **owner), **owner)

    assert Photo.objects.count() == 1
    assert len([path for path in photo_folder.rglob("*") if path.is_file()]) == 1


def test_photo_of_a_look_up_goes_to_the_case_that_was_made_meanwhile() -> None:
    Shop.objects.create(pk=1, photos_per_case=1)
    seen = LookUpFactory.create()
    case = RefundRequestFactory.create()
    LookUp.objects.update(refund_request=case)

    photo = photos.add(upload(picture()), look_up=seen)

    assert list(case.photos.all()) == [photo]
    with pytest.raises(photos.BadPhoto, match="1 photo at most"):
        photos.add(upload(picture()), refund_request=case)


def test_size_and_number_are_limited() -> None:
    Shop.objects.create(pk=1, photos_per_case=1, photo_megabytes=0)
    look_up = LookUpFactory.create()

    with pytest.raises(photos.BadPhoto, match="too large"):
        photos.add(upload(picture()), look_up=look_up)
    Shop.objects.update(photo_megabytes=8)
    photos.add(upload(picture()), look_up=look_up)
    with pytest.raises(photos.BadPhoto, match="1 photo at most"):
        photos.add(upload(picture()), look_up=look_up)

    photos.add(upload(picture()), refund_request=RefundRequestFactory.create())
    assert Photo.objects.count() == 2
