"""Which engine a page shows, and readers that give way to the one it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from didban.article import Listing, Page
from didban.errors import LayoutChanged, ReadError
from scrapers.detect import SIGNS, engine_of
from scrapers.platforms.generic import Generic
from scrapers.platforms.joomla import Joomla
from scrapers.platforms.wordpress import WordPress
from scrapers.sources import get

Open = Callable[..., Page]
FACTS: dict[str, Any] = {
    "key": "portal",
    "name": "درگاه",
    "home": "https://portal.example/",
    "hosts": ("portal.example",),
}


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("irna_article.html", "nastooh"), ("mehr_article.html", "nastooh"), ("irna_archive.html", "nastooh"),
        ("joomla15_article.html", "joomla"), ("joomla25_article.html", "joomla"), ("joomla39_article.html", "joomla"),
        ("joomla4_article.html", "joomla"), ("warp6_article.html", "joomla"), ("warp7_article.html", "joomla"),
        ("warp7_list.html", "joomla"), ("joomla4_blog.html", "joomla"),
        ("wordpress_article.html", "wordpress"), ("ostan_es_article.html", "wordpress"),
        ("ostan_mz_article.html", None), ("generic_home.html", None), ("generic_json_ld.html", None), ("irna_feed.xml", None),
    ],
)  # fmt: skip
def test_a_page_shows_its_engine(page: Open, name: str, engine: str | None) -> None:
    assert engine_of(page(name)) == engine


@pytest.mark.parametrize("name", ["warp6_article.html", "warp7_article.html", "joomla15_article.html", "joomla39_article.html",
                                  "joomla4_article.html", "wordpress_article.html"])  # fmt: skip
def test_the_markup_shows_the_engine_of_a_page_that_hides_its_generator(page: Open, name: str) -> None:
    whole = page(name).body
    bare = page(whole.replace(b'name="generator"', b'name="x"').replace(b"Joomla!", b""))
    assert engine_of(bare) == engine_of(page(name))


@pytest.mark.parametrize(
    ("markup", "engine"),
    [
        ('<a href="/HomePage.aspx?TabID=4948&Site=DouranPortal&Lang=fa-IR">x</a>', "douran"),
        ('<img src="/_DouranPortal/x.png">', "douran"), ('<a href="/Default.aspx?tabid=87">x</a>', "dnn"),
        ('<div id="dnn_ctr421_View">x</div>', "dnn"), ('<a href="/web/guest/rural-ict-offices">x</a>', "liferay"),
        ('<script src="/sites/default/files/js/x.js"></script>', "drupal"), ('<a href="/_layouts/15/x.aspx">x</a>', "sharepoint"),
        ('<meta name="generator" content="WordPress 6.4.2">', "wordpress"),
        ('<meta name="generator" content="www.nastooh.ir">', "nastooh"),
        ('<meta name="Generator" content="Drupal 7 (http://drupal.org)">', "drupal"),
        ("<p>در این خبر از وردپرس و جوملا سخن رفته است: WordPress, Joomla!</p>", None),
    ],
)  # fmt: skip
def test_the_signs_of_engines(page: Open, markup: str, engine: str | None) -> None:
    assert engine_of(page(f"<html><head></head><body>{markup}</body></html>".encode())) == engine
    assert engine is None or engine in SIGNS


@pytest.mark.parametrize("body", [b"", b"\0\1\2" * 99, b"no markup", b"<div>" * 6000])
def test_what_cannot_be_parsed_shows_no_engine(page: Open, body: bytes) -> None:
    assert engine_of(page(body)) is None


def test_a_portal_recorded_wrongly_is_read_by_the_engine_that_its_page_shows(page: Open) -> None:
    recorded = Joomla(**FACTS, province="ilam")
    article = recorded.article(page("wordpress_article.html", "https://portal.example/5120/pol/"))
    assert (article.source, article.province, article.title) == ("portal", "ilam", "پل روستای بالادست بازسازی شد")
    assert article == WordPress(**FACTS, province="ilam").article(
        page("wordpress_article.html", "https://portal.example/5120/pol/")
    )
    other = WordPress(**FACTS).article(page("warp6_article.html", "https://portal.example/4821-x"))
    assert other == Joomla(**FACTS).article(page("warp6_article.html", "https://portal.example/4821-x"))
    assert other.id == "4821"


def test_a_portal_of_no_engine_is_read_by_the_one_that_its_page_shows(page: Open) -> None:
    unknown = Generic(**FACTS)
    assert unknown.article(page("joomla39_article.html")) == Joomla(**FACTS).article(page("joomla39_article.html"))
    listing = Listing(source="portal", url="https://portal.example/", way="page")
    for name in ("warp7_list.html", "joomla4_blog.html"):
        assert unknown.links(page(name), listing) == Joomla(**FACTS).links(page(name), listing)


def test_a_page_that_neither_reads_is_the_recorded_readers_complaint(page: Open) -> None:
    with pytest.raises(LayoutChanged, match="uk-article"):
        get("ostan_lr").article(page("irna_archive.html"))
    with pytest.raises(ReadError):
        Generic(**FACTS).article(page("warp7_list.html"))


def test_a_site_with_selectors_of_its_own_is_asked_first(page: Open) -> None:
    whole = page("ostan_mz_article.html").body.replace(b"<head>", b'<head><meta name="generator" content="Joomla!">')
    assert get("ostan_mz").article(page(whole)).kicker == "در آیین بهره برداری مطرح شد؛"
