"""The page that examines the shop, for staff: the same findings as `manage.py check_store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import orders
from ..woocommerce.shopcheck import Level, is_fit

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

TONES = {Level.OK: "good", Level.WARNING: "attention", Level.ERROR: "problem"}
WORDS = {
    Level.OK: gettext_lazy("Fine"),
    Level.WARNING: gettext_lazy("Worth knowing"),
    Level.ERROR: gettext_lazy("Has to be mended"),
}


def store_check(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Looks only when asked: it makes a dozen calls to the shop, none of which moves money."""
    if not request.user.has_perm("refunds.pause_payouts"):
        raise PermissionDenied
    findings = orders.examine() if request.method == "POST" else []
    rows = [{"tone": TONES[finding.level], "label": WORDS[finding.level], "finding": finding} for finding in findings]
    context = {**site.each_context(request), "title": _("Shop check"), "rows": rows, "fit": is_fit(findings)}
    return TemplateResponse(request, "admin/store_check.html", context)
