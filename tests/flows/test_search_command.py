"""`didban search` and `didban show --history`: what they print, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flows import cli, history
from flows import search as searching
from storage.store import open_store
from tests.support import NOW, article, judge, sighting

Didban = Callable[..., tuple[int, str, str]]
ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
FIRST = article(
    title=f"كتاب «پیش{ZWNJ}خوان» دولت\x1b[31m",
    lead="هیچ.",
    text=f"جمله‌ای بی آن. در دفاتر پیش{ZWNJ}خوان، دولت الکترونیک است. دفاتر دیگر.\nپایان",
    province="lorestan",
)


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Didban:
    """Run a command in this process on a store of two articles, one of them edited: exit code, stdout, stderr."""
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "var"))
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    monkeypatch.setenv("DIDBAN_DATABASE_URL", f"sqlite:///{tmp_path / 'didban.db'}")
    store.articles.save(FIRST, judge({}), sighting())
    other = article(
        source="mehr", id="2", url="https://www.mehrnews.com/news/2", title="دیگر", text="دفتر پیشخوان", published=None
    )
    store.articles.save(other, judge({}), sighting())
    store.articles.save(replace(other, text="دفتر پیشخوان دولت"), judge({}), sighting())
    store.close()

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capfd.readouterr()

    return run


def test_hits_are_lines_with_the_best_sentence_marked(didban: Didban) -> None:
    code, out, err = didban("search", 'دفتر "پیشخوان دولت"')
    assert (code, err) == (0, "didban: 1 to 2\n")
    assert out.splitlines() == [
        "2 · mehr · تاریخ نامعلوم · دیگر",
        "    «دفتر» «پیشخوان دولت»",
        f"1 · irna · ۳۰ آبان ۱۴۰۵، ۱۰:۳۰ · كتاب ««پیش{ZWNJ}خوان» دولت» [31m",  # no escape reaches a terminal
        f"    در «دفاتر» «پیش{ZWNJ}خوان، دولت» الکترونیک است.",
    ]


def test_json_has_the_places_in_the_original(didban: Didban) -> None:
    code, out, err = didban("search", "کتاب دفتر", "--json")
    assert (code, err) == (0, "")
    (one,) = map(json.loads, out.splitlines())
    assert (one["number"], one["hit"], one["published_jalali"]) == (1, "text", "1405-08-30T10:30")
    shown = {field: getattr(FIRST, field) for field in ("title", "text")}
    assert [shown[at["field"]][at["start"] : at["end"]] for at in one["highlights"]] == ["كتاب", "دفاتر", "دفاتر"]
    assert one["snippet"] == f"در «دفاتر» پیش{ZWNJ}خوان، دولت الکترونیک است."


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (["دولت"], [1, 2]),
        (["دولت", "--source", "mehr"], [2]),
        (["دولت", "--province", "لرستان"], [1]),
        (["دولت", "--since", "1405-08-30"], [2, 1]),
        (["دولت", "--since", "1405-09-02"], []),
        (["دولت", "--until", "۱۴۰۵-۰۸-۲۹"], []),
        (["دولت", "--limit", "1"], [1]),
        (["دولت", "--offset", "1"], [2]),
        (["-کتاب دولت"], [2]),
    ],
)
def test_what_is_asked_narrows_what_is_found(arguments: list[str], numbers: list[int], didban: Didban) -> None:
    code, out, _ = didban("search", *arguments, "--json")
    assert code == 0
    assert sorted(json.loads(line)["number"] for line in out.splitlines()) == sorted(numbers)


def test_what_goes_on_is_said(didban: Didban) -> None:
    assert didban("search", "دولت", "--limit", "1")[2] == "didban: 1 to 1; --offset 1 shows the next\n"
    assert didban("search", "هرگز")[1:] == ("", "didban: nothing found\n")
    assert didban("search", "دولت", "--offset", "9")[2] == "didban: nothing found after the first 9\n"


def test_a_name_that_nobody_knows_is_a_mistake_and_not_an_empty_answer(didban: Didban) -> None:
    code, out, err = didban("search", "دولت", "--source", "mehrr")
    assert (code, out) == (1, "")
    assert "no source 'mehrr'" in err
    code, out, err = didban("alerts", "--rule", "egovv")
    assert (code, out) == (1, "")
    assert "no rule 'egovv'" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "there is no word"),
        (["-دولت"], "only what to leave out"),
        (['"دولت'], "stays open"),
        (["دولت", "--province", "اتلانتیس"], "there is no province"),
        (["دولت", "--since", "1405-02-01", "--until", "1405-01-01"], "is after the last"),
    ],
)
def test_what_cannot_be_searched_is_one_line(arguments: list[str], said: str, didban: Didban) -> None:
    code, out, err = didban("search", *arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_a_hit_without_a_sentence_shows_its_lead() -> None:
    from didban.query import read_query
    from storage.search import Found

    found = Found(number=7, field="title", article=article(title="دفاتر", lead="لید نخست. لید دوم."))
    assert searching.as_lines(found, read_query("دفتر"), ("[", "]"))[1] == "    لید نخست."
    bare = Found(number=7, field="title", article=article(title="دفاتر", lead="", text="x"))
    assert len(searching.as_lines(bare, read_query("دفتر"))) == 1


def test_the_index_is_made_anew(didban: Didban) -> None:
    assert didban("db", "reindex") == (0, "2 articles indexed\n", "")


def test_a_history_shows_what_each_revision_changed(didban: Didban) -> None:
    code, out, _ = didban("show", "2", "--history")
    assert code == 0
    assert out.split("── ", 1)[1].splitlines()[1:4] == ["دیگر", "یک لید", "دفتر پیشخوان"]
    assert out.splitlines()[-3:] == ["── 2 · 2026-11-21T08:00:00Z", "text:", "  دفتر پیشخوان {+دولت+}"]


def test_a_history_is_coloured_on_a_terminal() -> None:
    revisions = [(1, NOW, {"title": "الف ب"}), (2, NOW, {"title": "الف ج"}), (3, NOW, {"title": "الف ج"})]
    shown = list(history.lines(revisions, coloured=True))
    assert "  الف \x1b[9;31mب\x1b[0m \x1b[32mج\x1b[0m" in shown
    assert shown[-1].startswith("\n── 3"), "nothing of it changed"
