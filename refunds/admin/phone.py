"""A case for a customer on the phone: the order is found, items and reason are chosen, and it is theirs like any other.

What is asked of the customer's own form is asked here: the forms and the verb behind them are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import orders, timing, woocommerce, workflow
from ..forms import LinesForm, WhyForm, held_lines, line_choices
from ..models import LookUp, Reason
from ..woocommerce.types import Order
from .consequences import language_name
from .people import actor, address
from .show import amount

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

WORK = "refunds.work_refundrequest"


class FindForm(forms.Form):
    number = forms.CharField(
        label=gettext_lazy("Order number"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Ask the customer for the order number.")},
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address on the order"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email"}),
        error_messages={"required": gettext_lazy("Ask the customer for the e-mail address on the order.")},
    )
    language = forms.ChoiceField(label=gettext_lazy("Mails to the customer in"), choices=settings.LANGUAGES)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="find-%s", initial={"language": settings.LANGUAGE_CODE})


def find(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Order number and e-mail, as the customer says them: read from the shop, and compared exactly."""
    _require_work(request)
    form = FindForm(request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return _find_page(site, request, form)
    if not form.is_valid():
        return _find_page(site, request, form, status=422)
    typed = form.cleaned_data
    try:
        order = orders.find(number=typed["number"], email=typed["email"], patience=timing.STAFF_PATIENCE)
    except woocommerce.StoreError as error:
        problem = _("The shop does not answer, so the order cannot be read. Try again when it does.")
        return _find_page(site, request, form, f"{problem} {error.message}", 503)
    if order is None:
        problem = _("The shop has no order with this number and this e-mail address.")
        return _find_page(site, request, form, problem, 422)
    look_up = workflow.vouch(order, by=actor(request), language=typed["language"], address=address(request))
    return HttpResponseRedirect(reverse("admin:new_request", args=[look_up.public_id]))


def _require_work(request: HttpRequest) -> None:
    if not request.user.has_perm(WORK):
        raise PermissionDenied


def _find_page(
    site: AdminSite, request: HttpRequest, form: FindForm, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {**site.each_context(request), "title": _("New request for a customer"), "form": form, "problem": problem}
    return TemplateResponse(request, "admin/refunds/phone_find.html", context, status=status)


def choose(site: AdminSite, request: HttpRequest, public_id: str) -> HttpResponse:
    """Items, reason and note. Everything but the press to open the case only works out the amount."""
    _require_work(request)
    look_up = _own(request, public_id)
    if look_up.refund_request is not None:
        return _to_case(look_up)
    if look_up.snapshot is None or look_up.proven_at is None:
        raise Http404
    if look_up.proven_at < timezone.now() - timing.PROOF_LIFE:
        messages.warning(request, _("The order was read too long ago. Find it again."))
        return HttpResponseRedirect(reverse("admin:find_order"))
    order = look_up.snapshot.order
    is_sent, opens = request.method == "POST", request.POST.get("step") == "open"
    lines = LinesForm(order, line_choices(order, held_lines(order)), request.POST if is_sent else None)
    why = WhyForm(request.POST if opens else None, initial=request.POST.dict(), kept=(), on_the_phone=True)
    if not opens:
        return _choose_page(site, request, look_up, order, lines, why)
    if not (lines.is_valid() and why.is_valid()):
        return _choose_page(site, request, look_up, order, lines, why, _("Look at the marked fields."), 422)
    return _open(site, request, look_up, order, lines, why)


def _own(request: HttpRequest, public_id: str) -> LookUp:
    found = LookUp.objects.select_related("snapshot", "refund_request").filter(
        public_id=public_id, vouched_by=actor(request)
    )
    look_up = found.first()
    if look_up is None:
        raise Http404
    return look_up


def _open(
    site: AdminSite, request: HttpRequest, look_up: LookUp, order: Order, lines: LinesForm, why: WhyForm
) -> HttpResponse:
    try:
        refund_request = workflow.open_for_customer(
            look_up,
            by=actor(request),
            chosen=lines.chosen,
            reason=Reason(why.cleaned_data["reason"]),
            note=why.cleaned_data["note"],
            address=address(request),
        )
    except (workflow.NotAllowed, workflow.LostRace) as refusal:
        return _choose_page(site, request, look_up, order, lines, why, str(refusal), 409)
    messages.success(request, _("Opened. %(to)s gets a mail about it.") % {"to": refund_request.email})
    return _to_case(look_up)


def _to_case(look_up: LookUp) -> HttpResponse:
    case = look_up.refund_request
    return HttpResponseRedirect(reverse("admin:refunds_refundrequest_change", args=[case.pk if case else 0]))


def _choose_page(
    site: AdminSite,
    request: HttpRequest,
    look_up: LookUp,
    order: Order,
    lines: LinesForm,
    why: WhyForm,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    is_priced = lines.is_bound and lines.is_valid() and lines.breakdown is not None
    context = {
        **site.each_context(request),
        "title": _("New request for a customer"),
        "order": order,
        "paid": amount(order, order.total),
        "remaining": amount(order, order.remaining),
        "language": language_name(look_up.language),
        "lines": lines,
        "rows": [(choice, field, amount(order, choice.left.amount)) for choice, field in lines.rows()],
        "why": why,
        "sum": amount(order, lines.breakdown.amount) if is_priced and lines.breakdown else "",
        "problem": problem,
    }
    return TemplateResponse(request, "admin/refunds/phone_choose.html", context, status=status)
