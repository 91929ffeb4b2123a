"""WordPress by its REST listing: pages, archives, and what damage makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from didban.article import Listing, Page
from didban.errors import LayoutChanged, ReadError, Unreadable
from scrapers.platforms.wordpress import WordPress

Open = Callable[..., Page]
SITE = WordPress(key="wp", name="درگاه", home="https://portal.example/", hosts=("portal.example",))
API = "https://portal.example/wp-json/wp/v2/posts?per_page=2&page=1&_embed=wp:term"
LISTING = Listing(source="wp", url=API, way="page")


def posts(*numbers: int) -> bytes:
    return json.dumps(
        [{"id": n, "link": f"https://portal.example/?p={n}", "title": {"rendered": "x"}} for n in numbers]
    ).encode()


def test_rest_is_asked_first_then_the_feed() -> None:
    rest, feed = SITE.watch()
    assert (rest.way, feed.way, feed.url) == ("page", "feed", "https://portal.example/feed/")
    assert rest.url == "https://portal.example/wp-json/wp/v2/posts?per_page=20&page=1&_embed=wp:term"
    assert SITE.older() == rest


@pytest.mark.parametrize(
    ("closed", "ways"),
    [
        ({"api": ""}, ["feed/"]),
        ({"feed": ""}, ["wp-json/wp/v2/posts"]),
        ({"api": "", "feed": "", "news": "akhbar/"}, ["akhbar/"]),
    ],
)
def test_what_a_site_has_closed_is_not_asked(closed: dict[str, Any], ways: list[str]) -> None:
    own = WordPress(key="wp", name="x", home="https://portal.example/", hosts=("portal.example",), **closed)
    assert [urlsplit(listing.url).path.lstrip("/") for listing in own.watch()] == ways


def test_an_archive_asks_for_its_days_both_included() -> None:
    (listing,) = SITE.archive(date(2019, 12, 3), date(2019, 12, 4))
    asked = parse_qs(urlsplit(listing.url).query)
    assert (asked["after"], asked["before"], asked["per_page"]) == (
        ["2019-12-02T23:59:59"],
        ["2019-12-05T00:00:00"],
        ["100"],
    )


@pytest.mark.parametrize(
    ("number", "header", "following"),
    [(1, "3", "2"), (3, "3", None), (4, "3", None), (1, "", "2"), (1, "many", "2")],
)
def test_pages_end_where_the_header_says_or_where_one_is_not_full(
    page: Open, number: int, header: str, following: str | None
) -> None:
    url = API.replace("page=1", f"page={number}")
    found = SITE.links(page(posts(1, 2), url, **{"x-wp-totalpages": header}), LISTING)
    assert [link.id for link in found.links] == ["1", "2"]
    assert (parse_qs(urlsplit(found.next).query)["page"] == [following]) if found.next else following is None
    assert SITE.links(page(posts(1), API), LISTING).next is None


def test_an_archive_without_posts_is_empty(page: Open) -> None:
    assert SITE.links(page(b"[]", API), LISTING).links == ()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"code":"rest_no_route","message":"x"}', LayoutChanged), (posts(1, 2)[:40], Unreadable), (b"[" * 9000, Unreadable),
        (b"[1, null]", LayoutChanged), (b'[{"link": 5}]', LayoutChanged), (b"<html><body><p>x</p></body></html>", LayoutChanged),
    ],
)  # fmt: skip
def test_what_is_no_list_of_posts_is_refused(page: Open, body: bytes, error: type[ReadError]) -> None:
    with pytest.raises(error):
        SITE.links(page(body, API), LISTING)


@pytest.mark.parametrize(
    "strange",
    [{"title": "x"}, {"excerpt": None}, {"_embedded": []}, {"_embedded": {"wp:term": [None, [3]]}}, {"date_gmt": 4}],
)
def test_a_strange_value_costs_its_field_alone(page: Open, strange: dict[str, Any]) -> None:
    post = {
        "link": "https://portal.example/?p=7",
        "title": {"rendered": "تیتر"},
        "date": "2019-12-03T10:15:00",
    } | strange
    (link,) = SITE.links(page(json.dumps([post]).encode(), API), LISTING).links
    assert (link.id, link.published is not None) == ("7", True)
    assert link.title == ("تیتر" if "title" not in strange else "")


def test_a_theme_without_known_places_is_read_by_the_generic_reader(page: Open) -> None:
    article = SITE.article(page("generic_json_ld.html", "https://portal.example/?p=7"))
    assert (article.id, article.title) == ("7", "پل روستای بالادست بازسازی شد")
    assert len(article.text) > 200


@pytest.mark.parametrize("written", ["<", "\\u003c", "\\u003C"])
def test_a_list_of_posts_may_not_hold_more_tags_than_a_page(page: Open, written: str) -> None:
    body = json.dumps([{"link": "https://portal.example/?p=1", "title": {"rendered": "MARK"}}]).replace(
        "MARK", f"{written}b>" * 100_001
    )
    with pytest.raises(Unreadable, match="tags"):
        SITE.links(page(body.encode(), API), LISTING)
