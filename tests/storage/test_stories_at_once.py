"""Copies of one story that arrive at once through several writers, each killed at any moment; and a killed migration."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from storage import tables
from storage.checking import check
from storage.database import HEAD, Database
from storage.store import Store, open_store
from tests.support import article, judge, sighting
from tests.support_stories import story

ROOT = Path(__file__).parents[2]

WRITERS = """
import os, random, signal, sys
from dataclasses import replace
import sqlalchemy.dialects.postgresql.psycopg, psycopg  # once, before the forks
from sqlalchemy import event
from storage.articles import Arrived
from storage.store import open_store
from tests.support_stories import story
from tests.support import judge, sighting

url, writers, stories, seed = sys.argv[1], *map(int, sys.argv[2:])

def write(source, dice, mortal):
    store, left = open_store(url), dice.randrange(20, 160)
    def struck(*_):  # between any two statements, before any commit and after it
        nonlocal left
        left -= 1
        if mortal and left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(store.database.engine, moment, struck)
    arriving = []
    for number in dice.sample(range(stories), stories):
        one = story(number, source=source, id=str(number), but=dice.randrange(8))
        if dice.random() < 0.4:  # a wall: its summary comes first, as a story of its own
            arriving.append(replace(one, text="", lead=f"{source} {number} دولت الکترونیک", complete=False))
        arriving.append(one)
    while arriving:
        size = dice.choice((1, 3, 5))
        group = [Arrived(article=one, sighting=sighting()) for one in arriving[:size]]
        store.articles.save_all(group, judge())
        del arriving[:size]

def begin(source, life):
    pid = os.fork()
    if not pid:
        write(source, random.Random(f"{seed}/{source}/{life}"), life < 2)
        os._exit(0)
    running[pid] = source, life

running, killed = {}, 0
for number in range(writers):
    begin(f"source{number}", 0)
while running:
    pid, status = os.wait()
    source, life = running.pop(pid)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        killed += 1
        begin(source, life + 1)
    elif code:
        sys.exit(f"{source} ended with {code}")
print(killed)
"""


@pytest.mark.parametrize("seed", [1405])
def test_copies_that_arrive_at_once_are_one_story_told_once(store: Store, database_url: str, seed: int) -> None:
    writers, stories = 8 if store.database.postgresql else 2, 7
    wrote = subprocess.run(
        [sys.executable, "-c", WRITERS, database_url, str(writers), str(stories), str(seed)],
        capture_output=True, cwd=ROOT, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert (wrote.returncode, wrote.stdout) == (0, f"{2 * writers}\n"), wrote.stderr
    assert check(store.database).problems == ()
    with store.database.read() as connection:
        articles = connection.execute(select(tables.article.c.site_id, tables.article.c.story)).tuples().all()
        alive = set(connection.scalars(select(tables.story.c.id).where(tables.story.c.merged_into.is_(None))))
        merged = set(connection.scalars(select(tables.story.c.merged_into).where(tables.story.c.id.not_in(alive))))
        alerts = connection.execute(select(tables.alert.c.story, tables.alert.c.live)).tuples().all()
        told = connection.execute(
            select(tables.alert.c.story, tables.notification.c.state).join_from(tables.notification, tables.alert)
        ).tuples()
        states = Counter(told.all())
    assert Counter(number for number, _ in articles) == {str(number): writers for number in range(stories)}
    assert len(alive) == len(set(articles)) == stories
    assert merged <= alive
    assert Counter(at for at, live in alerts if live and at in alive) == dict.fromkeys(alive, 1)
    assert {at for at, _ in alerts if at not in alive}, "some stories were merged"
    assert states == {(at, "waiting" if at in alive else "cancelled"): 1 for at, _ in states}
    assert {at for at, state in states if state == "waiting"} == alive


DYING = """
import os, signal, sys
from storage import stories
from storage.database import Database
count, keep = 0, stories._keep
def killed(connection, pairs):
    keep(connection, pairs)
    os.kill(os.getpid(), signal.SIGKILL)
stories._keep = killed
Database(sys.argv[1]).upgrade()
"""


def test_a_migration_of_articles_that_is_killed_leaves_them_as_they_were(empty_url: str) -> None:
    """Killed when the keys of the articles are written, and not committed; the next one does it all."""
    database = Database(empty_url)
    database.upgrade(to="0002")
    with database.write() as connection:
        old = MetaData()
        old.reflect(connection, only=["story", "article"])
        copies = [story("a"), story("a", source="mehr"), story("b")]
        for number, one in enumerate(copies, 1):
            begun = {"key": str(number), "created_at": one.fetched, "last_at": one.published}
            connection.execute(old.tables["story"].insert(), begun)
            names = [column.name for column in old.tables["article"].columns if column.name != "id"]
            values = {name: getattr(one, name, None) for name in names}
            values |= {"site_id": one.id, "tags": [], "codes": [], "content_key": str(number), "folded_key": "x"}
            values |= {"revision": 1, "story": number, "saved_at": one.fetched, "via": "watch"}
            connection.execute(old.tables["article"].insert(), values)
    died = subprocess.run([sys.executable, "-c", DYING, empty_url], cwd=ROOT, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert database.revision() == "0002"
    now = MetaData()
    with database.read() as connection:
        now.reflect(connection, only=["story", "article"])
        assert [len(connection.execute(select(table)).all()) for table in now.sorted_tables] == [3, 3]
    assert {name: set(table.columns.keys()) for name, table in now.tables.items()} == {
        name: set(table.columns.keys()) for name, table in old.tables.items()
    }
    assert database.upgrade() == "0002"
    assert database.revision() == HEAD
    database.close()
    with closing(open_store(empty_url)) as store:
        assert check(store.database).problems == ()
        stored = store.articles.save(story("b", source="isna", but=3), judge(), sighting())
        assert (stored.copy, stored.story) == (True, "3"), "articles from before are found"
        assert store.articles.save(article(id="9", url=None), judge(), sighting()).copy is False
