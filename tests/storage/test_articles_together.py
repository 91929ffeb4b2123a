"""Articles saved in groups leave the very tables that they leave one by one, whatever meets in a group."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any, get_args

import pytest
from sqlalchemy import select

from didban.alert import Via
from didban.article import Link, Page
from didban.errors import StoreError
from didban.outcome import Saved
from storage import tables
from storage.articles import Arrived
from storage.links import insert_links
from storage.store import Store, open_store
from tests.support import NOW, TEXT, article, judge, sighting
from tests.support_stories import said

NUMBERS = range(1, 9)
"""Few, so that in thirty articles ids, addresses, texts, pages and links often meet."""


def _noted(store: Store) -> list[int]:
    """Links that wait, of one of which a page could not be read."""
    links = [Link(source="irna", url=f"https://www.irna.ir/news/8400000{number}/", title="خبر") for number in range(20)]
    with store.database.write() as connection:
        insert_links(connection, links, {}, via="watch", baseline=False, now=NOW)
    taken = store.links.take("irna", owner="a", now=NOW, lease=timedelta(hours=1), limit=20)
    numbers = sorted(waiting.id for waiting in taken)
    page = Page(url="https://www.irna.ir/news/84000000/", body=b"damaged", fetched=NOW)
    store.pages.keep(page, source="irna", kind="article", link=numbers[0], problem="no title")
    return numbers


def _text(pick: Random) -> str:
    """Equal ones, near copies of two stories, and others."""
    lines = [*said(pick.randrange(2)), TEXT]
    del lines[pick.randrange(8)]
    return pick.choice(["کوتاه", TEXT, *(f"{TEXT} {other}" for other in NUMBERS), *["\n".join(lines)] * 8])


def _any(pick: Random, links: list[int]) -> Arrived:
    number = pick.choice(NUMBERS)
    url = pick.choice([None, f"https://www.irna.ir/news/8400000{number}/خبر-{pick.choice(NUMBERS)}"])
    complete = pick.random() < 0.9
    arrived = article(
        source=pick.choice(["irna", "irna", "mehr"]),
        id=pick.choice([None, str(number)]),
        url=url,
        title=pick.choice(["دولت الکترونیک", f"خبر {pick.choice(NUMBERS)}"]),
        text=_text(pick) if complete else "",
        story=pick.choice([None] * 9 + ["named"]),
        published=pick.choice([None, NOW, NOW - timedelta(days=40)]),
        complete=complete,
        fetched=pick.choice([None, NOW]),
        tags=pick.choice([(), ("پست", "خدمات")]),
    )
    body = pick.choice([b"<html>same</html>", f"<html>{pick.randrange(60)}</html>".encode()])
    page = Page(url=url or "https://www.irna.ir/x", body=body, fetched=NOW, headers={"etag": "x"})
    return Arrived(
        article=arrived,
        sighting=sighting(via=pick.choice(get_args(Via)), baseline=pick.random() < 0.2),
        page=pick.choice([page, page, None]),
        link=pick.choice([None, *links]),
        due=NOW + timedelta(hours=1),
        reason="" if complete else "the server answers 429",
        withdrawn=pick.random() < 0.05,
    )


def _rows(store: Store) -> dict[str, list[Any]]:
    with store.database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables.metadata.sorted_tables
        }


@pytest.mark.parametrize("seed", range(6))
def test_groups_leave_what_one_by_one_leaves(databases: Callable[[], str], seed: int) -> None:
    said: list[list[Saved]] = []
    left: list[dict[str, list[Any]]] = []
    for together in (False, True):
        pick = Random(seed)
        with closing(open_store(databases())) as store:
            links = _noted(store)
            arrived = [_any(pick, links) for _ in range(40)]
            saved: list[Saved] = []
            while arrived:
                size = pick.choice([1, 2, 5, 10]) if together else 1
                saved += store.articles.save_all(arrived[:size], judge())
                del arrived[:size]
            said.append(saved)
            left.append(_rows(store))
    assert said[0] == said[1]
    assert left[0] == left[1]
    assert {one.change for one in said[0]} > {"new", "same"}
    assert any(one.copy for one in said[0])


def test_a_group_of_new_articles_ends_their_links_and_keeps_their_pages(store: Store) -> None:
    links = _noted(store)
    group = [
        Arrived(
            article=article(id=str(number), url=None, text=f"{TEXT} {number}"),
            sighting=sighting(),
            page=Page(url=f"https://www.irna.ir/{number}", body=b"%d" % number, fetched=NOW),
            link=link,
        )
        for number, link in enumerate(links)
    ]
    saved = store.articles.save_all(group, judge())
    assert [one.change for one in saved] == ["new"] * 20
    assert store.links.counts() == {"irna": {"stored": 20}}
    rows = _rows(store)
    assert len(rows["page"]) == 21
    assert not [page for page in store.pages.unread() if page.link == links[0]]


def test_a_link_that_is_not_there_undoes_its_group(store: Store) -> None:
    group = [
        Arrived(article=article(id=str(number), url=None, text=f"{TEXT} {number}"), sighting=sighting(), link=link)
        for number, link in ((1, None), (2, 77))
    ]
    with pytest.raises(StoreError, match="link 77 is not there"):
        store.articles.save_all(group, judge())
    assert not _rows(store)["article"]
