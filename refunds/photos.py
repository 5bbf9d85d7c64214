"""Photos that customers send: proven by content, made anew, and kept where nobody guesses them.

What is stored is never what was sent: the picture is decoded and encoded again, which drops metadata (the place it was
taken) and whatever else a file may carry.
"""

from __future__ import annotations

import io
import warnings

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
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
    owner = {"look_up": look_up} if refund_request is None else {"refund_request": refund_request}
    if Photo.objects.filter(**owner).count() >= shop.photos_per_case:
        raise BadPhoto(_("You can send %(count)s photos at most.") % {"count": shop.photos_per_case})
    picture = _decoded(upload, shop.photo_megabytes)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=QUALITY, optimize=True)
    photo = Photo(width=picture.width, height=picture.height, **owner)
    photo.file.save("photo.jpg", ContentFile(data.getvalue()), save=False)
    photo.save()
    return photo


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
