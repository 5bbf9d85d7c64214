"""Photos that customers send: proven by content, made anew, and kept where nobody guesses them.

What is stored is never what was sent: the picture is decoded and encoded again, which drops metadata (the place it was
taken) and whatever else a file may carry.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse, Http404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from PIL import Image, ImageOps, UnidentifiedImageError

from .models import LookUp, Photo, RefundRequest, Shop

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 40_000_000
"""Decoding needs four bytes for each: a small file can claim any number of them."""
LONGEST_SIDE = 2000
QUALITY = 85


class BadPhoto(ValueError):
    """This is not a photo we can take; `message` tells the customer why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def add(
    upload: UploadedFile[bytes], *, look_up: LookUp | None = None, refund_request: RefundRequest | None = None
) -> Photo:
    """Keeps a photo for a look-up or a case. Raises `BadPhoto`; nothing is kept then."""
    shop = Shop.current()
    photo = Photo(look_up=look_up, refund_request=refund_request)
    if not _has_room(photo, shop.photos_per_case):
        raise _too_many(upload, shop.photos_per_case)
    picture = _decoded(upload, shop.photo_megabytes)
    photo.width, photo.height = picture.size
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=QUALITY, optimize=True)
    photo.file.save("photo.jpg", ContentFile(data.getvalue()), save=False)
    if not _kept(photo, shop.photos_per_case):
        photo.file.delete(save=False)
        raise _too_many(upload, shop.photos_per_case)
    return photo


def _has_room(photo: Photo, most: int) -> bool:
    """Photos of a look-up that has made its case are that case's."""
    siblings = Photo.objects.filter(look_up=photo.look_up)
    if photo.refund_request is not None:
        siblings = Photo.objects.filter(refund_request=photo.refund_request)
    return siblings.count() < most


def _kept(photo: Photo, most: int) -> bool:
    """False if others took the last place meanwhile. The owner's row is kept, so that uploads at once are counted."""
    with transaction.atomic():
        if photo.refund_request is None and photo.look_up is not None:
            look_up = LookUp.objects.select_for_update().get(pk=photo.look_up.pk)
            photo.refund_request = look_up.refund_request
        if photo.refund_request is not None:
            RefundRequest.objects.select_for_update().get(pk=photo.refund_request.pk)
        has_room = _has_room(photo, most)
        if has_room:
            photo.save()
    return has_room


def add_all(
    uploads: Iterable[UploadedFile[bytes]],
    *,
    look_up: LookUp | None = None,
    refund_request: RefundRequest | None = None,
) -> tuple[list[Photo], list[str]]:
    """The photos that were kept, and why each of the others was not: a bad one spoils nothing for the rest."""
    good, bad = [], []
    for upload in uploads:
        try:
            good.append(add(upload, look_up=look_up, refund_request=refund_request))
        except BadPhoto as error:
            bad.append(error.message)
    return good, bad


def remove(look_up: LookUp, public_id: str) -> None:
    """Takes a photo back that was not sent yet. Nothing happens for one that is not there or not theirs."""
    for photo in look_up.photos.filter(refund_request=None):
        if photo.public_id == public_id:
            discard(photo)


def discard(photo: Photo) -> None:
    photo.delete()
    photo.file.delete(save=False)


def photo_response(photo: Photo) -> FileResponse:
    """The picture for somebody who may see it: nothing but a picture, whatever it is, and kept by no cache.

    Raises `Http404` where the file is gone.
    """
    try:
        response = FileResponse(photo.file.open(), content_type="image/jpeg")
    except FileNotFoundError as error:
        raise Http404 from error
    response["Content-Disposition"] = 'inline; filename="photo.jpg"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


def _too_many(upload: UploadedFile[bytes], most: int) -> BadPhoto:
    words = ngettext(
        "“%(name)s” was not added: you can send %(count)s photo at most.",
        "“%(name)s” was not added: you can send %(count)s photos at most.",
        most,
    )
    return BadPhoto(words % {"name": upload.name, "count": most})


def _decoded(upload: UploadedFile[bytes], megabytes: int) -> Image.Image:
    """The picture, upright, in plain colours and no larger than we need."""
    if upload.size is None or upload.size > megabytes * 1_000_000:
        raise BadPhoto(
            _("“%(name)s” is too large. A photo may have %(count)s MB.") % {"name": upload.name, "count": megabytes}
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _opened(upload)
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _unusable(upload) from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        # What Pillow raises for files that break off or lie about themselves.
        raise _unusable(upload) from error


def _opened(upload: UploadedFile[bytes]) -> Image.Image:
    with Image.open(upload, formats=FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS or getattr(picture, "n_frames", 1) != 1:
            raise ValueError("too many pixels or pictures")
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return _on_white(upright)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _unusable(upload: UploadedFile[bytes]) -> BadPhoto:
    return BadPhoto(
        _("“%(name)s” is not a photo that we can read. Please send it as JPEG, PNG or WebP.") % {"name": upload.name}
    )
