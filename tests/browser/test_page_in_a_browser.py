"""The page in a real browser: it works without JavaScript, on a phone, by keyboard, and for a screen reader."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support_browser import PHONE, serious_faults

VIEWS = (
    "/",
    "/archive",
    "/bulletin",
    "/alerts",
    "/alerts?rule=egov&province=lorestan",
    "/search?q=دولت",
    "/sources",
    "/rules",
    "/rules/NEW",
    "/rules/counter-offices",
    "/nothing",
)


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
        assert serious_faults(page) == [], view


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
