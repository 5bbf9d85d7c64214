"""What customers type. Amounts are never among it: they are worked out from the order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from . import money
from .amounts import AmountError
from .models import Photo, Reason, ReasonRule, RefundLine, RefundRequest
from .money import Breakdown, LineLeft
from .woocommerce.types import LineKind, Order

CODE_DIGITS = 6
NOTE_LENGTH = 2000


class PlainForm(forms.Form):
    """The server answers in its own words, so the browser is not asked to."""

    use_required_attribute = False


class LookUpForm(PlainForm):
    number = forms.CharField(
        max_length=64,
        label=_("Order number"),
        help_text=_("It is in the mail that confirmed your order, for example 1001 or #1001."),
        error_messages={
            "required": _("Enter your order number."),
            "max_length": _("This is too long for an order number. Copy it from the mail that confirmed your order."),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        max_length=254,
        label=_("E-mail address"),
        help_text=_("The one you gave when you ordered."),
        error_messages={
            "required": _("Enter your e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.com."),
            "max_length": _("This is too long for an e-mail address. Enter one like name@example.com."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )

    subject = forms.CharField(
        required=False,
        label=_("Leave this empty"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )
    """People do not see it. Programs that fill in whatever they find give themselves away."""

    def clean_number(self) -> str:
        number: str = self.cleaned_data["number"]
        if not re.search(r"\w", number):
            raise forms.ValidationError(_("Enter your order number. It has at least one digit or letter."))
        return number


class CodeForm(PlainForm):
    code = forms.CharField(
        max_length=40,
        label=_("Code"),
        error_messages={
            "required": _("Enter the six digits from the mail."),
            "max_length": _("This is too long. Enter the six digits from the mail."),
        },
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false", "class": "code"}
        ),
    )

    def clean_code(self) -> str:
        """The digits alone: `123 456`, `123-456` and full-width digits are what people paste."""
        typed = unicodedata.normalize("NFKC", self.cleaned_data["code"])
        code = re.sub(r"[\s\W_]", "", typed)
        if not re.fullmatch(r"[0-9]*", code):
            raise forms.ValidationError(_("The code has digits only."))
        if len(code) != CODE_DIGITS:
            raise forms.ValidationError(
                gettext("The code has six digits. You typed %(count)s.") % {"count": len(code) or gettext("none")}
            )
        return code


# --- Lines -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineChoice:
    """One line of the order as the customer may choose it. Where `most` is 0, `why_not` says why."""

    left: LineLeft
    most: int
    why_not: str = ""
    held_by: RefundRequest | None = None

    @property
    def field(self) -> str:
        return f"q_{self.left.line.id}"


def line_choices(order: Order, held: Mapping[int, RefundRequest]) -> list[LineChoice]:
    """`held`: open requests by the order line that they hold."""
    return [_choice(left, held.get(left.line.id)) for left in money.lines_left(order)]


def held_lines(order: Order) -> dict[int, RefundRequest]:
    lines = RefundLine.objects.filter(order_line_id__in=[line.id for line in order.lines], is_open=True)
    return {line.order_line_id: line.refund_request for line in lines.select_related("refund_request")}


def _choice(left: LineLeft, held_by: RefundRequest | None) -> LineChoice:
    if held_by is not None:
        return LineChoice(left, 0, gettext("You have asked for this already."), held_by)
    if left.line.total < 0:
        return LineChoice(left, 0, gettext("This discount is taken off the other lines already."))
    if left.quantity:
        return LineChoice(left, left.quantity)
    return LineChoice(left, 0, gettext("Refunded already.") if left.paid else gettext("Nothing was paid for this."))


class QuantityField(forms.IntegerField):
    """Its messages name the line, and are put together here: Django would read a per cent sign in a product's name."""

    def __init__(self, choice: LineChoice) -> None:
        self.choice = choice
        name = choice.left.line.name
        number = gettext("Enter a whole number from 0 to %(most)s.") % {"most": choice.most}
        super().__init__(label=name, required=False, error_messages={"invalid": f"{name}: {number}"})

    def validate(self, value: int | None) -> None:
        super().validate(value)
        if value is None or 0 <= value <= self.choice.most:
            return
        if value < 0:
            raise forms.ValidationError(self.error_messages["invalid"])
        most = gettext("You can ask for %(most)s at most.") % {"most": self.choice.most}
        raise forms.ValidationError(f"{self.choice.left.line.name}: {self.choice.why_not or most}")


class LinesForm(PlainForm):
    """How many of each line. What they are worth is worked out from the order alone, in `breakdown`."""

    def __init__(self, order: Order, choices: Sequence[LineChoice], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.order, self.choices = order, choices
        self.breakdown: Breakdown | None = None
        for choice in choices:
            self.fields[choice.field] = QuantityField(choice)

    def rows(self) -> Iterator[tuple[LineChoice, forms.BoundField]]:
        return ((choice, self[choice.field]) for choice in self.choices)

    def products(self) -> list[tuple[LineChoice, forms.BoundField]]:
        return [row for row in self.rows() if row[0].left.line.kind is LineKind.PRODUCT]

    def extras(self) -> list[tuple[LineChoice, forms.BoundField]]:
        return [row for row in self.rows() if row[0].left.line.kind is not LineKind.PRODUCT]

    @property
    def chosen(self) -> dict[int, int]:
        """Quantity by order line, the chosen ones only. Of a valid form."""
        quantities = ((choice.left.line.id, self.cleaned_data.get(choice.field) or 0) for choice in self.choices)
        return {line_id: quantity for line_id, quantity in quantities if quantity}

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                self.breakdown = money.price(self.order, self.chosen)
            except AmountError as error:
                raise forms.ValidationError(AMOUNT_ERRORS.get(error.code, AMOUNT_ERRORS["not_left"])) from error
        return self.cleaned_data


AMOUNT_ERRORS = {
    "nothing_chosen": gettext_lazy("Choose at least one item that you want the money back for."),
    "not_positive": gettext_lazy("What you have chosen cost nothing. Choose something that you paid for."),
    "not_left": gettext_lazy("There is no money left in this order to give back."),
}


# --- Reason and words ------------------------------------------------------------------------------------------------


class PhotosInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Only for show: photos are taken and kept before the form is looked at, so that none is sent twice."""

    widget = PhotosInput(attrs={"accept": "image/jpeg,image/png,image/webp", "multiple": True})

    def __init__(self) -> None:
        super().__init__(required=False, label=_("Photos (optional)"))


def note_field(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=NOTE_LENGTH,
        label=label,
        help_text=help_text,
        error_messages={"max_length": _("Please shorten your note to 2000 characters.")},
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )


class WhyForm(PlainForm):
    """The reason, with what the shop wants to know for it. `kept` are the photos that are there already.

    `on_the_phone`: staff ask for the customer, who cannot hand over a photo just now and may add it later.
    """

    reason = forms.ChoiceField(
        widget=forms.RadioSelect,
        label=_("Why do you want your money back?"),
        error_messages={
            "required": _("Choose a reason. Take the one that fits best."),
            "invalid_choice": _("Choose one of the reasons in the list."),
        },
    )
    note = note_field(_("Anything we should know? (optional)"), _("What happened, in your own words."))
    photos = PhotosField()

    def __init__(self, *args: Any, kept: Sequence[Photo], on_the_phone: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept, self.on_the_phone = kept, on_the_phone
        self.rules = {rule.reason: rule for rule in ReasonRule.objects.all()}
        reason = self.fields["reason"]
        if isinstance(reason, forms.ChoiceField):
            reason.choices = [choice for choice in Reason.choices if self._rule(choice[0]).offered]

    def _rule(self, reason: str) -> ReasonRule:
        """A reason that the shop has said nothing about is offered and asks for nothing."""
        return self.rules.get(reason) or ReasonRule(reason=reason)

    def reasons(self) -> list[tuple[Any, ReasonRule]]:
        """Each radio button with what the shop says about it."""
        return [(radio, self._rule(radio.data["value"])) for radio in self["reason"]]

    def clean(self) -> dict[str, Any]:
        rule = self._rule(self.cleaned_data.get("reason", ""))
        if rule.needs_note and "note" not in self.errors and not self.cleaned_data.get("note"):
            self.add_error("note", _("Please tell us what happened. For this reason we need to know it."))
        if rule.needs_photo and not self.kept and not self.on_the_phone:
            self.add_error("photos", _("Please add a photo. For this reason we need to see it."))
        return self.cleaned_data


class MessageForm(PlainForm):
    """What a customer writes about a request that is there already."""

    note = note_field(_("Your message"))
    photos = PhotosField()
