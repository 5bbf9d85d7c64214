"""What people type into a case. Every amount is worked out from the order again, never taken from the page."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import money
from ..amounts import AmountError, canonical, parse_amount
from ..models import NOT_FOR_SALE_AGAIN, DeclineReason, RefundRequest
from ..money import Breakdown, LineLeft
from ..woocommerce.types import PAID_WITHOUT_GATEWAY, LineKind
from .order_lines import asked_of
from .people import colleagues

ITEMS, ALL, GOODWILL = "items", "all", "goodwill"
SPREAD, LUMP = "spread", "lump"
BY_GATEWAY, BY_HAND = "gateway", "hand"


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def note_field() -> forms.CharField:
    return forms.CharField(label=gettext_lazy("Note for colleagues"), required=False, max_length=4000, widget=_area(2))


class CaseForm(forms.Form):
    """A decision on one case. `defaults` are what the form says before anybody has touched it."""

    def __init__(self, refund_request: RefundRequest, data: Any = None) -> None:
        self.refund_request = refund_request
        super().__init__(data, prefix=None, auto_id=f"{self.prefix_of_ids}-%s")

    prefix_of_ids = "case"


class PlainForm(CaseForm):
    """A decision that is a button and nothing more."""


class AmountForm(CaseForm):
    """What goes back, for how much, and whether the store's books show the items."""

    prefix_of_ids = "approve"
    what = forms.ChoiceField(
        label=gettext_lazy("What goes back"),
        choices=[
            (ITEMS, gettext_lazy("The chosen items")),
            (ALL, gettext_lazy("All that is left of the order")),
            (GOODWILL, gettext_lazy("A free amount, as goodwill")),
        ],
        widget=forms.RadioSelect,
    )
    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": " "}),
    )
    booking = forms.ChoiceField(
        label=gettext_lazy("In the shop’s books"),
        choices=[
            (SPREAD, gettext_lazy("Spread over the items and their tax rates")),
            (LUMP, gettext_lazy("Without items, only the sum")),
        ],
        widget=forms.RadioSelect,
    )

    def __init__(self, refund_request: RefundRequest, data: Any = None) -> None:
        super().__init__(refund_request, data)
        self.order = refund_request.order_now.order
        self.left = [held for held in money.lines_left(self.order) if held.refundable and held.quantity]
        for held in self.left:
            self.fields[_name(held)] = _quantity_field(held)
        self.initial = self._defaults(refund_request.breakdown)

    def _defaults(self, decided: Breakdown | None) -> dict[str, Any]:
        """What was decided or proposed before, where that is so, or what was asked."""
        is_items = decided is not None and any(line.quantity for line in decided.lines)
        chosen = {line.line_id: line.quantity for line in decided.lines} if decided and is_items else None
        chosen = asked_of(self.refund_request) if chosen is None else chosen
        quantities = {_name(held): _initial(held, chosen.get(held.line.id, 0)) for held in self.left}
        if decided is None:
            return {**quantities, "what": ITEMS, "amount": "", "booking": SPREAD}
        figure = canonical(decided.amount, decided.decimals)
        if not is_items:
            return {**quantities, "what": GOODWILL, "amount": figure, "booking": SPREAD if decided.lines else LUMP}
        return {**quantities, **self._what(decided, chosen, figure), "booking": SPREAD}

    def _what(self, decided: Breakdown, chosen: dict[int, int], figure: str) -> dict[str, str]:
        """Which of the choices leads to these items for that amount."""
        if decided.decimals != self.order.decimals:
            return {"what": ITEMS, "amount": ""}
        for what in (ITEMS, ALL):
            with contextlib.suppress(AmountError):
                found = self._worth(what, chosen)
                if (found.amount, _pieces(found)) == (decided.amount, _pieces(decided)):
                    return {"what": what, "amount": ""}
        return {"what": ITEMS, "amount": figure}

    def _worth(self, what: str | None, chosen: Mapping[int, int]) -> Breakdown:
        return money.everything(self.order) if what == ALL else money.price(self.order, chosen)

    def line_fields(self) -> dict[int, forms.BoundField]:
        return {held.line.id: self[_name(held)] for held in self.left}

    def breakdown(self) -> Breakdown:
        """What the form asks for, worked out from the order. Raises `AmountError`; bound or not."""
        values = self.values()
        typed, what = (values.get("amount") or "").strip(), values.get("what")
        is_lump = values.get("booking") == LUMP
        if what == GOODWILL:
            return money.free(self.order, parse_amount(typed, self.order.decimals), spread=not is_lump)
        breakdown = self._worth(what, self._chosen(values))
        if typed:
            breakdown = money.lower(breakdown, parse_amount(typed, self.order.decimals))
        return money.without_lines(breakdown) if is_lump else breakdown

    def _chosen(self, values: Mapping[str, Any]) -> dict[int, int]:
        return {held.line.id: int(values.get(_name(held)) or 0) for held in self.left}

    def values(self) -> Mapping[str, Any]:
        return self.cleaned_data if self.is_bound else self.initial

    def clean(self) -> None:
        super().clean()
        typed = self.cleaned_data
        if typed.get("what") == GOODWILL and not (typed.get("amount") or "").strip():
            self.add_error("amount", _("Enter the amount."))


class ApproveForm(AmountForm):
    """The amount, what the customer reads about it, what returns to stock, and the way the money takes."""

    words = forms.CharField(
        label=gettext_lazy("What the customer reads about the other amount"),
        required=False,
        max_length=4000,
        widget=_area(2),
    )
    payout = forms.ChoiceField(
        label=gettext_lazy("How it is paid"),
        choices=[
            (BY_GATEWAY, gettext_lazy("Through the payment provider")),
            (BY_HAND, gettext_lazy("By hand: I have made the transfer already")),
        ],
        widget=forms.RadioSelect,
    )
    manual_reference = forms.CharField(
        label=gettext_lazy("Reference of the transfer"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = note_field()

    def __init__(self, refund_request: RefundRequest, data: Any = None) -> None:
        super().__init__(refund_request, data)
        for held in self._goods():
            self.fields[_stock(held)] = _stock_field(held)

    def _goods(self) -> list[LineLeft]:
        return [held for held in self.left if held.line.kind is LineKind.PRODUCT]

    def _defaults(self, decided: Breakdown | None) -> dict[str, Any]:
        """Also as it was decided before (a second approval, a payout that failed)."""
        return {
            **super()._defaults(decided),
            **self._stock_defaults(decided),
            "words": self.refund_request.amount_words,
            "payout": BY_HAND if self._by_hand(decided) else BY_GATEWAY,
            "manual_reference": self.refund_request.manual_reference,
        }

    def _stock_defaults(self, decided: Breakdown | None) -> dict[str, str]:
        """At first everything, unless nobody can sell it again."""
        restock = self.refund_request.restock if decided else None
        all_or_none = self.refund_request.reason not in NOT_FOR_SALE_AGAIN if restock is None else restock
        before = {line.line_id: line for line in decided.lines} if decided and restock is not None else {}
        defaults = {}
        for held in self._goods():
            line = before.get(held.line.id)
            is_part = line is not None and line.restock is not None and line.restock != line.quantity
            defaults[_stock(held)] = str(line.restock) if line and is_part else ALL if all_or_none else "0"
        return defaults

    def _by_hand(self, decided: Breakdown | None) -> bool:
        if self.refund_request.manual_reference:
            # Approved as transferred by hand, even if that was taken back: the gateway would pay it a second time.
            return True
        if self.refund_request.api_refund is not None and decided:
            return not self.refund_request.api_refund
        return self.order.payment_method in PAID_WITHOUT_GATEWAY

    def stock_fields(self) -> dict[int, forms.BoundField]:
        return {held.line.id: self[_stock(held)] for held in self._goods()}

    def decision(self) -> tuple[Breakdown, bool]:
        """The breakdown with the pieces that return to stock, and whether any do. Raises `AmountError`."""
        breakdown, values = self.breakdown(), self.values()
        wanted = {held.line.id: values.get(_stock(held)) or "0" for held in self._goods()}
        back = {
            line.line_id: line.quantity if wanted.get(line.line_id) == ALL else int(wanted.get(line.line_id, "0"))
            for line in breakdown.lines
            if line.quantity
        }
        return money.restock(breakdown, back)

    def clean(self) -> None:
        super().clean()
        typed = self.cleaned_data
        if typed.get("payout") == BY_HAND and not typed.get("manual_reference", "").strip():
            self.add_error("manual_reference", _("Enter the reference of the transfer that you have made."))


def _pieces(breakdown: Breakdown) -> dict[int, int]:
    return {line.line_id: line.quantity for line in breakdown.lines if line.quantity}


def _name(held: LineLeft) -> str:
    return f"quantity_{held.line.id}"


def _stock(held: LineLeft) -> str:
    return f"stock_{held.line.id}"


def _initial(held: LineLeft, wanted: int) -> int | bool:
    """A tick box is off for False only: 0 would tick it."""
    return min(wanted, held.quantity) if held.line.kind is LineKind.PRODUCT else wanted > 0


def _quantity_field(held: LineLeft) -> forms.Field:
    attrs = {"form": "approve", "aria-label": _("Give back of %(item)s") % {"item": held.line.name}}
    if held.line.kind is not LineKind.PRODUCT:
        return forms.BooleanField(label=held.line.name, required=False, widget=forms.CheckboxInput(attrs=attrs))
    too_many = _("The order has %(n)d of this left.") % {"n": held.quantity}
    return forms.IntegerField(
        label=held.line.name,
        required=False,
        min_value=0,
        max_value=held.quantity,
        widget=forms.NumberInput(attrs=attrs),
        error_messages={"max_value": too_many, "min_value": _("Choose 0 or more."), "invalid": _("Enter a number.")},
    )


MOST_CHOICES = 100
"""Of more pieces only all or none can return to stock, or up to so many."""


def _stock_field(held: LineLeft) -> forms.ChoiceField:
    attrs = {"form": "approve", "aria-label": _("Back to stock of %(item)s") % {"item": held.line.name}}
    some = [(str(n), str(n)) for n in range(1, min(held.quantity, MOST_CHOICES))]
    return forms.ChoiceField(
        label=held.line.name,
        required=False,
        choices=[(ALL, _("all")), *some, ("0", _("none"))],
        widget=forms.Select(attrs=attrs),
    )


class ReplyForm(CaseForm):
    """Words for the customer, into which a saved reply can be put."""

    text_field: ClassVar[str]


class DeclineForm(ReplyForm):
    prefix_of_ids, text_field = "decline", "words"
    decline_reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=[("", gettext_lazy("Choose a reason")), *DeclineReason.choices]
    )
    words = forms.CharField(
        label=gettext_lazy("Words for the customer"),
        max_length=4000,
        widget=_area(4),
        error_messages={"required": gettext_lazy("Tell the customer why.")},
    )
    note = note_field()


class WriteForm(ReplyForm):
    prefix_of_ids, text_field = "write", "text"
    text = forms.CharField(
        label=gettext_lazy("Message to the customer"),
        max_length=4000,
        widget=_area(3),
        error_messages={"required": gettext_lazy("Write something first.")},
    )
    waits = forms.BooleanField(label=gettext_lazy("The case waits for the answer"), required=False)


class NoteForm(CaseForm):
    prefix_of_ids = "note"
    text = forms.CharField(
        label=gettext_lazy("Note for colleagues"),
        max_length=4000,
        widget=_area(2),
        error_messages={"required": gettext_lazy("Write something first.")},
    )


class AssignForm(CaseForm):
    """Whose case it is. `seen` is whose it was when the page was shown."""

    prefix_of_ids = "assign"
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, refund_request: RefundRequest, data: Any = None) -> None:
        super().__init__(refund_request, data)
        self.fields["to"] = forms.ModelChoiceField(
            colleagues(), label=_("Pass on to"), required=False, empty_label=_("Nobody")
        )
        self.initial = {"to": refund_request.assigned_to_id, "seen": refund_request.assigned_to_id}


class SettlePaidForm(CaseForm):
    prefix_of_ids = "settle-paid"
    reference = forms.CharField(
        label=gettext_lazy("The provider’s reference of the payout"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Enter the provider’s reference of the payout.")},
    )


class NoPayoutForm(CaseForm):
    """The tick that says: I have looked."""

    prefix_of_ids = "no-payout"
    looked = forms.BooleanField(
        label=gettext_lazy("I have looked at the payment provider. It shows no payout."),
        error_messages={"required": gettext_lazy("Look at the payment provider first, then tick this.")},
    )


def shown_amount(breakdown: Breakdown) -> str:
    """The amount as the page carries it along, so that what is approved is what was read."""
    return canonical(breakdown.amount, breakdown.decimals)
