"""A browser window of one person: it does what Playwright does, and remembers what went wrong behind the page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

from refunds.formats import amount_text

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")
AXE = Axe()
WITH_TARGETS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
STICKS_OUT = """() => [...document.documentElement.scrollWidth > document.documentElement.clientWidth
    ? document.querySelectorAll("body *") : []]
    .filter((part) => part.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
        || part.getBoundingClientRect().left < -0.5)
    .map((part) => part.outerHTML.slice(0, 200))"""


class Window:
    """One page of its own context. `trouble` lists errors of scripts, refused content, lost files and foreign hosts."""

    def __init__(self, context: BrowserContext, site: str, language: str) -> None:
        self.context, self.site, self.language = context, site, language
        self.trouble: list[str] = []
        context.on("request", self._ask)
        context.on("response", self._answer)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.trouble.append(str(error.error)))
        self.page: Page = context.new_page()

    def open(self, path: str) -> None:
        """A path of the portal, or a whole address such as those in mails."""
        self.page.goto(path if "://" in path else self.site + path)

    def log_in(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        self.carry_on(client)

    def carry_on(self, client: Client) -> None:
        """With the session of a client of Django's."""
        self.context.add_cookies(
            [{"name": name, "value": cookie.value, "url": self.site} for name, cookie in client.cookies.items()]
        )

    # --- By what a person reads, in the language of the window -------------------------------------------------------

    def says(self, words: str, *, amount: Decimal | None = None) -> str:
        """The words in the language of this window, with an amount in EUR where they have room for one."""
        with translation.override(self.language):
            return gettext(words) if amount is None else gettext(words) % {"amount": amount_text(amount, "EUR", 2)}

    def button(self, words: str, *, amount: Decimal | None = None) -> Locator:
        return self.page.get_by_role("button", name=self.says(words, amount=amount), exact=True)

    def link(self, words: str) -> Locator:
        return self.page.get_by_role("link", name=self.says(words), exact=True)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(self.says(label), exact=True)

    @property
    def heading(self) -> str:
        return self.page.locator("h1").first.inner_text()

    @property
    def text(self) -> str:
        """What is to be read, with plain spaces."""
        return " ".join(self.page.locator("body").inner_text().split())

    # --- How it looks -------------------------------------------------------------------------------------------------

    def look(self, name: str = "", *, schemes: Sequence[Scheme] = SCHEMES) -> None:
        """Nothing to find for axe, light and dark, nothing to scroll sideways for. Ends in the scheme it began with."""
        found = []
        is_dark = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        for scheme in sorted(schemes, key=lambda scheme: (scheme == "dark") == is_dark):
            self.page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {violation}" for violation in violations(self.page)]
            self.shoot(f"{name}-{scheme}" if name else "")
        assert found == []
        assert self.sticks_out() == []

    def sticks_out(self) -> list[str]:
        """What makes the page scroll sideways."""
        return list(self.page.evaluate(STICKS_OUT))

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})

    def shoot(self, name: str) -> None:
        """A picture of the whole page, where `SCREENSHOTS` names a directory."""
        directory = os.environ.get("SCREENSHOTS")
        if directory and name:
            width = (self.page.viewport_size or {"width": 0})["width"]
            path = Path(directory) / f"{name}-{self.language}-{width}.png"
            self.page.screenshot(path=path, full_page=True, animations="disabled")

    # --- What goes on behind the page ---------------------------------------------------------------------------------

    def _ask(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site).netloc and not request.url.startswith("data:"):
            self.trouble.append(f"asked another host: {request.url}")

    def _answer(self, response: Response) -> None:
        refused = response.status >= 400 and response.request.resource_type != "document"
        if refused or response.status >= 500:
            self.trouble.append(f"{response.status}: {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        # A page that is refused is no trouble, and a file that is has been noted by itself.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.trouble.append(f"{message.type}: {message.text} {message.location}")


def violations(page: Page, options: dict[str, Any] = WITH_TARGETS) -> list[str]:
    """What axe finds wrong, each with the place."""
    response: dict[str, Any] = AXE.run(page, options=options).response
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in response["violations"]
        for node in violation["nodes"]
    ]
