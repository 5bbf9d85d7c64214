"""What people type into a case. Every amount is worked out from the order again, never taken from the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import money
from ..models import DeclineReason, Reason, RefundRequest
from ..money import AmountError, Breakdown, LineLeft
from ..woocommerce.types import LineKind
from .order_lines import asked_of
from .people import colleagues

BY_GATEWAY, BY_HAND = "gateway", "hand"
PAID_WITHOUT_GATEWAY = frozenset({"cod", "bacs", "cheque", ""})
"""Payment methods of WooCommerce that cannot give money back by themselves."""
NOT_FOR_SALE_AGAIN = frozenset({Reason.DAMAGED, Reason.FAULTY, Reason.NOT_ARRIVED})


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
    """Quantities by line, and perhaps a lower amount: what is to be paid."""

    prefix_of_ids = "approve"
    amount = forms.CharField(
        label=gettext_lazy("Lower amount"),
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
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
        chosen = {line.line_id: line.quantity for line in decided.lines} if decided else asked_of(self.refund_request)
        quantities = {_name(held): _initial(held, chosen.get(held.line.id, 0)) for held in self.left}
        return {**quantities, "amount": self._decided_amount(decided, chosen)}

    def _decided_amount(self, decided: Breakdown | None, chosen: dict[int, int]) -> str:
        if decided is None or decided.decimals != self.order.decimals:
            return ""
        try:
            whole = money.price(self.order, chosen).amount
        except AmountError:
            return ""
        return "" if whole == decided.amount else money.canonical(decided.amount, decided.decimals)

    def line_fields(self) -> dict[int, forms.BoundField]:
        return {held.line.id: self[_name(held)] for held in self.left}

    def breakdown(self) -> Breakdown:
        """What the form asks for, priced from the order. Raises `AmountError`; bound or not."""
        values = self.values()
        breakdown = money.price(self.order, {held.line.id: int(values.get(_name(held)) or 0) for held in self.left})
        typed = (values.get("amount") or "").strip()
        return money.lower(breakdown, money.parse_amount(typed, self.order.decimals)) if typed else breakdown

    def values(self) -> Mapping[str, Any]:
        return self.cleaned_data if self.is_bound else self.initial


class ApproveForm(AmountForm):
    """The amount, what the customer reads about it, and the way the money takes."""

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
    restock = forms.BooleanField(label=gettext_lazy("Goods return to stock"), required=False)
    note = note_field()

    def _defaults(self, decided: Breakdown | None) -> dict[str, Any]:
        """Also as it was decided before (a second approval, a payout that failed)."""
        restock = self.refund_request.restock if decided else None
        return {
            **super()._defaults(decided),
            "words": self.refund_request.amount_words,
            "payout": BY_HAND if self._by_hand(decided) else BY_GATEWAY,
            "manual_reference": self.refund_request.manual_reference,
            "restock": self.refund_request.reason not in NOT_FOR_SALE_AGAIN if restock is None else restock,
        }

    def _by_hand(self, decided: Breakdown | None) -> bool:
        if self.refund_request.manual_reference:
            # Approved as transferred by hand, even if that was taken back: the gateway would pay it a second time.
            return True
        if self.refund_request.api_refund is not None and decided:
            return not self.refund_request.api_refund
        return self.order.payment_method in PAID_WITHOUT_GATEWAY

    def clean(self) -> None:
        super().clean()
        typed = self.cleaned_data
        if typed.get("payout") == BY_HAND and not typed.get("manual_reference", "").strip():
            self.add_error("manual_reference", _("Enter the reference of the transfer that you have made."))


def _name(held: LineLeft) -> str:
    return f"quantity_{held.line.id}"


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


class DeclineForm(CaseForm):
    prefix_of_ids = "decline"
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


class WriteForm(CaseForm):
    prefix_of_ids = "write"
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
    return money.canonical(breakdown.amount, breakdown.decimals)
