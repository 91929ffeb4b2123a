"""Every view that the application has, as its own table of routes says: on a phone and at a desk, in light and in darkness, without
JavaScript, for those who cannot see. One that is added is walked over, too; where its address has a part to fill in, FILLED
says how.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page
from starlette.routing import Route

from didban.settings import Settings
from tests.support_browser import DESK, PHONE, picture, serious_faults
from web.app import create

FILES = {"/archive/{key:str}.svg", "/cite/{number:int}.{form:str}", "/export.{shape:str}", "/feeds/{name:str}.atom"}
"""What is taken along, and looked at elsewhere."""
FILLED = {
    "/rules/{key:str}": "/rules/counter-offices",
    "/story/{key:str}": "{story}",
    "/bulletin": "/bulletin?story={key}",
    "/search": '/search?q="دفاتر پیشخوان"',
}
FURTHER = ("/alerts?rule=egov&province=lorestan", "/bulletin", "/search?q=دولت", "/search?q=نیست", "/nothing")
THEIRS = "bdi, h1, h3, blockquote, .lead, .kicker, section[aria-labelledby=text], .difference, .terms th, .bulletin h2"
"""What sites have published is shown as they wrote it, and what is Latin stands apart."""
_MARKERS = "[...document.querySelectorAll('ol')].map(one => getComputedStyle(one).listStyleType)"
_OURS = """theirs => {
    const copy = document.querySelector("main").cloneNode(true)
    copy.querySelectorAll(theirs).forEach(one => one.remove())
    return copy.textContent
}"""


@pytest.fixture(scope="module")
def addresses(demo: Settings) -> list[str]:
    """One for each route that shows a view, and some in other forms."""
    routes = [
        route for route in create(demo).routes if isinstance(route, Route) and "GET" in (route.methods or {"GET"})
    ]
    views = [route.path for route in routes if route.path not in FILES]
    unknown = [path for path in views if "{" in path and path not in FILLED]
    assert unknown == [], "say in FILLED how to come to it"
    return [*(FILLED.get(path, path) for path in views), *FURTHER]


def named(addresses: list[str], page: Page) -> list[str]:
    """The addresses with the story of دفاتر پیشخوان filled in."""
    page.goto('/search?q="دفاتر پیشخوان"')
    story = page.locator("li.story h3 a").first.get_attribute("href") or ""
    return [address.format(story=story, key=story.rpartition("/")[2]) for address in addresses]


def test_every_view_fits_a_phone_and_shuts_nobody_out(opened: Any, addresses: list[str]) -> None:
    page = opened(PHONE)
    for address in named(addresses, page):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
        assert serious_faults(page) == [], address


def test_every_view_shuts_nobody_out_in_darkness(opened: Any, addresses: list[str]) -> None:
    page = opened(DESK, color_scheme="dark")
    for address in named(addresses, page):
        page.goto(address)
        assert serious_faults(page) == [], address


def test_every_view_is_whole_and_persian_without_javascript(opened: Any, addresses: list[str]) -> None:
    page = opened(DESK, java_script_enabled=False)
    for address in named(addresses, page):
        page.goto(address)
        assert page.locator("html[lang=fa][dir=rtl]").count() == 1, address
        assert page.locator("script, [style], [onclick]").count() == 0, address
        said = page.evaluate(_OURS, THEIRS)
        assert said.strip(), address
        assert re.findall(r"\d+", said, re.ASCII) == [], f"{address}: a number that is not in Persian digits"
        assert set(page.evaluate(_MARKERS)) <= {"none", "persian"}, address


DRAWN = {
    "/": ("today-phone",),
    "{story}": ("story-phone",),
    "/alerts": ("alerts-phone",),
    '/search?q="دفاتر پیشخوان"': ("search",),
    "/trends": ("trends", "trends-phone"),
    "/sources": ("sources",),
    "/archive": ("archive",),
}
"""The pictures of the documents; those of an officer's first minute, it draws itself."""


@pytest.mark.parametrize("phone", [False, True])
def test_pictures_of_the_documents(phone: bool, opened: Any, addresses: list[str]) -> None:
    page = opened(PHONE if phone else DESK, color_scheme="light")
    shown = dict(zip(addresses, named(addresses, page), strict=True))
    for address, names in DRAWN.items():
        for name in names:
            if name.endswith("-phone") == phone:
                answer = page.goto(shown[address])
                assert answer
                assert answer.ok
                picture(page, name)
