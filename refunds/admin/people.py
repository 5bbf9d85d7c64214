"""Who acts on a staff page."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from ..addresses import client_address


def actor(request: HttpRequest) -> User:
    """The person who is logged in. `admin_view` lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def address(request: HttpRequest) -> str | None:
    """Where they act from, for the ledger."""
    return client_address(request) or None


def colleagues() -> QuerySet[User]:
    """Staff who can work on cases."""
    can_work = User.objects.with_perm("refunds.work_refundrequest", backend="django.contrib.auth.backends.ModelBackend")
    return can_work.filter(is_staff=True).order_by("username")
