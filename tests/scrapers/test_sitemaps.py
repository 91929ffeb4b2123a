"""Sitemaps: XML and JSON, leaves and indexes, whole, damaged and hostile; and the walk that an index opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pytest

from didban.article import Listed, Listing, Page
from didban.dates import iso_utc
from didban.errors import Unreadable
from scrapers.sources.irna import IRNA
from scrapers.sources.mehr import MEHR

Open = Callable[..., Page]
PAGES = {
    "irna_sitemap_news": (IRNA, "https://www.irna.ir/sitemap/news/sitemap.xml", "xml"),
    "irna_sitemap_index": (IRNA, "https://www.irna.ir/sitemap/1397/sitemap.xml", "xml"),
    "irna_sitemap_leaf_json": (IRNA, "https://www.irna.ir/sitemap/1390/06/20/sitemap.xml", "txt"),
    "mehr_sitemap_leaf": (MEHR, "https://www.mehrnews.com/sitemap/1403/09/13/sitemap.xml", "xml"),
}
LEAF = "https://www.irna.ir/sitemap/1397/07/17/sitemap.xml"
HEAD = '<?xml version="1.0"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


def read(page: Page) -> Listed:
    return IRNA.links(page, Listing(source="irna", url=page.url, way="sitemap"))


def entry(number: int, more: str = "") -> str:
    return f"<url><loc>https://www.irna.ir/news/{number}/x</loc>{more}</url>\n"


def urlset(*entries: str, head: str = HEAD) -> bytes:
    return (head + "".join(entries) + "</urlset>").encode()


@pytest.mark.parametrize("name", PAGES)
def test_a_sitemap(name: str, page: Open, golden: Callable[[str, Any], None]) -> None:
    source, url, kind = PAGES[name]
    listed = source.links(page(f"{name}.{kind}", url), Listing(source=source.key, url=url, way="sitemap"))
    said = asdict(listed)
    for link in said["links"]:
        link["published"] = iso_utc(link["published"])
    for listing in said["listings"]:
        listing["day"] = listing["day"] and listing["day"].isoformat()
    said["links"], said["listings"] = list(said["links"]), list(said["listings"])
    golden(name, said)


@pytest.mark.parametrize(
    "body", [b'{"urls": []}', urlset(), b"<urlset/>", b'<?xml version="1.0"?><sitemapindex></sitemapindex>']
)
def test_a_sitemap_of_nothing_is_a_valid_one(page: Open, body: bytes) -> None:
    assert read(page(body)) == Listed(links=())


@pytest.mark.parametrize(
    ("touched", "published"),
    [
        ("2018-10-09T08:00:00Z", datetime(2018, 10, 8, 20, 30, tzinfo=UTC)),
        ("2018-10-09", datetime(2018, 10, 8, 20, 30, tzinfo=UTC)),
        ("2018-10-09T21:00:00Z", None), ("2021-01-01T00:00:00Z", None), ("1397", None), ("", None),
    ],
)  # fmt: skip
def test_when_a_page_was_touched_dates_it_only_to_the_day_of_its_own_sitemap(
    page: Open, touched: str, published: datetime | None
) -> None:
    body = urlset(entry(1, f"<lastmod>{touched}</lastmod>"))
    assert read(page(body, LEAF)).links[0].published == published
    assert read(page(body, "https://www.irna.ir/sitemap/news/sitemap.xml")).links[0].published is None
    assert read(page(body, "https://www.irna.ir/sitemap/1397/13/40/sitemap.xml")).links[0].published is None


def test_a_sitemap_cut_in_the_middle_yields_its_whole_entries(page: Open) -> None:
    whole = urlset(entry(1), entry(2), entry(3))
    for end in range(whole.index(b"<url>") + 1, len(whole) - 1):
        listed = read(page(whole[:end]))
        assert [link.id for link in listed.links] == [str(n + 1) for n in range(whole[:end].count(b"</url>"))]
        assert "breaks off" in (listed.problem or "")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"), (b"<!DOCTYPE html><html><body>x", "HTML"), (b"<rss></rss>", "something else"),
        (b'{"urls": [{"loc": "https://www.irna.ir/ne', "JSON that breaks off"), (b'{"news": []}', "without a list"),
        (b'["https://www.irna.ir/news/1/x"]', "without a list"), (b"[" * 100_000, "JSON that breaks off"),
        (b'<!DOCTYPE urlset [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><urlset><url><loc>&c;</loc></url></urlset>', "entities"),
        (b'<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset>&x;</urlset>', "entities"),
    ],
)  # fmt: skip
def test_what_is_no_sitemap_is_unreadable(page: Open, body: bytes, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        read(page(body))


@pytest.mark.parametrize(
    "body",
    [
        urlset(entry(1), "<url><loc></loc></url>", "<url/>", "<url><loc>javascript:alert(1)</loc></url>"),
        b'{"urls": [{"loc": "https://www.irna.ir/news/1/x"}, {"loc": null}, 7, {"loc": "mailto:a"}]}',
    ],
)
def test_entries_without_an_address_are_counted(page: Open, body: bytes) -> None:
    listed = read(page(body))
    assert ([link.id for link in listed.links], listed.problem) == (["1"], "entries without an address: 3")


def test_the_days_of_an_index(page: Open) -> None:
    url = "https://www.irna.ir/sitemap/1397/sitemap.xml"
    listed = read(page("irna_sitemap_index.xml", url))
    assert [listing.day for listing in listed.listings] == [date(2018, 10, 10), date(2018, 10, 9), None]
    assert {listing.way for listing in listed.listings} == {"sitemap"}
