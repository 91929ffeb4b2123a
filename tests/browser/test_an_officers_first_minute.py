"""The first minute of an officer, in a browser without JavaScript: what came, why, and a topic made better."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from didban.seed import read
from didban.settings import Settings
from tests.conftest import SEEDS
from tests.support_browser import DESK, PHONE, picture, serious_faults
from tests.support_web import serving

TOPIC = "دفاتر پیشخوان"
PHRASE = "میز خدمت"


@pytest.fixture
def own_url(demo: Settings, tmp_path: Path) -> Generator[str]:
    """The demo's page of an officer who changes things."""
    own = demo.model_copy(update={"var": shutil.copytree(demo.var, tmp_path / "demo")})
    with serving(own) as url:
        yield url


def width(page: Page) -> int:
    """Of what the window holds: wider than the window, it overflows."""
    return page.evaluate("document.documentElement.scrollWidth")


def add_a_phrase(page: Page, phrase: str) -> None:
    """To the topic whose form is open."""
    phrases = page.get_by_label("عبارت\N{ZERO WIDTH NON-JOINER}ها", exact=False).first
    phrases.fill(f"{phrases.input_value()}\n{phrase}")


def test_the_first_minute(opened: Any, own_url: str) -> None:
    page: Page = opened(DESK, url=own_url, java_script_enabled=False)

    page.goto("/")
    titles = [" ".join(title.split()) for title in page.locator("li.story h3").all_inner_texts()]
    seeds = [read(path.read_bytes()).article.title for path in sorted(SEEDS.glob("*.txt"))]
    assert len(seeds) == 5
    for seed in seeds:
        assert titles.count(" ".join(seed.split())) == 1, seed
    picture(page, "today")

    page.get_by_role("link", name="توسعه دفاتر پیشخوان دولت در لرستان").click()
    assert TOPIC in page.get_by_role("region", name="چرا اینجاست").inner_text()
    assert page.locator(".why mark").first.inner_text().startswith("دفاتر پیشخوان")
    assert "خبرگزاری مهر" in page.get_by_role("region", name="چه کسانی منتشر کرده").inner_text()
    picture(page, "story")

    page.get_by_role("link", name="امروز", exact=True).click()
    story = page.locator("li.story", has_text="مشتری مداری اولویت کاری")
    story.get_by_role("group", name=TOPIC).get_by_role("button", name="مرتبط نبود").click()
    assert "#s-" in page.url
    marked = story.get_by_role("group", name=TOPIC).get_by_role("button", name="مرتبط نبود")
    assert marked.get_attribute("aria-pressed") == "true"

    page.get_by_role("link", name="موضوع\N{ZERO WIDTH NON-JOINER}ها", exact=True).click()
    assert (
        "۰ از ۱ هشدار مرتبط بود"
        in page.locator(".rules li", has=page.get_by_role("link", name=TOPIC, exact=True)).inner_text()
    )
    picture(page, "rules")
    page.get_by_role("link", name=TOPIC, exact=True).click()
    add_a_phrase(page, PHRASE)
    page.get_by_role("button", name="امتحان کن").click()
    said = page.get_by_role("region", name="اگر این موضوع بود").inner_text()
    assert "از ۱ خبر، ۱ خبر: ۰ تازه" in said
    assert "مشتری مداری" in said, "what was not relevant is found again"
    page.get_by_label("امتحان روی").select_option("all")
    page.get_by_role("button", name="امتحان کن").click()
    tried = page.get_by_role("region", name="اگر این موضوع بود")
    assert "۱ تازه پیدا می" in tried.inner_text()
    assert tried.locator("mark", has_text=PHRASE).count() == 1
    picture(page, "trial", whole=True)
    page.get_by_role("button", name="ذخیره کن").click()
    assert "ذخیره شد" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name=TOPIC, exact=True).click()
    assert page.get_by_label("عبارت\N{ZERO WIDTH NON-JOINER}ها", exact=False).first.input_value().endswith(PHRASE)

    page.get_by_role("link", name="امروز", exact=True).click()
    for seed in (0, 1):
        page.locator("li.story", has_text=" ".join(seeds[seed].split())[:40]).get_by_label("در بولتن").check()
    page.get_by_role("button", name="بولتن از رویدادهای نشان").first.click()
    assert page.locator(".bulletin > ol > li").count() == 2
    picture(page, "bulletin", whole=True)
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_trial_and_a_mistake_fit_a_phone_and_are_read_aloud(opened: Any, own_url: str, scheme: str) -> None:
    page: Page = opened(PHONE, url=own_url, color_scheme=scheme)
    page.goto("/rules/NEW")
    page.get_by_label("نام موضوع").fill("دولت الکترونیک")
    page.get_by_label("عبارت\N{ZERO WIDTH NON-JOINER}ها", exact=False).first.fill("و\n" + "دراز" * 45)
    page.get_by_role("button", name="ذخیره کن").click()
    assert page.get_by_role("alert").count() == 2
    name = page.get_by_label("نام موضوع")
    assert name.get_attribute("aria-invalid") == "true"
    said = page.locator(f"#{(name.get_attribute('aria-describedby') or '').strip()}").inner_text()
    assert "موضوع دیگری به نام" in said
    assert (width(page), serious_faults(page)) == (PHONE["width"], [])
    page.goto("/rules/egov")
    page.get_by_label("امتحان روی").select_option("all")
    page.get_by_role("button", name="امتحان کن").click()
    assert page.locator("#tried mark").count() > 0
    assert (width(page), serious_faults(page)) == (PHONE["width"], [])
