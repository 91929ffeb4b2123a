"""The demo's store, served; and a browser. Made once for all browser tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from didban.settings import Settings
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
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DIDBAN_")}
    subprocess.run(command, env=plain | {"DIDBAN_VAR": str(var)}, check=True, capture_output=True)
    return Settings(var=var / "demo", home="lorestan")


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
        page.on("requestfailed", lambda request: said.append(f"{request.url} failed"))
        return page

    yield window
    for context in contexts:
        context.close()
    wanted = ("status of 404", "status of 400")  # a page that is none, and a form with a mistake in it
    assert [line for line in said if not any(one in line for one in wanted)] == []
