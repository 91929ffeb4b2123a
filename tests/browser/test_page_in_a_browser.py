"""The page in a real browser: it works without JavaScript and by keyboard. Every view by itself: test_every_view.py."""

from __future__ import annotations

from typing import Any


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
