"""Deciding many cases at once: what would be done, to which sum, and how far it is. The worker does it, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import workflow
from ..bulk import not_in_bulk
from ..formats import amount_text
from ..models import Act, Bulk, BulkRow, DeclineReason, RefundRequest, Shop
from . import show
from .people import actor, address, colleagues

PERMISSIONS = {
    Act.APPROVE: "refunds.approve_refundrequest",
    Act.DECLINE: "refunds.decline_refundrequest",
    Act.ASSIGN: "refunds.work_refundrequest",
}
REFRESH = 2
"""Seconds after which the page of a bulk that is not through loads itself again."""


class ApproveForm(forms.Form):
    sure = forms.BooleanField(label=gettext_lazy("I have looked at them, and this sum is to be paid."))


class DeclineForm(forms.Form):
    decline_reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=[("", gettext_lazy("Choose a reason")), *DeclineReason.choices]
    )
    words = forms.CharField(
        label=gettext_lazy("What every one of these customers reads"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    sure = forms.BooleanField(label=gettext_lazy("All of these are to be declined."))


class AssignForm(forms.Form):
    to = forms.ModelChoiceField(
        label=gettext_lazy("To"), queryset=User.objects.none(), required=False, empty_label=gettext_lazy("Nobody")
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["to"].queryset = colleagues()  # type: ignore[attr-defined]  # the field is a ModelChoiceField


FORMS: Mapping[Act, type[forms.Form]] = {Act.APPROVE: ApproveForm, Act.DECLINE: DeclineForm, Act.ASSIGN: AssignForm}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the chosen cases, and why it is not approved in bulk, if it is not."""

    case: RefundRequest
    amount: str
    why_not: str

    @property
    def row(self) -> str:
        return f"{self.case.pk}:{self.case.version}"


def to_page(pks: Sequence[Any]) -> HttpResponse:
    """From the ticked rows of the queue to the page that asks what to do with them."""
    return HttpResponseRedirect(f"{reverse('admin:bulk')}?cases={','.join(map(str, pks))}")


def bulk(site: AdminSite, request: HttpRequest) -> HttpResponse:
    by = actor(request)
    if not by.has_perm("refunds.work_refundrequest"):
        raise PermissionDenied
    if request.method != "POST":
        return _page(site, request, _chosen(_numbers(request.GET.get("cases", "").split(","))), {}, "")
    rows = dict(part.split(":") for part in request.POST.getlist("row") if part.count(":") == 1)
    choices = _chosen(_numbers(list(rows)))
    act = request.POST.get("act", "")
    if act not in Act.values:
        return _page(site, request, choices, {}, _("Choose what to do with them."))
    if not by.has_perm(PERMISSIONS[Act(act)]):
        raise PermissionDenied
    form = FORMS[Act(act)](request.POST)
    if {str(choice.case.pk): str(choice.case.version) for choice in choices} != rows or (
        act == Act.APPROVE and request.POST.get("shown") != _sum(choices)
    ):
        return _page(site, request, choices, {act: form}, _("Something has changed meanwhile. Look at it again."))
    if not form.is_valid():
        return _page(site, request, choices, {act: form}, _("Look at the marked fields. Nothing was decided."))
    return _start(site, request, Act(act), choices, form)


def _start(
    site: AdminSite, request: HttpRequest, act: Act, choices: Sequence[Choice], form: forms.Form
) -> HttpResponse:
    wanted = [choice.case for choice in choices if act != Act.APPROVE or not choice.why_not]
    told = {name: value for name, value in form.cleaned_data.items() if name != "sure"}
    versions = {case.pk: case.version for case in wanted}
    try:
        started = workflow.start_bulk(act, by=actor(request), versions=versions, address=address(request), **told)
    except workflow.NotAllowed as refusal:
        return _page(site, request, choices, {act: form}, refusal.message)
    messages.success(request, _("It is being done. You can close this page: that changes nothing."))
    return HttpResponseRedirect(reverse("admin:bulk_progress", args=[started.pk]))


def _numbers(typed: Sequence[str]) -> list[int]:
    return [int(part) for part in typed if part.isascii() and part.isdigit() and len(part) < 19]


def _chosen(pks: Sequence[int]) -> list[Choice]:
    shop = Shop.current()
    cases = RefundRequest.objects.filter(pk__in=pks[: workflow.MOST_AT_ONCE + 1]).select_related("order_now")
    return [
        Choice(case, show.amount(case, case.requested_amount), not_in_bulk(case, shop))
        for case in cases.order_by("created_at", "pk")
    ]


def _sum(choices: Sequence[Choice]) -> str:
    """What would be paid, by currency."""
    sums: dict[tuple[str, int], Decimal] = {}
    for choice in choices:
        if not choice.why_not:
            key = choice.case.currency, choice.case.decimals
            sums[key] = sums.get(key, Decimal(0)) + choice.case.requested_amount
    return ", ".join(amount_text(total, *key) for key, total in sorted(sums.items()))


def _page(
    site: AdminSite, request: HttpRequest, choices: Sequence[Choice], bound: Mapping[str, forms.Form], problem: str
) -> HttpResponse:
    if len(choices) > workflow.MOST_AT_ONCE:
        problem = _("At most %(most)d requests can be decided at once.") % {"most": workflow.MOST_AT_ONCE}
        choices = []
    offered = {act: form for act, form in FORMS.items() if actor(request).has_perm(PERMISSIONS[act])}
    context = {
        **site.each_context(request),
        "title": _("Decide several at once"),
        "choices": choices,
        "problem": problem,
        "sum": _sum(choices),
        "approvable": sum(not choice.why_not for choice in choices),
        "forms": {act.value: bound.get(act) or form(auto_id=f"{act}-%s") for act, form in offered.items()},
    }
    return TemplateResponse(request, "admin/bulk.html", context, status=409 if problem else 200)


def progress(site: AdminSite, request: HttpRequest, pk: int) -> HttpResponse:
    """How far a bulk is. Loads itself again until every row has its result."""
    if not actor(request).has_perm("refunds.view_refundrequest"):
        raise PermissionDenied
    found = Bulk.objects.filter(pk=pk).select_related("by").first()
    if found is None:
        raise Http404
    counts = found.rows.aggregate(
        all=Count("pk"),
        waiting=Count("pk", filter=Q(state=BulkRow.State.WAITING)),
        done=Count("pk", filter=Q(state=BulkRow.State.DONE)),
        refused=Count("pk", filter=Q(state=BulkRow.State.REFUSED)),
    )
    context = {
        **site.each_context(request),
        "title": _("%(act)s: %(count)s requests") % {"act": found.get_act_display(), "count": counts["all"]},
        "bulk": found,
        "counts": counts,
        "rows": [(row, show.amount(row.refund_request, row.refund_request.amount)) for row in _rows(found)],
    }
    headers = {"Refresh": str(REFRESH)} if counts["waiting"] else {}
    return TemplateResponse(request, "admin/bulk_progress.html", context, headers=headers)


def _rows(found: Bulk) -> Sequence[BulkRow]:
    """What was not done first: that is what a person has to see to."""
    rows = found.rows.select_related("refund_request").order_by("pk")
    return sorted(rows, key=lambda row: row.state != BulkRow.State.REFUSED)
