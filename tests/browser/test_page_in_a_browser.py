"""The page in a real browser: it works without JavaScript, on a phone, by keyboard, and for a screen reader."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

VIEWS = (
    "/",
    "/archive",
    "/bulletin",
    "/alerts",
    "/alerts?rule=egov&province=lorestan",
    "/search?q=دولت",
    "/sources",
    "/nothing",
)
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1200, "height": 900}


@pytest.fixture
def opened(browser: Browser, page_url: str) -> Generator[Any]:
    """Opens windows; what their consoles say is kept, and must be nothing."""
    said: list[str] = []
    contexts = []

    def window(size: ViewportSize = DESK, **options: Any) -> Page:
        context = browser.new_context(viewport=size, base_url=page_url, locale="fa-IR", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(f"{request.url} failed"))
        return page

    yield window
    for context in contexts:
        context.close()
    assert [line for line in said if "404" not in line] == []


def test_nothing_overflows_on_a_phone(opened: Any) -> None:
    page = opened(PHONE, java_script_enabled=True)
    for view in VIEWS:
        page.goto(view)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view


def test_everything_works_without_javascript(opened: Any) -> None:
    page = opened(java_script_enabled=False)
    page.goto("/")
    stories = page.locator("li.story").count()
    assert stories >= 5
    page.get_by_role("link", name="هشدارها", exact=True).click()
    page.locator("select[name=province]").select_option("lorestan")
    page.get_by_role("button", name="نشان بده").click()
    assert 0 < page.locator("li.story").count() < stories
    page.get_by_role("link", name="جست‌وجو", exact=True).click()
    page.locator("input[name=q]").fill("دفاتر پیشخوان")
    page.get_by_role("button", name="بجو").click()
    assert page.locator("mark").first.inner_text() in {"دفاتر", "دفتر", "پیشخوان", "دفاتر پیشخوان"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_for_those_who_cannot_see_or_use_a_mouse(opened: Any, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    for view in VIEWS:
        page.goto(view)
        found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["html"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == [], view


def test_the_keyboard_reaches_the_text_first_and_every_story(opened: Any) -> None:
    page = opened()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "به متن بروید"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert "/story/" in page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url("**/story/**")
    assert page.get_by_role("heading", name="چرا اینجاست").is_visible()


def test_persian_letters_are_set_in_the_bundled_font(opened: Any) -> None:
    page = opened()
    page.goto("/")
    assert page.evaluate("document.fonts.ready.then(() => [...document.fonts].some(f => f.status == 'loaded'))")
