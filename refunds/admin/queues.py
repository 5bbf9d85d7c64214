"""The worker's queues: django_rq's own pages, for those who have the permission for them and for nobody else.

Nothing there can pay, forget or repeat anything: a job only says "look at that row". Stopping one would: it ends a
process in the middle of a call to the store, and leaves a doubt. That is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _

from .. import dispatch

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

PERMISSION = "django_rq.admin"


def pages(site: AdminSite) -> list[URLPattern]:
    return dispatch.pages(lambda view: site.admin_view(_guarded(site, view)))


def _guarded(site: AdminSite, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, **named: Any) -> HttpResponse:
        if not request.user.has_perm(PERMISSION) or _stops(request):
            raise PermissionDenied
        # By this django_rq finds its pages under the names of this site.
        request.current_app = site.name
        try:
            return view(request, **named)
        except dispatch.UNREACHABLE:
            messages.error(request, _("The queue does not answer. Nothing is lost: what is due goes on when it does."))
            return HttpResponseRedirect(reverse("admin:index"))
        except dispatch.GONE:
            raise Http404 from None

    return guarded


def _stops(request: HttpRequest) -> bool:
    """Whether this would end a worker in the middle of its job."""
    return request.path.endswith("/stop/") or request.POST.get("action") == "stop"
