"""The feed is valid Atom (RFC 4287), says what messages say, and nothing from a page can break it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from alerts.feed import Feed, atom
from didban.alert import Alert, Match
from didban.article import Article, Page
from scrapers.feed import read_feed
from tests.support import NOW, article

NS = {"a": "http://www.w3.org/2005/Atom"}
ALL, EGOV = Feed(rule=None, title="همه"), Feed(rule="egov", title="دولت الکترونیک")
NAMES = {"irna": "خبرگزاری ایرنا"}


def alert(number: int, *, rule: str = "egov", **facts: object) -> Alert:
    written: Article = replace(article(), title=f"خبر {number}", **facts)
    start = written.text.index("دولت")
    match = Match(
        rule=rule, term="دولت", field="text", start=start, end=start + 4, text="دولت",
        sentence_start=0, sentence_end=len(written.text),
    )  # fmt: skip
    return Alert(
        rule=rule, title=f"موضوع {rule}", priority="urgent", live=True, raised=NOW + timedelta(minutes=number),
        story=f"s{number}", article=written, matches=(match,),
    )  # fmt: skip


def root(feed: Feed, *stories: list[Alert]) -> ET.Element:
    return ET.fromstring(atom(feed, stories, names=NAMES))


def said(element: ET.Element, path: str) -> str:
    found = element.find(path, NS)
    assert found is not None
    return found.text or ""


@pytest.mark.parametrize("stories", [[], [[alert(1)]], [[alert(1)], [alert(2), alert(2, rule="post")]]])
def test_every_feed_has_what_the_standard_asks_for(stories: list[list[Alert]]) -> None:
    made = root(ALL, *stories)
    for element in (made, *made.findall("a:entry", NS)):
        for name in ("id", "title", "updated"):
            (one,) = element.findall(f"a:{name}", NS)
            assert one.text
        assert said(element, "a:author/a:name")
    ids = [said(entry, "a:id") for entry in made.findall("a:entry", NS)]
    assert len(set(ids)) == len(stories)
    assert all(one.startswith("tag:didban,2026:story/") for one in ids)


def test_an_entry_says_what_a_message_says_with_the_evidence_bold() -> None:
    (entry,) = root(ALL, [alert(1), alert(1, rule="post")]).findall("a:entry", NS)
    assert said(entry, "a:title") == "خبر 1"
    assert (said(entry, "a:author/a:name"), said(entry, "a:published")) == ("خبرگزاری ایرنا", "2026-11-21T07:00:00Z")
    content = said(entry, "a:content")
    assert content.startswith('<p dir="rtl">🔴 فوری<br>خبر 1<br>خبرگزاری ایرنا · شنبه')
    assert "در آن <b>دولت</b> الکترونیک آمده است." in content
    assert [one.get("term") for one in entry.findall("a:category", NS)] == ["egov", "post"]


def test_ids_stay_and_updated_is_the_newest_alert_of_the_feed() -> None:
    early, late = alert(1), replace(alert(1, rule="post"), raised=NOW + timedelta(hours=5))
    (everything,), (one,) = (root(feed, [early, late]).findall("a:entry", NS) for feed in (ALL, EGOV))
    assert (said(everything, "a:id"), said(everything, "a:updated")) == (
        "tag:didban,2026:story/s1",
        "2026-11-21T13:00:00Z",
    )
    assert (said(one, "a:id"), said(one, "a:updated")) == ("tag:didban,2026:story/s1/egov", "2026-11-21T08:01:00Z")
    assert atom(ALL, [[early]], names=NAMES) == atom(ALL, [[early]], names=NAMES)
    assert [said(entry, "a:title") for entry in root(ALL, [early], [alert(3)], [alert(2)]).findall("a:entry", NS)] == [
        "خبر 3",
        "خبر 2",
        "خبر 1",
    ]


HOSTILE = "</content><script>alert(1)</script>&\x00\x1b\ud800\uffff]]>\N{RIGHT-TO-LEFT OVERRIDE}"


def test_a_hostile_page_is_text() -> None:
    odd = alert(
        1,
        kicker=HOSTILE,
        text=f"{HOSTILE} دولت",
        url=f"https://www.irna.ir/{HOSTILE} x",
        section=HOSTILE,
        rights=HOSTILE,
    )
    titled = replace(odd, article=replace(odd.article, title=HOSTILE), title=HOSTILE)
    made = root(ALL, [titled])
    tags = set[str]()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.add(tag)

    Tags().feed(said(made, "a:entry/a:content"))
    assert tags == {"p", "b", "br"}
    assert said(made, "a:entry/a:title") == "</content><script>alert(1)</script>&    ]]>"
    link = made.find("a:entry/a:link", NS)
    assert link is not None
    assert link.get("href", "").startswith("https://www.irna.ir/%3C/content%3E%3Cscript%3E")


def test_an_address_that_is_none_is_not_linked() -> None:
    for url in ("javascript:alert(1)", None):
        assert root(ALL, [alert(1, url=url)]).find("a:entry/a:link", NS) is None


def test_a_reader_of_feeds_takes_it() -> None:
    page = Page(
        url="https://own.example/all.atom",
        body=atom(ALL, [[alert(1)], [alert(2, url="https://www.irna.ir/news/2/خبر")]], names=NAMES),
        fetched=NOW,
        status=200,
        headers={},
    )
    listed = read_feed(page, "own", lambda _: None)
    assert (listed.problem, [link.title for link in listed.links]) == (None, ["خبر 2", "خبر 1"])
    assert listed.links[0].url == "https://www.irna.ir/news/2/%D8%AE%D8%A8%D8%B1"
