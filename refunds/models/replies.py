"""Replies that staff write again and again, in every language, with places for the facts of a case."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

VARIABLES = ("name", "order_number", "reference", "amount", "shop")
PLACE = re.compile(r"\{([^{}\n]*)\}")


def known_places_only(text: str) -> None:
    """Raises `ValidationError` for `{anything}` that no case can fill in, saying which and what there is."""
    unknown = sorted({f"{{{name}}}" for name in PLACE.findall(text) if name not in VARIABLES})
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in VARIABLES)
        raise ValidationError(
            _("Nothing can be filled in for %(unknown)s. You can use %(known)s.")
            % {"unknown": ", ".join(unknown), "known": known}
        )


def filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with the facts in their places. What a fact itself says is never looked into again."""
    return PLACE.sub(lambda place: facts.get(place[1], place[0]), text)


class SavedReply(models.Model):
    """A reply under the name that staff choose it by."""

    title = models.CharField(gettext_lazy("title"), max_length=80, unique=True)
    active = models.BooleanField(gettext_lazy("offered"), default=True)

    class Meta:
        verbose_name = gettext_lazy("saved reply")
        verbose_name_plural = gettext_lazy("saved replies")
        default_permissions = ()
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def body(self, language: str) -> SavedReplyText | None:
        """The text in this language, else in the shop's own, else in any; None if there is none at all."""
        by_language = {text.language: text for text in self.texts.all()}
        wanted = by_language.get(language) or by_language.get(settings.LANGUAGE_CODE)
        return wanted or next(iter(by_language.values()), None)


class SavedReplyText(models.Model):
    reply = models.ForeignKey(SavedReply, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(gettext_lazy("language"), max_length=16)
    body = models.TextField(gettext_lazy("text"), max_length=4000, validators=[known_places_only])

    class Meta:
        verbose_name = gettext_lazy("text")
        default_permissions = ()
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(name="reply_once_per_language", fields=["reply", "language"])]

    def __str__(self) -> str:
        return self.language
