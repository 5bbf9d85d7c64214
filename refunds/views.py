"""Customer pages. They read and write rows and never call the store, so they stay up when the shop is down.

start -> code (or proof, from the mail) -> choose -> status -> withdraw
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from . import links, timing, verification, words, workflow
from .forms import NOTE_LENGTH, CodeForm, LinesForm, LookUpForm, WhyForm, held_lines, line_choices
from .models import LookUp, Reason, RefundRequest, Shop
from .states import WITHDRAWABLE
from .woocommerce.types import Order

PROVEN = "look_up"
"""Under this name the session keeps the id of the look-up that this browser has proven."""
DRAFT = "draft"
"""What was typed when the proof had become too old."""

form_page = require_http_methods(["GET", "HEAD", "POST"])


def page(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    shop = Shop.current()
    context |= {"shop": shop, "contact": shop.support_email or settings.STAFF_EMAIL}
    return render(request, template, context, status=status)


def personal(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For pages that show something of one person: kept by no cache, found by no search engine."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        response = view(request, *args, **options)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(shown)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")


# --- Which order, and is it theirs -----------------------------------------------------------------------------------


@form_page
def start(request: HttpRequest) -> HttpResponse:
    form = LookUpForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return page(request, "refunds/start.html", form=form, errors=_summary(form), answer_days=words.ANSWER_WITHIN)
    try:
        look_up = verification.start(**form.cleaned_data, address=_address(request))
    except verification.TooMany as limit:
        return too_many(request, limit)
    return redirect("refunds:code", look_up.public_id)


def too_many(request: HttpRequest, limit: verification.TooMany) -> HttpResponse:
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
    return _("This code is not right, or its time is over. You have %(count)s more tries.") % {"count": tries_left}


def _code_page(request: HttpRequest, look_up: LookUp, form: CodeForm, *, status: int = 200) -> HttpResponse:
    if not look_up.tries_left:
        return page(request, "refunds/no_tries.html", status=status)
    minutes = int(timing.CODE_LIFE.total_seconds() // 60)
    may_ask_again = look_up.code_issue < verification.CODES_PER_LOOK_UP
    context = {"look_up": look_up, "form": form, "minutes": minutes, "may_ask_again": may_ask_again}
    return page(request, "refunds/code.html", status=status, errors=_summary(form), **context)


@personal
@require_POST
def code_again(request: HttpRequest, public_id: str) -> HttpResponse:
    look_up = LookUp.objects.filter(public_id=public_id).first()
    if look_up is None:
        return dead_link(request)
    try:
        sent = verification.again(look_up, issue=_whole_number(request.POST.get("issue")))
    except verification.TooMany as limit:
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
    return _("A mail can take a minute. You can ask for another code in %(seconds)s seconds.") % {"seconds": seconds}


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
    request.session[PROVEN] = look_up.pk
    return redirect("refunds:request")


def dead_link(request: HttpRequest) -> HttpResponse:
    """The same for links that are too old, used, or never were ours, whether or not there is a case."""
    return page(request, "refunds/dead_link.html", status=404, days=timing.STATUS_LINK_LIFE.days)


# --- What, and why ---------------------------------------------------------------------------------------------------
#
# What is typed is kept in the session and every post ends in a redirect, so that "back" and "reload" are harmless on
# each page. A page posts its own quantities, reason and note all the same: what a tab shows is what it sends.

CHECKED = frozenset({"review", "submit"})
"""The steps that need a reason too. `amount`, `everything` and `live` only work out the sum."""
DRAFT_LENGTH = 4 * NOTE_LENGTH
"""Enough of a text that is too long to show it again."""


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
    """What is posted are quantities, a reason, a note and the step wanted; an amount never is."""
    if request.method != "POST":
        return _lines_page(request, *_forms(order, *_draft(request, order)))
    step = request.POST.get("step", "amount")
    typed = _typed(request.POST, order)
    if step == "everything":
        typed |= {choice.field: str(choice.most) for choice in line_choices(order, held_lines(order))}
    lines, why = _forms(order, typed, step)
    if step == "live":
        return _lines_page(request, lines, why)
    _keep(request, order, typed, step)
    is_ready = step in CHECKED and lines.is_valid() and why.is_valid()
    if step == "submit" and is_ready:
        return _submit(request, look_up, lines, why)
    return redirect("refunds:review" if is_ready else "refunds:request")


@personal
@require_safe
@for_proven
def review(request: HttpRequest, look_up: LookUp, order: Order) -> HttpResponse:
    lines, why = _forms(order, _draft(request, order)[0], "review")
    if not (lines.is_valid() and why.is_valid()):
        return redirect("refunds:request")
    return page(
        request,
        "refunds/review.html",
        order=order,
        breakdown=lines.breakdown,
        reason=Reason(why.cleaned_data["reason"]),
        note=why.cleaned_data["note"],
        answer_days=words.ANSWER_WITHIN,
        banks=(words.BANKS_FIRST, words.BANKS_LAST),
    )


def _keep_and_prove_again(request: HttpRequest, order: Order) -> HttpResponse:
    if request.method == "POST":
        _keep(request, order, _typed(request.POST, order), "amount")
    return _prove_again(request, _draft(request, order)[0].get("note", ""))


def _prove_again(request: HttpRequest, note: str) -> HttpResponse:
    """Nothing of the order is shown any more; what the visitor wrote is."""
    hours = int(timing.PROOF_LIFE.total_seconds() // 3600)
    return page(request, "refunds/prove_again.html", status=403, note=note, hours=hours)


def _typed(data: QueryDict, order: Order) -> dict[str, str]:
    names = ("reason", "note", *(f"q_{line.id}" for line in order.lines))
    return {name: str(data[name])[:DRAFT_LENGTH] for name in names if name in data}


def _keep(request: HttpRequest, order: Order, typed: dict[str, str], step: str) -> None:
    request.session[DRAFT] = {"order_id": order.id, "typed": typed, "step": step}


def _draft(request: HttpRequest, order: Order) -> tuple[dict[str, str], str]:
    """What was typed for this order and the step it was sent with; nothing if it was for another one."""
    draft: dict[str, Any] = request.session.get(DRAFT) or {}
    return (dict(draft["typed"]), str(draft["step"])) if draft.get("order_id") == order.id else ({}, "")


def _forms(order: Order, typed: dict[str, str], step: str) -> tuple[LinesForm, WhyForm]:
    choices = line_choices(order, held_lines(order))
    lines = LinesForm(order, choices, typed if step else None)
    return lines, WhyForm(typed if step in CHECKED else None, initial=typed)


def _lines_page(request: HttpRequest, lines: LinesForm, why: WhyForm) -> HttpResponse:
    return page(
        request,
        "refunds/lines.html",
        order=lines.order,
        lines=lines,
        why=why,
        errors=[*_summary(lines), *_summary(why)],
        is_anything_left=any(choice.most for choice in lines.choices),
        earlier=_earlier(lines.order),
    )


def _summary(form: Form) -> list[tuple[str, str]]:
    """Where to mend, and what: the anchor of each error and its words."""
    if not form.is_bound:
        return []
    return [
        ("lines" if name == NON_FIELD_ERRORS else f"id_{name}", str(error))
        for name, errors in form.errors.items()
        for error in errors
    ]


def _earlier(order: Order) -> list[tuple[str, str, words.State]]:
    """Requests made for this order before, newest first: reference, fresh link and state."""
    requests = RefundRequest.objects.filter(order_id=order.id, email__iexact=order.email)
    return [
        (earlier.reference, links.status_path(earlier), words.state(earlier))
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
    except (workflow.NotAllowed, workflow.LostRace):
        # A line was taken, or the proof ran out, since the page was read. The draft is kept; the fresh page says which.
        return redirect("refunds:request")
    request.session.pop(DRAFT, None)
    return _to_status(request, refund_request, _("Your request is sent. You get a mail about it."))


def _to_status(request: HttpRequest, refund_request: RefundRequest, message: str) -> HttpResponse:
    messages.success(request, message)
    return redirect(links.status_path(refund_request))


# --- Where it stands -------------------------------------------------------------------------------------------------


@personal
@require_safe
def status(request: HttpRequest, token: str) -> HttpResponse:
    refund_request = _of_link(token)
    if refund_request is None:
        return dead_link(request)
    return page(
        request,
        "refunds/status.html",
        refund_request=refund_request,
        state=words.state(refund_request),
        lines=refund_request.lines.all(),
        decided=words.decided_amount(refund_request),
        history=words.history(refund_request, refund_request.events.all()),
        may_withdraw=refund_request.status in WITHDRAWABLE,
        token=token,
    )


@personal
@form_page
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    refund_request = _of_link(token)
    if refund_request is None:
        return dead_link(request)
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


def _of_link(token: str) -> RefundRequest | None:
    reference = links.read_status(token)
    if reference is None:
        return None
    requests = RefundRequest.objects.select_related("order_now", "paid_attempt")
    return requests.filter(reference=reference).first()
