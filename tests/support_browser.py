"""A real Chromium, for the tests that look at the page as people do.

Chromium is the system's (`make test-browser` installs it by the system's package manager); where there is none the tests are
skipped and say so, but not where DIDBAN_TEST_BROWSER is `required`, as in CI.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

REQUIRED = os.environ.get("DIDBAN_TEST_BROWSER") == "required"  # read here: no test sees it
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome-stable"))), None)
_QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--no-first-run", "--disable-quic", "--no-sandbox",
)  # fmt: skip


@contextmanager
def chromium() -> Generator[Browser]:
    """A browser that asks nobody but us."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()
