"""Who acts on a staff page."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def actor(request: HttpRequest) -> User:
    """The person who is logged in. `admin_view` lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def address(request: HttpRequest) -> str | None:
    """Where they act from, for the ledger."""
    return request.META.get("REMOTE_ADDR") or None
