"""A browser without a screen: opens pages, fills in fields by their labels, presses buttons by their words.

It sees what a person sees. What is hidden, such as a version or a CSRF token, it sends along as a browser would, and
what is disabled it can neither fill in nor press.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT = 30
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
CONTROLS = ("input", "select", "textarea")
UNSEEN = ("script", "style", "template", "title")

Fields = Mapping[str, str | bool]


class NotOnPage(Exception):
    """The page has no such link, field or button. The message names it, the page, and what there is instead."""


@dataclass(eq=False)
class Node:
    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    parent: Node | None = None
    children: list[Node | str] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def find(self, *tags: str) -> Iterator[Node]:
        return (node for node in self.walk() if node.tag in tags)

    def above(self) -> Iterator[Node]:
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._pieces()).split())

    def _pieces(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in UNSEEN:
                yield from child._pieces()

    @property
    def disabled(self) -> bool:
        around = any(node.tag == "fieldset" and "disabled" in node.attrs for node in self.above())
        return "disabled" in self.attrs or around


class _Tree(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = self._at = Node("document")
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self._at)
        self._at.children.append(node)
        if tag not in VOID:
            self._at = node

    def handle_endtag(self, tag: str) -> None:
        for node in (self._at, *self._at.above()):
            if node.tag == tag and node.parent is not None:
                self._at = node.parent
                return

    def handle_data(self, data: str) -> None:
        self._at.children.append(data)


class Page:
    """One answer, as a person reads it."""

    def __init__(self, url: str, status: int, html: str) -> None:
        self.url, self.status = url, status
        self.root = _Tree(html).root

    @property
    def text(self) -> str:
        return self.root.text

    @property
    def heading(self) -> str:
        return next((node.text for node in self.root.find("h1")), "")

    def of_class(self, name: str) -> list[str]:
        """The texts of all that carries this class, in the order of the page."""
        return [node.text for node in self.root.walk() if name in node.attrs.get("class", "").split()]

    def link(self, words: str) -> str:
        links = {node.text: node.attrs["href"] for node in self.root.find("a") if "href" in node.attrs}
        return urljoin(self.url, links[self._chosen("link", words, list(links))])

    def has_button(self, words: str) -> bool:
        return any(_says(button, words) for button in self._buttons())

    def button(self, words: str) -> Node:
        buttons = {_words(button): button for button in self._buttons()}
        return buttons[self._chosen("button", words, list(buttons))]

    def form_of(self, button: Node) -> Node:
        for form in self.root.find("form"):
            if _belongs(button, form):
                return form
        raise NotOnPage(f"The button {_words(button)!r} on {self.url} belongs to no form.")

    def filled(self, form: Node, fields: Fields) -> dict[str, str]:
        """What the form would send, with these fields filled in: by label a text, an option's words, or a tick."""
        own = [control for control in self.root.find(*CONTROLS) if _belongs(control, form)]
        values = _as_it_stands(own)
        controls = {label: control for control in own if _is_seen(control) for label in self._labels(control)}
        for label, value in fields.items():
            control = controls[self._chosen("field", label, list(controls))]
            name = control.attrs["name"]
            if value is False:
                values.pop(name, None)
            else:
                values[name] = _value(control, value)
        return values

    def _buttons(self) -> list[Node]:
        return [
            node
            for node in self.root.find("button", "input")
            if not node.disabled and _is_submit(node) and node.attrs.get("aria-hidden") != "true"
        ]

    def _labels(self, control: Node) -> list[str]:
        around = [node.text for node in control.above() if node.tag == "label"]
        pointing = [
            node.text
            for node in self.root.find("label")
            if node.attrs.get("for") and node.attrs["for"] == control.attrs.get("id")
        ]
        return [*around, *pointing]

    def _chosen(self, kind: str, words: str, there: list[str]) -> str:
        for text in there:
            if text == words:
                return text
        for text in there:
            if text.startswith(words):
                return text
        raise NotOnPage(f"There is no {kind} {words!r} on {self.url} ({self.heading!r}); there is: {there}")


class Browser:
    """One person's browser, with cookies of its own."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.trust_env = False
        self.page = Page(base, 0, "")

    def open(self, path: str, **query: str) -> Page:
        return self._show(self._session.get(urljoin(self._base, path), params=query, timeout=TIMEOUT))

    def follow(self, words: str) -> Page:
        return self.open(self.page.link(words))

    def press(self, words: str, fields: Fields | None = None) -> Page:
        """Presses a button after filling in its form. Raises `NotOnPage` if there is no such button or field."""
        button = self.page.button(words)
        form = self.page.form_of(button)
        values = self.page.filled(form, fields or {})
        if "name" in button.attrs:
            values[button.attrs["name"]] = button.attrs.get("value", "")
        to = urljoin(self.page.url, button.attrs.get("formaction") or form.attrs.get("action") or self.page.url)
        return self._show(self._session.post(to, data=values, headers={"Referer": self.page.url}, timeout=TIMEOUT))

    def _show(self, answer: requests.Response) -> Page:
        self.page = Page(answer.url, answer.status_code, answer.text)
        return self.page


def _is_submit(node: Node) -> bool:
    if node.tag == "button":
        return node.attrs.get("type", "submit") == "submit"
    return node.attrs.get("type") == "submit"


def _words(button: Node) -> str:
    return button.attrs.get("value", "") if button.tag == "input" else button.text


def _says(button: Node, words: str) -> bool:
    return _words(button).startswith(words)


def _belongs(control: Node, form: Node) -> bool:
    """A control can name its form, and then stand anywhere on the page."""
    named = control.attrs.get("form")
    return form in control.above() if named is None else form.attrs.get("id") == named


def _is_seen(control: Node) -> bool:
    return bool(control.attrs.get("name")) and not control.disabled and control.attrs.get("type") != "hidden"


def _as_it_stands(controls: Iterable[Node]) -> dict[str, str]:
    values: dict[str, str] = {}
    for control in controls:
        name, kind = control.attrs.get("name"), control.attrs.get("type", "text")
        if not name or control.disabled or kind in ("submit", "button", "image", "file"):
            continue
        if kind in ("checkbox", "radio") and "checked" not in control.attrs:
            continue
        values[name] = _standing(control)
    return values


def _standing(control: Node) -> str:
    if control.tag == "textarea":
        return "".join(child for child in control.children if isinstance(child, str)).removeprefix("\n")
    if control.tag == "select":
        options = list(control.find("option"))
        chosen = next((option for option in options if "selected" in option.attrs), options[0] if options else None)
        return chosen.attrs.get("value", chosen.text) if chosen is not None else ""
    ticked = control.attrs.get("type") in ("checkbox", "radio")
    return control.attrs.get("value", "on" if ticked else "")


def _value(control: Node, given: str | bool) -> str:
    if given is True:
        return _standing(control)
    if control.tag == "select":
        for option in control.find("option"):
            if option.text.startswith(str(given)):
                return option.attrs.get("value", option.text)
        raise NotOnPage(f"There is no option {given!r} in the field {control.attrs.get('name')!r}.")
    return str(given)
