"""The page from which cases, lines and the ledger are taken out as files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import workflow
from ..export import stream
from .people import actor, address

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ExportForm(forms.Form):
    table = forms.ChoiceField(
        label=gettext_lazy("What"),
        choices=[
            ("cases", gettext_lazy("Cases")),
            ("lines", gettext_lazy("Articles of the cases")),
            ("ledger", gettext_lazy("Ledger: everything that happened")),
        ],
    )
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=DAY)
    until = forms.DateField(label=gettext_lazy("Until"), required=False, widget=DAY)

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        since, until = typed.get("since"), typed.get("until")
        if since and until and until < since:
            self.add_error("until", _("This is before the first day."))
        return typed


def export(site: AdminSite, request: HttpRequest) -> HttpResponseBase:
    """The form, and the file for it. That somebody takes it is in the ledger before its first row leaves."""
    by = actor(request)
    if not by.has_perm("refunds.export_refundrequest"):
        raise PermissionDenied
    form = ExportForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        context = {**site.each_context(request), "title": _("Take data out"), "form": form}
        return TemplateResponse(request, "admin/export.html", context, status=422 if form.is_bound else 200)
    typed = form.cleaned_data
    workflow.log_export(by=by, address=address(request), **typed)
    rows = stream(typed["table"], since=typed["since"], until=typed["until"])
    disposition = {"Content-Disposition": f'attachment; filename="refund-{typed["table"]}.csv"'}
    return StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8", headers=disposition)
