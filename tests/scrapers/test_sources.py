"""The table of sources, what each lists, and what its articles lack without a link."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from didban.article import Link, Page
from didban.dates import jalali_of
from didban.errors import InputError, LayoutChanged, ReadError, Unreadable
from didban.urls import host_of
from scrapers.base import Site, Source
from scrapers.fetch import within
from scrapers.platforms import joomla, nastooh
from scrapers.sources import SOURCES, all_sources, get

Open = Callable[..., Page]
LISTED = datetime(2024, 3, 19, 9, 30, tzinfo=UTC)


def test_a_key_unknown_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'ostan_lr'"):
        get("ostan-lr")
    with pytest.raises(InputError, match="known: irna, mehr, ostan_lr"):
        get("x")


@pytest.mark.parametrize("source", all_sources(), ids=SOURCES)
def test_what_a_source_lists_is_its_own(source: Source) -> None:
    listings = (*source.watch(), source.older(), *source.archive(date(2024, 3, 19), date(2024, 3, 21)))
    assert source.home.endswith("/")
    assert source.watch()[0].way == "feed"
    for listing in listings:
        assert listing is not None
        assert listing.source == source.key
        assert listing.url.startswith(source.home)
        assert within(host_of(listing.url) or "", source.hosts)


def test_a_backfill_of_nastooh_goes_day_by_jalali_day_newest_first() -> None:
    listings = get("irna").archive(date(2024, 3, 18), date(2024, 3, 20))
    assert [(listing.way, listing.day) for listing in listings] == [
        ("day", date(2024, 3, 20)), ("day", date(2024, 3, 19)), ("day", date(2024, 3, 18)),
    ]  # fmt: skip
    assert [listing.url.partition("?")[2] for listing in listings] == [
        "pi=1&tp=&ty=&ms=0&dy=1&mn=1&yr=1403",
        "pi=1&tp=&ty=&ms=0&dy=29&mn=12&yr=1402",
        "pi=1&tp=&ty=&ms=0&dy=28&mn=12&yr=1402",
    ]
    assert jalali_of(date(2024, 3, 20)) == (1403, 1, 1)


def test_a_backfill_of_joomla_walks_its_pages() -> None:
    assert get("ostan_lr").archive(date(2019, 1, 1), date(2020, 1, 1)) == (get("ostan_lr").older(),)


@pytest.mark.parametrize("source", all_sources(), ids=SOURCES)
def test_a_backfill_that_ends_before_it_begins_is_refused(source: Source) -> None:
    with pytest.raises(InputError, match="is after the last"):
        source.archive(date(2024, 3, 20), date(2024, 3, 19))


def test_a_source_moves_to_another_address() -> None:
    irna = get("irna")
    assert isinstance(irna, Site)
    moved = replace(irna, home="https://irna.example/", hosts=("irna.example",))
    assert moved.watch()[0].url == "https://irna.example/rss"


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("https://www.irna.ir/news/83714160/خبر", "83714160"), ("https://www.irna.ir/news/83714160", "83714160"),
        ("http://www.irna.ir/fa/News/83095371", "83095371"), ("https://www.irna.ir/news/83714160?x=1", "83714160"),
        ("https://www.irna.ir/news/837x/1", None), ("https://www.irna.ir/photo/12", None), ("", None),
    ],
)  # fmt: skip
def test_the_number_in_an_address_of_nastooh(url: str, number: str | None) -> None:
    assert nastooh.article_id(url) == number


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("https://ostan-lr.ir/index.php/fa/news/4821-moaven", "4821"), ("https://ostan-lr.ir/4821-moaven?start=2", "4821"),
        ("https://ostan-lr.ir/index.php?option=com_content&view=article&id=4821:slug&catid=8&Itemid=101", "4821"),
        ("https://ostan-lr.ir/?view=article&id=4821", "4821"), ("https://ostan-lr.ir/?view=category&id=8", None),
        ("https://ostan-lr.ir/news/moaven", None), ("https://ostan-lr.ir/12-x/moaven", None), ("http://[", None), ("", None),
    ],
)  # fmt: skip
def test_the_number_in_an_address_of_joomla(url: str, number: str | None) -> None:
    assert joomla.article_id(url) == number


@pytest.mark.parametrize(
    ("printed", "bare"),
    [
        ("on .", ""), ("on  . ", ""), ("", ""), ("12 آذر 1398", "12 آذر 1398"), ("on 12 آذر 1398.", "12 آذر 1398"),
        ("on 12 آذر 1398. Posted in 5 اخبار", "12 آذر 1398"),
        ("منتشر شده در سه شنبه, 12 آذر 1398 10:15", "سه شنبه, 12 آذر 1398 10:15"),
        ("نوشته شده توسط روابط عمومی در تهران در 12 آذر 1398. ارسال شده در اخبار", "12 آذر 1398"),
        ("آخرین به روز رسانی در  13 آذر 1398", "13 آذر 1398"), ("Written by X on 3 دسامبر 2019.", "3 دسامبر 2019"),
    ],
)  # fmt: skip
def test_a_date_without_its_label(printed: str, bare: str) -> None:
    assert joomla.bare_date(printed) == bare


@pytest.mark.parametrize(
    ("body", "text", "codes"),
    [
        (("متن.3210/7273",), "متن.", ("3210/7273",)), (("متن.", "1055**1601"), "متن.", ("1055**1601",)),
        (("متن. 7493/ 1601",), "متن. 7493/ 1601", ()), (("در سال 13210/7273",), "در سال 13210/7273", ()),
        (("الف ۷۴۹۳/۱۶۰۱", "6065/6002 "), "الف", ("۷۴۹۳/۱۶۰۱", "6065/6002")), ((), "", ()),
        (("متن 3210/7273 است.",), "متن 3210/7273 است.", ()),
    ],
)  # fmt: skip
def test_staff_codes_leave_the_end_of_the_text(body: tuple[str, ...], text: str, codes: tuple[str, ...]) -> None:
    assert nastooh.split_codes(body) == (text, codes)


def test_a_listing_supplies_what_a_page_lacks(page: Open) -> None:
    body = page("mehr_bad_date.html")
    link = Link(
        source="mehr", url="https://www.mehrnews.com/news/6900002/slug", published=LISTED, section="استان‌ها > لرستان"
    )
    article = get("mehr").article(body, link)
    assert (article.published, article.has_time, article.published_text) == (LISTED, True, "۳۰ اسفند ۱۴۰۲، ۱۰:۱۵")
    assert (article.url, article.id) == (link.url, "6900002")
    assert (article.section, article.province) == ("استان‌ها > لرستان", "lorestan")


def test_a_feeds_date_adds_the_time_to_the_same_day_and_never_another_day(page: Open) -> None:
    body = page("joomla4_article.html")
    link = Link(source="ostan_lr", url="https://ostan-lr.ir/1-x", published=datetime(2019, 12, 3, 7, 41, tzinfo=UTC))
    timed = get("ostan_lr").article(body, link)
    assert (timed.published, timed.has_time, timed.published_text) == (link.published, True, "12 آذر 1398")
    other = get("ostan_lr").article(
        body, replace(link, published=link.published and link.published - timedelta(days=1))
    )
    assert (other.published, other.has_time) == (datetime(2019, 12, 2, 20, 30, tzinfo=UTC), False)


@pytest.mark.parametrize("name", ["irna_article.html", "mehr_article.html"])
def test_an_agencys_page_without_a_title_is_refused(page: Open, name: str) -> None:
    whole = page(name).body
    start, end = whole.index(b'<h1 class="title">'), whole.index(b"</h1>")
    bare = whole[:start] + whole[end:]
    meta = bare.index(b'<meta property="og:title"')
    bare = bare[:meta] + bare[bare.index(b">", meta) + 1 :]
    with pytest.raises(LayoutChanged, match="h1"):
        get("irna").article(page(bare))


@pytest.mark.parametrize(
    ("name", "title"),
    [("warp6_article.html", b"h1"), ("joomla39_article.html", b"h2"), ("joomla4_article.html", b"h1"),
     ("warp7_article.html", b"h1")],
)  # fmt: skip
def test_a_portals_page_without_a_title_is_refused(page: Open, name: str, title: bytes) -> None:
    whole = page(name).body.replace(b"<" + title, b"<p").replace(b"</" + title, b"</p")
    with pytest.raises(LayoutChanged, match="matches 0 nodes"):
        get("ostan_lr").article(page(whole))


@pytest.mark.parametrize(
    "name", ["irna_archive.html", "ostan_lr_blog.html", "ostan_lr_warp6_list.html", "irna_feed.xml"]
)
def test_a_listing_is_no_article(page: Open, name: str) -> None:
    for source in all_sources():
        with pytest.raises(ReadError):
            source.article(page(name))


def test_a_list_of_one_is_no_article(page: Open) -> None:
    body = page("ostan_lr_warp6_list.html").body
    one = body[: body.rindex(b"<article")] + body[body.rindex(b"</article>") + len(b"</article>") :]
    with pytest.raises(LayoutChanged, match="outside of"):
        get("ostan_lr").article(page(one))


@pytest.mark.parametrize("name", ["irna_article.html", "joomla39_article.html"])
def test_an_article_is_no_listing_of_a_portal(page: Open, name: str) -> None:
    with pytest.raises(LayoutChanged):
        get("ostan_lr").links(page(name), get("ostan_lr").watch()[1])


@pytest.mark.parametrize("name", ["irna_article.html", "warp6_article.html", "joomla39_article.html"])
def test_a_page_cut_in_the_middle_of_its_text_is_no_article(page: Open, name: str) -> None:
    whole = page(name).body
    source = get("irna" if name.startswith("irna") else "ostan_lr")
    assert source.article(page(whole)).complete
    for end in (len(whole) // 2, whole.rindex(b"</html>")):
        with pytest.raises(Unreadable, match="breaks off"):
            source.article(page(whole[:end]))


def test_a_listing_cut_in_the_middle_says_so_and_what_it_has(page: Open) -> None:
    whole = page("irna_archive.html").body
    cut = get("irna").links(page(whole[: whole.index(b"83060003")]), get("irna").archive(*[date(2018, 10, 9)] * 2)[0])
    assert [link.id for link in cut.links] == ["83060001", "83060002"]
    assert cut.problem == "the page breaks off before its end"


def test_a_page_in_windows_1256_that_says_utf_8_is_read(page: Open) -> None:
    text = "استانداري لرستان: پيشخوان دولت، چاپ و ژاله و گچ"
    body = f'<html><head><meta charset="utf-8"></head><body><article id="item"><div class="item-title"><h1>{text}</h1></div>'
    body += f'<div class="item-text"><p>{text}</p></div></article></body></html>'
    article = get("irna").article(page(body.encode("windows-1256"), **{"content-type": "text/html; charset=utf-8"}))
    assert (article.title, article.text) == (text, text)


def test_the_readers_do_not_load_what_they_do_not_need() -> None:
    code = "import sys, scrapers.sources, scrapers.fetch; print({'hazm', 'prefect', 'sqlalchemy'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
