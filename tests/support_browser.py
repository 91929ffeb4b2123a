"""A real Chromium, for the tests that look at the page as people do.

Chromium is the system's (`make test-browser` installs it by the system's package manager); where there is none the tests are
skipped and say so, but not where DIDBAN_TEST_BROWSER is `required`, as in CI.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

REQUIRED = os.environ.get("DIDBAN_TEST_BROWSER") == "required"  # read here: no test sees it
PICTURES = Path(__file__).parents[1] / "docs" / "pictures" if os.environ.get("DIDBAN_PICTURES") else None
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome-stable"))), None)
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1200, "height": 900}
_QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--no-first-run", "--disable-quic", "--no-sandbox",
)  # fmt: skip


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """What the window shows (`whole`: the page to its end) as docs/pictures/NAME.png, where DIDBAN_PICTURES asks for pictures."""
    if PICTURES is not None:
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe calls serious or critical, and where; it needs JavaScript."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


@contextmanager
def chromium() -> Generator[Browser]:
    """A browser that asks nobody but us."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()
