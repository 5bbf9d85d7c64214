"""The translations of the portal, kept complete.

    python -m tests.translations            # what `make lint` asks: is every string translated, in every language?
    python -m tests.translations --write    # puts new strings into the .po files, drops old ones, compiles

A language is a folder in `refunds/locale` and nothing else. Strings are found with Babel and Django's own reader of
templates, so that no program outside of Python is needed.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "refunds" / "locale"
LANGUAGES = ("de", "zh_Hans", "ar")
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
FIELD = re.compile(r"%\(\w+\)[sd]|%[sd]")


def main() -> int:
    template = found()
    problems = []
    for language in LANGUAGES:
        if "--write" in sys.argv:
            update(language, template)
        problems += [f"{language}: {problem}" for problem in check(language, template)]
    print("\n".join(problems) or f"{len(template)} strings, translated into {', '.join(LANGUAGES)}.")
    return 1 if problems else 0


def found() -> Catalog:
    """Every string of the portal that people read."""
    catalog = Catalog(project="refund-portal", charset="utf-8", header_comment="# Translations of the refund portal.")
    for path in sorted([*(ROOT / "refunds").rglob("*.py"), *(ROOT / "templates").rglob("*.*")]):
        if "migrations" in path.parts or "sandbox" in path.parts or path.suffix not in (".py", ".html", ".txt"):
            continue
        for line, message, comments, context in _strings(path):
            if message and message != ("", ""):
                place = [(str(path.relative_to(ROOT)), line)]
                catalog.add(message, locations=place, auto_comments=comments, context=context)
    return catalog


def _strings(path: Path) -> Iterator[Any]:
    text = path.read_text()
    source = text if path.suffix == ".py" else templatize(text, origin=str(path))
    return iter(extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"}))


def _po(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def _read(language: str) -> Catalog:
    path = _po(language)
    if not path.exists():
        return Catalog(locale=language, project="refund-portal", charset="utf-8", fuzzy=False)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def update(language: str, template: Catalog) -> None:
    catalog = _read(language)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    path = _po(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=100, no_location=True, omit_header=False, sort_output=True)
    path.with_suffix(".mo").write_bytes(_compiled(catalog))


def _compiled(catalog: Catalog) -> bytes:
    data = io.BytesIO()
    write_mo(data, catalog)
    return data.getvalue()


def check(language: str, template: Catalog) -> Iterator[str]:
    """Strings without a translation, with other fields than the English one has, or not compiled."""
    catalog = _read(language)
    for message in template:
        if message.id:
            yield from _problem(message, catalog.get(message.id, message.context), catalog.num_plurals)
    if (
        not _po(language).with_suffix(".mo").exists()
        or _compiled(catalog) != _po(language).with_suffix(".mo").read_bytes()
    ):
        yield "django.mo is not that of django.po: run python -m tests.translations --write"


def _problem(message: Message, translated: Message | None, plurals: int) -> Iterator[str]:
    english = message.id if isinstance(message.id, tuple | list) else (message.id,)
    strings = () if translated is None else translated.string
    strings = strings if isinstance(strings, tuple | list) else (strings,)
    wanted = plurals if len(english) > 1 else 1
    if len(strings) != wanted or not all(strings) or (translated is not None and translated.fuzzy):
        yield f"not translated: {english[0]!r}"
        return
    fields = set(FIELD.findall(english[-1]))
    if any(not set(FIELD.findall(string)) <= fields or (len(english) == 1 and set(FIELD.findall(string)) != fields)
           for string in strings):  # fmt: skip
        yield f"other fields than in English: {english[0]!r}"


if __name__ == "__main__":
    sys.exit(main())
