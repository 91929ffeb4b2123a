"""How long a search takes, on SQLite and on PostgreSQL, and what the index of words costs.

    python bench/search.py [--quick] [--articles N] [--json] [--check]

Made articles (sentences of everyday words and of a long tail of rare ones, as often as words of a language are), the same in both
databases, over ten years. Questions are asked in turn to both, each several times: words of every frequency, two words, phrases,
exclusions, fields, a source, a month. Both must give the same articles in the same order.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import text  # noqa: E402 - run as a script, from anywhere

from didban.query import read_query  # noqa: E402
from storage import tables  # noqa: E402
from storage.articles import Selection  # noqa: E402
from storage.store import Store, open_store  # noqa: E402
from tests.support_postgres import server  # noqa: E402

FLOORS = {"same_answers": 1.0}
CEILINGS = {"growth": 10.0}
"""`growth`: of the median, from a tenth of the articles to all of them, on the slower of the two databases."""

START = datetime(2016, 3, 20, tzinfo=UTC)
DAYS = 3650
SOURCES = ("irna", "mehr", "isna", "ostan_lr")
_LETTERS = "ابپتثجچحخدذرزسشصضطظعغفقکگلمنوهی"


def vocabulary() -> tuple[list[str], list[float]]:
    """Words, the most frequent first, and their cumulated weights by Zipf's law."""
    plain = (ROOT / "bench/plain.txt").read_text(encoding="utf-8").split()
    pick = random.Random(5)
    common = sorted(set(plain), key=lambda word: (-plain.count(word), word))
    rare = {"".join(pick.choices(_LETTERS, k=pick.randint(4, 8))) for _ in range(60_000)}
    words = [*common, *sorted(rare - set(common))]
    return words, list(accumulate(1 / (at + 3) for at in range(len(words))))


def rows(count: int) -> Iterator[dict[str, Any]]:
    pick = random.Random(1404)
    words, weights = vocabulary()
    sentences = [" ".join(pick.choices(words, cum_weights=weights, k=12)) + "." for _ in range(60_000)]
    for number in range(1, count + 1):
        at = START + timedelta(seconds=pick.randrange(DAYS * 86_400))
        body = pick.choices(sentences, k=18)
        yield {
            "id": number, "source": pick.choices(SOURCES, (50, 40, 9, 1))[0], "site_id": str(number), "url": None,
            "address": None, "content_key": str(number), "folded_key": str(number), "kicker": "",
            "title": " ".join(body[0].split()[:8]), "lead": " ".join(body[1:3]), "text": "\n".join(body[3:]),
            "published": at, "has_time": True, "tags": [], "codes": [], "complete": True, "revision": 1, "story": 1,
            "saved_at": at, "via": "backfill", "province": "lorestan" if number % 31 == 0 else None,
        }  # fmt: skip


def filled(url: str, count: int) -> tuple[Store, float, float]:
    """A store of so many articles, the seconds that indexing them took, and the index's bytes an article."""
    store = open_store(url)
    with store.database.write(alone=True) as connection:
        story = {"id": 1, "key": "1", "created_at": START, "last_at": START}
        connection.execute(tables.story.insert(), [story])
        made = rows(count)
        while batch := list(islice(made, 2_000)):
            connection.execute(tables.article.insert(), batch)
    before = store.database.size()
    start = perf_counter()
    store.search.rebuild()
    taken = perf_counter() - start
    with store.database.engine.connect() as connection:
        if store.database.postgresql:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    return store, taken, (store.database.size() - before) / count


def questions() -> list[tuple[str, str, Selection]]:
    """Its kind, the question, and where it looks."""
    words, _ = vocabulary()
    every = Selection()
    month = Selection(since=START + timedelta(days=1500), until=START + timedelta(days=1530))
    asked = [("word", words[at], every) for at in (0, 10, 100, 1_000, 5_000, 20_000, 50_000)]
    asked += [("two words", f"{words[one]} {words[two]}", every) for one, two in ((5, 60), (200, 900), (40, 9_000))]
    line = (ROOT / "bench/plain.txt").read_text(encoding="utf-8").split()
    asked += [("phrase", f'"{words[0]} {words[one]}"', every) for one in (1, 30, 700)]
    asked += [("phrase", f'"{line[0]} {line[1]}"', every)]
    asked += [("exclusion", f"{words[300]} -{words[1]}", every), ("exclusion", f"{words[20]} -{words[0]}", every)]
    asked += [("field", f"title:{words[at]}", every) for at in (3, 2_000)]
    asked += [("source", words[at], Selection(source="ostan_lr")) for at in (8, 800)]
    asked += [("month", words[at], month) for at in (8, 800)]
    return asked


def ask(store: Store, line: str, selection: Selection) -> tuple[float, list[tuple[int, str]]]:
    query = read_query(line)
    start = perf_counter()
    found = store.search.find(query, selection, limit=20)
    return (perf_counter() - start) * 1000, [(one.number, one.field) for one in found]


def compare(urls: dict[str, str], count: int, rounds: int) -> dict[str, float]:
    stores, figures = {}, {}
    for name, url in urls.items():
        stores[name], taken, bytes_each = filled(url, count)
        figures |= {f"{name}_indexed_a_second": count / taken, f"{name}_index_bytes_an_article": bytes_each}
    times: dict[tuple[str, str, str], list[float]] = {}
    same = []
    for _ in range(rounds):
        for kind, line, selection in questions():
            answers = []
            for name, store in stores.items():
                took, answer = ask(store, line, selection)
                times.setdefault((name, kind, line), []).append(took)
                answers.append(answer)
            same.append(all(answer == answers[0] for answer in answers))
    for name, store in stores.items():
        every = [took for (of, _, _), those in times.items() if of == name for took in those]
        figures |= {
            f"{name}_median_ms": median(every),
            f"{name}_p95_ms": quantiles(every, n=20)[-1],
            f"{name}_max_ms": max(every),
        }
        for kind in dict.fromkeys(kind for kind, _, _ in questions()):
            those = [median(took) for (of, its, _), took in times.items() if (of, its) == (name, kind)]
            figures[f"{name}_{kind.replace(' ', '_')}_slowest_ms"] = max(those)
        store.close()
    return figures | {"same_answers": sum(same) / len(same)}


def measure(*, count: int, rounds: int) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory(prefix="didban-search-") as folder,
        server(os.environ.get("DIDBAN_TEST_POSTGRES")) as running,
    ):
        kept: dict[int, dict[str, float]] = {}
        for articles in (count // 10, count):
            with running.database() as postgres:
                urls = {"sqlite": f"sqlite:///{folder}/{articles}.db", "postgresql": postgres}
                kept[articles] = compare(urls, articles, rounds)
        small, large = kept.values()
        growth = max(large[f"{name}_median_ms"] / small[f"{name}_median_ms"] for name in ("sqlite", "postgresql"))
        same = min(small["same_answers"], large["same_answers"])
        return {"articles": count, **large, "same_answers": same, "growth": growth}


def main() -> int:
    parser = argparse.ArgumentParser(description="Search: its latency, and what its index costs.")
    parser.add_argument("--quick", action="store_true", help="20,000 articles and few rounds")
    parser.add_argument("--articles", type=int, default=1_000_000, help="how many; default: a million")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a floor is missed")
    asked = parser.parse_args()
    figures = measure(count=20_000 if asked.quick else asked.articles, rounds=3 if asked.quick else 5)
    missed = [
        f"{name} {figures[name]:.2f} is below its floor {floor}"
        for name, floor in FLOORS.items()
        if figures[name] < floor
    ]
    missed += [f"{name} {figures[name]:.2f} is above {top}" for name, top in CEILINGS.items() if figures[name] > top]
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:40} {value:14,.2f}")
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
