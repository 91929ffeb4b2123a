"""The demo's store, served; and a browser. Made once for all browser tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from didban.settings import Settings
from tests import support_browser
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
    subprocess.run(command, env=os.environ | {"DIDBAN_VAR": str(var)}, check=True, capture_output=True)
    return Settings(var=var / "demo", home="lorestan")


@pytest.fixture(scope="module")
def page_url(demo: Settings) -> Generator[str]:
    with serving(demo) as url:
        yield url
