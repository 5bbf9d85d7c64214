"""What all pages share: the shop in their frame, who may keep them, and links that lead nowhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from .. import timing
from ..forms import LookUpForm
from ..models import Shop
from . import brand

Answer = TypeVar("Answer", bound=HttpResponseBase)

form_page = require_http_methods(["GET", "HEAD", "POST"])


def page(
    request: HttpRequest, template: str, *, status: int = 200, shop: Shop | None = None, **context: Any
) -> HttpResponse:
    """A page in the shop's frame. Views that have read the shop already hand it on."""
    shop = shop or Shop.current()
    frame = {
        "shop": shop,
        "contact": shop.support_email or settings.STAFF_EMAIL,
        "brand_version": brand.version(shop.accent),
        "here": request.path,
    }
    return render(request, template, frame | context, status=status)


def personal(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """For pages that show something of one person: kept by no cache, found by no search engine."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **options: Any) -> Answer:
        response = view(request, *args, **options)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(shown)


def summary(form: Form) -> list[tuple[str, str]]:
    """Where to mend, and what: the anchor of each error and its words."""
    if not form.is_bound:
        return []
    return [
        ("lines" if name == NON_FIELD_ERRORS else f"id_{name}", str(error))
        for name, errors in form.errors.items()
        for error in errors
    ]


def dead_link(request: HttpRequest, *, is_too_old: bool = False) -> HttpResponse:
    """The way to a fresh link. It looks the same for used links and such as never were ours, with a case or without."""
    return page(
        request,
        "refunds/dead_link.html",
        status=404,
        form=LookUpForm(),
        is_too_old=is_too_old,
        days=timing.STATUS_LINK_LIFE.days,
        here="/",
    )
