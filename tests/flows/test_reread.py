"""Rereading stored pages: what changed is shown, saved with the page's own fetch time, and told as the watch would have."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from alerts.policy import is_live
from demo.site import Site
from didban.alert import Sighting, Via
from didban.article import Article, Link, Listed, Listing, Page
from didban.errors import InputError, LayoutChanged
from didban.settings import load
from flows import cli, shift
from flows.pipeline import partial_article
from flows.reread import Report, reread, run
from scrapers.sources import get
from storage.articles import Selection
from storage.links import Waiting
from storage.store import Store
from storage.units import Walk
from tests.support import NOW, TEXT, article, judge, sighting

LEASE = timedelta(minutes=15)
LATER = NOW + timedelta(days=2)


@dataclass(frozen=True)
class Reader:
    """Reads pages of `title|lead|text`; `prefix` stands before a page's text, without which it cannot be read."""

    key: str = "irna"
    prefix: str = ""
    section: str | None = None

    def article(self, page: Page, link: Link | None = None) -> Article:
        title, lead, text = page.body.decode().split("|")
        if not text.startswith(self.prefix):
            raise LayoutChanged(page.url, ".item-text", 0)
        return Article(
            source="irna",
            id=link.id if link else None,
            url=page.url,
            title=title,
            lead=lead,
            text=text.removeprefix(self.prefix),
            published=link.published if link else None,
            section=self.section or (link.section if link else None),
        )


class Shelf:
    """A store with links, and pages that the watch had fetched at NOW."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.sources.register(["irna"], now=NOW)

    def link(self, number: str, *, published: datetime | None = NOW, via: str = "watch") -> Waiting:
        link = Link(
            source="irna", id=number, url=f"https://www.irna.ir/news/{number}/x", title=number, published=published
        )
        listing = Listing(source="irna", url="https://www.irna.ir/rss")
        page = Page(url=listing.url, body=number.encode(), fetched=NOW)
        if via == "watch":
            self.store.links.note(listing, Listed(links=(link,)), page, older=None, now=NOW)
        else:
            units = self.store.units
            day = replace(listing, way="day")
            units.open([Walk(listing=day, key=number, since=NOW, until=NOW, final=NOW)], now=NOW)
            unit = units.take("irna", ways=("day",), owner="me", now=NOW, lease=LEASE)
            assert unit is not None
            units.note(unit, Listed(links=(link,)), page, wanted=(link,), next_url=None, now=NOW)
        taken = self.store.links.take("irna", owner="me", now=NOW, lease=LEASE, limit=99)
        return next(one for one in taken if one.link.id == number)

    def page(self, number: str, body: str) -> Page:
        return Page(url=f"https://www.irna.ir/news/{number}/x", body=body.encode(), fetched=NOW)

    def stored(self, number: str, text: str = TEXT, **facts) -> None:
        """An article that was read from its page."""
        waiting, page = self.link(number), self.page(number, f"تیتر {number}|لید|{text} {number}")
        read = replace(Reader().article(page, waiting.link), fetched=NOW, **facts)
        self.store.articles.save(read, judge({}), sighting(), page=page, link=waiting.id)

    def unread(self, number: str, text: str = TEXT, *, partial: bool = False, **named) -> None:
        """A page that could not be read, with or without a partial article by what its listing said."""
        waiting, page = self.link(number, **named), self.page(number, f"تیتر {number}|لید|{text} {number}")
        due = NOW + timedelta(hours=1)
        if partial:
            summary = partial_article(get("irna"), waiting.link, NOW)
            self.store.articles.save(
                summary, judge({}), sighting(), page=page, link=waiting.id, due=due, reason="no text", field="text"
            )
        else:
            self.store.links.put_off(waiting, reason="no text", due=due, page=page, field="text")

    def reread(
        self, reader: Reader | None = None, *, dry_run: bool = False, now: datetime = LATER, **selected
    ) -> Report:
        reader = reader or Reader()
        decide = judge(live=True)

        def by_date(article: Article, sighting: Sighting):
            matches, plans = decide(article, sighting)
            live = is_live(article, sighting, timedelta(hours=72))
            return matches, tuple(replace(plan, live=live) for plan in plans)

        sources = {"irna": reader}
        return reread(self.store, by_date, sources, Selection(**selected), now=now, dry_run=dry_run)  # ty: ignore[invalid-argument-type]

    def articles(self) -> dict[str | None, Article]:
        return {one.id: one for _, one in self.store.articles.each(Selection())}


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return Shelf(store)


def counts(report: Report) -> dict[str, int]:
    return {kind: count for kind, count in report.counts.items() if count}


def test_an_unread_page_makes_or_completes_its_article_and_ends_its_link(shelf: Shelf) -> None:
    shelf.unread("1")
    shelf.unread("2", partial=True)
    assert counts(shelf.reread(dry_run=True)) == {"new": 1, "completed": 1}
    assert [one.complete for one in shelf.articles().values()] == [False]
    report = shelf.reread()
    assert counts(report) == {"new": 1, "completed": 1}
    assert report.alerts == 2
    assert all(one.complete and one.text and one.fetched == NOW for one in shelf.articles().values())
    assert shelf.store.links.counts() == {"irna": {"stored": 2}}
    assert shelf.store.pages.unread() == []
    assert shelf.store.links.take("irna", owner="x", now=LATER, lease=LEASE, limit=9) == []
    assert counts(shelf.reread()) == {"same": 2}


def test_what_reads_as_before_is_left_alone(shelf: Shelf) -> None:
    shelf.stored("1")
    report = shelf.reread()
    assert (counts(report), report.alerts, report.archived, report.fields) == ({"same": 1}, 0, 0, {})
    assert len(shelf.store.articles.revisions(1)) == 1


def test_other_texts_are_a_revision_and_other_facts_none(shelf: Shelf) -> None:
    shelf.stored("1", text="نشانه:" + TEXT)
    shelf.stored("2")
    report = shelf.reread(Reader(section="استانها"))
    assert (counts(report), report.fields) == ({"facts": 2}, {"section": 2})
    assert shelf.articles()["2"].section == "استانها"
    report = shelf.reread(Reader(prefix="نشانه:", section="استانها"))
    assert counts(report) == {"changed": 1, "lost": 1}
    assert report.fields == {"text": 1}
    assert "'.item-text' matches 0 nodes" in report.examples["lost"][0]
    assert shelf.articles()["1"].text == f"{TEXT} 1"
    assert shelf.articles()["2"].text == f"{TEXT} 2", "what could be read before stays"
    first, second = shelf.store.articles.revisions(1)
    assert (first[2]["text"], second[2]["text"]) == (f"نشانه:{TEXT} 1", f"{TEXT} 1")
    assert second[1] == NOW, "a revision is of the time its page was fetched"


def test_a_page_still_unreadable_stays_and_is_counted(shelf: Shelf) -> None:
    shelf.unread("1")
    report = shelf.reread(Reader(prefix="!"))
    assert counts(report) == {"unread": 1}
    assert len(shelf.store.pages.unread()) == 1
    assert shelf.store.links.counts() == {"irna": {"waiting": 1}}


def test_unread_pages_come_first_and_only_the_newest_of_an_address(shelf: Shelf) -> None:
    shelf.stored("1")
    shelf.unread("2")
    waiting = shelf.store.links.get(2)
    assert waiting is not None
    newest = shelf.page("2", f"تیتر تازه|لید|{TEXT} تازه")
    shelf.store.links.put_off(waiting, reason="no text", due=None, page=newest)
    first, second = shelf.store.pages.worth_reading()
    assert first > second, "the unread one, though it came later"
    shelf.reread()
    assert shelf.articles()["2"].title == "تیتر تازه"


def test_a_page_that_was_overtaken_is_not_read_again(shelf: Shelf) -> None:
    shelf.stored("1")
    (old,) = shelf.store.pages.worth_reading()
    page = shelf.page("1", f"تیتر 1|لید|{TEXT} که ویرایش شد")
    read = replace(Reader().article(page), id="1", fetched=LATER)
    shelf.store.articles.save(read, judge({}), sighting(now=LATER), page=replace(page, fetched=LATER), link=1)
    assert shelf.store.pages.get(old) is None
    assert counts(shelf.reread()) == {"same": 1}
    assert shelf.articles()["1"].text.endswith("ویرایش شد")


@pytest.mark.parametrize(
    ("published", "via", "now", "live"),
    [
        (NOW, "watch", LATER, True),
        (NOW - timedelta(days=9), "watch", LATER, False),
        (NOW, "backfill", LATER, True),
        (None, "watch", LATER, True),
        (None, "backfill", LATER, False),
        (None, "watch", NOW + timedelta(days=300), False),
    ],
)
def test_a_missed_alert_is_live_or_archived_as_it_would_have_been(
    shelf: Shelf, published: datetime | None, via: Via, now: datetime, live: bool
) -> None:
    shelf.unread("1", published=published, via=via)
    if via == "watch" and published is None:
        with shelf.store.database.write() as connection:
            connection.exec_driver_sql("UPDATE link SET baseline = FALSE")
    report = shelf.reread(now=now)
    assert (report.alerts, report.archived) == ((1, 0) if live else (0, 1))


def test_the_selection_is_by_publication(shelf: Shelf) -> None:
    shelf.unread("1", published=NOW - timedelta(days=30))
    shelf.unread("2")
    assert counts(shelf.reread(since=NOW - timedelta(days=1))) == {"new": 1}
    assert set(shelf.articles()) == {"2"}
    assert counts(shelf.reread(source="mehr")) == {}
    assert counts(shelf.reread(until=NOW - timedelta(days=1))) == {"new": 1}


def test_the_command_says_what_differs_and_asks_nobody(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        monkeypatch.setenv("DIDBAN_RATE", "1000")
        site.redesign("mehr")
        shift.run(load(), sources=["mehr"])
    said = CliRunner().invoke(cli.cli, ["reread", "--source", "mehr"])
    assert said.exit_code == 0
    assert "13 unread: still not readable" in said.stdout
    said = json.loads(CliRunner().invoke(cli.cli, ["reread", "--dry-run", "--json"]).stdout)
    assert (said["dry_run"], said["counts"]["unread"], said["alerts"]) == (True, 13, 0)
    assert "item-text" in said["examples"]["unread"][0]
    with pytest.raises(InputError, match="no source 'mehrr'"):
        run(load(), Selection(source="mehrr"))


def test_an_undated_article_is_news_only_while_its_page_is_fresh() -> None:
    undated = article(published=None, fetched=NOW)
    window = timedelta(hours=72)
    assert is_live(undated, sighting(now=NOW + timedelta(hours=71)), window)
    assert not is_live(undated, sighting(now=NOW + timedelta(hours=73)), window)
    assert is_live(replace(undated, fetched=None), sighting(now=datetime(2027, 1, 1, tzinfo=UTC)), window)
