"""The demo's store, served; and a browser. Made once for all browser tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from didban.article import Listing
from didban.dates import day_bounds
from didban.settings import Settings
from storage.store import open_store
from storage.units import Walk
from tests import support_browser
from tests.support_browser import DESK
from tests.support_web import serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if support_browser.CHROMIUM is None and not support_browser.REQUIRED:
        missing = pytest.mark.skip(reason="there is no Chromium: `make test-browser` installs one")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(missing)


@pytest.fixture(scope="module")  # while its driver runs, no other test could run an event loop in this thread
def browser() -> Generator[Browser]:
    if support_browser.CHROMIUM is None:
        pytest.fail("there is no Chromium, and DIDBAN_TEST_BROWSER is required: `make test-browser` installs one")
    with support_browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a folder in which the demo has run."""
    var = tmp_path_factory.mktemp("demo")
    # In a process of its own: the browser's driver has this thread's event loop.
    command = [sys.executable, "-m", "flows.cli", "demo"]
    others = {name: value for name, value in os.environ.items() if not name.startswith("DIDBAN_")}
    subprocess.run(command, env=others | {"DIDBAN_VAR": str(var)}, check=True, capture_output=True)
    settings = Settings(var=var / "demo", home="lorestan")
    with closing(open_store(settings.store_url)) as store:  # somebody has begun to fill the archive, too
        since, until = day_bounds(date(2018, 9, 23))[0], day_bounds(date(2018, 10, 22))[1]
        listing = Listing(source="irna", url="https://www.irna.ir/archive", way="day")
        store.units.open([Walk(listing=listing, key="1", since=since, until=until, final=until)], now=since)
    return settings


@pytest.fixture(scope="module")
def page_url(demo: Settings) -> Generator[str]:
    with serving(demo) as url:
        yield url


@pytest.fixture
def opened(browser: Browser, page_url: str) -> Generator[Any]:
    """Opens windows; what their consoles say is kept, and must be nothing."""
    said: list[str] = []
    contexts = []

    def window(size: ViewportSize = DESK, *, url: str = page_url, **options: Any) -> Page:
        context = browser.new_context(viewport=size, base_url=url, locale="fa-IR", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
        return page

    yield window
    for context in contexts:
        context.close()
    # a page that is none, a form with a mistake in it, and what the window left before it was loaded
    wanted = ("status of 404", "status of 400", "ERR_ABORTED")
    assert [line for line in said if not any(one in line for one in wanted)] == []
