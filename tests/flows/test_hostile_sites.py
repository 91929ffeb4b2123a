"""One run over fifty sites that do what they should not, on one real server: each ends in its own state, the others go on, and
what was due is made good when the sites are well again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from didban.article import Article, Listing, Page
from didban.errors import ReadError
from didban.outcome import Tally
from didban.settings import Settings
from flows import shift, workshop
from scrapers.fetch import Fetcher
from scrapers.sources import build
from scrapers.when import AHEAD
from storage.articles import Selection
from storage.sources import SourceState
from storage.store import open_store
from tests.flows.support_hostile import CASES, HEAVY, IDS, LOGIN, TEXT, Case, HostileServer, published, serving, title
from tests.support import NOW, Hands

ROOT = Path(__file__).parents[2]
DEADLINE = 3.0
MEMORY = 300 * 1024  # kB
LISTED_NOTHING = {"empty", "unclosed_feed"}
TROUBLE = {"blocked", "unreadable", "moved", "unreachable"}


def settings_of(var: Path, server: HostileServer) -> dict[str, Any]:
    tables = {case.name: {"engine": "nastooh", "home": f"http://{case.host}/"} for case in server.cases.values()}
    return {
        "var": str(var),
        "rate": 1000,
        "hosts": {"*": server.url},
        "sources": {"watch": list(tables), **tables},
        "channels": {"told": "file:told.jsonl"},
    }


@dataclass(frozen=True)
class Evening:
    """What there is after a run."""

    tally: Tally
    lines: dict[str, str]
    states: dict[str, SourceState]
    links: dict[str, dict[str, int]]
    articles: dict[str, dict[str, Article]]
    unread: Counter[str]
    notices: list[dict[str, Any]]
    asked: Counter[tuple[str, str]]


@dataclass(frozen=True)
class Days:
    """The run on a bad day, and the one on the day after."""

    bad: Evening
    good: Evening


class Ticking(Hands):
    """A clock that moves when it is looked at, so that who waits for a turn gets it."""

    def __call__(self) -> datetime:
        self.forward(timedelta(milliseconds=1))
        return self.at


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    var = tmp_path_factory.mktemp("hostile")
    hands = Ticking()
    with serving(CASES) as server, pytest.MonkeyPatch.context() as patch:
        settings = Settings(**settings_of(var, server))
        patch.setattr(workshop, "now", hands)
        patch.setattr(shift, "now", hands)
        quick = partial(Fetcher, deadline=DEADLINE, retries=1, wait=0.0, now=hands)
        patch.setattr(workshop, "Fetcher", quick)
        bad = evening(settings, server)
        server.well = True
        hands.forward(timedelta(hours=25))
        yield Days(bad, evening(settings, server))


def evening(settings: Settings, server: HostileServer) -> Evening:
    lines: dict[str, str] = {}
    server.seen.clear()

    def report(line: str) -> None:
        name, _, lines[name] = line.partition(": ")

    tally = shift.run(settings, report=report)
    store = open_store(settings.store_url)
    articles: dict[str, dict[str, Article]] = {case.name: {} for case in server.cases.values()}
    for _, article in store.articles.each(Selection()):
        articles[article.source][article.id or ""] = article
    told = [json.loads(line) for line in (settings.var / "told.jsonl").read_text("utf-8").splitlines()]
    found = Evening(
        tally=tally,
        lines=lines,
        states={state.key: state for state in store.sources.states()},
        links=store.links.counts(),
        articles=articles,
        unread=Counter(kept.source for kept in store.pages.unread()),
        notices=[one["notice"] for one in told if one["kind"] == "notice"],
        asked=Counter(server.seen),
    )
    store.close()
    return found


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_a_site_ends_in_its_own_state(days: Days, case: Case) -> None:
    state = days.bad.states[case.name]
    assert (state.state, days.bad.links.get(case.name, {})) == (case.state, dict(case.links))
    assert case.says in state.detail
    assert "\n" not in state.detail + days.bad.lines[case.name]
    assert state.due - NOW >= case.waits
    assert days.bad.unread[case.name] == case.unread


@each_case
def test_what_was_listed_is_kept_and_what_was_read_is_right(days: Days, case: Case) -> None:
    found = days.bad.articles[case.name]
    assert len(found) == sum(count for state, count in case.links.items() if state != "waiting")
    for number, article in found.items():
        assert article.title == title(number)
        assert article.lead == TEXT
        assert article.text == (TEXT if article.complete else "")
    assert sum(not article.complete for article in found.values()) == case.links.get("partial", 0)


@each_case
def test_on_the_next_day_everything_due_is_there(days: Days, case: Case) -> None:
    found = days.good.articles[case.name]
    assert set(found) == set(IDS)
    assert sum(not article.complete for article in found.values()) == case.partial_for_good
    assert days.good.states[case.name].state == "healthy"
    assert days.good.links[case.name].get("waiting", 0) == 0


def test_a_trouble_is_told_once_and_so_is_its_end(days: Days) -> None:
    ill = {case.name: case.state for case in CASES if case.state in TROUBLE}
    assert {one["source"]: one["state"] for one in days.bad.notices} == ill
    assert len(days.bad.notices) == len(ill), "the network was not away"
    after = days.good.notices[len(ill) :]
    assert Counter((one["source"], one["state"]) for one in after) == Counter((name, "healthy") for name in ill)


def test_every_trouble_is_counted(days: Days) -> None:
    tally = days.bad.tally
    assert tally.new == sum(case.links.get("stored", 0) for case in CASES)
    assert tally.partial == sum(case.links.get("partial", 0) for case in CASES)
    assert sum(days.bad.unread.values()) == sum(case.unread for case in CASES)
    assert days.good.tally.gaps == sum(case.name in LISTED_NOTHING for case in CASES), "they alone were looked through"


def test_nobody_follows_a_document_to_its_type_or_entities(days: Days) -> None:
    asked = {path for _, path in (*days.bad.asked, *days.good.asked)}
    assert not asked & {"/secret", "/rss.dtd", "/"}
    assert not any("root:" in article.title for found in days.bad.articles.values() for article in found.values())


def test_a_page_that_is_gone_or_bottomless_is_not_asked_for_again(days: Days) -> None:
    again = {case.name for case in CASES if (case.host, "/news/102/x") in days.good.asked}
    assert again.isdisjoint(case.name for case in CASES if case.partial_for_good)
    assert {"page_missing", "page_nested", "page_stalling", "page_login", "page_wall"} <= again


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("page_jalali_ad", datetime(2019, 12, 3, 7, 41, 22, tzinfo=UTC)),
        ("page_future", None),
        ("page_future_alone", published("102")),
        ("healthy_first", published("102")),
    ],
)
def test_a_date_is_right_or_absent(days: Days, name: str, when: datetime | None) -> None:
    article = days.bad.articles[name]["102"]
    assert (article.published, article.has_time) == (when, when is not None)


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        ("nastooh", "irna_article"), ("joomla", "joomla39_article"), ("joomla", "warp6_article"),
        ("generic", "generic_json_ld"), ("generic", "generic_microdata"), ("generic", "generic_visible_date"),
    ],
)  # fmt: skip
def test_a_page_dated_after_it_was_fetched_has_no_date_in_any_engine(engine: str, name: str) -> None:
    source = build({"x": {"engine": engine, "home": "http://x.test/"}}).get("x")
    body = (ROOT / "tests/scrapers/pages" / f"{name}.html").read_bytes()
    page = Page(url="http://x.test/news/1/x", body=body, fetched=NOW)
    then = source.article(page)
    assert then.published is not None
    ahead = source.article(replace(page, fetched=then.published - AHEAD * 2))  # whichever of its dates is asked
    assert (ahead.published, ahead.has_time, ahead.published_text) == (None, False, then.published_text)
    assert source.article(replace(page, fetched=then.published - AHEAD)).published == then.published


def test_a_name_that_leads_into_a_private_network_is_not_followed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["10.10.34.35"]

    monkeypatch.setattr(workshop, "Fetcher", partial(Fetcher, resolve=resolve, retries=0))
    unmapped: dict[str, Any] = {"hosts": {}}
    with serving(CASES[:1]) as server:
        settings = Settings(**(settings_of(tmp_path, server) | unmapped))
        shift.run(settings)
        assert server.seen == []
    store = open_store(settings.store_url)
    (state,) = store.sources.states()
    store.close()
    assert state.state == "blocked"
    assert "10.10.34.35, which is not public" in state.detail


@pytest.mark.parametrize("engine", ["nastooh", "joomla", "wordpress", "generic"])
@pytest.mark.parametrize("way", ["feed", "page", "sitemap"])
def test_a_login_page_is_no_article_and_no_listing_of_any_engine(engine: str, way: str) -> None:
    source = build({"x": {"engine": engine, "home": "http://x.test/"}}).get("x")
    page = Page(url="http://x.test/news/1/x", body=LOGIN.encode(), fetched=NOW)
    with pytest.raises(ReadError):
        source.article(page)
    with pytest.raises(ReadError):
        source.links(page, Listing(source="x", url=page.url, way=way))


MEASURED = """
import json, sys
from didban.settings import Settings
from flows import shift
shift.run(Settings(**json.loads(sys.stdin.read())))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
"""(`ru_maxrss` of a child would begin at what its parent held.)"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_the_heaviest_together_stay_within_300_mb(tmp_path: Path) -> None:
    with serving(HEAVY) as server:
        given = json.dumps(settings_of(tmp_path, server))
        run = subprocess.run(
            [sys.executable, "-c", MEASURED], input=given, cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < MEMORY
    store = open_store(Settings(**json.loads(given)).store_url)
    counts = store.links.counts()
    store.close()
    assert counts == {case.name: dict(case.links) for case in HEAVY if case.links}
