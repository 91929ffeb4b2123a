"""Feeds, whole, damaged and hostile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from didban.article import Listed, Page
from didban.errors import Unreadable
from scrapers.sources import get

IRNA = get("irna")
FEED = IRNA.watch()[0]
Open = Callable[..., Page]


def read(page: Page) -> Listed:
    return IRNA.links(page, FEED)


def feed(*items: str, head: str = '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>') -> bytes:
    return (head + "".join(items) + "</channel></rss>").encode()


def item(number: int, title: str = "خبر") -> str:
    return f"<item><title>{title}</title><link>https://www.irna.ir/news/{number}/x</link></item>\n"


def test_a_feed_without_items_is_a_valid_one(page: Open) -> None:
    assert read(page(feed())) == Listed(links=())


def test_a_feed_cut_in_the_middle_yields_its_whole_items(page: Open) -> None:
    whole = feed(item(1), item(2), item(3))
    for end in range(whole.index(b"<item>") + 1, len(whole) - len(b"</rss>")):
        listed = read(page(whole[:end]))
        assert len(listed.links) == whole[:end].count(b"</item>")
        assert listed.problem is not None
        assert "breaks off" in listed.problem
    assert read(page(whole)).problem is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"), (b"<!DOCTYPE html><html><body>x", "HTML"), (b'{"urls": []}', "something else"), (b"\0\1\2" * 99, "binary"),
        (b'<!DOCTYPE rss [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><rss><channel><item><title>&c;</title></item></channel></rss>',
         "entities"),
        (b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>', "entities"),
        (b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY % x SYSTEM "http://127.0.0.1/">%x;]><rss></rss>', "entities"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_unreadable(page: Open, body: bytes, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        read(page(body))


def test_an_outside_document_type_is_not_fetched(page: Open) -> None:
    head = '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd"><rss><channel>'
    assert [link.id for link in read(page(feed(item(1), head=head))).links] == ["1"]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("می&#x200C;رود", "می\N{ZERO WIDTH NON-JOINER}رود"), ("الف &amp; ب", "الف & ب"), ("&amp;laquo;الف&amp;raquo;", "«الف»"),
        ("<![CDATA[الف & ب]]>", "الف & ب"), ("الف\n\t  ب", "الف ب"), ("ایران  اسلامی", "ایران  اسلامی"), ("a\x01b", "ab"),
        ("&laquo;الف&raquo; &zwnj;&nbsp;ب", "«الف» \N{ZERO WIDTH NON-JOINER}\N{NO-BREAK SPACE}ب"),
    ],
)  # fmt: skip
def test_a_title_is_read_as_meant(page: Open, title: str, expected: str) -> None:
    listed = read(page(feed(item(1, title))))
    assert (listed.links[0].title, listed.problem) == (expected, None)


def test_a_stray_ampersand_costs_no_item(page: Open) -> None:
    assert [link.id for link in read(page(feed(item(1, "R&D & x"), item(2)))).links] == ["1", "2"]


def test_a_feed_in_windows_1256_that_says_utf_8_reads_right(page: Open) -> None:
    body = feed(item(1, "استانداري لرستان")).decode().encode("windows-1256")
    assert read(page(body)).links[0].title == "استانداري لرستان"


def test_one_article_twice_is_one_link(page: Open) -> None:
    assert len(read(page(feed(item(1), item(1, "دوباره")))).links) == 1


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>/news/5/x</link>", "https://www.irna.ir/news/5/x"),
        ("<guid>https://www.irna.ir/news/5/x</guid>", "https://www.irna.ir/news/5/x"),
        ("<link>  https://www.irna.ir/news/5/سلام\n </link>", "https://www.irna.ir/news/5/سلام"),
        ('<guid isPermaLink="false">https://www.irna.ir/news/5/x</guid>', None),
        ("<link></link>", None), ("<link>javascript:alert(1)</link>", None), ("<guid>5</guid>", None), ("", None),
    ],
)  # fmt: skip
def test_the_address_of_an_item(page: Open, inside: str, url: str | None) -> None:
    listed = read(page(feed(f"<item><title>x</title>{inside}</item>")))
    assert [link.url for link in listed.links] == ([] if url is None else [url])
    assert listed.problem == (None if url else "items without an address: 1")


def test_rss_1_is_read_too(page: Open) -> None:
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><item><title>خبر</title><link>https://www.irna.ir/news/7/x</link>'
        "<dc:date>2019-12-03T11:11:22+03:30</dc:date></item></rdf:RDF>"
    )
    link = read(page(body.encode())).links[0]
    assert (link.id, link.published and link.published.isoformat()) == ("7", "2019-12-03T07:41:22+00:00")
