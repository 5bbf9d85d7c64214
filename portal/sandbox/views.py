"""Pages of the sandbox: the mailbox, and what programs ask."""

from __future__ import annotations

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from . import mailbox

LISTED = 100
LISTED_AS_JSON = 500
MAIL_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["https:", "data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    # A mail is a foreign page: no scripts, and its links open beside it.
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@require_GET
def mail_list(request: HttpRequest) -> HttpResponse:
    return render(request, "sandbox/mail_list.html", {"mails": mailbox.newest(LISTED), "limit": LISTED})


@require_GET
def mail_detail(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "sandbox/mail_detail.html", {"mail": _mail(name)})


@require_GET
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # its type knows no views with arguments
@xframe_options_sameorigin
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The mail as a mail program shows it, for the frame of its page."""
    return HttpResponse('<base target="_blank">' + _mail(name).html)


@require_GET
def mail_json(request: HttpRequest) -> JsonResponse:
    """The newest mails, `?to=` one address only. For the tour and for tests."""
    mails = mailbox.newest(LISTED_AS_JSON, to=request.GET.get("to", ""))
    listed = [
        {"name": mail.name, "at": mail.at.isoformat(), "to": mail.to, "subject": mail.subject, "text": mail.text}
        for mail in mails
    ]
    return JsonResponse(listed, safe=False)


@require_GET
def about(request: HttpRequest) -> JsonResponse:
    """What the tour has to know of a running portal."""
    return JsonResponse({"store": settings.WOOCOMMERCE_URL, "time_scale": settings.TIME_SCALE})


def _mail(name: str) -> mailbox.KeptMail:
    mail = mailbox.get(name)
    if mail is None:
        raise Http404
    return mail
