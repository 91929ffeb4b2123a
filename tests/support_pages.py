"""Pages of a made site, alike but for their articles, as stores of several tests hold them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from didban.article import Article, Page
from storage import tables
from storage.articles import Arrived
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting


def frame(seed: str) -> str:
    """What the pages of one site, or of one design of it, have in common."""
    pick = random.Random(seed)
    return "".join(
        f'<li class="{pick.random()}"><a href="/{pick.random()}">{pick.random()}</a></li>' for _ in range(300)
    )


FRAME = frame("first")


def page(number: int, *, of: str = FRAME, source: str = "irna", fetched: datetime = NOW) -> Page:
    own = " ".join(random.Random(number).choices(TEXT.split(), k=60))
    body = f"<html>{of}<article>{number} {own}</article></html>".encode()
    url = f"https://{source}.ir/news/{number}"
    return Page(url=url, body=body, fetched=fetched, status=200, headers={"content-type": "text/html"})


def save(store: Store, numbers: Sequence[int], *, of: str = FRAME, fetched: datetime = NOW) -> None:
    arrived = [
        Arrived(article=one(number, fetched), sighting=sighting(), page=page(number, of=of, fetched=fetched))
        for number in numbers
    ]
    store.articles.save_all(arrived, judge({}))


def one(number: int, fetched: datetime = NOW) -> Article:
    said = {"id": str(number), "url": page(number).url, "title": f"تیتر {number}", "text": f"{number} {TEXT}"}
    return article(**said, fetched=fetched)


def bodies(store: Store) -> dict[int, bytes]:
    """Every page by its article's site's number, as it is read back."""
    with store.database.read() as connection:
        numbers = connection.scalars(select(tables.page.c.id)).all()
    return {int(kept.page.url.rpartition("/")[2]): kept.page.body for kept in map(store.pages.get, numbers) if kept}
