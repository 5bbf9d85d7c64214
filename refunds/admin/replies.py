"""Saved replies: set up by those who set up the shop, and put into what somebody writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import words
from ..models import RefundRequest, SavedReply, SavedReplyText, Shop
from ..models.replies import VARIABLES, filled
from .consequences import language_name
from .forms import ReplyForm

if TYPE_CHECKING:
    ReplyBase = admin.ModelAdmin[SavedReply]
    TextsBase = forms.BaseInlineFormSet[SavedReplyText, SavedReply, forms.ModelForm[SavedReplyText]]
    TextBase = forms.ModelForm[SavedReplyText]
    TextInlineBase = admin.StackedInline[SavedReplyText, SavedReply]
else:
    ReplyBase, TextInlineBase = admin.ModelAdmin, admin.StackedInline
    TextsBase, TextBase = forms.BaseInlineFormSet, forms.ModelForm

CONFIGURE = "refunds.change_shop"


def used(form: type[ReplyForm], refund_request: RefundRequest, typed: QueryDict) -> QueryDict:
    """What was typed, with the chosen reply in it: as the text, or below the text that is there."""
    number = typed.get("reply", "")
    if "use" not in typed or not (number.isascii() and number.isdigit() and len(number) < 12):
        return typed
    reply = SavedReply.objects.filter(active=True, pk=int(number)).prefetch_related("texts").first()
    text = reply.body(refund_request.language) if reply else None
    if text is None:
        return typed
    with translation.override(text.language):
        words_for_customer = filled(text.body, words.facts(refund_request, Shop.current()))
    typed = typed.copy()
    before = typed.get(form.text_field, "").rstrip()
    typed[form.text_field] = f"{before}\n\n{words_for_customer}" if before else words_for_customer
    return typed


class TextForm(TextBase):
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)

    class Meta:
        model = SavedReplyText
        fields = ("language", "body")


class TextsFormSet(TextsBase):
    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        if not any(self._is_kept(form) for form in kept) and not any(self.errors):
            raise ValidationError(_("Write the reply in at least one language."))

    def _is_kept(self, form: TextBase) -> bool:
        return bool(form.cleaned_data.get("body")) and not form.cleaned_data.get("DELETE")


class TextInline(TextInlineBase):
    model = SavedReplyText
    form, formset = TextForm, TextsFormSet
    max_num = len(settings.LANGUAGES)
    verbose_name = gettext_lazy("text")
    verbose_name_plural = gettext_lazy("texts")

    def get_extra(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        """A place for every language that has no text yet."""
        return len(missing(obj))

    def has_view_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return request.user.has_perm(CONFIGURE)

    has_change_permission = has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return request.user.has_perm(CONFIGURE)


def missing(reply: SavedReply | None) -> list[str]:
    there = set(reply.texts.values_list("language", flat=True)) if reply and reply.pk else set()
    return [code for code, _name in settings.LANGUAGES if code not in there]


class SavedReplyAdmin(ReplyBase):
    list_display = ("title", "languages", "active")
    change_list_template = "admin/refunds/list.html"
    sortable_by = ()
    inlines = (TextInline,)
    fieldsets = ((None, {"fields": ("title", "active", "places")}),)
    readonly_fields = ("places",)
    actions = None

    @admin.display(description=gettext_lazy("can be filled in"))
    def places(self, reply: SavedReply) -> str:
        return ", ".join(f"{{{name}}}" for name in VARIABLES)

    @admin.display(description=gettext_lazy("languages"))
    def languages(self, reply: SavedReply) -> str:
        return ", ".join(language_name(text.language) for text in reply.texts.all())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        said = {"title": _("Saved replies"), "empty": _("No reply is saved yet.")}
        return super().changelist_view(request, said | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("texts")

    def get_formset_kwargs(self, request: HttpRequest, obj: SavedReply, inline: Any, prefix: str) -> dict[str, Any]:
        return {
            **super().get_formset_kwargs(request, obj, inline, prefix),
            "initial": [{"language": code} for code in missing(obj)],
        }

    def has_view_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return request.user.has_perm(CONFIGURE)

    has_change_permission = has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CONFIGURE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CONFIGURE)
