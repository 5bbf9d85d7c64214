"""One case on one screen: everything that is needed to decide, prepared for the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.forms import Textarea, TextInput
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import commitments, workflow
from ..amounts import AmountError
from ..mail import Draft
from ..models import Mail, PayoutAttempt, RefundRequest, SavedReply, Shop
from ..money import Breakdown
from ..states import Status
from ..woocommerce.types import LineKind
from . import consequences, doubts, offers, order_lines
from .comparison import compare
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
from .letters import letters
from .order_lines import asked_of
from .show import TONES, Moment, age, amount, badge, moment, waits_for
from .timeline import entries

FORMS: dict[str, type[CaseForm]] = {
    "approve": ApproveForm,
    "propose": AmountForm,
    "decline": DeclineForm,
    "assign": AssignForm,
    "write": WriteForm,
    "note": NoteForm,
    "settle_paid": SettlePaidForm,
    "settle_not_paid": NoPayoutForm,
    "confirm_no_payout": NoPayoutForm,
    "correct": PlainForm,
}
OTHERS = 10


@dataclass(slots=True)
class Opening:
    """How a case page is opened: what was typed, what went wrong, and whether the store answered."""

    bound: dict[str, CaseForm] = field(default_factory=dict)
    problem: str = ""
    store_problem: str = ""
    seen_event: int = 0


def find(pk: int) -> RefundRequest | None:
    rows = RefundRequest.objects.select_related(
        "order_asked", "order_now", "decided_by", "edited_by", "paid_attempt", "assigned_to", "opened_by"
    )
    return rows.prefetch_related("lines").filter(pk=pk).first()


def context(refund_request: RefundRequest, user: User, opening: Opening) -> dict[str, Any]:
    now = timezone.now()
    attempts = list(refund_request.attempts.select_related("settled_by", "no_payout_by", "proposed_by"))
    shop = Shop.current()
    possible = offers.possible(
        refund_request,
        unconfirmed=doubts.unconfirmed(attempts) is not None,
        to_settle=doubts.to_settle(refund_request, attempts) is not None,
        to_correct=workflow.to_correct(refund_request) is not None,
        has_limit=shop.second_approval_above is not None,
    )
    permitted = offers.permitted(user, possible)
    forms = {name: opening.bound.get(name) or FORMS[name](refund_request) for name in possible if name in FORMS}
    return {
        "case": refund_request,
        "badge": badge(refund_request.status),
        "tone": TONES[refund_request.status],
        "asked": Moment(refund_request.created_at, now),
        "age": age(refund_request.created_at),
        "waits_for": waits_for(refund_request, now),
        "possible": possible,
        "may": {name: name in permitted for name in offers.PERMISSIONS},
        "forms": {name: form for name, form in forms.items() if name in permitted},
        "lost_words": _lost_words(opening, permitted),
        "opening": opening,
        **_order(refund_request, now),
        **_plan(refund_request, _amount_form(forms, permitted), shop),
        **_talk(refund_request, forms, permitted),
        **_payouts(refund_request, attempts, now),
        **_around(refund_request, opening, now),
    }


def _amount_form(forms: Mapping[str, CaseForm], permitted: frozenset[str]) -> AmountForm | None:
    """Where the amount can be chosen, if this person may choose one."""
    form = next((forms[name] for name in ("approve", "propose") if name in permitted), None)
    return form if isinstance(form, AmountForm) else None


def _lost_words(opening: Opening, permitted: frozenset[str]) -> list[tuple[str, str]]:
    """What was typed into a form that the case no longer offers: shown, so that it can be copied."""
    typed = {
        str(bound.label): str(bound.value())
        for name, form in opening.bound.items()
        if name not in permitted
        for bound in form.visible_fields()
        if isinstance(bound.field.widget, Textarea | TextInput) and (bound.value() or "").strip()
    }
    return list(typed.items())


def _order(refund_request: RefundRequest, now: datetime) -> dict[str, Any]:
    then, order = refund_request.order_asked.order, refund_request.order_now.order
    facts = compare(then, order)
    return {
        "order": order,
        "facts": facts,
        "changed": any(fact.changed for fact in facts),
        "then_read": Moment(refund_request.order_asked.read_at, now),
        "now_read": Moment(refund_request.order_now.read_at, now),
        "figures": _figures(refund_request),
        "language": consequences.language_name(refund_request.language),
    }


def _figures(refund_request: RefundRequest) -> list[tuple[str, str, str]]:
    """The amounts that matter: name, figure, and a class for the one that counts."""
    order = refund_request.order_now.order
    figures = [
        (_("Paid"), amount(order, order.total), ""),
        (_("Refunded"), amount(order, order.refunded), ""),
        (_("Remaining"), amount(order, order.remaining), ""),
        (_("Asked"), amount(refund_request, refund_request.requested_amount), "strong"),
    ]
    if refund_request.approved_amount is not None:
        figures.append((_said_by(refund_request), amount(refund_request, refund_request.approved_amount), "strong"))
    return figures


def _said_by(refund_request: RefundRequest) -> str:
    """What the second amount of a case is: only a case that waits for nobody's approval has an approved one."""
    if refund_request.status not in (Status.SUBMITTED, Status.NEEDS_INFO):
        return _("Approved")
    if refund_request.decided_by is not None:
        return _("Approved by %(who)s, the first of two") % {"who": refund_request.decided_by}
    if refund_request.edited_by is not None:
        return _("Proposed by %(who)s") % {"who": refund_request.edited_by}
    return _("Approved before")


def _plan(refund_request: RefundRequest, form: AmountForm | None, shop: Shop) -> dict[str, Any]:
    """What will be sent, or was: priced anew while a decision is open, else as it was decided."""
    if form is None:
        return _lines(refund_request, refund_request.breakdown, None)
    try:
        form.is_valid()
        breakdown, restock = form.decision() if isinstance(form, ApproveForm) else (form.breakdown(), False)
    except AmountError as error:
        return {**_lines(refund_request, None, form), "plan_problem": str(error)}
    proposes = consequences.must_be_proposed(refund_request, breakdown, shop)
    plan = {
        **_lines(refund_request, breakdown, form),
        "plan_amount": amount(refund_request, breakdown.amount),
        "plan_shown": shown_amount(breakdown),
        "plan_proposes": proposes,
    }
    if proposes:
        return plan | {"plan_sentences": consequences.of_proposal(refund_request, breakdown)}
    if not isinstance(form, ApproveForm):
        return plan | {"plan_sentences": [_("This amount need not be proposed.")]}
    return plan | _approval(refund_request, form, breakdown, restock, shop)


def _approval(
    refund_request: RefundRequest, form: ApproveForm, breakdown: Breakdown, restock: bool, shop: Shop
) -> dict[str, Any]:
    values = form.values()
    by_hand, words = values.get("payout") == BY_HAND, values.get("words") or ""
    drafts = workflow.mails_of_approval(refund_request, breakdown, api_refund=not by_hand, words=words)
    return {
        "plan_sentences": consequences.of_approval(
            refund_request, breakdown, by_hand=by_hand, restock=restock, shop=shop
        ),
        "plan_mails": letters(drafts),
    }


def _talk(refund_request: RefundRequest, forms: Mapping[str, CaseForm], permitted: frozenset[str]) -> dict[str, Any]:
    """Saved replies to choose from, and the mails that a press would send."""
    writes = any(isinstance(form, ReplyForm) and name in permitted for name, form in forms.items())
    return {
        "replies": list(SavedReply.objects.filter(active=True)) if writes else [],
        "decline_mails": letters(_declined(refund_request, forms.get("decline"))),
        "write_mails": letters(_written(refund_request, forms.get("write"))),
        "correct_mails": letters(workflow.mails_of_correction(refund_request) if "correct" in permitted else []),
    }


def _declined(refund_request: RefundRequest, form: CaseForm | None) -> list[Draft]:
    words = _typed(form).get("words") or ""
    return workflow.mails_of_decline(refund_request, words=words) if words.strip() else []


def _written(refund_request: RefundRequest, form: CaseForm | None) -> list[Draft]:
    typed = _typed(form)
    text = typed.get("text") or ""
    return workflow.mails_of_message(refund_request, text=text, waits=bool(typed.get("waits"))) if text.strip() else []


def _typed(form: CaseForm | None) -> Mapping[str, Any]:
    if form is None or not form.is_bound:
        return {}
    form.is_valid()
    return form.cleaned_data


def _lines(refund_request: RefundRequest, given: Breakdown | None, form: AmountForm | None) -> dict[str, Any]:
    order = refund_request.order_now.order
    fields = form.line_fields() if form else {}
    stock = form.stock_fields() if isinstance(form, ApproveForm) else {}
    rows = order_lines.rows(order, asked_of(refund_request), given, fields, stock)
    return {
        "rows": rows,
        "given": amount(refund_request, given.amount) if given else "",
        "chooses": form is not None,
        "has_stock": bool(stock),
        "shows_restock": form is None and bool(refund_request.restock) and given is not None,
        "has_skus": any(row.sku for row in rows),
        "goods_only": all(row.kind == LineKind.PRODUCT for row in rows),
    }


def _payouts(refund_request: RefundRequest, attempts: list[PayoutAttempt], now: datetime) -> dict[str, Any]:
    """`doubt` is what has to be settled before anything else; `after_all` a refusal that may prove untrue later."""
    found = doubts.to_settle(refund_request, attempts)
    is_refusal = refund_request.status == Status.FAILED and doubts.unconfirmed(attempts) is not None
    in_doubt = found is not None and refund_request.status == Status.CHECK_NEEDED
    settle_at = moment(doubts.may_settle_at(found), now) if found and in_doubt else None
    shown = doubts.shown(found, refund_request, now) if found else None
    return {
        "attempts": [doubts.shown(attempt, refund_request, now) for attempt in reversed(attempts)],
        "doubt": shown if in_doubt or is_refusal else None,
        "after_all": None if in_doubt or is_refusal else shown,
        "is_refusal": is_refusal,
        "settle_at": settle_at,
        "too_early": settle_at is not None and settle_at.is_ahead,
        "left_overs": doubts.left_overs(refund_request, attempts) if refund_request.status == Status.FAILED else [],
        "last_attempt": doubts.shown(attempts[-1], refund_request, now) if attempts else None,
    }


def _around(refund_request: RefundRequest, opening: Opening, now: datetime) -> dict[str, Any]:
    events = list(refund_request.events.select_related("by").order_by("-pk"))
    mails = Mail.objects.filter(refund_request=refund_request).order_by("-pk")
    others = RefundRequest.objects.filter(email=refund_request.email).exclude(email="").exclude(pk=refund_request.pk)
    messages = list(refund_request.messages.select_related("by").prefetch_related("photos"))
    return {
        "timeline": entries(events, now, refund_request),
        "since": entries((event for event in events if 0 < opening.seen_event < event.pk), now, refund_request),
        "last_event": events[0].pk if events else 0,
        "mails": [(mail, moment(mail.sent_at or mail.created_at, now)) for mail in mails],
        "notes": [message for message in messages if message.internal],
        "photos": refund_request.photos.filter(message=None),
        "messages_with_customer": [message for message in messages if not message.internal],
        "others": [_other(other, refund_request, now) for other in others.order_by("-created_at")[:OTHERS]],
        **_siblings(refund_request),
    }


def _other(other: RefundRequest, than: RefundRequest, now: datetime) -> dict[str, Any]:
    return {
        "case": other,
        "badge": badge(other.status),
        "amount": amount(other, other.amount),
        "asked": Moment(other.created_at, now),
        "same_order": other.order_id == than.order_id,
    }


def _siblings(refund_request: RefundRequest) -> dict[str, Any]:
    """What other cases of the same order mean for this one."""
    order = refund_request.order_now.order
    doubt = commitments.doubt_of(refund_request.order_id, besides=refund_request)
    unseen = commitments.unseen(order, besides=refund_request)
    return {"sibling": doubt, "unseen": _unseen(refund_request, unseen, sure=doubt is None) if unseen else ""}


def _unseen(refund_request: RefundRequest, unseen: Decimal, *, sure: bool) -> str:
    """Money that left, or may have left, of which only our own books know."""
    paid = PayoutAttempt.objects.filter(commitments.MAY_BE_PAID, order_id=refund_request.order_id)
    by = RefundRequest.objects.filter(pk__in=paid.values("refund_request")).exclude(pk=refund_request.pk)
    references = ", ".join(by.order_by("pk").values_list("reference", flat=True))
    facts = {"amount": amount(refund_request, unseen), "references": references}
    if sure:
        return _("%(amount)s were paid by %(references)s and do not show in the shop.") % facts
    return _("%(amount)s may have been paid by %(references)s and do not show in the shop.") % facts
