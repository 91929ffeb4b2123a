"""What the page shows, and to whom: a real server over a real store, asked as a browser asks."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from didban.article import Listing
from didban.dates import day_bounds
from didban.errors import SettingsError
from didban.settings import Settings, WebSettings
from flows.workshop import now
from storage.store import Store
from storage.units import Walk
from tests.support import article, judge, sighting
from tests.support_web import Open, serving, token
from web import pages, serve
from web.security import GUESSES, Guesses, hashed, is_password, session_key

PASSWORD = "پیشخوان ۱۴۰۵"


@pytest.fixture
def page(tmp_path: Path, store: Store) -> Generator[Open]:
    """Opens the page with such settings of `[web]`."""
    with ExitStack() as opened:

        def client(*, home: str = "", **web: Any) -> Client:
            url = opened.enter_context(serving(Settings(var=tmp_path, home=home, web=WebSettings(**web))))
            return opened.enter_context(Client(base_url=url, trust_env=False))

        yield client


def save(store: Store, **facts: Any) -> None:
    known = article(**{"published": now() - timedelta(minutes=5)} | facts)
    store.articles.save(known, judge({"egov": "دولت الکترونیک"}), sighting(now=now()))


def test_today_shows_each_story_once_with_its_evidence_the_home_province_first(store: Store, page: Open) -> None:
    save(store, province="fars", title="دولت الکترونیک در فارس")
    save(
        store,
        id="2",
        url=None,
        province="lorestan",
        title="دولت الکترونیک در لرستان",
        text="متنی دیگر دربارهٔ دولت الکترونیک است.",
    )
    html = page(home="lorestan").get("/").text
    assert html.index("در لرستان</a>") < html.index("در فارس</a>")
    assert html.count('<li class="story') == 2
    assert "<mark>دولت الکترونیک</mark> در فارس" in html
    assert "۲ رویداد" in html


def test_a_script_in_a_title_is_only_text(store: Store, page: Open) -> None:
    save(store, title="<script>alert(1)</script> دولت الکترونیک", url="javascript:alert(1)")
    client = page()
    found = re.search(r"/story/\w+", client.get("/").text)
    assert found
    for html in (client.get("/").text, client.get(found[0]).text):
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert "javascript:" not in html


def test_a_story_says_why_it_matched_and_what_was_edited(store: Store, page: Open) -> None:
    save(store)
    save(store, text=article().text.replace("بلند", "دراز"))
    client = page()
    found = re.search(r"/story/\w+", client.get("/").text)
    assert found
    html = client.get(found[0]).text
    assert "<mark>دولت الکترونیک</mark>" in html
    assert "<del>بلند</del>" in html.replace("<del> ", "<del>")
    assert "<ins>دراز</ins>" in html.replace("<ins> ", "<ins>")
    assert client.get("/story/nothing").status_code == 404


def test_alerts_are_filtered_by_the_form_and_by_jalali_days(store: Store, page: Open) -> None:
    save(store, province="fars")
    client = page()

    def count(query: str) -> int:
        return client.get(f"/alerts?{query}").text.count('<li class="story')

    assert count("rule=egov&province=fars&since=۱۴۰۵/۰۱/۰۱") == 1
    assert count("province=lorestan") == 0
    assert count("until=۱۴۰۴/۰۱/۰۱") == 0
    assert count("kind=archived") == 0
    wrong = client.get("/alerts?since=۱۴۰۵/۱۳/۰۱")
    assert wrong.status_code == 400
    assert "۱۴۰۵/۰۸/۰۱" in wrong.text


def test_a_long_list_goes_on_where_it_stopped(store: Store, page: Open) -> None:
    for at in range(35):
        save(
            store,
            id=str(at),
            url=None,
            title=f"تیتر {at}",
            text=f"خبر شمارهٔ {at} از دولت الکترونیک که متنی بلند دارد و بس.",
        )
    client = page()
    first = client.get("/alerts").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = client.get(following[1].replace("&amp;", "&")).text
    stories = re.findall(r"/story/\w+", first + second)
    assert len(stories) == len(set(stories)) == 35


def test_search_marks_what_was_wanted_and_explains_what_it_cannot_read(store: Store, page: Open) -> None:
    save(store)
    client = page()
    assert "<mark>الکترونیک</mark>" in client.get("/search?q=الکترونیک").text
    assert "چیزی پیدا نشد" in client.get("/search?q=نیست").text
    for query, says in (
        ('"باز', "گیومه\N{ZERO WIDTH NON-JOINER}ای باز مانده"),
        ("بسته»", "باز نشده بود"),
        ("-نه", "تنها آنچه نباید"),
        ("؟", "دست\N{ZERO WIDTH NON-JOINER}کم یکی"),
        ("title: دولت", "پس از نام بخش"),
        (" ".join(f"واژه{at}" for at in range(100)), "بسیارند"),
    ):
        answer = client.get("/search", params={"q": query})
        assert answer.status_code == 400
        assert says in answer.text


def test_sources_say_how_they_fare(store: Store, page: Open) -> None:
    store.sources.register(["irna"], now=now())
    assert "ایرنا" in page().get("/sources").text


def test_every_answer_forbids_scripts_and_frames(page: Open) -> None:
    client = page()
    for path in ("/", "/alerts", "/search", "/sources", "/login", "/nothing", "/static/didban.css"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "script-src" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_file_but_ours_is_served(page: Open, tmp_path: Path) -> None:
    client = page()
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"):
        assert client.get(path).status_code in {400, 404}


def test_another_name_for_our_address_is_refused(page: Open) -> None:
    assert page().get("/", headers={"Host": "attacker.example"}).status_code == 400


def test_with_a_password_nothing_is_shown_before_it(page: Open, store: Store) -> None:
    save(store)
    client = page(password=hashed(PASSWORD))
    asked = client.get("/alerts")
    assert asked.status_code == 303
    assert asked.headers["Location"] == "/login?next=%2Falerts"
    form = {"token": token(client.get("/login").text), "password": PASSWORD, "next": "/alerts"}
    assert (
        client.post("/login", data=form, headers={"Origin": str(client.base_url).rstrip("/")}).headers["Location"]
        == "/alerts"
    )
    assert client.get("/alerts").status_code == 200
    client.post("/logout", data={"token": token(client.get("/alerts").text)})
    assert client.get("/alerts").status_code == 303


def test_a_log_in_leads_nowhere_else(page: Open) -> None:
    client = page(password=hashed(PASSWORD))
    for wanted in ("//evil.example/", "/\\evil.example", "https://evil.example/"):
        form = {"token": token(client.get("/login").text), "password": PASSWORD, "next": wanted}
        assert client.post("/login", data=form).headers["Location"] == "/"


def test_a_hundred_guesses_fail_and_the_right_password_comes_too_late(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def tries(given: str, _kept: str) -> bool:
        tried.append(given)
        return given == PASSWORD

    monkeypatch.setattr("web.security.is_password", tries)
    client = page(password=hashed(PASSWORD))
    form = {"token": token(client.get("/login").text)}
    answers = [client.post("/login", data=form | {"password": str(at)}).status_code for at in range(100)]
    assert answers == [403] * GUESSES + [429] * (100 - GUESSES)
    assert client.post("/login", data=form | {"password": PASSWORD}).status_code == 429
    assert len(tried) == GUESSES


def test_guesses_are_forgiven_in_time() -> None:
    time = [0.0]
    guesses = Guesses(clock=lambda: time[0])
    for _ in range(GUESSES):
        guesses.wrong("10.0.0.1")
    assert guesses.waits("10.0.0.1")
    assert not guesses.waits("10.0.0.2")
    time[0] = 901
    assert not guesses.waits("10.0.0.1")


def test_a_post_from_elsewhere_fails(page: Open) -> None:
    client = page(password=hashed(PASSWORD))
    html = client.get("/login").text
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {}):
        form = {"password": PASSWORD} | ({"token": token(html)} if headers else {})
        assert client.post("/login", data=form, headers=headers).status_code == 403
    assert client.get("/").status_code == 303


def test_a_trusted_proxy_says_who_comes_and_nobody_else_does(page: Open) -> None:
    client = page(trusted_header="X-Remote-User", proxies=["127.0.0.1"])
    assert client.get("/").status_code == 303
    assert client.get("/", headers={"X-Remote-User": "karshenas"}).status_code == 200
    stranger = page(trusted_header="X-Remote-User", proxies=["10.0.0.9"])
    assert stranger.get("/", headers={"X-Remote-User": "karshenas"}).status_code == 303


def test_any_address_but_loopback_needs_a_password() -> None:
    with pytest.raises(ValueError, match="is not loopback"):
        WebSettings(host="0.0.0.0")
    assert WebSettings(host="0.0.0.0", password=hashed(PASSWORD)).host == "0.0.0.0"
    with pytest.raises(SettingsError, match=r"^web: 0\.0\.0\.0 is not loopback: set password .* or trusted_header$"):
        serve.run(Settings(), host="0.0.0.0", port=0, say=print)


def test_a_password_is_kept_as_a_hash_that_only_it_meets() -> None:
    kept = hashed(PASSWORD)
    assert PASSWORD not in kept
    assert is_password(PASSWORD, kept)
    assert not any(is_password(given, kept) for given in ("", "دیگر", kept))
    assert not any(is_password("", broken) for broken in ("", "scrypt", "scrypt::", "scrypt:%:%", "plain"))


def test_the_session_key_is_ours_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "var" / "web.key"
    assert session_key(path) == session_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_store_that_is_gone_is_said_in_persian(page: Open, store: Store, tmp_path: Path) -> None:
    client = page()
    for name in tmp_path.glob("didban.db*"):
        name.write_bytes(b"no database")
    answer = client.get("/alerts")
    assert answer.status_code in {503, 500}
    assert 'lang="fa"' in answer.text


def test_every_article_of_a_story_is_named(store: Store, page: Open) -> None:
    save(store)
    save(store, source="mehr", id="9", url="https://www.mehrnews.com/news/9")
    client = page()
    found = re.search(r"/story/\w+", client.get("/").text)
    assert found
    html = client.get(found[0]).text
    assert "ایرنا" in html
    assert "مهر" in html


def test_ticked_stories_are_a_bulletin_the_home_province_first(store: Store, page: Open) -> None:
    save(store, province="fars", title="دولت الکترونیک در فارس")
    save(store, id="2", url=None, province="lorestan", title="از لرستان", text="متنی دیگر دربارهٔ دولت الکترونیک است.")
    client = page(home="lorestan")
    keys = re.findall(r'name="story" value="(\w+)"', client.get("/").text)
    html = client.get("/bulletin", params={"story": [*reversed(keys), "nothing"]}).text
    assert html.index("از لرستان") < html.index("در فارس")
    assert html.count("<li>") == 2
    assert "<bdi>https://www.irna.ir/news/84000001/خبر</bdi>" in html


def test_what_is_on_screen_can_be_taken_along(store: Store, page: Open) -> None:
    save(store, province="fars")
    client = page()
    assert client.get("/export.jsonl?province=fars").json()["province"] == "fars"
    assert client.get("/export.csv?province=lorestan").text.count("\n") == 1
    answer = client.get("/cite/1.ris")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="didban-1.ris"'
    assert "TY  - NEWS" in answer.text
    assert client.get(f"/cite/{10**26}.ris").status_code == 404
    assert client.get("/cite/1.exe").status_code == client.get("/cite/99.ris").status_code == 404


def test_a_list_as_a_file_holds_what_the_list_shows(store: Store, page: Open) -> None:
    save(store, published=now() - timedelta(days=900))
    save(store, id="2", url=None, title="بارش باران", lead="", text="فردا باران می‌بارد و هوا سرد می‌شود.")
    client, today = page(), f"since={now():%Y-%m-%d}"
    for asked, count in (("", 1), (today, 1), ("kind=live", 1), ("kind=archived", 0), ("seen=yes", 0)):
        assert client.get(f"/alerts?{asked}").text.count('<li class="story') == count
        assert len(client.get(f"/export.jsonl?{asked}").text.splitlines()) == count
    assert client.get("/export.csv?since=1405/13/01").status_code == 400


def test_a_story_whose_address_is_none_is_shown_without_it(store: Store, page: Open) -> None:
    save(store, url="http://[bad/news/77")
    client = page()
    found = re.search(r"/story/(\w+)", client.get("/").text)
    assert found
    for path in (found[0], f"/bulletin?story={found[1]}"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert 'href="http://[' not in answer.text


def test_a_form_that_no_browser_sends_is_refused_and_breaks_nothing(store: Store, page: Open) -> None:
    save(store)
    client = page()
    sent = {"token": token(client.get("/alerts?rule=egov").text), "alert": "1"}
    assert client.post("/seen", data=sent, headers={"Origin": "http://["}).status_code == 403
    assert client.post("/seen", data=sent | {f"x{number}": "1" for number in range(600)}).status_code == 413
    assert client.post("/seen", data=sent | {"back": "http://["}).headers["Location"] == "/"


def test_another_password_ends_the_sessions_of_the_one_before(page: Open) -> None:
    client = page(password=hashed("before"))
    client.post("/login", data={"token": token(client.get("/login").text), "password": "before"})
    assert client.get("/").status_code == 200
    cookie = {"Cookie": f"didban={client.cookies['didban']}"}
    assert page(password=hashed("after")).get("/", headers=cookie).status_code == 303


def test_the_archive_is_shown_day_by_day(store: Store, page: Open) -> None:
    client = page()
    assert "هنوز بایگانی" in client.get("/archive").text
    since, until = day_bounds(date(2018, 9, 23))
    listing = Listing(source="irna", url="https://www.irna.ir/archive", way="day")
    store.units.open([Walk(listing=listing, key="1", since=since, until=until, final=until)], now=now())
    assert "/archive/irna.svg" in client.get("/archive").text
    assert client.get("/archive/irna.svg").text.startswith("<svg")
    assert client.get("/archive/mehr.svg").status_code == 404


def test_a_story_is_marked_as_seen_and_found_so(store: Store, page: Open) -> None:
    save(store)
    client = page()
    found = re.search(r"/story/\w+", client.get("/").text)
    assert found
    html = client.get(found[0]).text
    form = {"token": token(html), "alert": re.findall(r'name="alert" value="(\d+)"', html)}
    form["back"] = re.findall(r'name="back" value="([^"]+)"', html)[0]
    assert client.post("/seen", data=form).headers["Location"].rstrip("?") == found[0]
    assert store.outbox.alerts()[0].acked_by == "web"
    assert "دیده شد" in client.get(found[0]).text
    assert client.get("/alerts?seen=no").text.count('<li class="story') == 0
    assert client.get("/alerts?seen=yes").text.count('<li class="story') == 1
    assert client.post("/seen", data=form | {"alert": ["x"]}).status_code == 400
    assert client.post("/seen", data=form | {"token": "x"}).status_code == 403


def test_a_topic_is_silenced_for_a_while_and_told_again(store: Store, page: Open) -> None:
    client = page()
    form = {"token": token(client.get("/alerts?rule=egov").text), "rule": "egov", "back": "/alerts?rule=egov"}
    assert client.post("/mute", data=form | {"for": "7"}).headers["Location"] == "/alerts?rule=egov"
    until = store.mutes.all(now=now())["egov"].until
    assert until is not None
    assert timedelta(days=6) < until - now() <= timedelta(days=7)
    assert "خاموش است تا" in client.get("/alerts?rule=egov").text
    client.post("/mute", data=form | {"for": "off"})
    assert store.mutes.all(now=now()) == {}
    assert client.post("/mute", data=form | {"rule": "nothing", "for": "1"}).status_code == 404
    for elsewhere in ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        assert client.post("/mute", data=form | {"for": "off", "back": elsewhere}).headers["Location"] == "/"


def test_what_cannot_be_seen_in_a_text_moves_no_mark(store: Store, page: Open) -> None:
    sign = "\N{RIGHT-TO-LEFT MARK}"
    line = f"خبر {sign}مهم{sign} دربارهٔ دولت الکترونیک امروز"
    save(store, title=line, text=line)
    client = page()
    found = re.search(r"/story/\w+", client.get("/").text)
    assert found
    whole = client.get(found[0]).text
    assert whole.count("خبر مهم دربارهٔ <mark>دولت الکترونیک</mark> امروز") == whole.count("<mark>") == 3


def test_today_counts_a_story_once_and_never_says_fewer_than_there_are(
    store: Store, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_TODAY", 2)
    for number in range(3):
        save(store, id=str(number), url=None, title=f"تیتر {number}", text=f"دولت الکترونیک در شهر شمارهٔ {number} است.")
    client = page()
    html = client.get("/").text
    assert "بیش از ۲ رویداد" in html
    assert html.count('<li class="story') == 2
    more = re.search(r'class="more" href="([^"]+)"', html)
    assert more
    listed = client.get(unescape(more[1])).text
    assert listed.count('<li class="story') == 3
    since = re.search(r'name="since" value="([^"]+)"', listed)
    assert since
    assert re.fullmatch("[۰-۹]{4}/[۰-۹]{2}/[۰-۹]{2}", since[1])


def test_a_wrong_password_loses_no_way(page: Open) -> None:
    client = page(password=hashed(PASSWORD))
    html = client.get("/login", params={"next": "/alerts?rule=egov"}).text
    for given in ("نه", PASSWORD):
        wanted = re.search(r'name="next" value="([^"]+)"', html)
        assert wanted
        form = {"token": token(html), "next": unescape(wanted[1]), "password": given}
        answer = client.post("/login", data=form)
        html = answer.text
    assert answer.headers["Location"] == "/alerts?rule=egov"
