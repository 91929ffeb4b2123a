"""A day of news as an officer hears of it: how many messages, none twice, none missing.

    python bench/day.py [--articles 600] [--stories 30] [--seed N] [--start 1405-09-01] [--quick] [--json] [--check]

Made articles of three sources, as many by the hour as agencies publish. Some carry one of the planted stories: sentences of the
default rules' own examples among words drawn by the seed, published by one site and then by others, under another lead and often
another title. The real pipeline watches them into a real store (SQLite), with the default rules and settings and Lorestan for home,
by a clock that is moved from midnight to the digest after the day; what the one channel is sent is held against what was planted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.channels.json_part import json_parts  # noqa: E402 - run as a script, from anywhere
from alerts.match import Matcher  # noqa: E402
from alerts.policy import Judge, when  # noqa: E402
from alerts.rules import load  # noqa: E402
from didban.alert import AnyDraft  # noqa: E402
from didban.article import Article, Link, Listed, Listing, Page, from_json, to_json  # noqa: E402
from didban.dates import TEHRAN, parse_day  # noqa: E402
from didban.settings import DeliverySettings  # noqa: E402
from flows.deliver import deliver  # noqa: E402
from flows.pipeline import Pipeline  # noqa: E402
from scrapers.base import Site  # noqa: E402
from storage.store import open_store  # noqa: E402

CEILINGS = {"twice": 0, "missing": 0, "false": 0}
HOME = "lorestan"
TICK = timedelta(minutes=5)
SHARES = {"irna": 0.55, "mehr": 0.35, "ostan_lr": 0.1}
BY_HOUR = (1, 1, 1, 1, 1, 2, 3, 6, 10, 12, 13, 13, 12, 11, 10, 9, 9, 9, 8, 7, 6, 5, 3, 2)
WORDS = """
آب آیین آموزش آمار ابر احمد اداره استان اسناد اقلیم امسال امنیت انار انجمن اندیشه باران بازار باغ برف برنج بهار
بهداشت بودجه پارک پاییز پزشک پژوهش پل پنبه تابستان تالاب تاریخ تپه تجهیز تماشاگر تنور توسعه تیم جاده جشنواره جنگل
چای چشمه حادثه حفاری خاک خانه خرما خودرو داور دانشگاه دره درخت دریا دشت دبیر راه رود روستا زعفران زلزله زمستان زمین
زنبور ساختمان سال سد سیل سینما شالی شب شهر شیر صنعت ضلع طرح عسل غار فرش فروش فصل فوتبال قالی قطار قله کارگر کتاب
کشاورز کوه گاز گندم گوسفند لبنیات مادر ماه مرتع مردم مسجد موزه میراث میوه نان نخل نمایش نیرو هوا ورزش هنر هنرمند یخ
یلدا
""".split()  # noqa: SIM905 - a hundred pairs of quotes say nothing more


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An article that will be published; `story` is the number of a planted one, None of the others."""

    article: Article
    story: int | None


@dataclass(frozen=True, kw_only=True)
class Agency(Site):
    """A source whose pages are articles as JSON, and whose listing names them."""

    def watch(self) -> tuple[Listing, ...]:
        return (self.listing("rss", "feed"),)

    def older(self) -> Listing | None:
        return None

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        raise AssertionError((since, until))

    def links(self, page: Page, listing: Listing) -> Listed:
        del listing
        return Listed(links=tuple(Link(source=self.key, **one) for one in json.loads(page.body)))

    def article(self, page: Page, link: Link | None = None) -> Article:
        del link
        return from_json(json.loads(page.body))


@dataclass
class Officer:
    """The one channel: keeps what it is sent, and when."""

    name: str = "officer"
    deadline: float = 5.0
    clock: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    got: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return json_parts(draft, {})

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        del key, number, total
        self.got.append((self.clock, json.loads(part)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What became of it. `urgent`, `normal` and `digests` are messages, of which `bursts` are digests of a burst; `twice`,
    `missing` and `false` are stories."""

    articles: int
    carriers: int
    alerts: int
    messages: int
    urgent: int
    normal: int
    digests: int
    bursts: int
    busiest_hour: int
    twice: int
    missing: int
    false: int


def planted(seed: int, *, articles: int, stories: int, start: datetime, hours: Sequence[int] = BY_HOUR) -> list[Piece]:
    """The day's articles in the order of publication."""
    draw = random.Random(seed)
    rules = [rule for rule in load() if rule.match_examples]
    match = Matcher(load()).match
    pieces: list[Piece] = []

    def moment() -> datetime:
        hour = draw.choices(range(len(hours)), hours)[0]
        return start + timedelta(hours=hour, seconds=draw.randrange(3600))

    def sentence() -> str:
        return " ".join(draw.sample(WORDS, draw.randrange(9, 15))) + "."

    def publish(source: str, at: datetime, story: int | None, **texts: Any) -> None:  # noqa: ANN401 - facts of an Article
        number = len(pieces) + 1
        made = Article(
            source=source, id=str(number), url=f"https://{source}.example/news/{number}", published=at, has_time=True, **texts
        )  # fmt: skip
        pieces.append(Piece(article=made, story=story))

    for story in range(stories):
        evidence = draw.choice(draw.choice(rules).match_examples)
        inside = [sentence() for _ in range(draw.randrange(5, 9))]
        inside.insert(draw.randrange(len(inside)), evidence)
        title = evidence.rstrip(".") if draw.random() < 0.3 else sentence().rstrip(".")
        province = HOME if draw.random() < 0.4 else draw.choice([None, "fars", "yazd"])
        sources, at = draw.sample(list(SHARES), draw.randrange(1, len(SHARES) + 1)), moment()
        for source in sources:
            own = title if draw.random() < 0.5 else sentence().rstrip(".")
            text = "\n".join([*inside, f"پایان پیام {source}"])
            publish(source, at, story, title=own, lead=sentence(), text=text, province=province)
            at += timedelta(minutes=draw.randrange(1, 90))
    while len(pieces) < articles:
        source = draw.choices(list(SHARES), list(SHARES.values()))[0]
        texts = {"title": sentence(), "lead": sentence(), "text": "\n".join(sentence() for _ in range(7))}
        publish(source, moment(), None, **texts)
        if match(pieces[-1].article):
            pieces.pop()  # by chance a rule's word
    return sorted(pieces, key=lambda one: str(one.article.published))


def replay(folder: Path, pieces: Sequence[Piece], *, start: datetime, delivery: DeliverySettings) -> Day:
    """The day and the night, tick by tick, until every digest of it is out."""
    sources = [
        Agency(key=key, name=key, home=f"https://{key}.example/", hosts=(f"{key}.example",), every=TICK)
        for key in SHARES
    ]
    last = max(piece.article.published or start for piece in pieces)
    end = max(when(rank, last + 2 * TICK, delivery).at for rank in ("normal", "digest")) + TICK
    officer, store = Officer(), open_store(f"sqlite:///{folder / 'day.db'}")
    by_url = {piece.article.url: piece for piece in pieces}

    async def fetch(
        url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Page | None:
        del hosts, last_modified
        if url.endswith("/rss"):
            source = url.split("/")[2].removesuffix(".example")
            out = [
                one.article
                for one in pieces
                if one.article.source == source and (one.article.published or end) <= officer.clock
            ]
            said: object = [{"id": one.id, "url": one.url, "title": one.title} for one in reversed(out[-30:])]
            if etag == str(len(out)):
                return None
            headers = {"etag": str(len(out))}
        else:
            said, headers = to_json(by_url[url].article), {}
        return Page(url=url, body=json.dumps(said).encode(), fetched=officer.clock, headers=headers)

    async def run(pipeline: Pipeline) -> None:
        while officer.clock < end:
            for source in sources:
                await pipeline.watch(source)
            await deliver(pipeline, {"officer": officer})
            officer.clock += TICK

    with ThreadPoolExecutor(1) as writer:
        judge = Judge(load(), window=timedelta(hours=72), channels=("officer",), home=HOME, delivery=delivery)
        officer.clock = start
        store.sources.register(list(SHARES), now=start)
        asyncio.run(
            run(
                Pipeline(
                    store=store, writer=writer, fetch=fetch, judge=judge, owner="day", now=lambda: officer.clock, delivery=delivery
                )
            )
        )  # fmt: skip
    alerts = len(store.outbox.alerts())
    store.close()
    return _counted(pieces, officer, alerts)


def _counted(pieces: Sequence[Piece], officer: Officer, alerts: int) -> Day:
    stories = {piece.article.id: piece.story for piece in pieces}
    told = Counter(
        stories[one["article"]["id"]]
        for _, said in officer.got
        for one in (said["stories"] if said["kind"] == "digest" else [said])
    )
    single = [said for _, said in officer.got if said["kind"] == "story"]
    urgent = sum(any(alert["priority"] == "urgent" for alert in said["alerts"]) for said in single)
    digests = [said for _, said in officer.got if said["kind"] == "digest"]
    return Day(
        articles=len(pieces),
        carriers=sum(piece.story is not None for piece in pieces),
        alerts=alerts,
        messages=len(officer.got),
        urgent=urgent,
        normal=len(single) - urgent,
        digests=len(digests),
        bursts=sum(said["burst"] is not None for said in digests),
        busiest_hour=max(Counter(at.replace(minute=0) for at, _ in officer.got).values(), default=0),
        twice=sum(count > 1 for count in told.values()),
        missing=len({piece.story for piece in pieces} - {None} - set(told)),
        false=told[None],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=600)
    parser.add_argument("--stories", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--start", type=parse_day, default=parse_day("1405-09-01"), help="the day; a Sunday unless named"
    )
    parser.add_argument("--quick", action="store_true", help="a quarter of it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    start = datetime.combine(options.start, datetime.min.time(), TEHRAN).astimezone(UTC)
    part = 4 if options.quick else 1
    pieces = planted(seed, articles=options.articles // part, stories=options.stories // part, start=start)
    with tempfile.TemporaryDirectory() as folder:
        figures = asdict(replay(Path(folder), pieces, start=start, delivery=DeliverySettings()))
    if options.json:
        print(json.dumps({"seed": seed, **figures}))
    else:
        print(f"seed {seed}")
        for name, figure in figures.items():
            print(f"{name:14} {figure}")
    missed = [f"{name} {figures[name]} is above {top}" for name, top in CEILINGS.items() if figures[name] > top]
    if options.check and missed:
        sys.exit("\n".join(missed))


if __name__ == "__main__":
    main()
