"""The replay serves what the sites serve: our readers read all of it, and its switches do what they say."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from alerts.match import Matcher
from alerts.rules import load
from demo import Site
from demo.articles import archived, matching, opening, plain
from didban.article import Article, Link, Page
from didban.dates import tehran_day
from scrapers.fetch import is_wall
from scrapers.sources import all_sources, get

NOW = datetime(2026, 8, 10, 8, 0, tzinfo=UTC)
SOURCES = [source.key for source in all_sources()]
REPO = Path(__file__).parents[2]
FEED_URL = {source.key: source.watch()[0].url for source in all_sources()}
READ = ("id", "kicker", "title", "lead", "text", "published", "has_time", "section", "tags", "codes")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(clock=lambda: NOW) as running:
        yield running


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def __str__(self):
        return self.body.decode()


def ask(site: Site, url: str, **headers: str) -> Answer:
    """One real GET of a site's own address, at the replay's."""
    parts = urlsplit(url)
    path = quote(parts.path, safe="/%") + (f"?{parts.query}" if parts.query else "")
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)) as line:
        line.request("GET", path, headers={"Host": parts.netloc} | headers)
        got = line.getresponse()
        return Answer(got.status, got.headers, got.read())


def page(site: Site, url: str) -> Page:
    answer = ask(site, url)
    assert answer.status == 200
    return Page(url=url, body=answer.body, fetched=NOW)


def feed(site: Site, key: str) -> tuple[Link, ...]:
    listed = get(key).links(page(site, FEED_URL[key]), get(key).watch()[0])
    assert listed.problem is None
    return listed.links


def ids(site: Site, key: str) -> list[str | None]:
    return [piece.article.id for piece in site.pieces(key)]


# ── what our readers make of it ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", SOURCES)
def test_every_article_reads_as_it_was_written(site, key):
    links = feed(site, key)
    assert [link.id for link in links] == ids(site, key)
    for link, piece in zip(links, site.pieces(key), strict=True):
        read = get(key).article(page(site, link.url), link)
        assert {name: getattr(read, name) for name in READ} == {name: getattr(piece.article, name) for name in READ}


@pytest.mark.parametrize("key", SOURCES)
def test_every_listing_names_all_articles_newest_first(site, key):
    site.publish(key, 40)
    source, listing = get(key), get(key).older()
    assert listing is not None
    seen: list[str | None] = []
    url: str | None = listing.url
    while url is not None:
        listed = source.links(page(site, url), listing)
        assert listed.problem is None
        seen += [link.id for link in listed.links]
        url = listed.next
    assert seen == ids(site, key)
    assert len(seen) > 40


@pytest.mark.parametrize("key", ["irna", "mehr"])
def test_the_archive_of_a_day_holds_that_jalali_day(site, key):
    (day,) = get(key).archive(date(2026, 8, 8), date(2026, 8, 8))
    listed = get(key).links(page(site, day.url), day).links
    assert [link.id for link in listed] == [
        piece.article.id for piece in site.pieces(key) if "2026-08-08" in str(piece.published)
    ]
    assert len(listed) == 2
    assert all(link.published and link.published.date() == date(2026, 8, 8) for link in listed)


def test_an_archive_page_beyond_the_end_has_no_items(site):
    url = "https://www.mehrnews.com/archive?pi=9&ty=&ms=0&dy=17&mn=5&yr=1405&wide=0"
    body = str(ask(site, url))
    assert "pt-archive" in body
    assert "<time" not in body


def test_the_archive_filters_by_the_type_of_news(site):
    body = str(ask(site, "https://www.mehrnews.com/archive?pi=1&ty=9&ms=0&wide=0"))
    assert body.count("<time") == body.count('<li class="talk"') == 1


def test_a_start_beyond_the_end_serves_the_portals_last_page_again(site):
    news = "https://ostan-lr.ir/index.php/fa/news"
    assert ask(site, f"{news}?start=5000").body == ask(site, f"{news}?start=5").body != ask(site, news).body


# ── what it publishes ─────────────────────────────────────────────────────────────────────────────────────────────────


def rules_in(matcher: Matcher, article: Article) -> set[str]:
    return {match.rule for match in matcher.match(article)}


SEEDS = {
    "83510372": {"egov", "counter-offices", "rural-ict", "e-commerce"},
    "83061204": {"counter-offices", "e-commerce", "e-services", "outsourcing"},
    "1326881": {"egov", "counter-offices", "rural-ict", "post-bank", "ict"},
    "4821": {"egov", "counter-offices", "e-commerce", "paperless", "smart-admin", "digital-transformation"},
    "2207413": {"counter-offices"},
}


def test_only_the_seeds_and_what_grows_match_the_default_rules():
    matcher = Matcher(load())
    for piece in opening():
        found = rules_in(matcher, piece.article)
        assert found >= SEEDS.get(piece.article.id or "", set())
        assert bool(found) == (piece.article.id in SEEDS), piece.article.title
    assert not any(rules_in(matcher, plain(key, NOW, n).article) for key in SOURCES for n in range(80))
    assert all(rules_in(matcher, matching(NOW, number).article) for number in range(20))
    for number in range(200):
        assert bool(rules_in(matcher, archived("mehr", NOW, number).article)) == (number % 10 == 9)


def test_the_sites_hold_the_seeds_and_thirty_more_over_several_days():
    pieces = opening()
    ours = [piece for piece in pieces if piece.article.id not in SEEDS]
    assert len(pieces) - len(ours) == 5
    assert len(ours) >= 30
    assert len({piece.published.date() for piece in ours}) >= 5
    assert {piece.article.source for piece in ours} == set(SOURCES)
    assert len({(piece.article.source, piece.article.id) for piece in pieces}) == len(pieces)


def test_the_seeds_are_the_seed_documents():
    ours = {path.name: path.read_bytes() for path in (REPO / "demo" / "seeds").iterdir()}
    assert ours == {path.name: path.read_bytes() for path in (REPO / "tests" / "seeds").glob("*.txt")}


def test_one_story_stands_on_two_sites():
    said: dict[tuple[str, str], set[str]] = {}
    for article in (piece.article for piece in opening() if piece.article.text):
        said.setdefault((article.title, article.text), set()).add(article.source)
    assert [sources for sources in said.values() if len(sources) > 1] == [{"irna", "mehr"}]


def test_every_run_serves_the_same_bytes(site):
    with Site(clock=lambda: NOW) as again:
        for run in (site, again):
            run.grow()
            run.publish("mehr", 3)
        for key in SOURCES:
            assert ask(again, FEED_URL[key]).body == ask(site, FEED_URL[key]).body
            for link in feed(site, key):
                assert ask(again, link.url).body == ask(site, link.url).body


def test_growing_and_publishing_never_repeat_an_article(site):
    for _ in range(12):
        site.grow()
    for key in SOURCES:
        site.publish(key, 70)
        assert len(set(ids(site, key))) == len(ids(site, key))
        titles = [piece.article.title for piece in site.pieces(key)]
        assert len(set(titles)) == len(titles)
    assert site.pieces("irna")[0].published == NOW


PAST = date(2024, 9, 20)


@pytest.mark.parametrize("key", SOURCES)
def test_an_archive_stands_behind_what_is_newer(site, key):
    before = ids(site, key)
    made = site.archive(key, 4, 33, until=PAST)
    assert len(made) == len({(piece.article.title, piece.article.text) for piece in made}) == 132
    assert {tehran_day(piece.published) for piece in made} == {PAST - timedelta(days=day) for day in range(4)}
    times = [piece.published for piece in site.pieces(key)]
    assert times == sorted(times, reverse=True)
    assert set(ids(site, key)) == set(before) | {piece.article.id for piece in made}
    assert ids(site, key)[:3] == before[:3]


def test_a_day_of_a_long_archive_is_listed_page_by_page(site):
    made = site.archive("mehr", 3, 70, until=PAST)
    (day,) = get("mehr").archive(PAST, PAST)
    seen: list[str | None] = []
    url: str | None = day.url
    while url is not None:
        listed = get("mehr").links(page(site, url), day)
        seen += [link.id for link in listed.links]
        url = listed.next
    assert seen == [piece.article.id for piece in reversed(made[-70:])]


def test_what_is_removed_is_gone_and_what_is_older_moves_up(site):
    first, second, *_ = site.pieces("mehr")
    url = feed(site, "mehr")[0].url
    site.remove(first)
    assert ask(site, url).status == 404
    assert feed(site, "mehr")[0].id == second.article.id


def test_a_hidden_day_lists_nothing_and_its_articles_are_there(site):
    (piece,) = site.archive("mehr", 1, 1, until=PAST)
    (day,) = get("mehr").archive(PAST, PAST)
    site.hide("mehr", PAST)
    assert get("mehr").links(page(site, day.url), day).links == ()
    assert ask(site, f"https://www.mehrnews.com/news/{piece.article.id}/x").status == 200
    site.hide("mehr", PAST, on=False)
    assert len(get("mehr").links(page(site, day.url), day).links) == 1


# ── how it answers ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["irna", "mehr"])
def test_an_agencys_feed_answers_304_until_it_grows(site, key):
    first = ask(site, FEED_URL[key])
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for known in ({"If-None-Match": etag}, {"If-None-Match": f'"x", W/{etag}'}, {"If-Modified-Since": modified}):
        answer = ask(site, FEED_URL[key], **known)
        assert (answer.status, answer.body) == (304, b"")
    site.publish(key)
    assert ask(site, FEED_URL[key], **{"If-None-Match": etag, "If-Modified-Since": modified}).status == 200
    assert ask(site, FEED_URL[key], **{"If-Modified-Since": modified}).status == 200
    assert ask(site, FEED_URL[key], **{"If-Modified-Since": "yesterday"}).status == 200
    assert ask(site, FEED_URL[key]).headers["ETag"] != etag
    assert parsedate_to_datetime(ask(site, FEED_URL[key]).headers["Last-Modified"]) == NOW


def test_the_portals_feed_has_no_validators(site):
    answer = ask(site, FEED_URL["ostan_lr"], **{"If-Modified-Since": format_datetime(NOW, usegmt=True)})
    assert answer.status == 200
    assert answer.headers["ETag"] is answer.headers["Last-Modified"] is None


def test_a_feed_holds_no_more_than_the_sites_own(site):
    for key, most in (("irna", 30), ("mehr", 30), ("ostan_lr", 10)):
        site.publish(key, 50)
        assert [link.id for link in feed(site, key)] == ids(site, key)[:most]


def test_an_answer_is_compressed_for_those_who_ask(site):
    answer = ask(site, FEED_URL["mehr"], **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.body.startswith(b"\x1f\x8b")


def test_a_wall_stands_before_pages_and_on_request_before_feeds(site):
    link = feed(site, "irna")[0].url
    site.wall("irna")
    walled = ask(site, link)
    assert walled.status == 200
    assert is_wall(walled.body)
    assert feed(site, "irna")
    assert feed(site, "mehr")
    site.wall("irna", feed=True)
    assert ask(site, FEED_URL["irna"]).body == ask(site, "https://www.irna.ir/robots.txt").body == walled.body
    site.wall("irna", on=False)
    assert 'id="item"' in str(ask(site, link))


def test_a_site_that_is_down_answers_503_to_everything(site):
    site.down("ostan_lr")
    assert ask(site, FEED_URL["ostan_lr"]).status == ask(site, "https://ostan-lr.ir/robots.txt").status == 503
    assert ask(site, FEED_URL["irna"]).status == 200
    site.down("ostan_lr", on=False)
    assert ask(site, FEED_URL["ostan_lr"]).status == 200


def test_failures_come_by_the_count_of_requests(site):
    site.fail("mehr", 500, every=3)
    assert [ask(site, FEED_URL["mehr"]).status for _ in range(7)] == [200, 200, 500, 200, 200, 500, 200]
    assert ask(site, FEED_URL["irna"]).status == 200
    site.heal("mehr")
    site.fail("mehr", 429, times=2, retry_after=90)
    answers = [ask(site, FEED_URL["mehr"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "90"
    first, second = (link.url for link in feed(site, "mehr")[:2])
    site.fail("mehr", 410, path=rf"/news/{site.pieces('mehr')[0].article.id}/.*")
    assert (ask(site, first).status, ask(site, second).status) == (410, 200)


def test_every_request_has_its_time_and_may_change_the_site_before_it_is_answered(site):
    site.before = lambda _host, path: site.down("mehr", path.startswith("/archive"))
    assert [ask(site, f"https://mehrnews.com/{path}").status for path in ("rss", "archive", "rss")] == [200, 503, 200]
    assert len(site.times) == len(site.requests) == 3
    assert site.times == sorted(site.times)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://www.irna.ir/robots.txt", 404),
        ("https://www.mehrnews.com/robots.txt", 200),
        ("https://ostan-lr.ir/robots.txt", 200),
        ("https://mehrnews.com/rss", 200),
        ("https://www.irna.ir/news/83510372", 404),  # the short form is refused
        ("https://www.irna.ir/news/83510372/x", 200),
        ("https://www.irna.ir/news/1/x", 404),
        ("https://www.irna.ir/archive?kw=x", 404),
        ("https://ostan-lr.ir/index.php/fa/news/4821", 200),
        ("https://ostan-lr.ir/index.php/fa/news/1-x", 404),
        ("https://ostan-lr.ir/index.php/fa/news?format=feed&type=atom", 404),
        ("https://ostan-lr.ir/rss", 404),
        ("https://example.com/rss", 421),
    ],
)
def test_each_address_has_its_status_and_is_remembered(site, url, status):
    assert ask(site, url).status == status
    parts = urlsplit(url)
    assert site.requests == [(parts.netloc, url.partition(parts.netloc)[2], status)]


def test_hosts_leads_every_site_to_a_port_that_is_free_again_afterwards():
    with Site() as site:
        assert site.hosts == f"*=http://127.0.0.1:{site.port}"
        port = site.port
    with Site(port) as again:
        assert ask(again, FEED_URL["mehr"]).status == 200


def test_the_command_says_how_to_reach_it_grows_and_stops_on_ctrl_c():
    command = [sys.executable, "-m", "demo", "--port", "0", "--grow", "0.05"]
    environment = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=REPO, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("DIDBAN_HOSTS='*=http://127.0.0.1:")
        assert run.stdout.readline().startswith("irna: ۱۲ دفتر پیشخوان")
        run.send_signal(signal.SIGINT)
        assert run.stdout.read().endswith("stopped\n")
    assert run.returncode == 0
