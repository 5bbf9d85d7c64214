"""The portal's addresses, and beside them a form and an admin page with nothing in them: the peers."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path

from refunds.admin.site import RefundsAdminSite
from refunds.models import LookUp, RefundEvent, RefundLine, RefundRequest

POINTERS = ("order_asked", "order_now", "order_decided", "paid_attempt")


class EmptyForm(forms.Form):
    number = forms.CharField(max_length=64)
    email = forms.EmailField()


def empty_form(request: HttpRequest) -> HttpResponse:
    form = EmptyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("empty_form")
    return render(request, "empty_form.html", {"form": form})


def saving_form(request: HttpRequest) -> HttpResponse:
    """The same, and what was typed is kept in a row."""
    form = EmptyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        LookUp.objects.create(
            order_number=form.cleaned_data["number"], email=form.cleaned_data["email"], network="of-a-benchmark"
        )
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


class Desk(RefundsAdminSite):
    """The staff's desk, with another page for a case: what is around it costs the same."""

    def __init__(self, name: str, page: type[admin.ModelAdmin]) -> None:
        super().__init__(name)
        self.unregister(RefundRequest)
        self.register(RefundRequest, page)


urlpatterns = [
    path("_empty/", empty_form, name="empty_form"),
    path("_saving/", saving_form),
    path("_bare/", Desk("bare", BareAdmin).urls),
    path("_with_rows/", Desk("with_rows", BareAdminWithRows).urls),
    path("", include("portal.urls")),
]
