"""Hours without a run while more appears than a feed holds; backfills; both killed in the middle: nothing is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.site import Answer, Site
from didban.dates import tehran_day
from tests.flows.support_processes import Bench, Kill, Receiver, Zygote

DAYS = ("--since", "1405-05-12", "--until", "1405-05-19")
"""The days of most of the demo's articles; the seeds are years older."""


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def bench(zygote: Zygote, tmp_path: Path) -> Iterator[Bench]:
    with Site() as site, Receiver() as receiver:
        yield Bench(zygote, site, receiver, tmp_path)


def missing(bench: Bench, source: str) -> list[str]:
    """What the site has and we have not; fails when we have one twice or one that is not there."""
    stored, published = bench.stored(source), bench.published(source)
    assert len(stored) == len(set(stored))
    assert not set(stored) - set(published)
    return sorted(set(published) - set(stored))


# ── gaps ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_hours_without_a_run_nothing_is_missing(bench: Bench) -> None:
    bench.well("watch")
    for source in ("irna", "mehr", "ostan_lr"):
        bench.site.publish(source, 45)
    bench.site.grow()
    told = len(bench.receiver.keys)
    run = json.loads(bench.well("watch", "--json").splitlines()[-1])
    assert run["gaps"] == 3
    assert run["new"] == 136
    for source in ("irna", "mehr", "ostan_lr"):
        assert missing(bench, source) == []
    assert len(bench.receiver.keys) == told + 1
    requests = len(bench.site.requests)
    bench.well("watch")
    assert len(bench.asked("/news/.*|/archive.*", requests)) == 0, "the second run fetched again"
    bench.settled()


@pytest.mark.parametrize(
    "kill",
    [
        ("Links.note", "after", 1),
        ("Fetcher.fetch", "after", 2),  # the archive's first page has come
        ("Units.note", "inside", 1),
        ("Units.note", "after", 1),
        ("Articles.save_all", "after", 2),
        ("Units.note", "after", 2),
    ],
    ids=lambda kill: "-".join(map(str, kill)),
)
def test_a_walk_over_a_gap_killed_in_the_middle_is_made_good(kill: Kill, bench: Bench) -> None:
    bench.well("watch", "irna")
    bench.site.publish("irna", 35)
    bench.killed("watch", "irna", kill=kill)
    bench.well("watch", "irna")
    assert missing(bench, "irna") == []
    assert bench.rows("SELECT DISTINCT via FROM link") == [("watch",)]
    bench.settled()


def test_a_second_gap_while_the_first_is_not_walked(bench: Bench) -> None:
    bench.well("watch", "mehr")
    bench.site.publish("mehr", 45)
    bench.killed("watch", "mehr", kill=("Units.note", "after", 1))
    bench.site.publish("mehr", 45)
    bench.well("watch", "mehr")
    assert missing(bench, "mehr") == []
    bench.settled()


@pytest.mark.parametrize("between", [30, 31])
def test_a_walk_goes_on_though_the_archive_has_moved_by_whole_pages(bench: Bench, between: int) -> None:
    """While the walk lies still between two pages, a page's worth appears: its next page shows what it has just seen."""
    bench.well("watch", "irna")
    bench.site.publish("irna", 45)
    bench.killed("watch", "irna", kill=("Units.note", "after", 1))
    bench.site.publish("irna", between)
    bench.well("watch", "irna")
    assert missing(bench, "irna") == []


def test_a_backfill_that_stopped_half_way_hides_no_gap(bench: Bench) -> None:
    """What a backfill has seen of today says nothing of what the watch has seen."""
    bench.well("watch", "irna")
    bench.site.publish("irna", 45)
    today = tehran_day(bench.site.pieces("irna")[0].published).isoformat()
    bench.killed("backfill", "irna", "--since", today, "--until", today, kill=("Units.note", "after", 1))
    assert len(bench.stored("irna")) < len(bench.published("irna"))
    bench.well("watch", "irna")
    assert missing(bench, "irna") == []


def test_what_appeared_after_a_killed_first_pass_is_not_missed(bench: Bench) -> None:
    bench.killed("watch", "irna", kill=("Links.note", "after", 1))
    bench.site.publish("irna", 45)
    bench.well("watch", "irna")
    assert missing(bench, "irna") == []


class FeedlessSite(Site):
    """A portal whose feed is switched off, as many are: its pages are all there is."""

    def answer(self, host: str, path: str) -> Answer:
        return Answer(404, "") if "format=feed" in path else super().answer(host, path)


def test_a_portal_without_a_feed_is_a_source_like_any_other(zygote: Zygote, tmp_path: Path) -> None:
    with FeedlessSite() as site, Receiver() as receiver:
        bench = Bench(zygote, site, receiver, tmp_path)
        bench.didban("watch", "ostan_lr")
        assert bench.rows("SELECT baseline_at IS NOT NULL FROM source") == [(1,)], "the first pass was no baseline"
        seen = bench.stored("ostan_lr")
        assert len(seen) == 5
        site.publish("ostan_lr", 12)
        bench.didban("watch", "ostan_lr")
        new = {str(piece.article.id) for piece in site.pieces("ostan_lr")[:12]}
        assert new <= set(bench.stored("ostan_lr"))


# ── backfills ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backfill_collects_its_days_and_a_second_one_does_nothing(bench: Bench) -> None:
    bench.well("backfill", "irna", *DAYS)
    seeds = {"83061204", "83510372"}
    assert set(missing(bench, "irna")) == seeds
    assert bench.receiver.keys == []
    before = len(bench.site.requests)
    again = json.loads(bench.well("backfill", "irna", *DAYS, "--json").splitlines()[-1])
    assert {name for name, count in again.items() if count} == set()
    assert len(bench.site.requests) == before, "a finished backfill asked again"
    bench.well("backfill", "irna", "--since", "1398-07-17", "--until", "۱۳۹۸/۰۷/۱۷")
    assert set(missing(bench, "irna")) == {"83061204"}
    bench.settled()


@pytest.mark.parametrize(
    "kill",
    [
        ("Units.open", "inside", 1),
        ("Units.open", "after", 1),
        ("Units.note", "inside", 2),
        ("Units.note", "after", 2),
        ("Articles.save_all", "after", 1),
    ],
    ids=lambda kill: "-".join(map(str, kill)),
)
def test_a_killed_backfill_goes_on_where_it_stopped(kill: Kill, bench: Bench) -> None:
    bench.killed("backfill", "mehr", *DAYS, kill=kill)
    done = len(bench.stored("mehr"))
    before = len(bench.site.requests)
    bench.well("backfill", "mehr", *DAYS)
    assert missing(bench, "mehr") == ["1326881", "2207413"]
    assert len(bench.asked("/news/.*", before)) == 12 - done
    bench.settled()


def test_a_backfill_keeps_its_alerts_for_the_archive_and_notify_tells_them_once(zygote: Zygote, tmp_path: Path) -> None:
    with Site() as site, Receiver() as receiver:
        bench = Bench(zygote, site, receiver, tmp_path, window=None)
        day = ("mehr", "--since", "1392-10-17", "--until", "1392-10-17")
        said = bench.well("backfill", *day)
        assert bench.stored("mehr") == ["2207413"]
        assert "archived alerts of these days: " in said
        assert "counter-offices 1" in said
        bench.well("notify")
        assert receiver.keys == []
        for _ in range(2):
            bench.well("backfill", *day, "--notify")
            assert len(receiver.keys) == 1, "one digest, and no second one"
        assert bench.rows("SELECT DISTINCT live FROM alert") == [(0,)]


def test_the_portal_is_walked_page_by_page_to_its_last(bench: Bench) -> None:
    bench.well("backfill", "ostan_lr", "--since", "1398-01-01", "--until", "1405-12-29")
    assert missing(bench, "ostan_lr") == []
    requests = len(bench.site.requests)
    bench.well("backfill", "ostan_lr", "--since", "1398-01-01", "--until", "1398-12-29")
    assert bench.asked(r"/index.php/fa/news/\d+.*", requests) == [], "an article was fetched again"
    bench.settled()


class RepeatingSite(Site):
    """A portal whose every page has a next one; beyond the end the last page comes again, and again."""

    def answer(self, host: str, path: str) -> Answer:
        answer = super().answer(host, path)
        if path.startswith("/index.php/fa/news?start=") and len(self.requests) < 200:
            start = int(path.rpartition("=")[2])
            link = f'<div class="pagination"><a title="بعدی" href="/index.php/fa/news?start={start + 5}">بعدی</a></div>'
            return Answer(200, answer.body.replace("</body>", f"{link}</body>"))
        return answer


def test_a_walk_ends_where_the_last_page_repeats(zygote: Zygote, tmp_path: Path) -> None:
    with RepeatingSite() as site, Receiver() as receiver:
        bench = Bench(zygote, site, receiver, tmp_path)
        bench.well("backfill", "ostan_lr", "--since", "1398-01-01", "--until", "1405-12-29")
        assert missing(bench, "ostan_lr") == []
        asked = bench.asked(r"/index.php/fa/news\?start=.*")
        assert 2 <= len(asked) <= 4, "the walk did not end at the last page"


def test_two_backfills_of_the_same_days_at_once_do_everything_once(bench: Bench) -> None:
    runs = bench.together(["backfill", "irna", *DAYS], ["backfill", "irna", *DAYS])
    assert [run.code for run in runs] == [0, 0], [run.output for run in runs]
    bench.well("backfill", "irna", *DAYS)
    assert set(missing(bench, "irna")) == {"83061204", "83510372"}
    assert len(bench.asked("/news/.*")) == 13
    bench.settled()
