"""The pages in a real browser: Debian's chromium, driven by Playwright, against the real portal and the sandbox store.

    pytest tests/browser

Without chromium these tests are skipped; with `REQUIRE_BROWSER=1` that is a failure. `SCREENSHOTS=directory` keeps a
picture of every page that is looked at.
"""
