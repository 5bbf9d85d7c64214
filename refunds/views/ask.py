"""What, and why: choosing lines and a reason, reviewing and sending.

What is typed is kept in the session and every post ends in a redirect, so that "back" and "reload" are harmless on
each page. A page posts its own quantities, reason and note all the same: what a tab shows is what it sends.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypedDict

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import links, photos, timing, words, workflow
from ..forms import NOTE_LENGTH, LinesForm, WhyForm, held_lines, line_choices
from ..models import LookUp, Photo, Reason, RefundRequest, Shop
from ..woocommerce.types import Order
from .entry import PROVEN
from .page import form_page, page, personal, summary

DRAFT = "draft"
"""What was typed when the proof had become too old."""
CHECKED = frozenset({"review", "submit"})
"""The steps that need a reason too. The others only work out the sum; what is no step does no more."""
STEPS = CHECKED | {"amount", "everything", "live"}
DRAFT_LENGTH = 4 * NOTE_LENGTH
"""Enough of a text that is too long to show it again."""


class Draft(TypedDict):
    """What a form was sent with, and what was wrong with its photos. The good ones are the look-up's already."""

    step: str
    typed: dict[str, str]
    bad_photos: list[str]


def for_proven(view: Callable[[HttpRequest, LookUp, Order], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Only with the look-up that this browser has proven, and its order. Once a request is sent, its page is shown."""

    @functools.wraps(view)
    def entered(request: HttpRequest) -> HttpResponse:
        proven = LookUp.objects.select_related("snapshot", "refund_request").filter(proven_at__isnull=False)
        look_up = proven.filter(pk=request.session.get(PROVEN, 0)).first()
        if look_up is None or look_up.snapshot is None or look_up.proven_at is None:
            return _prove_again(request, request.POST.get("note", ""))
        order = look_up.snapshot.order
        if look_up.proven_at < timezone.now() - timing.PROOF_LIFE:
            return _keep_and_prove_again(request, order)
        if look_up.refund_request is not None:
            return _to_status(request, look_up.refund_request, _("You have sent this request already. Here it is."))
        return view(request, look_up, order)

    return entered


@personal
@form_page
@for_proven
def choose(request: HttpRequest, look_up: LookUp, order: Order) -> HttpResponse:
    """What is posted are quantities, a reason, a note, photos and the step wanted; an amount never is."""
    if request.method != "POST":
        draft = _draft(request, order)
        return _lines_page(request, *_forms(look_up, order, draft), draft["bad_photos"])
    step = request.POST.get("step", "")
    draft = Draft(step=step if step in STEPS else "amount", typed=_typed(request.POST, order), bad_photos=[])
    if draft["step"] == "live":
        return _lines_page(request, *_forms(look_up, order, draft), [])
    if draft["step"] == "everything":
        draft["typed"] |= {choice.field: str(choice.most) for choice in line_choices(order, held_lines(order))}
    photos.remove(look_up, request.POST.get("remove", ""))
    draft["bad_photos"] = photos.add_all(request.FILES.getlist("photos"), look_up=look_up)[1]
    _keep(request, order, draft)
    return _next(request, look_up, order, draft)


def _next(request: HttpRequest, look_up: LookUp, order: Order, draft: Draft) -> HttpResponse:
    step = draft["step"]
    lines, why = _forms(look_up, order, draft)
    is_ready = step in CHECKED and not draft["bad_photos"] and lines.is_valid() and why.is_valid()
    if step == "submit" and is_ready:
        return _submit(request, look_up, lines, why)
    return redirect("refunds:review" if is_ready else "refunds:request")


@personal
@require_safe
@for_proven
def review(request: HttpRequest, look_up: LookUp, order: Order) -> HttpResponse:
    lines, why = _forms(look_up, order, _draft(request, order) | {"step": "review"})
    if not (lines.is_valid() and why.is_valid()):
        return redirect("refunds:request")
    return page(
        request,
        "refunds/review.html",
        order=order,
        breakdown=lines.breakdown,
        reason=Reason(why.cleaned_data["reason"]),
        note=why.cleaned_data["note"],
        photos=why.kept,
        banks=(words.BANKS_FIRST, words.BANKS_LAST),
    )


@personal
@require_safe
def photo(request: HttpRequest, public_id: str) -> FileResponse:
    """A photo that was added here and not sent yet, to the browser that has proven the order and nobody else."""
    since = timezone.now() - timing.PROOF_LIFE
    mine = Photo.objects.filter(look_up=request.session.get(PROVEN, 0), look_up__proven_at__gte=since)
    found = mine.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return photos.photo_response(found)


def _keep_and_prove_again(request: HttpRequest, order: Order) -> HttpResponse:
    if request.method == "POST":
        _keep(request, order, Draft(step="amount", typed=_typed(request.POST, order), bad_photos=[]))
    return _prove_again(request, _draft(request, order)["typed"].get("note", ""))


def _prove_again(request: HttpRequest, note: str) -> HttpResponse:
    """Nothing of the order is shown any more; what the visitor wrote is."""
    hours = int(timing.PROOF_LIFE.total_seconds() // 3600)
    return page(request, "refunds/prove_again.html", status=403, note=note, hours=hours)


def _typed(data: QueryDict, order: Order) -> dict[str, str]:
    names = ("reason", "note", *(f"q_{line.id}" for line in order.lines))
    return {name: str(data[name])[:DRAFT_LENGTH] for name in names if name in data}


def _keep(request: HttpRequest, order: Order, draft: Draft) -> None:
    request.session[DRAFT] = {"order_id": order.id, **draft}


def _draft(request: HttpRequest, order: Order) -> Draft:
    """What was typed for this order; nothing if it was for another one."""
    kept: dict[str, Any] = request.session.get(DRAFT) or {}
    if kept.get("order_id") != order.id:
        return Draft(step="", typed={}, bad_photos=[])
    return Draft(step=kept["step"], typed=dict(kept["typed"]), bad_photos=kept.get("bad_photos", []))


def _forms(look_up: LookUp, order: Order, draft: Draft) -> tuple[LinesForm, WhyForm]:
    step, typed = draft["step"], draft["typed"]
    lines = LinesForm(order, line_choices(order, held_lines(order)), typed if step else None)
    why = WhyForm(typed if step in CHECKED else None, initial=typed, kept=list(look_up.photos.all()))
    return lines, why


def _lines_page(request: HttpRequest, lines: LinesForm, why: WhyForm, bad: list[str]) -> HttpResponse:
    shop = Shop.current()
    return page(
        request,
        "refunds/lines.html",
        shop=shop,
        order=lines.order,
        lines=lines,
        why=why,
        errors=[*summary(lines), *summary(why), *(("id_photos", words) for words in bad)],
        bad_photos=bad,
        is_anything_left=any(choice.most for choice in lines.choices),
        earlier=_earlier(lines.order, shop),
    )


def _earlier(order: Order, shop: Shop) -> list[tuple[str, str, words.State]]:
    """Requests made for this order before, newest first: reference, fresh link and state."""
    requests = RefundRequest.objects.filter(order_id=order.id, email__iexact=order.email)
    return [
        (earlier.reference, links.status_path(earlier), words.state(earlier, shop))
        for earlier in requests.select_related("order_now", "paid_attempt").order_by("-pk")
    ]


def _submit(request: HttpRequest, look_up: LookUp, lines: LinesForm, why: WhyForm) -> HttpResponse:
    try:
        refund_request = workflow.submit(
            look_up,
            chosen=lines.chosen,
            reason=Reason(why.cleaned_data["reason"]),
            note=why.cleaned_data["note"],
        )
    except workflow.NotAllowed as error:
        # The draft is kept. The fresh page names a line that was taken by itself; the rest would be a riddle.
        if error.code != "lines_taken":
            messages.warning(request, error.message)
        return redirect("refunds:request")
    request.session.pop(DRAFT, None)
    return _to_status(request, refund_request, _("Your request is sent. You get a mail about it."))


def _to_status(request: HttpRequest, refund_request: RefundRequest, message: str) -> HttpResponse:
    messages.success(request, message)
    return redirect(links.status_path(refund_request))
