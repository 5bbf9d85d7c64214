"""Where a request stands, and what the holder of its link can do: write, take it back, take or erase the data.

The link alone opens these pages, for whoever has it and as long as it lives.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from .. import limits, links, photos, privacy, words, workflow
from ..forms import MessageForm
from ..models import Photo, RefundEvent, RefundRequest, Shop
from ..states import WITHDRAWABLE, Status
from .page import dead_link, form_page, page, personal, summary

TWICE_WITHIN = timedelta(minutes=2)
"""The same words again within this time are a second press of the button."""


def for_holder(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Only with a good link, and the request that it is for."""

    @functools.wraps(view)
    def entered(request: HttpRequest, token: str, **options: str) -> HttpResponseBase:
        reference = links.read_status(token)
        requests = RefundRequest.objects.select_related("order_now", "paid_attempt")
        refund_request = None if reference is None else requests.filter(reference=reference).first()
        if refund_request is None:
            return dead_link(request, is_too_old=links.is_too_old(token))
        return view(request, refund_request, token, **options)

    return entered


# --- Reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A message as its two sides see it."""

    at: datetime
    by_shop: bool
    text: str
    photos: list[Photo]


@personal
@require_safe
@for_holder
def status(request: HttpRequest, refund_request: RefundRequest, token: str) -> HttpResponse:
    return _status_page(request, refund_request, token, MessageForm())


def _status_page(
    request: HttpRequest, refund_request: RefundRequest, token: str, form: MessageForm, *, status: int = 200
) -> HttpResponse:
    shop = Shop.current()
    events = list(refund_request.events.all())
    pictures = list(refund_request.photos.all())
    conversation = _conversation(refund_request, pictures)
    return page(
        request,
        "refunds/status.html",
        status=status,
        shop=shop,
        refund_request=refund_request,
        state=words.state(refund_request, shop),
        lines=refund_request.lines.all(),
        decided=words.decided_amount(refund_request),
        history=words.history(refund_request, events),
        question=_question(refund_request, events, conversation),
        conversation=list(conversation.values()),
        photos=[photo for photo in pictures if photo.message_id is None],
        form=form,
        errors=summary(form),
        may_write=_may_write(refund_request),
        has_room=len(pictures) < shop.photos_per_case,
        may_withdraw=refund_request.status in WITHDRAWABLE,
        is_erased=refund_request.erased_at is not None,
        token=token,
        here=reverse("refunds:status", args=[token]),
    )


def _conversation(refund_request: RefundRequest, pictures: Iterable[Photo]) -> dict[int, Said]:
    """What was said so far, oldest first, by the message's id. Notes among colleagues are not part of it."""
    said = {
        message.pk: Said(message.at, message.by_id is not None, message.text, [])
        for message in refund_request.messages.filter(internal=False)
    }
    for photo in pictures:
        if photo.message_id in said:
            said[photo.message_id].photos.append(photo)
    return said


def _question(
    refund_request: RefundRequest, events: Iterable[RefundEvent], conversation: dict[int, Said]
) -> Said | None:
    """What the shop waits for, as it was asked last."""
    if refund_request.status != Status.NEEDS_INFO:
        return None
    asked = [conversation.get(event.data.get("message", 0)) for event in events if event.kind == "asked"]
    return asked[-1] if asked else None


def _may_write(refund_request: RefundRequest) -> bool:
    return refund_request.status != Status.WITHDRAWN and refund_request.erased_at is None


@personal
@require_safe
@for_holder
def photo(request: HttpRequest, refund_request: RefundRequest, token: str, public_id: str) -> FileResponse:
    found = refund_request.photos.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return photos.photo_response(found)


# --- Writing ---------------------------------------------------------------------------------------------------------


@personal
@require_POST
@for_holder
def write(request: HttpRequest, refund_request: RefundRequest, token: str) -> HttpResponse:
    """A message or an answer, with the photos that are good; each bad one is named, and costs nothing else."""
    form = MessageForm(request.POST)
    uploads = request.FILES.getlist("photos")
    if not _may_write(refund_request):
        messages.warning(request, _("This request is closed. Please write to us by e-mail."))
        return redirect("refunds:status", token)
    if not form.is_valid():
        return _status_page(request, refund_request, token, form)
    text = form.cleaned_data["note"]
    if not uploads and _is_said(refund_request, text):
        return redirect("refunds:status", token)
    good, bad = photos.add_all(uploads, refund_request=refund_request)
    if not text and not good:
        for error in bad or [_("Write something first.")]:
            form.add_error("photos" if bad else "note", error)
        return _status_page(request, refund_request, token, form)
    try:
        if not _sent(refund_request, text, good):
            messages.warning(
                request, _("Your request has changed in the meantime. Please look at it, then send it again.")
            )
            return _status_page(request, refund_request, token, form)
    except limits.TooMany as limit:
        return _too_many(request, refund_request, token, form, limit)
    messages.success(request, _("Your message is sent."))
    for error in bad:
        messages.warning(request, error)
    return redirect("refunds:status", token)


def _sent(refund_request: RefundRequest, text: str, good: list[Photo]) -> bool:
    """False if the case moved on meanwhile; the instance is up to date then. What is not sent keeps no photo."""
    try:
        workflow.write_back(refund_request, text=text, photos=good)
    except (workflow.NotAllowed, workflow.LostRace):
        _let_go(good)
        refund_request.refresh_from_db()
        return False
    except limits.TooMany:
        _let_go(good)
        raise
    return True


def _let_go(good: list[Photo]) -> None:
    for photo in good:
        photos.discard(photo)


def _too_many(
    request: HttpRequest, refund_request: RefundRequest, token: str, form: MessageForm, limit: limits.TooMany
) -> HttpResponse:
    """The page as it was, with the words still in their field."""
    minutes = math.ceil(limit.retry_after / 60)
    words_for_it = ngettext(
        "You have written to us often in a short time. Please send this in %(count)s minute.",
        "You have written to us often in a short time. Please send this in %(count)s minutes.",
        minutes,
    )
    form.add_error("note", words_for_it % {"count": minutes})
    response = _status_page(request, refund_request, token, form, status=429)
    response["Retry-After"] = str(limit.retry_after)
    return response


def _is_said(refund_request: RefundRequest, text: str) -> bool:
    since = timezone.now() - TWICE_WITHIN
    return bool(text) and refund_request.messages.filter(by=None, text=text, at__gt=since).exists()


@personal
@form_page
@for_holder
def withdraw(request: HttpRequest, refund_request: RefundRequest, token: str) -> HttpResponse:
    if request.method == "POST":
        try:
            workflow.withdraw(refund_request)
            messages.success(request, _("You have taken your request back."))
        except (workflow.NotAllowed, workflow.LostRace):
            messages.warning(request, _("This can no longer be taken back. Below you see where it stands now."))
        return redirect("refunds:status", token)
    if refund_request.status not in WITHDRAWABLE:
        return redirect("refunds:status", token)
    return page(request, "refunds/withdraw.html", refund_request=refund_request, token=token)


# --- One's own data --------------------------------------------------------------------------------------------------


@personal
@require_safe
@for_holder
def data(request: HttpRequest, refund_request: RefundRequest, token: str) -> HttpResponse:
    response = JsonResponse(privacy.held(refund_request), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{refund_request.reference}.json"'
    return response


@personal
@form_page
@for_holder
def erase(request: HttpRequest, refund_request: RefundRequest, token: str) -> HttpResponse:
    if refund_request.erased_at is not None:
        return redirect("refunds:status", token)
    if request.method != "POST":
        return page(request, "refunds/erase.html", refund_request=refund_request, token=token)
    try:
        privacy.erase(refund_request)
        messages.success(request, _("Your data is erased."))
    except workflow.NotAllowed as error:
        messages.warning(request, error.message)
    return redirect("refunds:status", token)
