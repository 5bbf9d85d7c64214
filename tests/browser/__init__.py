"""The pages in a real browser: Debian's chromium, driven by Playwright, against the real portal and the sandbox store.

    pytest tests/browser

Without chromium these tests are skipped; with `REQUIRE_BROWSER=1` that is a failure. `SCREENSHOTS=directory` keeps a
picture of every page that is looked at.
"""

import pytest

# So that what was found is told, not only that there was something.
pytest.register_assert_rewrite("tests.browser.window", "tests.browser.site")
