"""Lists of feeds, in and out."""

from __future__ import annotations

import pytest

from didban.errors import InputError
from scrapers.opml import Outline, read_opml, write_opml
from scrapers.sources import build, get, known_sources


def test_what_is_written_is_read_again() -> None:
    sources = [get("irna"), get("mehr"), get("ostan_gilan"), get("ostan_kerman")]
    assert read_opml(write_opml(sources).encode()) == [
        Outline("خبرگزاری ایرنا", "https://www.irna.ir/rss", "https://www.irna.ir/"),
        Outline("خبرگزاری مهر", "https://www.mehrnews.com/rss", "https://www.mehrnews.com/"),
    ]
    assert len(read_opml(write_opml(known_sources()).encode())) >= 5


def test_a_name_with_markup_survives() -> None:
    name = '«الف» & <ب> "ج" می\N{ZERO WIDTH NON-JOINER}رود'
    own = build({"own": {"home": "https://own.example", "name": name, "feed": "rss?a=1&b=2"}}).get("own")
    assert read_opml(write_opml([own]).encode()) == [
        Outline(name, "https://own.example/rss?a=1&b=2", "https://own.example/")
    ]


def test_folders_are_walked_and_what_is_no_feed_is_passed_over() -> None:
    body = """<?xml version="1.0"?><!DOCTYPE opml SYSTEM "http://127.0.0.1:9/x.dtd">
    <opml version="1.1"><body><outline text="خبر">
      <outline text=" یک
         دو " xmlUrl=" https://a.example/rss "/><outline text="باز" xmlUrl="https://a.example/rss"/>
      <outline text="x" xmlUrl="javascript:alert(1)"/><outline text="y" htmlUrl="https://b.example/"/>
    </outline></body></opml>"""
    assert read_opml(body.encode()) == [Outline("یک دو", "https://a.example/rss", "")]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "no whole OPML"), (b"<opml><body>", "no whole OPML"), (b"<rss></rss>", "begins with <rss>"),
        (b"\0\1", "no whole OPML"),
        (b'<!DOCTYPE opml [<!ENTITY a "b">]><opml>&a;</opml>', "entities"),
    ],
)  # fmt: skip
def test_what_is_no_opml_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_opml(body)
