"""Rows that nobody edits in the admin, superusers included: they change through `workflow` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import Http404, HttpRequest

LARGEST_PK = 2**63 - 1

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin


def number(object_id: str) -> int:
    """The primary key in an address. Raises `Http404` for what cannot be one."""
    if not (object_id.isascii() and object_id.isdigit() and int(object_id) <= LARGEST_PK):
        raise Http404
    return int(object_id)


class ReadOnlyAdmin(Base):
    actions: tuple[str, ...] | None = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False
