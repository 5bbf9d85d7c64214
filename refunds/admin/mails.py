"""Mails to customers and staff: what was written, whether it arrived, and once more."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from .. import workflow
from ..models import Mail, RefundRequest
from . import show
from .paging import CappedPaginator
from .people import actor, address
from .readonly import ReadOnlyAdmin, number
from .show import moment

TONES = {
    Mail.State.PENDING: "waiting",
    Mail.State.SENDING: "going",
    Mail.State.SENT: "good",
    Mail.State.FAILED: "problem",
    Mail.State.CANCELLED: "quiet",
}
KINDS = {
    "code": gettext_lazy("Code"),
    "received": gettext_lazy("We have your request"),
    "needs_info": gettext_lazy("Question"),
    "message": gettext_lazy("Message"),
    "approved": gettext_lazy("Approved"),
    "declined": gettext_lazy("Declined"),
    "withdrawn": gettext_lazy("Withdrawn"),
    "refunded": gettext_lazy("Refunded"),
    "correction": gettext_lazy("Correction"),
    "alarm": gettext_lazy("Alarm, to staff"),
    "digest": gettext_lazy("Summary of the day, to staff"),
    "new_request": gettext_lazy("New request, to staff"),
    "customer_wrote": gettext_lazy("The customer wrote, to staff"),
    "needs_staff": gettext_lazy("Needs a person, to staff"),
}
SEALED = {"sandbox": True, "default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "form-action": ["'none'"]}
"""A mail is shown as in a mail program: its own styles, no script, no form, nothing loaded, no access to this site."""


GIVEN_UP = 20


def badge(state: str) -> SafeString:
    return format_html('<span class="badge badge--{}">{}</span>', TONES[Mail.State(state)], Mail.State(state).label)


class StateTabs(admin.ChoicesFieldListFilter):
    template = "admin/refunds/tabs.html"


class MailAdmin(ReadOnlyAdmin):
    list_display = ("subject_link", "recipient", "kind_name", "shown_state", "age", "case")
    list_display_links = None
    list_filter = (("state", StateTabs),)
    list_select_related = ("refund_request",)
    list_per_page = 50
    ordering = ("-id",)
    search_fields = ("recipient",)
    paginator = CappedPaginator
    change_list_template = "admin/refunds/mails.html"
    empty_value_display = ""
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        return super().get_queryset(request).defer("text", "html")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        words = {
            "title": _("Mails"),
            "search_hint": _("E-mail address or reference, in full"),
            "empty": _("No mail here."),
            "given_up": [] if request.GET else self._given_up(),
        }
        return super().changelist_view(request, words | (extra_context or {}))

    def _given_up(self) -> list[dict[str, Any]]:
        """The mails that nobody got, on top of all others: the oldest first, as many as one looks at in one go."""
        lost = Mail.objects.filter(state=Mail.State.FAILED).defer("text", "html").select_related("refund_request")
        return [
            {"mail": mail, "link": self.subject_link(mail), "case": self.case(mail), "age": self.age(mail)}
            for mail in lost.order_by("created_at")[:GIVEN_UP]
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A whole address or a whole reference: both are found by an index."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        # Sought beforehand: joined to the search it would keep the database from using either index.
        cases = list(RefundRequest.objects.filter(reference=term.upper()[:16]).values_list("pk", flat=True))
        return queryset.filter(Q(refund_request__in=cases) | Q(recipient__in=[term, term.casefold()])), False

    @admin.display(description=gettext_lazy("subject"))
    def subject_link(self, mail: Mail) -> SafeString:
        return format_html('<a href="{}/change/">{}</a>', mail.pk, mail.subject)

    @admin.display(description=gettext_lazy("kind"))
    def kind_name(self, mail: Mail) -> str:
        return str(KINDS.get(mail.kind, mail.kind))

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, mail: Mail) -> SafeString:
        return badge(mail.state)

    @admin.display(description=gettext_lazy("age"))
    def age(self, mail: Mail) -> SafeString:
        return show.age(mail.created_at)

    @admin.display(description=gettext_lazy("case"))
    def case(self, mail: Mail) -> SafeString | str:
        if mail.refund_request is None:
            return ""
        url = reverse("admin:refunds_refundrequest_change", args=[mail.refund_request.pk])
        return format_html('<a class="reference" href="{}">{}</a>', url, mail.refund_request.reference)

    # --- One mail ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/rendered/", view(require_safe(self.rendered)), name="refunds_mail_rendered"),
            path("<int:pk>/resend/", view(require_POST(self.resend)), name="refunds_mail_resend"),
            *super().get_urls(),
        ]

    def _found(self, request: HttpRequest, pk: int) -> Mail:
        if not self.has_view_permission(request):
            raise PermissionDenied
        mail = Mail.objects.select_related("refund_request").filter(pk=pk).first()
        if mail is None:
            raise Http404
        return mail

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self._found(request, number(object_id))
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": mail.subject,
            "mail": mail,
            "badge": badge(mail.state),
            "kind": KINDS.get(mail.kind, mail.kind),
            "written": moment(mail.created_at, now),
            "sent": moment(mail.sent_at, now),
            "next_try": moment(mail.next_try_at, now),
            "may_resend": request.user.has_perm("refunds.work_refundrequest") and self._is_over(mail),
        }
        return TemplateResponse(request, "admin/refunds/mail.html", context)

    def _is_over(self, mail: Mail) -> bool:
        """Delivered or given up. A cancelled mail is no longer true, so it is not sent again."""
        return mail.state in (Mail.State.SENT, Mail.State.FAILED)

    def rendered(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The mail as the customer's mail program shows it. Codes and links are still placeholders."""
        answer = HttpResponse(self._found(request, pk).html)
        return csp_replace(SEALED)(lambda _request: answer)(request)

    def resend(self, request: HttpRequest, pk: int) -> HttpResponse:
        mail = self._found(request, pk)
        try:
            workflow.resend(mail, by=actor(request), address=address(request))
        except workflow.NotAllowed as refusal:
            if refusal.code == "permission":
                raise PermissionDenied from None
            messages.warning(request, refusal.message)
        else:
            messages.success(request, _("The mail goes out once more, to %(to)s.") % {"to": mail.recipient})
        return HttpResponseRedirect(reverse("admin:refunds_mail_change", args=[mail.pk]))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404
