"""The decisions of a case: each a POST of its own, on the version of the case that was shown.

Whatever is refused shows the page again with what was typed, the reason in plain words, and nothing half-done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import orders, reconcile, timing, woocommerce, workflow
from ..amounts import AmountError
from ..models import DeclineReason, RefundRequest, Shop
from ..money import Breakdown
from ..states import Status
from . import case, consequences, doubts, offers, replies
from .case import Opening
from .forms import (
    BY_HAND,
    AmountForm,
    ApproveForm,
    AssignForm,
    CaseForm,
    DeclineForm,
    NoPayoutForm,
    NoteForm,
    PlainForm,
    ReplyForm,
    SettlePaidForm,
    WriteForm,
    shown_amount,
)
from .people import actor, address
from .show import amount

if TYPE_CHECKING:
    Act = Callable[[HttpRequest, RefundRequest, CaseForm, int], str]
    Page = Callable[[HttpRequest, RefundRequest, Opening, int], HttpResponse]

READ_AGAIN_AFTER = timedelta(seconds=30)
"""The order is read again before an approval if it was read longer ago: half of what `workflow` still accepts."""
SAID_FIRST = gettext_lazy("Recorded. The amount is above the limit: a second person has to say the same.")


class Refused(Exception):
    """Said on the page in these words; nothing was done."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`act` does it and returns what to say; it raises `NotAllowed`, `LostRace` or `Refused`."""

    form: type[CaseForm]
    act: Act
    reads_order: bool = False
    on_version: bool = True
    """Whether it counts only for the version of the case that was shown."""


def decide(request: HttpRequest, pk: int, name: str, page: Page) -> HttpResponse:
    """One decision, from the POST to the page that shows what became of it."""
    refund_request = _found(pk)
    decision = DECISIONS[name]
    opening = Opening(seen_event=_number(request, "event"))
    if not offers.permitted(actor(request), [name]):
        opening.problem = _("You do not have the permission to do this.")
        return page(request, refund_request, opening, 403)
    if decision.reads_order:
        opening.store_problem = _read_if_old(refund_request)
    form = decision.form(refund_request, request.POST)
    opening.bound[name] = form
    if name == "propose" and offers.permitted(actor(request), ["approve"]):
        # One form with two buttons: what was typed stands in it again, whichever was pressed.
        opening.bound["approve"] = ApproveForm(refund_request, request.POST)
    version = _number(request, "version")
    if decision.on_version and version != refund_request.version:
        opening.problem = str(workflow.LostRace())
        return page(request, refund_request, opening, 409)
    if opening.store_problem:
        opening.problem = _("The shop does not answer, so nothing was decided. Try again when it does.")
        return page(request, refund_request, opening, 503)
    if not form.is_valid():
        opening.problem = _("Look at the marked fields. Nothing was decided.")
        return page(request, refund_request, opening, 422)
    return _act(request, refund_request, decision, opening, form, version, page)


def _act(
    request: HttpRequest,
    refund_request: RefundRequest,
    decision: Decision,
    opening: Opening,
    form: CaseForm,
    version: int,
    page: Page,
) -> HttpResponse:
    try:
        done = decision.act(request, refund_request, form, version)
    except workflow.NotAllowed as refusal:
        opening.problem = refusal.message
        return page(request, _found(refund_request.pk), opening, 403 if refusal.code == "permission" else 409)
    except (workflow.LostRace, Refused) as refusal:
        opening.problem = str(refusal)
        return page(request, _found(refund_request.pk), opening, 409)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:refunds_refundrequest_change", args=[refund_request.pk]))


def preview(request: HttpRequest, pk: int, page: Page) -> HttpResponse:
    """The same page, saying what the form would do if it was sent. Does nothing and asks nobody.

    `of` is the form. Pressed as "use", it first puts the chosen reply into the text.
    """
    refund_request = _found(pk)
    opening = Opening(seen_event=_number(request, "event"))
    of, may = request.POST.get("of", "approve"), offers.permitted(actor(request), offers.PERMISSIONS)
    if of == "approve" and of not in may:
        of = "propose"
    if of in PREVIEWED and of in may:
        form = PREVIEWED[of]
        typed = replies.used(form, refund_request, request.POST) if issubclass(form, ReplyForm) else request.POST
        opening.bound[of] = form(refund_request, typed)
    return page(request, refund_request, opening, 200)


def _found(pk: int) -> RefundRequest:
    refund_request = case.find(pk)
    if refund_request is None:
        raise Http404
    return refund_request


def _number(request: HttpRequest, name: str) -> int:
    typed = request.POST.get(name, "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 12 else 0


def _read_if_old(refund_request: RefundRequest) -> str:
    is_fresh = refund_request.order_now.read_at > timezone.now() - READ_AGAIN_AFTER
    return "" if is_fresh else read_order(refund_request)


def read_order(refund_request: RefundRequest) -> str:
    """Reads the order of a case anew. Why that could not be done, or empty."""
    try:
        orders.refresh(refund_request)
    except woocommerce.StoreError as error:
        return error.message
    return ""


# --- The acts --------------------------------------------------------------------------------------------------------


def _as_shown(request: HttpRequest, refund_request: RefundRequest, form: CaseForm) -> tuple[Breakdown, bool]:
    """What the form asks for and whether goods return to stock, if that is what the page showed."""
    if not isinstance(form, AmountForm):
        raise TypeError("An amount needs its form.")
    try:
        breakdown, restock = form.decision() if isinstance(form, ApproveForm) else (form.breakdown(), False)
    except AmountError as error:
        raise Refused(str(error)) from None
    if request.POST.get("shown") != shown_amount(breakdown):
        figure = amount(refund_request, breakdown.amount)
        raise Refused(_("The amount is now %(amount)s. Look at it, then approve.") % {"amount": figure})
    return breakdown, restock


def _approve(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    breakdown, restock = _as_shown(request, refund_request, form)
    figure = amount(refund_request, breakdown.amount)
    typed = form.cleaned_data
    if breakdown.amount != refund_request.requested_amount and not typed["words"].strip():
        form.add_error("words", _("Tell the customer why it is another amount."))
        raise Refused(_("This is another amount than asked for. Tell the customer why; nothing was decided."))
    workflow.approve(
        refund_request,
        by=actor(request),
        version=version,
        breakdown=breakdown,
        api_refund=typed["payout"] != BY_HAND,
        restock=restock,
        manual_reference=typed["manual_reference"] if typed["payout"] == BY_HAND else "",
        words=typed["words"],
        note=typed["note"],
        address=address(request),
    )
    if refund_request.status != Status.APPROVED:
        return _("Your approval of %(amount)s is recorded. A second person has to approve it too.") % {"amount": figure}
    return _("Approved: %(amount)s.") % {"amount": figure}


def _propose(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    breakdown, _restock = _as_shown(request, refund_request, form)
    if not consequences.must_be_proposed(refund_request, breakdown, Shop.current()):
        raise Refused(_("This amount need not be proposed."))
    workflow.edit_amount(
        refund_request, by=actor(request), version=version, breakdown=breakdown, address=address(request)
    )
    figure = amount(refund_request, breakdown.amount)
    return _("Proposed: %(amount)s. Two others have to approve it.") % {"amount": figure}


def _decline(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    typed = form.cleaned_data
    workflow.decline(
        refund_request,
        by=actor(request),
        version=version,
        decline_reason=DeclineReason(typed["decline_reason"]),
        words=typed["words"],
        note=typed["note"],
        address=address(request),
    )
    return _("Declined. The customer gets your words by mail.")


def _assign(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    by, to = actor(request), form.cleaned_data["to"]
    seen = User.objects.filter(pk=form.cleaned_data["seen"]).first()
    workflow.assign(refund_request, by=by, to=to, seen=seen, address=address(request))
    if to is None:
        return _("The case is nobody’s now.")
    return _("The case is yours.") if to == by else _("Passed on to %(who)s.") % {"who": to}


def _write(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    """A message; a question, if the case is to wait for the answer."""
    by, text = actor(request), form.cleaned_data["text"]
    if form.cleaned_data["waits"]:
        workflow.ask(refund_request, by=by, version=version, text=text, address=address(request))
        return _("Sent. The case waits for the customer’s answer.")
    workflow.write(refund_request, by=by, text=text, address=address(request))
    return _("Sent. The customer gets it by mail.")


def _note(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    workflow.note(refund_request, by=actor(request), text=form.cleaned_data["text"], address=address(request))
    return _("Noted. Only colleagues see it.")


def _take_back(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    workflow.take_back(refund_request, by=actor(request), version=version, address=address(request))
    return _("The approval is taken back. Nothing was sent.")


def _reopen(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    workflow.reopen(refund_request, by=actor(request), version=version, address=address(request))
    return _("The case is open again.")


def _look(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    _look_now(refund_request)
    refund_request.refresh_from_db()
    if refund_request.status == Status.REFUNDED:
        return _("The shop shows the refund: it is paid.")
    return _("The shop was looked at just now. What it shows is below.")


def _settle_paid(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    if _settled_by_look(refund_request):
        return _("The shop shows the refund by now: it is paid, and there was nothing left to settle.")
    workflow.settle_paid(
        refund_request,
        by=actor(request),
        version=version,
        reference=form.cleaned_data["reference"],
        address=address(request),
    )
    if refund_request.status != Status.REFUNDED:
        return str(SAID_FIRST)
    return _("Recorded as paid. The customer gets a mail.")


def _settle_not_paid(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    if _settled_by_look(refund_request):
        return _("The shop shows the refund by now: it is paid, and there was nothing left to settle.")
    workflow.settle_not_paid(refund_request, by=actor(request), version=version, address=address(request))
    if refund_request.status == Status.CHECK_NEEDED:
        return str(SAID_FIRST)
    return _("Recorded: no payout. Nothing is sent again unless you approve it again.")


def _correct(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    workflow.correct(refund_request, by=actor(request), version=version, address=address(request))
    return _("Sent. The customer reads that the refund was taken back.")


def _confirm_no_payout(request: HttpRequest, refund_request: RefundRequest, form: CaseForm, version: int) -> str:
    workflow.confirm_no_payout(refund_request, by=actor(request), version=version, address=address(request))
    if doubts.unconfirmed(refund_request.attempts.all()) is not None:
        return str(SAID_FIRST)
    return _("Recorded: the payment provider shows no payout. You can decide again.")


def _settled_by_look(refund_request: RefundRequest) -> bool:
    """The fresh look that settling needs, in the same action. True if it found the refund itself."""
    doubt = doubts.to_settle(refund_request, refund_request.attempts.all())
    in_doubt = doubt is not None and refund_request.status == Status.CHECK_NEEDED
    too_early = doubt is not None and in_doubt and doubts.may_settle_at(doubt) > timezone.now()
    if not too_early:  # Otherwise `workflow` says why it is refused.
        _look_now(refund_request)
    refund_request.refresh_from_db()
    return refund_request.status == Status.REFUNDED


def _look_now(refund_request: RefundRequest) -> None:
    attempt = doubts.to_settle(refund_request, refund_request.attempts.all())
    if attempt is None:
        raise Refused(_("This payout is not in doubt."))
    if not reconcile.look_now(attempt, patience=timing.STAFF_PATIENCE):
        raise Refused(_("The shop does not answer, so nothing was found out. Try again when it does."))


DECISIONS: Mapping[str, Decision] = {
    "approve": Decision(ApproveForm, _approve, reads_order=True),
    "propose": Decision(AmountForm, _propose, reads_order=True),
    "decline": Decision(DeclineForm, _decline),
    "assign": Decision(AssignForm, _assign, on_version=False),
    "write": Decision(WriteForm, _write),
    "note": Decision(NoteForm, _note, on_version=False),
    "take_back": Decision(PlainForm, _take_back),
    "reopen": Decision(PlainForm, _reopen),
    "look": Decision(PlainForm, _look),
    "settle_paid": Decision(SettlePaidForm, _settle_paid),
    "settle_not_paid": Decision(NoPayoutForm, _settle_not_paid),
    "confirm_no_payout": Decision(NoPayoutForm, _confirm_no_payout),
    "correct": Decision(PlainForm, _correct),
}
PREVIEWED: Mapping[str, type[CaseForm]] = {
    "approve": ApproveForm,
    "propose": AmountForm,
    "decline": DeclineForm,
    "write": WriteForm,
}
