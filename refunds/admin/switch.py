"""The page of the stop switch: payouts are paused and resumed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import workflow
from ..models import RefundEvent, StoreHealth
from .people import actor, address
from .show import moment
from .timeline import entries

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

HISTORY = 20


class PauseForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class ResumeForm(forms.Form):
    sure = forms.BooleanField(label=gettext_lazy("This is the real portal, and the addresses above are right."))


def payouts(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Shows the switch and, for those who may, turns it."""
    if not request.user.has_perm("refunds.view_refundrequest"):
        raise PermissionDenied
    if request.method == "POST":
        return _turn(site, request)
    return _page(site, request)


def _turn(site: AdminSite, request: HttpRequest) -> HttpResponse:
    resumes = request.POST.get("turn") == "resume"
    form = ResumeForm(request.POST) if resumes else PauseForm(request.POST)
    if not form.is_valid():
        return _page(site, request, form=form, status=422)
    try:
        if resumes:
            workflow.resume(by=actor(request), address=address(request))
            messages.success(request, _("Payouts go on."))
        else:
            workflow.pause(by=actor(request), reason=form.cleaned_data["reason"], address=address(request))
            messages.success(request, _("Payouts are paused. What is on its way already is not stopped."))
    except workflow.NotAllowed as refusal:
        return _page(site, request, form=form, problem=refusal.message, status=403)
    return HttpResponseRedirect(reverse("admin:payouts"))


def _page(
    site: AdminSite, request: HttpRequest, *, form: forms.Form | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    health = StoreHealth.objects.select_related("paused_by").get(pk=StoreHealth.current().pk)
    now = timezone.now()
    events = RefundEvent.objects.filter(refund_request=None, kind__in=["payouts_paused", "payouts_resumed"])
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": _("Payouts"),
        "health": health,
        "paused": moment(health.payouts_paused_at, now),
        "may_turn": request.user.has_perm("refunds.pause_payouts"),
        "pause_form": form if isinstance(form, PauseForm) else PauseForm(),
        "resume_form": form if isinstance(form, ResumeForm) else ResumeForm(),
        "problem": problem,
        "site_address": settings.SITE_URL,
        "store_address": settings.WOOCOMMERCE_URL,
        "timeline": entries(events.select_related("by").order_by("-pk")[:HISTORY], now),
    }
    return TemplateResponse(request, "admin/payouts.html", context, status=status)
