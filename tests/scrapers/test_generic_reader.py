"""What the generic reader takes for an article or a list, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from didban.article import Link, Listing, Page
from didban.errors import LayoutChanged, ReadError, Unreadable
from scrapers.platforms.generic import Generic, shape_of

Open = Callable[..., Page]
SITE = Generic(key="portal", name="درگاه", home="https://portal.example/", hosts=("portal.example",))
URL = "https://portal.example/fa/news/1103/pol"
LISTING = Listing(source="portal", url="https://portal.example/", way="page")


@pytest.mark.parametrize("name", ["generic_contact.html", "irna_feed.xml"])
def test_a_page_that_says_nowhere_that_it_is_an_article_is_none(page: Open, name: str) -> None:
    with pytest.raises(ReadError):
        SITE.article(page(name, "https://portal.example/contact"))


@pytest.mark.parametrize("name", ["generic_home.html", "ostan_lr_blog.html"])
def test_a_list_is_no_article(page: Open, name: str) -> None:
    with pytest.raises(LayoutChanged):
        SITE.article(page(name, "https://portal.example/"))


@pytest.mark.parametrize("name", ["generic_json_ld.html", "generic_contact.html"])
def test_an_article_is_no_list(page: Open, name: str) -> None:
    with pytest.raises(LayoutChanged):
        SITE.links(page(name, URL), LISTING)


def test_joiners_survive_the_extractor(page: Open) -> None:
    article = SITE.article(page("generic_json_ld.html", URL))
    assert "شن\N{ZERO WIDTH NON-JOINER}ریزی می\N{ZERO WIDTH NON-JOINER}شود" in article.text


def test_the_clock_of_a_page_dates_nothing(page: Open) -> None:
    whole = page("generic_visible_date.html").body
    bare = whole.replace(b'<div class="info">', b'<div hidden="">').replace(b"1403/9/13 - 9:05", b"-")
    typed = bare.replace(b"<head>", b'<head><meta property="og:type" content="article">')
    assert SITE.article(page(typed, URL)).published is None
    with pytest.raises(LayoutChanged, match="type, body or date"):
        SITE.article(page(bare, URL))


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("تاریخ انتشار: ۱۳ آذر ۱۴۰۳", "۱۳ آذر ۱۴۰۳"), ("تاریخ درج خبر : 1403/09/13 ساعت 9:05", "1403/09/13 ساعت 9:05"),
        ("سه شنبه ۱۳ آذر ۱۴۰۳ | ۹:۰۵", "سه شنبه ۱۳ آذر ۱۴۰۳ | ۹:۰۵"),
        ("تاریخ به روزرسانی: ۱۳ آذر ۱۴۰۳", None), ("امروز: ۱۳ آذر ۱۴۰۳", None), ("۲ روز قبل", None), ("بازدید: 1403/9/13", None),
    ],
)  # fmt: skip
def test_the_date_that_is_printed_beside_the_title(page: Open, printed: str, shown: str | None) -> None:
    body = page("generic_two_dates.html").body
    body = body.replace(
        "<span>۱۳ آذر ۱۴۰۳</span> <span>۱۵ آذر ۱۴۰۳</span>".encode(), f"<span>{printed}</span>".encode()
    )
    article = SITE.article(page(body, URL))
    assert article.published_text == shown
    assert (article.published is None) == (shown is None)


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        ("<b>آخرین به روز رسانی:</b> <span>۱۵ آذر ۱۴۰۳</span>", None), ("<div>به روز رسانی: <i>۱۵ آذر ۱۴۰۳</i></div>", None),
        ("<b>تاریخ انتشار:</b> <span>۱۳ آذر ۱۴۰۳</span> <span>۱۵ آذر ۱۴۰۳</span>", "۱۳ آذر ۱۴۰۳"),
        ("<b>تاریخ انتشار:</b> <span>۱۳ آذر ۱۴۰۳</span> <b>ویرایش:</b> <span>۱۵ آذر ۱۴۰۳</span>", "۱۳ آذر ۱۴۰۳"),
    ],
)  # fmt: skip
def test_a_label_may_stand_beside_its_date(page: Open, info: str, shown: str | None) -> None:
    body = page("generic_two_dates.html").body
    body = body.replace("<span>۱۳ آذر ۱۴۰۳</span> <span>۱۵ آذر ۱۴۰۳</span>".encode(), info.encode())
    assert SITE.article(page(body, URL)).published_text == shown


def test_a_description_that_stands_on_the_page_is_the_lead(page: Open) -> None:
    lead = "پل روستا با کمک اهالی آماده شد."
    body = page("generic_json_ld.html").body
    described = body.replace(b"<head>", f'<head><meta name="description" content="{lead}">'.encode())
    shown = described.replace(b'<div class="text">', f'<p>{lead}</p><div class="text">'.encode())
    plain, led = SITE.article(page(described, URL)), SITE.article(page(shown, URL))
    assert plain.lead.startswith("فرماندار گفت")
    assert (led.lead, led.text.partition("\n")[0]) == (lead, plain.lead)


def test_a_hostile_page_is_not_read_by_its_square(page: Open) -> None:
    deep = "<div>" * 4000 + "x" * 3_000_000 + "</div>" * 4000
    whole = page("generic_two_dates.html").body.replace(b'<div class="text">', f"{deep}<div class=text>".encode())
    with pytest.raises(ReadError):
        SITE.links(page(whole, URL), LISTING)
    assert len(SITE.article(page(whole, URL)).text) < 1000


def test_a_labelled_date_goes_before_others(page: Open) -> None:
    body = page("generic_two_dates.html").body.replace("<span>۱۵".encode(), "<span>تاریخ انتشار: ۱۵".encode())
    assert SITE.article(page(body, URL)).published_text == "۱۵ آذر ۱۴۰۳"


def test_a_listing_dates_what_its_page_does_not(page: Open) -> None:
    at = datetime(2024, 12, 3, 5, 35, tzinfo=UTC)
    link = Link(source="portal", url=URL, id=None, published=at, section="استان‌ها > لرستان")
    article = SITE.article(page("generic_two_dates.html", URL), link)
    assert (article.published, article.province) == (at, "lorestan")


def test_an_article_without_text_is_unreadable(page: Open) -> None:
    body = b'<html><head><meta property="og:type" content="article"></head><body><h1>x</h1></body></html>'
    with pytest.raises(Unreadable, match="no text"):
        SITE.article(page(body, URL))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/news/1/a", "/news/22/b-c-d", True), ("/fa/1403/09/13/x-y-z/", "/fa/1403/10/1/a-b-c/", True),
        ("/pol-e-rusta", "/nahal-dar-kuh", True),
        ("/show.aspx?ContentId=1&BlockId=7", "/show.aspx?ContentId=2&BlockId=7", True),
        ("/news/1/a", "/service/1/a", False), ("/news/1", "/news/1/a", False), ("/show.aspx?id=1", "/list.aspx?id=1", False),
        ("//other.example/news/1", "/news/1", False),
    ],
)  # fmt: skip
def test_addresses_of_one_shape(one: str, other: str, same: bool) -> None:
    shapes = {
        shape_of(f"https:{url}" if url.startswith("//") else f"https://portal.example{url}") for url in (one, other)
    }
    assert None not in shapes
    assert (len(shapes) == 1) == same


@pytest.mark.parametrize("path", ["", "/", "/news", "/fa/contact", "/default.aspx", "/search?q=x", "/about-us"])
def test_an_address_without_a_number_or_a_slug_is_no_articles(path: str) -> None:
    assert shape_of(f"https://portal.example{path}") is None


def test_a_menu_is_no_list(page: Open) -> None:
    links = "".join(f'<li><a href="/page/{n}/x">خدمت {n}</a></li>' for n in range(9))
    with pytest.raises(LayoutChanged, match="one shape"):
        SITE.links(page(f"<html><body><ul>{links}</ul></body></html>".encode(), "https://portal.example/"), LISTING)


def test_items_by_a_selector_of_the_site(page: Open) -> None:
    own = Generic.styled({"item": [".card"]})(
        key="own", name="x", home="https://portal.example/", hosts=("portal.example",)
    )
    found = own.links(page("generic_home.html", "https://portal.example/"), LISTING)
    assert [link.title for link in found.links][:2] == [
        "پل روستای بالادست بازسازی شد",
        "نهال رایگان در دهستان کوهپایه توزیع شد",
    ]
    with pytest.raises(LayoutChanged, match="card"):
        own.links(page("generic_contact.html", "https://portal.example/"), LISTING)


def test_the_extractor_is_loaded_only_when_a_text_is_cut() -> None:
    import subprocess
    import sys
    from pathlib import Path

    code = "import sys, scrapers.sources; print('trafilatura' in sys.modules)"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
