"""A browser, a portal with its store, and windows for the people who use it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.db import connection
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from portal.sandbox.store import SandboxStore
from refunds.models import Shop

from .site import Site
from .window import Scheme, Window

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MISSING = "There is no chromium (Debian: apt install chromium)."
PATIENCE = 20_000
"""Milliseconds. For a busy machine; nothing here takes a second on a quiet one."""
groups = import_module("refunds.migrations.0002_groups")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright runs a loop of its own under each call, and Django would take every query for one from inside it.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture
def site(live_server: LiveServer, sandbox: SandboxStore, settings: LazySettings, tmp_path: Path) -> Site:
    """The portal over HTTP, with its sandbox store. Jobs wait until the test calls `work()`."""
    settings.SITE_URL = live_server.url
    settings.REDIS_URL = f"unix://{tmp_path}/no-redis"
    # Each of these tests empties the tables, the groups of a new site too.
    groups.create_groups(apps, connection.schema_editor())
    Shop.objects.create(pk=1, name="Sandbox Shop", support_email="help@shop.example")
    return Site(live_server.url, sandbox)


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[Callable[..., Window]]:
    """`window(width=390, scheme="dark", javascript=False, language="de")` opens another one. No trouble may be left."""
    opened: list[Window] = []

    def open_one(
        *, width: int = 1280, scheme: Scheme = "light", javascript: bool = True, language: str = "en", **options: Any
    ) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 844 if width < 600 else 800},
            color_scheme=scheme,
            java_script_enabled=javascript,
            locale=language,
            reduced_motion="reduce",
            **{"timezone_id": "Europe/Berlin", **options},
        )
        context.set_default_timeout(PATIENCE)
        opened.append(Window(context, site.url, language))
        return opened[-1]

    yield open_one
    for one in opened:
        one.context.close()
    assert [trouble for one in opened for trouble in one.trouble] == []
