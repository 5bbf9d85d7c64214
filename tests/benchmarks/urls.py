"""The portal's addresses, and beside them a form and an admin page with nothing in them: the peers."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path

from refunds.models import RefundEvent, RefundLine, RefundRequest

POINTERS = ("order_asked", "order_now", "order_decided", "paid_attempt")


class EmptyForm(forms.Form):
    number = forms.CharField(max_length=64)
    email = forms.EmailField()


def empty_form(request: HttpRequest) -> HttpResponse:
    form = EmptyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("empty_form")
    return render(request, "empty_form.html", {"form": form})


class Lines(admin.TabularInline):
    model = RefundLine
    extra = 0


class Events(admin.TabularInline):
    model = RefundEvent
    extra = 0
    raw_id_fields = ("attempt",)


class BareAdmin(admin.ModelAdmin):
    # Otherwise it would offer every snapshot there is in a menu.
    raw_id_fields = POINTERS


class BareAdminWithRows(BareAdmin):
    inlines = (Lines, Events)


bare = admin.AdminSite("bare")
bare.register(RefundRequest, BareAdmin)
with_rows = admin.AdminSite("with_rows")
with_rows.register(RefundRequest, BareAdminWithRows)

urlpatterns = [
    path("_empty/", empty_form, name="empty_form"),
    path("_bare/", bare.urls),
    path("_with_rows/", with_rows.urls),
    path("", include("portal.urls")),
]
