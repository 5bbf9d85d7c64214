"""What the shop sets for itself: one row, edited here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ..models import Shop

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Shop]
else:
    Base = admin.ModelAdmin


class ShopAdmin(Base):
    fields = ("name", "support_email", "second_approval_above")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is only one shop: straight to it."""
        return HttpResponseRedirect(reverse("admin:refunds_shop_change", args=[Shop.current().pk]))
