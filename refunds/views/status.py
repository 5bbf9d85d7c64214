"""Where a request stands, and what its customer can do about it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import links, words, workflow
from ..models import RefundRequest, Shop
from ..states import WITHDRAWABLE
from .page import dead_link, form_page, page, personal


@personal
@require_safe
def status(request: HttpRequest, token: str) -> HttpResponse:
    refund_request = _of_link(token)
    if refund_request is None:
        return dead_link(request)
    shop = Shop.current()
    return page(
        request,
        "refunds/status.html",
        shop=shop,
        refund_request=refund_request,
        state=words.state(refund_request, shop),
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
