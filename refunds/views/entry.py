"""The way in: which order it is, and whether it is theirs. It says the same of every order, known or not."""

from __future__ import annotations

import math
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from .. import limits, timing, verification
from ..addresses import client_address
from ..forms import CodeForm, LookUpForm
from ..models import LookUp, Photo
from .page import dead_link, form_page, page, personal, summary

PROVEN = "look_up"
"""Under this name the session keeps the id of the look-up that this browser has proven."""


@form_page
def start(request: HttpRequest) -> HttpResponse:
    form = LookUpForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return page(request, "refunds/start.html", form=form, errors=summary(form))
    number, email = form.cleaned_data["number"], form.cleaned_data["email"]
    if form.cleaned_data["subject"]:
        # A program filled in what people do not see. It is shown what everybody is shown, and nothing is made.
        return _code_page(request, LookUp(code_issue=1), CodeForm())
    try:
        look_up = verification.start(number=number, email=email, address=client_address(request))
    except limits.TooMany as limit:
        return too_many(request, limit)
    return redirect("refunds:code", look_up.public_id)


def too_many(request: HttpRequest, limit: limits.TooMany) -> HttpResponse:
    at = timezone.now() + timedelta(seconds=limit.retry_after)
    response = page(request, "429.html", status=429, at=at, minutes=math.ceil(limit.retry_after / 60))
    response["Retry-After"] = str(limit.retry_after)
    return response


@form_page
def code(request: HttpRequest, public_id: str) -> HttpResponse:
    look_up = LookUp.objects.filter(public_id=public_id).first()
    if look_up is None:
        return dead_link(request)
    if request.session.get(PROVEN) == look_up.pk:
        return redirect("refunds:request")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if verification.prove(look_up, form.cleaned_data["code"]):
            return _let_in(request, look_up)
        form.add_error("code", _wrong_code(look_up.tries_left))
    return _code_page(request, look_up, form)


def _wrong_code(tries_left: int) -> str:
    if tries_left == 1:
        return _("This code is not right, or its time is over. You have one more try.")
    return ngettext(
        "This code is not right, or its time is over. You have %(count)s more try.",
        "This code is not right, or its time is over. You have %(count)s more tries.",
        tries_left,
    ) % {"count": tries_left}


def _code_page(request: HttpRequest, look_up: LookUp, form: CodeForm, *, status: int = 200) -> HttpResponse:
    if not look_up.tries_left:
        return page(request, "refunds/no_tries.html", status=status)
    return page(
        request,
        "refunds/code.html",
        status=status,
        look_up=look_up,
        form=form,
        errors=summary(form),
        minutes=int(timing.CODE_LIFE.total_seconds() // 60),
        may_ask_again=look_up.code_issue < verification.CODES_PER_LOOK_UP,
        here=reverse("refunds:code", args=[look_up.public_id]),
    )


@personal
@require_POST
def code_again(request: HttpRequest, public_id: str) -> HttpResponse:
    look_up = LookUp.objects.filter(public_id=public_id).first()
    if look_up is None:
        return dead_link(request)
    try:
        sent = verification.again(look_up, issue=_whole_number(request.POST.get("issue")))
    except limits.TooMany as limit:
        messages.warning(request, _too_soon(limit.retry_after))
        response = _code_page(request, look_up, CodeForm(), status=429)
        response["Retry-After"] = str(limit.retry_after)
        return response
    if sent:
        messages.success(request, _("We have sent another code. The earlier one no longer works."))
    else:
        messages.warning(request, _("We cannot send another code here. Please start again."))
    return redirect("refunds:code", public_id)


def _too_soon(seconds: int) -> str:
    return ngettext(
        "A mail can take a minute. You can ask for another code in %(seconds)s second.",
        "A mail can take a minute. You can ask for another code in %(seconds)s seconds.",
        seconds,
    ) % {"seconds": seconds}


def _whole_number(typed: str | None) -> int:
    return int(typed) if typed is not None and typed.isdecimal() and len(typed) < 9 else 0


@personal
@form_page
def proof(request: HttpRequest, token: str) -> HttpResponse:
    """The mailed link, perhaps on another device. Opening it consumes nothing: mail scanners open links too."""
    if request.method == "POST":
        look_up = verification.prove_by_link(token)
        return dead_link(request) if look_up is None else _let_in(request, look_up)
    if verification.of_link(token) is None:
        return dead_link(request)
    return page(request, "refunds/proof.html", token=token)


def _let_in(request: HttpRequest, look_up: LookUp) -> HttpResponse:
    request.session.cycle_key()
    _carry_photos(request.session.get(PROVEN, 0), look_up)
    request.session[PROVEN] = look_up.pk
    return redirect("refunds:request")


def _carry_photos(earlier_id: int, look_up: LookUp) -> None:
    """Who had to prove the same order once more finds the photos again, as well as the words."""
    earlier = LookUp.objects.filter(pk=earlier_id, refund_request=None, proven_at__isnull=False).exclude(pk=look_up.pk)
    if look_up.snapshot is not None:
        same_order = earlier.filter(snapshot__order_id=look_up.snapshot.order_id)
        Photo.objects.filter(look_up__in=same_order).update(look_up=look_up)
