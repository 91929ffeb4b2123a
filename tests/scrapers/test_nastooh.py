"""Nastooh in full: pages of every kind, archives, feeds and topics, and the sister sites. Sitemaps have a file of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from didban.article import Listing, Page, to_json
from didban.dates import iso_utc
from didban.errors import InputError, LayoutChanged
from scrapers.platforms.nastooh import LATEST, Nastooh
from scrapers.sources.hamshahri import HAMSHAHRI
from scrapers.sources.irna import IRNA
from scrapers.sources.isna import ISNA
from scrapers.sources.mehr import MEHR

Open = Callable[..., Page]
KINDS = {
    "irna_interview": (IRNA, "https://www.irna.ir/news/85712340/x"),
    "irna_note": (IRNA, "https://www.irna.ir/news/85712999/x"),
    "irna_photo": (IRNA, "https://www.irna.ir/photo/85712777/x"),
    "mehr_report": (MEHR, "https://www.mehrnews.com/news/6301122/x"),
    "mehr_photo": (MEHR, "https://www.mehrnews.com/photo/6301500/x"),
    "mehr_video": (MEHR, "https://www.mehrnews.com/news/6301777/x"),
}


# ── articles of every kind ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", KINDS)
def test_a_page_of_each_kind(name: str, page: Open, golden: Callable[[str, Any], None]) -> None:
    source, url = KINDS[name]
    golden(name, to_json(source.article(page(f"{name}.html", url))))


@pytest.mark.parametrize("name", KINDS)
def test_nothing_around_the_text_is_in_it(name: str, page: Open) -> None:
    source, url = KINDS[name]
    article = source.article(page(f"{name}.html", url))
    said = " ".join((article.kicker, article.title, article.lead, article.text, *article.tags))
    for stray in (
        "مرتبط",
        "کناری",
        "بیشتر بخوانید",
        "در میان متن",
        "نظر",
        "captcha",
        "کپی",
        "کد خبر",
        "دریافت",
        "منو",
        "آرشیو",
    ):
        assert stray not in said


def test_the_render_time_dates_nothing(page: Open) -> None:
    body = page("mehr_photo.html").body.replace("۱۵ دی ۱۴۰۲ - ۱۸:۰۷".encode(), b"")
    article = MEHR.article(page(body, "https://www.mehrnews.com/photo/6301500/x"))
    assert (article.published, article.published_text, article.modified) == (None, None, None)


def test_a_page_of_news_without_a_body_is_refused(page: Open) -> None:
    body = page("irna_interview.html").body.replace(b'class="item-text"', b'class="text-v2"')
    with pytest.raises(LayoutChanged, match=r"item-text\[itemprop=articleBody\], \.item-text' matches 0"):
        IRNA.article(page(body))


def test_a_box_of_photos_on_a_home_page_is_no_article(page: Open) -> None:
    body = page("mehr_photo.html").body.replace(
        b'content="https://www.mehrnews.com/news/', b'content="https://www.mehrnews.com/x'
    )
    for url in ("https://www.mehrnews.com/", "saved.html"):
        with pytest.raises(LayoutChanged):
            MEHR.article(page(body, url))


# ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def archive_page(page: Page) -> Any:
    return MEHR.links(page, Listing(source="mehr", url=page.url, way="day"))


def test_an_archive_lists_every_kind_of_news_once(page: Open, golden: Callable[[str, Any], None]) -> None:
    listed = archive_page(page("mehr_archive_kinds.html", "https://www.mehrnews.com/archive?pi=1"))
    links = [{**asdict(link), "published": iso_utc(link.published)} for link in listed.links]
    golden("mehr_archive_kinds", {"links": links, "next": listed.next, "problem": listed.problem})


@pytest.mark.parametrize("pager", [True, False])
def test_an_archive_page_without_items_is_empty_whatever_the_boxes_beside_it_hold(page: Open, pager: bool) -> None:
    whole = page("mehr_archive_kinds.html").body
    empty = whole[: whole.index(b'<li class="news"')] + whole[whole.rindex(b"</ul>\n        </div>") :]
    if not pager:
        start, end = empty.index(b"<footer>"), empty.index(b"</footer>")
        empty = empty[:start] + empty[end:]
    assert b'href="/news/6018140/side"' in empty
    listed = archive_page(page(empty))
    assert (listed.links, listed.next, listed.problem) == ((), None, None)


# ── where it lists ────────────────────────────────────────────────────────────────────────────────────────────────────


def watched(source: Nastooh) -> list[tuple[str, str]]:
    return [(listing.way, listing.url.removeprefix(source.home)) for listing in source.watch()]


def test_feeds_of_topics_tags_and_boxes_stand_beside_the_first() -> None:
    assert watched(IRNA) == [("feed", "rss")]
    more = replace(IRNA, feeds=("lorestan", "20", "rss?tp=5", "rss?kw=دولت+الکترونیک", "rss?pl=224", LATEST, "rss"))
    assert watched(more) == [
        ("feed", "rss"), ("feed", "rss/tp/1032"), ("feed", "rss/tp/20"), ("feed", "rss?tp=5"),
        ("feed", "rss?kw=دولت+الکترونیک"), ("feed", "rss?pl=224"), ("sitemap", LATEST),
    ]  # fmt: skip


def test_a_source_of_one_topic_watches_and_archives_that() -> None:
    lorestan = replace(IRNA, topic="lorestan")
    older = lorestan.older()
    assert watched(lorestan) == [("feed", "rss/tp/1032")]
    assert older is not None
    assert older.url == "https://www.irna.ir/archive?pi=1&tp=1032&ty=&ms=0&dy=&mn=&yr="
    (day,) = replace(HAMSHAHRI, topic="607").archive(date(2018, 10, 9), date(2018, 10, 9))
    assert day.url == "https://www.hamshahrionline.ir/archive?pi=1&tp=607&ty=&ms=0&dy=17&mn=7&yr=1397"


def test_a_topic_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"irna: no topic 'lorestn' \(did you mean 'lorestan'"):
        replace(IRNA, topic="lorestn").watch()
    with pytest.raises(InputError, match="give its number"):
        replace(ISNA, feeds=("lorestan",)).watch()


def test_an_archive_is_read_by_day_by_sitemap_or_both() -> None:
    both = replace(IRNA, ways=("day", "sitemap")).archive(date(2018, 10, 9), date(2018, 10, 10))
    assert [(listing.way, listing.day and listing.day.day) for listing in both] == [
        ("day", 10), ("sitemap", 10), ("day", 9), ("sitemap", 9),
    ]  # fmt: skip
    assert both[3].url == "https://www.irna.ir/sitemap/1397/07/17/sitemap.xml"
    assert {listing.way for listing in IRNA.archive(date(2018, 10, 9), date(2018, 10, 10))} == {"day"}
    with pytest.raises(InputError, match="irna: no way 'sitemaps' through an archive; there are day and sitemap"):
        replace(IRNA, ways=("day", "sitemaps"))


# ── sisters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_of_isna(page: Open) -> None:
    body = page("irna_interview.html").body.replace(
        b'<div class="item-date"><span>', b'<div class="meta-news"><span class="text-meta">'
    )
    whole = ISNA.article(page(body, "https://www.isna.ir/news/1403091100001/x"))
    assert (whole.source, whole.id, whole.published_text) == ("isna", "1403091100001", "۱۱ آذر ۱۴۰۳، ۹:۱۰")
    assert whole.published == datetime(2024, 12, 1, 5, 40, tzinfo=UTC)


@pytest.mark.parametrize("sister", [ISNA, HAMSHAHRI], ids=lambda sister: sister.key)
def test_a_sister_is_known_and_not_watched_unasked(sister: Nastooh) -> None:
    assert not sister.watched
    assert sister.watch()[0].url == f"{sister.home}rss"
