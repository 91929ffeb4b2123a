"""`didban trends`, `search --rule` and `--lemmas`, `show --history --json`: what they print."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from didban import reading
from didban.query import read_query
from flows import cli
from storage.articles import Selection
from storage.store import open_store
from tests.support import NOW, article, judge, sighting

Didban = Callable[..., tuple[int, str, str]]
SATURDAY = datetime(2026, 11, 20, 20, 30, tzinfo=UTC)
"""The first moment of the week of NOW."""


@pytest.fixture
def didban(database_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Didban:
    """Run a command in this process on a store with two weeks of news: exit code, stdout, stderr."""
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DIDBAN_DATABASE_URL", database_url)
    store = open_store(database_url)
    number = 0

    def save(text: str, when: datetime, *, source: str = "irna", copies: int = 1) -> None:
        nonlocal number
        for copy in range(copies):
            number += 1
            url = f"https://{source}.ir/{number}"
            one = article(
                source=f"{source}{copy or ''}", id=str(number), url=url, title=f"خبر {text[:40]}", lead="", text=text
            )
            store.articles.save(replace(one, published=when, fetched=when), judge(), sighting("import", now=NOW))

    for at in range(12):
        new = "تجمع کارگران هپکو" if at < 9 else "بازدید استاندار"
        save(
            f"گزارش شماره {at} از: {new}؛ در خوزستان، دولت الکترونیک",
            SATURDAY + timedelta(hours=at),
            copies=2 if at < 2 else 1,
        )
    for at in range(40):
        old = "دولت الکترونیک" if at % 4 == 0 else "بازدید استاندار"
        save(f"گزارش شماره {at} از: {old}؛ در خوزستان", SATURDAY - timedelta(hours=1 + at))
    save("تجمع کارگران هپکو", SATURDAY - timedelta(days=40))
    save("بی تاریخ", SATURDAY, source="mehr")
    store.close()

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capfd.readouterr()

    return run


def test_what_rises_and_how_often_each_rule_found_something(didban: Didban) -> None:
    code, out, err = didban("trends", "--until", "1405-08-30", "--weeks", "2", "--no-lemmas")
    assert (code, err) == (0, "")
    first, *_ = out.splitlines()
    assert first.split("\t")[:4] == ["تجمع کارگران هپکو", "9", "0", "0.0"]
    assert (
        "egov\t0\t10\t12\tدولت الکترونیک\n" in out
    )  # this week 12 stories: the two that another source carries are one each
    assert out.endswith("13 stories of the week from 1405-08-30, 40 of the 2 weeks before\n")


def test_trends_for_programs(didban: Didban) -> None:
    code, out, _ = didban(
        "trends", "--until", "2026-11-22", "--weeks", "1", "--no-lemmas", "--json", "--source", "irna"
    )
    said = json.loads(out)
    assert code == 0
    assert said["week"] == {"saturday": "1405-08-30", "since": "2026-11-20T20:30:00Z", "until": "2026-11-27T20:30:00Z"}
    assert [week["saturday"] for week in said["before"]] == ["1405-08-23"]
    assert (said["stories"], said["lemmas"]) == ({"now": 12, "before": 40}, False)
    assert said["terms"][0] | {"g2": 0} == {
        "term": "تجمع کارگران هپکو",
        "now": 9,
        "before": 0,
        "expected": 0.0,
        "g2": 0,
    }
    assert said["terms"][0]["g2"] > 15
    assert said["rules"] == [{"rule": "egov", "title": "دولت الکترونیک", "weeks": [10, 12]}]


def test_a_week_without_news_and_hazm_that_is_missing_are_said(didban: Didban, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "find_spec", lambda _: None)
    code, out, err = didban("trends", "--until", "1400-01-01")
    assert (code, out) == (0, "0 stories of the week from 1399-12-30, 0 of the 4 weeks before\n")
    assert err.splitlines() == [
        "didban: no story of this week is stored; --until names a day of another one",
        "didban: hazm is not installed: the forms of a word are counted apart; install didban[hazm] to have them as one",
    ]
    assert didban("trends", "--source", "irnaa")[0] == 1


@pytest.mark.slow
def test_with_hazm_the_forms_of_a_verb_are_one_term(didban: Didban) -> None:
    said = json.loads(didban("trends", "--until", "1405-08-30", "--json")[1])
    assert said["lemmas"] is True
    assert said["terms"][0]["now"] == 9


def test_a_search_may_be_among_a_rules_articles(didban: Didban) -> None:
    assert len(didban("search", "گزارش", "--json", "--limit", "100")[1].splitlines()) == 54
    found = [
        json.loads(line)["number"]
        for line in didban("search", "گزارش", "--rule", "egov", "--json", "--limit", "100")[1].splitlines()
    ]
    assert len(found) == 24
    two = didban("search", "گزارش", "--rule", "egov", "--json", "--limit", "5", "--offset", "3")[1].splitlines()
    assert [json.loads(line)["number"] for line in two] == found[3:8]
    assert didban("search", "استاندار", "--rule", "egov", "--json", "--until", "1405-08-29")[1] == ""
    code, _, err = didban("search", "گزارش", "--rule", "egvo")
    assert (code, "there is no rule 'egvo'" in err) == (1, True)


def test_a_rule_is_asked_of_the_revision_that_stands(didban: Didban, database_url: str) -> None:
    store = open_store(database_url)
    one = article(source="x", id="1", url="https://x.ir/1", text="دولت الکترونیک در یک گزارش یگانه")
    store.articles.save(one, judge(), sighting())
    query, of_rule = read_query("یگانه"), Selection(rule="egov")
    assert len(store.search.find(query, of_rule)) == 1
    store.articles.save(replace(one, text="چیز دیگر در یک گزارش یگانه"), judge(), sighting())
    assert len(store.search.find(query)) == 1
    assert store.search.find(query, of_rule) == []
    store.close()


def test_a_search_finds_the_forms_it_is_given_of_words_that_stand_alone(
    didban: Didban, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "forms", lambda word: ("بازدید", "دو واژه") if word == "بازدیدکننده" else ())
    assert didban("search", "بازدیدکننده", "--json")[1] == ""
    assert len(didban("search", "بازدیدکننده", "--lemmas", "--json", "--limit", "50")[1].splitlines()) == 33
    assert didban("search", '"بازدیدکننده"', "--lemmas", "--json")[1] == ""
    assert len(didban("search", "text:بازدیدکننده", "--lemmas", "--json", "--limit", "50")[1].splitlines()) == 33
    assert len(didban("search", "گزارش -بازدیدکننده", "--lemmas", "--json", "--limit", "100")[1].splitlines()) == 54


def test_a_history_as_json_has_what_each_revision_changed(didban: Didban, database_url: str) -> None:
    store = open_store(database_url)
    one = article(source="x", id="1", url="https://x.ir/1", title="تیتر", lead="", text="طرح تصویب شد")
    for text in ("طرح تصویب شد", "طرح تصویب نشد", "طرح تصویب نشد. پایان"):
        number = store.articles.save(replace(one, text=text), judge({}), sighting()).article
    store.close()
    code, out, _ = didban("show", str(number), "--history", "--json")
    said = json.loads(out)
    assert (code, said["title"], [one["revision"] for one in said["revisions"]]) == (0, "تیتر", [1, 2, 3])
    assert [one["changes"] for one in said["revisions"][:2]] == [
        {},
        {"text": [
            {"kind": "same", "text": "طرح تصویب"}, {"kind": "gone", "text": " شد"}, {"kind": "new", "text": " نشد"},
        ]},
    ]  # fmt: skip
    assert said["revisions"][2]["text"] == "طرح تصویب نشد. پایان"
    assert "revisions" not in json.loads(didban("show", str(number), "--json")[1])


def test_the_reading_form_stands_beside_the_text(didban: Didban, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "reading", str.upper)
    said = json.loads(didban("show", "1", "--reading", "--json")[1])
    assert said["reading"] == {name: said[name].upper() for name in ("kicker", "title", "lead", "text")}
    assert "reading" not in json.loads(didban("show", "1", "--json")[1])


def test_trends_without_lemmas_never_import_hazm(tmp_path) -> None:
    code = "import sys; from flows import cli\ntry: cli.main(['trends', '--no-lemmas'])\nfinally: print('hazm' in sys.modules)"
    environment = {"DIDBAN_VAR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "False"
