"""What a store costs as it grows: rows against the raw driver, a save and a search among a million articles, bytes an article.

    python bench/store.py [--quick] [--sizes 10000,100000,1000000] [--only sqlite] [--json] [--check]

    rows           the same rows of articles and of links, by storage's statements and by the bare driver, in turn
    growth         a store of each size, of made articles with the keys of real ones; a save in each of them in turn: of a new
                   article alone and with nine others, and of another source's copy of one that is stored
    search         bench/search.py's questions, in each of them
    bytes          articles saved as a backfill saves them, without their pages and with them (bench/ingest_site.py's, 75 KB)

`X/raw` is how many rows a second storage writes for each of the driver's; `growth` how much longer the median save takes in the
largest store than in the smallest, the worst of the three kinds and of both databases.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import count as numbers
from itertools import cycle, product
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402 - run as a script, from anywhere
from sqlalchemy import Table, text  # noqa: E402

from bench.ingest_site import answer, piece  # noqa: E402
from bench.search import START, ask, questions, vocabulary  # noqa: E402
from didban.alert import Match, Plan, Sighting  # noqa: E402
from didban.article import Article, Page  # noqa: E402
from didban.tokens import keys  # noqa: E402
from storage import tables  # noqa: E402
from storage.articles import Arrived  # noqa: E402
from storage.indexing import POSTGRESQL_INDEX, fact, place_of  # noqa: E402
from storage.packing import learn  # noqa: E402
from storage.sql import put  # noqa: E402
from storage.store import Store, open_store  # noqa: E402
from tests.support_postgres import server  # noqa: E402

FLOORS = {"sqlite/raw": 0.7, "postgresql/raw": 0.7}
CEILINGS = {"growth": 3.0}

SIZES, QUICK = (10_000, 100_000, 1_000_000), (1_000, 10_000)
POOL, SENTENCES = 5_000, 8
"""Made texts, and how many sentences of twelve words one has: its title is of the first, its lead the second."""
_SECOND = 1 << 29  # places of the index that a second has
Share = tuple[str, str | None, int, int]
"""A source and a province, and which of a hundred articles are theirs: from the first to before the second."""
_SHARES: tuple[Share, ...] = (
    ("irna", None, 0, 50), ("mehr", None, 50, 90), ("isna", None, 90, 99), ("ostan_lr", None, 99, 100),
)  # fmt: skip
TOGETHER = 10
NOW = datetime(2026, 3, 20, tzinfo=UTC)
SEEN = Sighting(via="backfill", baseline=False, now=NOW)
Row = dict[str, Any]


def nobody(article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
    """A judge without rules."""
    del article, sighting
    return (), ()


# ── a made archive ───────────────────────────────────────────────────────────────────────────────────────────────────


class Made:
    """Texts of words as frequent as a language's, the same every time, and the keys that the index of words keeps of them."""

    def __init__(self) -> None:
        pick = random.Random(1404)
        words, weights = vocabulary()
        sentences = [pick.choices(words, cum_weights=weights, k=12) for _ in range(20_000)]
        self.texts: list[tuple[str, str, str]] = []
        self.keys: list[list[str]] = []
        for _ in range(POOL):
            title, lead, *body = pick.choices(sentences, k=SENTENCES)
            texts = " ".join(title[:8]), " ".join(lead) + ".", "\n".join(" ".join(one) + "." for one in body)
            self.texts.append(texts)
            self.keys.append([key for mark, value in zip("123", texts, strict=True) for key in keys(value, mark)])

    def rows(self, count: int) -> list[Row]:
        """Rows of `article`."""
        rows = []
        for number, (title, lead, body) in zip(range(1, count + 1), cycle(self.texts), strict=False):
            key = blake2b(b"%d" % number, digest_size=16).hexdigest()
            rows.append(
                {
                    "id": number, "source": "mehr", "site_id": str(number), "url": f"https://www.mehrnews.com/news/{number}/خبر",
                    "address": f"https://www.mehrnews.com/news/{number}", "content_key": key, "folded_key": key[::-1], "kicker": "",
                    "title": title, "lead": lead, "text": body, "published": START, "has_time": True, "tags": ["برچسب"],
                    "codes": [], "complete": True, "revision": 1, "story": number, "saved_at": START, "via": "backfill",
                }
            )  # fmt: skip
        return rows


class Filling:
    """The statements that put so many articles of a pool of texts into an empty store: with a story, the keys of six sentences, and
    their place in the index each. Every key is met once, as most of the real ones are; a text is that of one in POOL."""

    def __init__(self, count: int, *, postgresql: bool, begin: datetime, shares: Sequence[Share]) -> None:
        step, begun = 3650 * 86_400 // count, place_of(begin) // _SECOND
        series, at, hexed, wide = (
            (
                f"SELECT n::integer FROM generate_series(1, {count}) AS n",
                f"timestamptz '{begin.isoformat()}' + n * interval '{step} seconds'",
                "md5(n::text || '{salt}')",
                "(('x' || md5(random()::text))::bit(64)::bigint)",
            )
            if postgresql
            else (
                f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s",
                f"strftime('%Y-%m-%d %H:%M:%S', {int(begin.timestamp())} + n * {step}, 'unixepoch') || '.000000'",
                "lower(hex(randomblob(16)))",
                "random()",
            )
        )
        key, folded, story = (hexed.replace("{salt}", salt) for salt in "abc")
        bigint = "CAST(n AS bigint)"
        true = "true" if postgresql else "1"
        keyed = (
            "CAST(replace(source.facts, ' ', ':1 ') || ':1' AS tsvector) || CAST(pool.keys AS tsvector)"
            if postgresql
            else "source.facts || ' ' || pool.keys"
        )
        column = "place" if postgresql else "rowid"
        self.before = (
            f"""CREATE TABLE made AS SELECT n, {at} AS at, ({begun} + {bigint} * {step}) * {_SECOND} + n AS place,
                ({bigint} * 7919) % {POOL} AS text, n % 100 AS share FROM ({series}) AS series""",
            "CREATE TABLE of_source (source text, province text, facts text, low integer, high integer)",
            f"INSERT INTO of_source VALUES {', '.join(map(_in_sql, shares))}",
            "CREATE TABLE pool (n integer PRIMARY KEY, title text, lead text, body text, keys text)",
        )
        joined = "FROM made JOIN of_source AS source ON share >= low AND share < high JOIN pool ON pool.n = made.text"
        key, folded = key.replace("(n", "(made.n"), folded.replace("(n", "(made.n")
        self.after = (
            f"""INSERT INTO story (id, key, created_at, last_at)
                SELECT n, substr({story}, 1, 16), at, at FROM made ORDER BY n""",
            f"""INSERT INTO article (id, source, site_id, url, address, content_key, folded_key, kicker, title, lead, text,
                published, has_time, province, tags, codes, complete, revision, story, saved_at, via)
                SELECT made.n, source.source, CAST(made.n AS text), 'https://www.irna.ir/news/' || made.n || '/خبر',
                'https://www.irna.ir/news/' || made.n, {key}, {folded}, '', title, lead, body, at, {true}, source.province,
                '[]', '[]', {true}, 1, made.n, at, 'backfill' {joined} ORDER BY made.n""",
            f"""INSERT INTO indexed (article, place, revision, facts)
                SELECT made.n, place, 1, source.facts {joined} ORDER BY made.n""",
            f"INSERT INTO search_tokens ({column}, keys) SELECT place, {keyed} {joined} ORDER BY place",
            f"""INSERT INTO sentence (key, article)
                SELECT {wide} AS key, n FROM made, (VALUES (1), (2), (3), (4), (5), (6)) AS six ORDER BY 1""",
            """INSERT INTO frequency (key, source, stories)
               SELECT key, source, 1 FROM sentence JOIN article ON id = article ORDER BY key""",
            "INSERT INTO holding (source, articles) SELECT source, count(*) FROM article GROUP BY source",
            *(f"DROP TABLE {name}" for name in ("made", "of_source", "pool")),
        )


def _in_sql(share: Share) -> str:
    source, province, low, high = share
    if province is None:
        return f"('{source}', NULL, '{fact('s', source)}', {low}, {high})"
    return f"('{source}', '{province}', '{fact('s', source)} {fact('p', province)}', {low}, {high})"


def filled(url: str, made: Made, count: int, *, begin: datetime = START, shares: Sequence[Share] = _SHARES) -> Store:
    """A new store of so many articles of the ten years from `begin` on, made as quickly as can be."""
    with closing(open_store(url)) as store:
        postgresql, address = store.database.postgresql, store.database.url
    filling = Filling(count, postgresql=postgresql, begin=begin, shares=shares)
    pool = [(number, *texts) for number, texts in enumerate(made.texts)]
    if not postgresql:
        with closing(sqlite3.connect(str(address.database), isolation_level=None)) as connection:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            for statement in filling.before:
                connection.execute(statement)
            lines = [(*row, " ".join(found)) for row, found in zip(pool, made.keys, strict=True)]
            connection.executemany("INSERT INTO pool VALUES (?, ?, ?, ?, ?)", lines)
            for statement in filling.after:
                connection.execute(statement)
            connection.execute("COMMIT")
        return open_store(url)
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        for statement in ("SET maintenance_work_mem = '256MB'", "DROP INDEX ix_search_tokens_keys", *filling.before):
            connection.execute(statement.encode())
        lines = [(*row, tsvector(found)) for row, found in zip(pool, made.keys, strict=True)]
        connection.cursor().executemany("INSERT INTO pool VALUES (%s, %s, %s, %s, %s)", lines)
        numbered = (f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {count})" for name in ("story", "article"))
        for statement in (*filling.after, POSTGRESQL_INDEX[1], *numbered, "VACUUM ANALYZE"):
            connection.execute(statement.encode())
    return open_store(url)


def tsvector(found: Sequence[str]) -> str:
    placed: dict[str, str] = {}
    for at, key in enumerate(found, 1):
        placed[key] = f"{placed[key]},{at}" if key in placed else f"{key}:{at}"
    return " ".join(placed.values())


# ── rows against the driver ──────────────────────────────────────────────────────────────────────────────────────────


def link_rows(count: int) -> Iterator[Row]:
    for number in range(count):
        yield {
            "source": "mehr", "key": str(number), "url": f"https://www.mehrnews.com/news/{number}/خبر", "site_id": str(number),
            "kicker": "", "title": f"تیتر خبر شمارهٔ {number} از فهرست روز", "lead": "", "published": START, "section": None,
            "via": "backfill", "baseline": False, "noted_at": START, "due_at": START, "state": "waiting",
        }  # fmt: skip


def bulk(store: Store, made: Made, count: int, rounds: int) -> float:
    """Rows a second of ours for each of the driver's."""
    articles = made.rows(count)
    with store.database.write() as connection:
        stories = (
            {"id": row["id"], "key": row["content_key"], "created_at": START, "last_at": START} for row in articles
        )
        connection.execute(tables.story.insert(), list(stories))
    both = ((tables.article, articles), (tables.link, list(link_rows(count))))
    pairs = []
    for _ in range(rounds):
        taken = {ours: 0.0, bare: 0.0}
        for (table, rows), write in product(both, taken):
            with store.database.write() as connection:
                for one in (tables.link, tables.article):  # in this order: a link refers to its article
                    connection.execute(one.delete())
            taken[write] += timed(write, store, table, rows)
        pairs.append(taken[bare] / taken[ours])
    return median(pairs)


def ours(store: Store, table: Table, rows: Sequence[Row]) -> None:
    """As storage writes them: the links of a listing may be there."""
    with store.database.write() as connection:
        put(connection, table, rows, known=table is tables.link)


def statement_of(store: Store, table: Table, row: Row) -> str:
    mark = "%s" if store.database.postgresql else "?"
    known = " ON CONFLICT DO NOTHING" if table is tables.link else ""
    return f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({', '.join([mark] * len(row))}){known}"


def bare(store: Store, table: Table, rows: Sequence[Row]) -> None:
    """The same rows through the driver alone, which takes neither lists nor, on SQLite, times."""
    url, statement = store.database.url, statement_of(store, table, rows[0])
    if store.database.postgresql:
        taken = [[json.dumps(value) if isinstance(value, list) else value for value in row.values()] for row in rows]
        with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
            connection.cursor().executemany(statement.encode(), taken)
        return
    plain = [
        [json.dumps(value) if isinstance(value, list) else _moment(value) for value in row.values()] for row in rows
    ]
    with closing(sqlite3.connect(str(url.database), isolation_level=None)) as connection:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, plain)
        connection.execute("COMMIT")


def _moment(value: object) -> object:
    return value.isoformat(" ", "microseconds")[:26] if isinstance(value, datetime) else value


# ── a save, a search ─────────────────────────────────────────────────────────────────────────────────────────────────

_NUMBERS = numbers(1)


def fresh() -> Article:
    """An article that is new everywhere."""
    number = next(_NUMBERS)
    words = random.Random(f"{os.getpid()} {number}").choices(vocabulary_of(), k=12 * SENTENCES)
    title, lead, *body = (" ".join(words[at : at + 12]) + "." for at in range(0, len(words), 12))
    return Article(
        source="mehr", id=f"n{number}", url=f"https://www.mehrnews.com/news/n{number}", title=title, lead=lead,
        text="\n".join(body), published=NOW, has_time=True, fetched=NOW,
    )  # fmt: skip


_WORDS: list[str] = []


def vocabulary_of() -> list[str]:
    if not _WORDS:
        _WORDS.extend(vocabulary()[0][:5_000])
    return _WORDS


def save(store: Store, articles: Sequence[Article]) -> None:
    store.articles.save_all([Arrived(article=one, sighting=SEEN) for one in articles], nobody)


def saves(stores: dict[int, Store], rounds: int) -> dict[str, dict[int, float]]:
    """The median milliseconds of a save, by kind and by the store's size: each asked in turn."""
    taken: dict[str, dict[int, list[float]]] = {
        kind: {size: [] for size in stores} for kind in ("alone", "together", "copy")
    }
    for _ in range(rounds):
        for size, store in stores.items():
            one, several = fresh(), [fresh() for _ in range(TOGETHER)]
            other = fresh()  # another title and lead over the same text
            copied = replace(one, source="isna", id=f"c{one.id}", url=None, title=other.title, lead=other.lead)
            taken["alone"][size].append(timed(save, store, [one]))
            taken["copy"][size].append(timed(save, store, [copied]))
            taken["together"][size].append(timed(save, store, several) / TOGETHER)
    return {kind: {size: 1000 * median(those) for size, those in by.items()} for kind, by in taken.items()}


def searches(stores: dict[int, Store], rounds: int) -> dict[int, tuple[float, float]]:
    """Median and 95th percentile of a search in milliseconds, by the store's size."""
    taken: dict[int, list[float]] = {size: [] for size in stores}
    for _ in range(rounds):
        for _, line, selection in questions():
            for size, store in stores.items():
                taken[size].append(ask(store, line, selection)[0])
    return {size: (median(those), quantiles(those, n=20)[-1]) for size, those in taken.items()}


def timed(work: Callable[..., object], *given: object) -> float:
    start = perf_counter()
    work(*given)
    return perf_counter() - start


# ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def bytes_each(make: Callable[[], str], count: int) -> tuple[float, float]:
    """What an article takes, without its pages and with them, indexes and all."""
    found = []
    for paged in (False, True):
        with closing(open_store(make())) as store:
            empty = settled_size(store)
            store.sources.register(["mehr"], now=NOW)
            for first in range(0, count, TOGETHER):
                store.articles.save_all(
                    [arrived(number, count, paged=paged) for number in range(first, first + TOGETHER)], nobody
                )
                if store.upkeep.untaught(NOW):
                    current, bodies = store.upkeep.lessons("mehr")
                    store.upkeep.adopt("mehr", learn(bodies, current), samples=len(bodies), now=NOW)
                    store.upkeep.repack()
            found.append((settled_size(store) - empty) / count)
    return found[0], found[1]


def arrived(number: int, count: int, *, paged: bool) -> Arrived:
    one = replace(piece(number).article, url=f"https://www.mehrnews.com/news/{4_000_000 + number}/x")
    body = answer(count, f"/news/{4_000_000 + number}/x") if paged else None
    page = Page(url=str(one.url), body=body, fetched=NOW, headers={"content-type": "text/html"}) if body else None
    return Arrived(article=one, sighting=SEEN, page=page)


def settled_size(store: Store) -> int:
    """With nothing left to be written into its files."""
    with store.database.engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        if store.database.postgresql:
            plain.execute(text("CHECKPOINT"))
    if not store.database.postgresql:
        store.close()
        with closing(sqlite3.connect(str(store.database.url.database))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store.database.size()


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(
    name: str, make: Callable[[], str], sizes: Sequence[int], *, quick: bool, say: Callable[[str], None]
) -> dict[str, float]:
    made, figures = Made(), dict[str, float]()
    with closing(open_store(make())) as store:
        figures["raw"] = bulk(store, made, 2_000 if quick else 10_000, 5 if quick else 9)
    say(f"{name}: rows against the driver {figures['raw']:.2f}")
    figures["bytes_an_article"], figures["bytes_with_page"] = bytes_each(make, 200 if quick else 1_000)
    say(f"{name}: {figures['bytes_an_article']:.0f} bytes an article, {figures['bytes_with_page']:.0f} with its page")
    with ExitStack() as opened:
        stores = {}
        for size in sizes:
            start = perf_counter()
            stores[size] = opened.enter_context(closing(filled(make(), made, size)))
            taken = perf_counter() - start
            say(
                f"{name}: a store of {size} articles, {stores[size].database.size() / size:.0f} bytes each, in {taken:.0f} s"
            )
        by_kind = saves(stores, 20 if quick else 60)
        found = searches(stores, 1 if quick else 3)
    first, last = sizes[0], sizes[-1]
    figures["growth"] = max(by[last] / by[first] for by in by_kind.values())
    for kind, by in by_kind.items():
        figures |= {f"save_{kind}_{size}_ms": took for size, took in by.items()}
    for size, (middle, most) in found.items():
        figures |= {f"search_{size}_median_ms": middle, f"search_{size}_p95_ms": most}
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description="What a store costs as it grows.")
    parser.add_argument("--quick", action="store_true", help="small stores and few rounds")
    parser.add_argument("--sizes", help="how many articles the stores hold, smallest first; default: up to a million")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is missed")
    asked = parser.parse_args()
    sizes = tuple(map(int, asked.sizes.split(","))) if asked.sizes else QUICK if asked.quick else SIZES
    figures: dict[str, float] = {}

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="didban-store-") as folder, ExitStack() as opened:
        made = numbers()
        urls: dict[str, Callable[[], str]] = {"sqlite": lambda: f"sqlite:///{folder}/{next(made)}.db"}
        if asked.only != "sqlite":
            running = opened.enter_context(server(os.environ.get("DIDBAN_TEST_POSTGRES"), memory=False))
            urls["postgresql"] = lambda: opened.enter_context(running.database())
        for name in [asked.only] if asked.only else urls:
            those = measure(name, urls[name], sizes, quick=asked.quick, say=say)
            figures[f"{name}/raw"] = those.pop("raw")
            figures["growth"] = max(figures.get("growth", 0.0), those["growth"])
            figures |= {f"{name}_{figure}": value for figure, value in those.items()}
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:44} {value:14,.2f}")
    missed = [
        f"{name} {figures[name]:.2f} is below {least}"
        for name, least in FLOORS.items()
        if figures.get(name, least) < least
    ]
    missed += [f"{name} {figures[name]:.2f} is above {most}" for name, most in CEILINGS.items() if figures[name] > most]
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
