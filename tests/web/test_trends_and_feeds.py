"""Trends on the page, the alerts as Atom, the home province first, and what is found out beside the requests."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree as ET

import pytest
from httpx import Client

from didban.dates import day_bounds, jalali_long, tehran_day, week_of
from didban.errors import StoreError
from didban.provinces import PROVINCES
from didban.settings import Settings, WebSettings
from flows.workshop import now
from storage.store import Store, open_store
from tests.support import article, judge, sighting
from tests.support_web import serving, token
from web.beside import Beside
from web.security import hashed
from web.stream import streamed
from web.trends import heat_map, week_rows

PASSWORD = "پیشخوان ۱۴۰۵"
ATOM = "{http://www.w3.org/2005/Atom}"
Open = Callable[..., Client]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def page(tmp_path: Path, store: Store, database_url: str) -> Generator[Open]:
    """Opens the page with such settings of `[web]`."""
    with ExitStack() as opened:

        def client(*, home: str = "", **web: Any) -> Client:
            settings = Settings(var=tmp_path, database_url=database_url, home=home, web=WebSettings(**web))
            url = opened.enter_context(serving(settings))
            return opened.enter_context(Client(base_url=url, trust_env=False))

        yield client


def save(store: Store, number: int, **facts: Any) -> None:
    known = article(
        **{
            "id": str(number),
            "url": f"https://www.irna.ir/news/{number}",
            "title": f"تیتر {number}",
            "text": f"خبر شمارهٔ {number} از دولت الکترونیک که متنی بلند دارد و بس.",
            "published": now() - timedelta(minutes=5),
        }
        | facts
    )
    store.articles.save(known, judge({"egov": "دولت الکترونیک"}), sighting(now=now()))


# ── trends ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trends_count_weeks_from_saturday_and_provinces(store: Store, page: Open) -> None:
    saturday = day_bounds(week_of(tehran_day(now())))[0]
    save(store, 1, province="lorestan", published=saturday + timedelta(seconds=1))
    save(store, 2, province="fars", published=saturday - timedelta(seconds=1))
    save(store, 3, province="fars", published=saturday - timedelta(days=6))
    save(store, 4, province=None, published=saturday - timedelta(weeks=3, seconds=1))
    html = page().get("/trends?weeks=4").text
    assert jalali_long(saturday - timedelta(weeks=3), with_time=False) in html
    row = re.search(r'<th scope="row"><a href="/alerts\?rule=egov">[^<]+</a></th>(.*?)</tr>', html, re.DOTALL)
    assert row
    assert re.findall(r"<td>([۰-۹]+)</td>", row[1]) == ["۱", "۲", "۳"], "this week, the one before, all"
    wider = page().get("/trends?weeks=12&province=fars").text
    assert re.findall(r'egov&amp;province=fars">[^<]+</a></th><td>([۰-۹]+)</td><td>([۰-۹]+)</td>', wider) == [
        ("۰", "۲")
    ]
    assert 'class="h4"' in wider
    assert "style=" not in wider, "the policy forbids it"


def test_trends_of_nothing_say_so(page: Open) -> None:
    html = page().get("/trends?weeks=99&province=atlantis").text
    assert "چیزی پیدا نشده" in html
    assert '<svg class="heat"' not in html


def test_words_that_rise_are_shown_when_they_are_counted(store: Store, page: Open) -> None:
    last, this = day_bounds(week_of(tehran_day(now())) - timedelta(days=5))[0], now() - timedelta(minutes=1)
    for number in range(40):
        save(store, number, published=last, text=f"خبر شمارهٔ {number} دربارهٔ بارش و سرمای هوا در کشور بود.")
    for number in range(40, 60):
        save(store, number, published=this, text=f"خبر شمارهٔ {number} دربارهٔ سامانهٔ پنجره واحد در کشور بود.")
    client = page()
    for _ in range(200):
        if "شمرده می" not in (html := client.get("/trends").text):
            break
    terms = [unescape(term) for term in re.findall(r'<th scope="row"><a href="/search[^>]+>([^<]+)<', html)]
    assert any("پنجره" in term for term in terms), terms
    found = re.search(r'href="(/search\?q=[^"]+)"', html)
    assert found
    assert client.get(unescape(found[1])).text.count('<li class="story">') == 20


def test_bars_are_of_one_scale_and_the_most_found_comes_first() -> None:
    first, second = date(2026, 11, 14), date(2026, 11, 21)
    counts = {("a", first): 1, ("b", first): 30, ("b", second): 15}
    rows = week_rows(counts, [first, second], {"a": "الف"})
    assert [(row.rule, row.title, row.counts, row.bars) for row in rows] == [
        ("b", "b", (30, 15), (30, 15)),
        ("a", "الف", (1, 0), (1, 0)),
    ]


def test_the_map_begins_with_the_home_province_even_without_news() -> None:
    names = {province.slug: province.name for province in reversed(PROVINCES)}
    counts = Counter({("a", "fars"): 4, ("b", "fars"): 1, ("a", ""): 2})
    drawn = heat_map(counts, names, {})
    assert drawn
    assert [slug for slug, _, _ in drawn.provinces] == [next(iter(names)), "fars", ""]
    assert [at for _, _, at in drawn.provinces] == sorted((at for _, _, at in drawn.provinces), reverse=True)
    assert [[cell.count for cell in cells] for _, _, _, cells in drawn.rows] == [[0, 4, 2], [0, 1, 0]]
    assert [[cell.level for cell in cells] for _, _, _, cells in drawn.rows] == [[0, 4, 3], [0, 2, 0]]
    assert heat_map({}, names, {}) is None


# ── feeds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def entries(body: bytes) -> list[str]:
    return [entry.findtext(f"{ATOM}title") or "" for entry in ET.fromstring(body).findall(f"{ATOM}entry")]


def test_alerts_are_read_as_feeds_of_all_of_a_topic_and_of_a_province(store: Store, page: Open) -> None:
    save(store, 1, province="fars")
    save(store, 2, province="lorestan")
    client = page()
    html = client.get("/alerts?rule=egov&province=fars").text
    links = re.findall(r'<link rel="alternate" type="application/atom\+xml" title="[^"]+" href="([^"]+)">', html)
    assert links == ["/feeds/all.atom", "/feeds/egov.atom", "/feeds/province-fars.atom"]
    assert all(html.count(link) == 2 for link in links), "once for the reader of feeds, once for eyes"
    found = [sorted(entries(client.get(link).content)) for link in links]
    assert found == [["تیتر 1", "تیتر 2"], ["تیتر 1", "تیتر 2"], ["تیتر 1"]]
    answer = client.get(links[0])
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert client.get(links[0], headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    ids = {ET.fromstring(client.get(link).content).findtext(f"{ATOM}id") for link in links}
    assert len(ids) == 3
    for nothing in ("/feeds/nothing.atom", "/feeds/province-atlantis.atom", "/feeds/..%2fweb.atom"):
        assert client.get(nothing).status_code == 404


def test_with_a_password_a_feed_is_opened_by_the_key_in_its_address_alone(store: Store, page: Open) -> None:
    save(store, 1)
    client = page(password=hashed(PASSWORD))
    assert client.get("/feeds/all.atom").status_code == 303
    form = {"token": re.findall(r'name="token" value="([^"]+)"', client.get("/login").text)[0], "password": PASSWORD}
    client.post("/login", data=form)
    html = client.get("/alerts?rule=egov").text
    every, of_rule = re.findall(r'<link rel="alternate"[^>]+href="([^"]+)">', html)
    client.cookies.clear()
    assert entries(client.get(every).content) == ["تیتر 1"]
    key = every.partition("?")[2]
    assert client.get(f"/feeds/egov.atom?{key}").status_code == 303, "a key is of its own feed"
    assert client.get(f"/alerts?{key}").status_code == client.get(f"/feeds/all.atom?{key}0").status_code == 303
    for open_to_all in ("/login", "/login?next=/nothing"):
        assert "/feeds/" not in client.get(open_to_all).text
    refused = client.post("/login", data={"password": PASSWORD}, headers={"Origin": "https://evil.example"})
    assert "/feeds/" not in refused.text
    assert page(password=hashed("دیگر")).get(of_rule).status_code == 303, "another password ends it"


# ── home ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_today_has_every_story_of_the_home_province_before_all_others(
    store: Store, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.MOST_TODAY", 3)
    save(store, 1, province="lorestan")
    for number in range(2, 6):
        save(store, number, province="fars")
    html = page(home="lorestan").get("/").text
    assert re.findall(r'<h3><a href="/story/\w+">([^<]+)</a>', html) == ["تیتر 1", "تیتر 5", "تیتر 4"]
    more = re.search(r'href="([^"]+)">همهٔ هشدارهای امروز', html)
    assert more
    assert page().get(unescape(more[1])).text.count('<li class="story') == 5


def test_the_home_province_comes_first_wherever_provinces_and_sources_are_listed(store: Store, page: Open) -> None:
    for key in ("irna", "ostan_fars", "ostan_lr"):
        store.sources.register([key], now=now())
    client = page(home="lorestan")
    for path in ("/alerts", "/search", "/trends"):
        options = re.findall(r'<select name="province">.*?</select>', client.get(path).text, re.DOTALL)[0]
        assert re.findall(r'value="([^"]+)"', options)[0] == "lorestan"
    options = re.findall(r'<select name="source">.*?</select>', client.get("/alerts").text, re.DOTALL)[0]
    assert re.findall(r'value="([^"]+)"', options)[0] == "ostan_lr"
    names = re.findall(r'<th scope="row">([^<]+)</th>', client.get("/sources").text)
    assert "لرستان" in names[0]


# ── beside the requests ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_quick_is_found_anew_each_time() -> None:
    numbers = iter(range(9))
    question = Beside(lambda: next(numbers), quick=60)
    answers = [question.get(), question.get()]
    assert [answer and answer.found for answer in answers] == [0, 1]


def test_what_takes_long_keeps_nobody_waiting_and_is_kept() -> None:
    go, done = threading.Event(), threading.Event()
    numbers = iter(range(9))

    def find() -> int:
        go.wait(60)
        done.set()
        return next(numbers)

    question = Beside(find, quick=0.0)
    assert question.get() is None
    assert question.get() is None, "one look at a time"
    go.set()
    done.wait(60)
    while (answer := question.get()) is None:
        pass
    assert answer.found == 0
    assert next(numbers) in {1, 2}, "at most one look was begun since"


def test_a_look_that_fails_says_why_and_the_next_one_looks_again() -> None:
    found: Iterator[object] = iter([StoreError("no store"), 7])

    def find() -> object:
        one = next(found)
        if isinstance(one, Exception):
            raise one
        return one

    question = Beside(find, quick=60)
    with pytest.raises(StoreError, match="no store"):
        question.get()
    answer = question.get()
    assert answer
    assert answer.found == 7


def test_a_file_is_sent_while_it_is_written_and_a_half_is_no_whole() -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"first")
        file.flush()
        raise StoreError("gone")

    pieces = streamed(write)
    assert next(pieces) == b"first"
    with pytest.raises(StoreError, match="not whole"):
        next(pieces)


def test_nothing_more_is_written_when_nobody_reads() -> None:
    ended = threading.Event()

    def write(file: BinaryIO) -> None:
        try:
            while True:
                file.write(b"x" * 100_000)
        finally:
            ended.set()

    pieces = streamed(write)
    next(pieces)
    pieces.close()
    assert ended.wait(60)


def test_a_number_that_nothing_has_is_no_fault_of_the_database(page: Open) -> None:
    client, number = page(), 3_000_000_000
    listed = client.get(f"/alerts?before={number}")
    assert listed.status_code == 200
    assert client.get(f"/cite/{number}.ris").status_code == 404
    form = {"token": token(listed.text), "alert": f"{number}", "label": f"{number}:yes"}
    assert [client.post(act, data=form).status_code for act in ("/label", "/seen")] == [400, 400]
