"""`didban rules try` and `apply`: what rules find in the archive, shown before they go live, and kept as archived alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.rules import DEFAULT
from alerts.rules import load as load_rules
from didban.dates import day_bounds, parse_day
from flows import cli, look_back
from storage import tables
from storage.articles import Selection
from storage.evidence import PAGE
from storage.store import Store, open_store
from tests.conftest import SEEDS
from tests.support import article, judge, sighting

WATER = '[rules.water]\ntitle = "آب"\nany = ["سد"]\n'
DAMS = WATER.replace("سد", "سد کرخه")
POWER = '[rules.power]\ntitle = "برق"\nany = ["برق"]\n'


@dataclass
class House:
    """A folder with a store in it, and the commands at work there."""

    folder: Path
    store: Store
    capfd: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, list[str], list[str]]:
        """A command in this process: its exit code, the lines it prints and its complaints."""
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = self.capfd.readouterr()
        return code, out.splitlines(), err.splitlines()

    def json(self, *arguments: str) -> dict[str, Any]:
        code, (line,), err = self.run("rules", *arguments, "--json")
        assert (code, err) == (0, [])
        return json.loads(line)

    def looks(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """What is said of each rule that has something to say."""
        found = {rule["id"]: rule for rule in self.json(*arguments)["rules"]}
        return {name: rule for name, rule in found.items() if rule["articles"] or rule.get("lost")}

    def rules(self, text: str, name: str = "own.toml") -> str:
        (self.folder / name).write_text(text, "utf-8")
        return name

    def write(self, number: int, title: str, day: str | None = "1397-07-01", **facts: Any) -> int:
        """An article that no rule has looked at."""
        published = day_bounds(parse_day(day))[0] + timedelta(hours=9) if day else None
        given = {"lead": "", "text": f"متن خبر شمارهٔ {number} که به اندازهٔ یک رویداد بلند است و بس."} | facts
        url = f"https://www.irna.ir/news/{number}/x"
        made = article(id=str(number), url=url, title=title, published=published, **given)
        return self.store.articles.save(made, judge({}), sighting("backfill")).article

    def rows(self, *names: str) -> dict[str, list[tuple[Any, ...]]]:
        with self.store.database.read() as connection:
            found = {name: tables.metadata.tables[name] for name in names or tables.metadata.tables}
            return {
                name: sorted(map(tuple, connection.execute(select(table))), key=repr) for name, table in found.items()
            }


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[House]:
    monkeypatch.chdir(tmp_path)
    with closing(open_store(f"sqlite:///{tmp_path / 'var' / 'didban.db'}")) as store:
        yield House(tmp_path, store, capfd)


@pytest.fixture
def in_force(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    """A rules file of the operator's own, in force."""
    monkeypatch.setenv("DIDBAN_RULES", house.rules(WATER, "in-force.toml"))
    return "in-force.toml"


def import_seeds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The five seeds, saved while the only rule in force was one on water."""
    with monkeypatch.context() as then:
        then.setenv("DIDBAN_RULES", house.rules(WATER, "water.toml"))
        assert house.run("import", str(SEEDS))[0] == 0
    assert house.rows("alert", "match") == {"alert": [], "match": []}


# ── try and apply ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_apply_keeps_what_try_says_as_if_the_rules_had_been_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_seeds(house, monkeypatch)
    before = house.rows()
    tried = house.json("try", str(DEFAULT))
    dry = house.json("apply", "--dry-run")
    assert house.rows() == before, "neither writes"
    applied = house.json("apply")
    assert [one.pop("dry_run") for one in (dry, applied)] == [True, False]
    assert applied == dry
    for one in (tried, applied):
        assert (one["read"], one["matched"], one["in_force"]) == (5, 5, True)
        assert one["evidence"] == one["alerts"] == sum(rule["articles"] for rule in one["rules"])
    shared = ("id", "title", "articles", "evidence", "alerts", "sources", "months")
    assert [{key: rule[key] for key in shared} for rule in tried["rules"]] == applied["rules"]
    found = {rule["id"]: rule["articles"] for rule in applied["rules"]}
    assert {"egov": 3, "counter-offices": 5, "rural-ict": 2, "smart-city": 0}.items() <= found.items()

    told = [json.loads(line) for line in house.run("alerts", "--json")[1]]
    assert len(told) == applied["alerts"]
    assert not any(one["live"] or one["channels"] for one in told)
    assert house.rows("notification", "message") == {"notification": [], "message": []}
    assert house.run("notify")[1] == ["nothing new"]

    def evidence(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return sorted(row[1:] for row in rows)

    ours = evidence(house.rows("match")["match"])
    monkeypatch.setenv("DIDBAN_VAR", "other")
    assert house.run("import", str(SEEDS))[0] == 0
    with closing(open_store(f"sqlite:///{house.folder / 'other' / 'didban.db'}")) as other:
        assert evidence(House(house.folder, other, house.capfd).rows("match")["match"]) == ours


def test_applying_twice_changes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    import_seeds(house, monkeypatch)
    house.json("apply")
    before = house.rows()
    again = house.json("apply")
    assert (again["matched"], again["alerts"], again["evidence"]) == (5, 0, 0)
    assert house.rows() == before


def test_live_alerts_and_what_is_due_of_them_stay(house: House, in_force: str) -> None:
    live = judge({"water": "سد"}, live=True)
    one = article(title="سد کرخه پر شد", published=None)
    house.store.articles.save(one, live, sighting())
    house.write(2, "سد کارون")
    before = house.rows("notification")
    (alert,) = house.rows("alert")["alert"]
    assert house.looks("apply", house.rules(DAMS))["water"]["alerts"] == 0
    assert house.looks("apply")["water"]["alerts"] == 1
    assert house.rows("notification") == before
    assert len(before["notification"]) == 1
    kept = house.rows("alert")["alert"]
    assert alert in kept
    assert [told.alert.live for told in house.store.outbox.alerts()] == [False, True]


def test_a_story_raises_once_whichever_of_its_articles_is_met(house: House, in_force: str) -> None:
    text = "یک متن که دو خبرگزاری آن را عیناً منتشر کرده‌اند و به اندازهٔ کافی بلند است."
    for page in range(PAGE // 2 + 1):  # so many days between that the two are never on one page
        house.write(10 + page, "هوا", f"1397-07-{page % 28 + 2:02}")
    house.write(1, "سد کرخه", "1397-07-01", text=text)
    house.write(2, "سد کرخه", "1397-07-30", text=text, source="mehr")
    look = {"articles": 2, "evidence": 2, "alerts": 1}
    for arguments in (("apply", "--dry-run"), ("apply",)):
        assert look.items() <= house.looks(*arguments)["water"].items()
    (told,) = house.store.outbox.alerts()
    assert told.alert.article.source == "irna"


def test_what_ctrl_c_leaves_is_done_by_the_next_run(
    house: House, in_force: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = PAGE + 10
    for number in range(count):
        house.write(number, "سد", "1397-07-01")

    def stop(what: str, done: int, total: int) -> None:
        assert (what, done, total) == ("articles", PAGE, count)
        raise KeyboardInterrupt

    with monkeypatch.context() as then:
        then.setattr(cli, "_counted", stop)
        assert house.run("rules", "apply")[0] == 130
    assert len(house.rows("alert")["alert"]) == PAGE
    assert house.looks("apply")["water"]["alerts"] == 10
    assert house.looks("apply")["water"]["alerts"] == 0


# ── against the rules in force ────────────────────────────────────────────────────────────────────────────────────────


def test_a_narrower_rule_says_what_it_loses_and_a_wider_one_what_is_new(house: House, in_force: str) -> None:
    dam, other = house.write(1, "سد کرخه پر شد", "1397-07-01"), house.write(2, "سد کارون خالی است", "1397-08-02")
    look = house.looks("try", house.rules(DAMS))["water"]
    assert (look["standing"], look["articles"], look["new"], look["lost"]) == ("changed", 1, 0, 1)
    (kept,), (lost,) = look["samples"], look["samples_lost"]
    assert (kept["number"], kept["new"], lost["number"], lost["sentence"]) == (dam, False, other, "سد کارون خالی است")

    look = house.looks("try", house.rules(WATER.replace('"سد"', '"سد", "خالی"')))["water"]
    assert (look["articles"], look["new"], look["lost"]) == (2, 0, 0)
    look = house.looks("try", house.rules(WATER.replace("سد", "کرخه").replace('"]', '", "متن"]')))["water"]
    assert (look["articles"], look["new"], look["lost"]) == (2, 0, 0), "other evidence, the same articles"

    house.write(3, "آب‌بند تازه", "1397-08-03")
    look = house.looks("try", house.rules(WATER.replace('"سد"', '"کرخه", "آب‌بند"')))["water"]
    assert (look["articles"], look["new"], look["lost"]) == (2, 1, 1)
    assert [(one["title"], one["new"]) for one in look["samples"]] == [("آب‌بند تازه", True), ("سد کرخه پر شد", False)]


def test_a_rule_stands_as_new_same_or_changed_and_one_left_out_is_named(house: House, in_force: str) -> None:
    house.write(1, "برق و سد")
    house.rules(WATER + POWER, in_force)
    said = house.json("try", house.rules(POWER + WATER.replace("water", "dams")))
    assert [(rule["id"], rule["standing"], rule["new"]) for rule in said["rules"]] == [
        ("power", "same", 0),
        ("dams", "new", 1),
    ]
    assert said["gone"] == ["water"]
    assert house.json("try", "own.toml", "--rule", "dams")["gone"] == []
    _, out, _ = house.run("rules", "try", "own.toml")
    assert out[-2] == "in force, not in own.toml: water; the alerts they raised stay"


def test_a_narrowed_rule_keeps_its_history(house: House, in_force: str) -> None:
    house.write(1, "سد کارون")
    house.json("apply")
    before = house.rows()
    house.rules(DAMS, in_force)
    assert house.looks("apply") == {}
    assert house.rows() == before


def test_a_file_that_is_not_in_force_says_so_and_what_to_do(house: House, in_force: str) -> None:
    house.write(1, "برق و سد")
    path = house.rules(POWER)
    for command in ("try", "apply"):
        code, out, err = house.run("rules", command, path)
        assert (code, err) == (0, [])
        assert "own.toml is not in force" in out[-1]
        assert 'rules = "own.toml" in didban.toml' in out[-1]
        assert "DIDBAN_RULES=own.toml" in out[-1]
        assert house.json(command, path)["in_force"] is False
        copy = house.rules(WATER, "copy.toml")
        assert "not in force" not in "".join(house.run("rules", command, copy)[1]), "the same words elsewhere"
    assert "not in force" not in "".join(house.run("rules", "apply")[1])
    assert {told.alert.rule for told in house.store.outbox.alerts()} == {"power", "water"}


# ── counts and samples ────────────────────────────────────────────────────────────────────────────────────────────────


def test_counts_are_by_rule_source_and_jalali_month(house: House, in_force: str) -> None:
    house.write(1, "سد و برق", "1397-06-31")
    house.write(2, "سد", "1397-07-01")
    house.write(3, "برق", "1397-07-30", source="mehr")
    house.write(4, "سد", None)
    house.write(5, "هوا", "1397-07-30")
    said = house.json("try", house.rules(WATER + POWER))
    assert (said["read"], said["matched"]) == (5, 4)
    assert said["sources"] == {"irna": 3, "mehr": 1}
    assert list(said["months"].items()) == [("1397-07", 2), ("1397-06", 1), ("undated", 1)]
    water, power = said["rules"]
    assert (water["articles"], water["sources"]) == (3, {"irna": 3})
    assert water["months"] == {"1397-07": 1, "1397-06": 1, "undated": 1}
    assert (power["articles"], power["sources"]) == (2, {"mehr": 1, "irna": 1})
    assert power["months"] == {"1397-07": 1, "1397-06": 1}
    _, out, _ = house.run("rules", "try", "own.toml", "--samples", "0")
    assert out[:7] == [
        "rule\twater\t3\t0\t0\t3\tآب",
        "rule\tpower\t2\t2\t0\t2\tبرق",
        "source\tirna\t3\t\t\t\t",
        "source\tmehr\t1\t\t\t\t",
        "month\t1397-07\t2\t\t\t\t",
        "month\t1397-06\t1\t\t\t\t",
        "month\tundated\t1\t\t\t\t",
    ]
    assert out[7] == "4 of 5 articles match; nothing was written"


def test_only_the_articles_and_rules_asked_for_are_looked_at(house: House, in_force: str) -> None:
    house.write(1, "سد و برق", "1397-06-31")
    house.write(2, "سد و برق", "1397-07-01")
    house.write(3, "سد و برق", "1397-07-30", source="mehr")
    path = house.rules(WATER + POWER)
    assert house.json("try", path, "--since", "1397-07-01", "--until", "2018-09-23")["read"] == 1
    assert house.json("try", path, "--since", "۱۳۹۷/۰۷/۰۱")["read"] == 2
    assert house.json("try", path, "--source", "mehr")["read"] == 1
    assert [rule["id"] for rule in house.json("try", path, "--rule", "power")["rules"]] == ["power"]
    both = house.json("try", path, "--rule", "power", "--rule", "water")
    assert [rule["id"] for rule in both["rules"]] == ["water", "power"], "in the file's order"
    assert house.json("apply", "--until", "1397-07-01", "--source", "irna")["alerts"] == 2


def test_samples_are_the_newest_with_the_evidence_in_its_sentence(house: House, in_force: str) -> None:
    text = "باران بارید. با این باران «سد کرخه» در خوزستان پر شد. فردا آفتابی است."
    for number, day in enumerate(("1397-07-01", None, "1397-07-03", "1397-07-02"), 1):
        house.write(number, f"هوا {number}", day, text=f"{text} {number}")
    path = house.rules(DAMS.replace("water", "dams"))

    def numbers(*more: str) -> list[int]:
        return [one["number"] for one in house.looks("try", path, *more)["dams"]["samples"]]

    assert numbers() == [3, 4, 1]
    assert numbers("--samples", "1") == [3]
    assert numbers("--samples", "9") == [3, 4, 1, 2]
    assert numbers("--samples", "0") == []
    first = house.looks("try", path)["dams"]["samples"][0]
    assert first["sentence"] == "با این باران «سد کرخه» در خوزستان پر شد."
    assert text[first["start"] : first["end"]] == first["text"] == first["term"] == "سد کرخه"
    assert (first["field"], first["published_jalali"], first["new"]) == ("text", "1397-07-03T09:00", True)
    _, out, _ = house.run("rules", "try", path, "--samples", "1")
    at = out.index("dams · آب")
    assert out[at + 1] == "+ 3 · irna · ۳ مهر ۱۳۹۷، ۹:۰۰ · هوا 3"
    assert out[at + 2] == "    با این باران ««سد کرخه»» در خوزستان پر شد."


def test_a_samples_lines_hold_no_escape(house: House, in_force: str) -> None:
    house.write(1, "سد \x1b[2J\nکرخه", None, text="سد \x1b]0;x\x07 کرخه که متن آن به اندازهٔ یک رویداد بلند است و بس.")
    code, out, _ = house.run("rules", "try", house.rules(DAMS.replace(" کرخه", "")))
    assert code == 0
    assert not any(letter < " " for line in out for letter in line if letter != "\t")
    assert any("تاریخ نامعلوم" in line for line in out)


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["try", "apply"])
@pytest.mark.parametrize(
    ("rules", "arguments", "said"),
    [
        (WATER + "anny = []\n", (), "own.toml:4: rule 'water' has an unknown key: 'anny' (did you mean 'any'?)"),
        ("rules", (), "own.toml:1: is not TOML"),
        (WATER, ("--since", "1397-07-02", "--until", "1397-07-01"), "the first day, 2018-09-24, is after the last"),
        (WATER, ("--source", "irnaa"), "no source 'irnaa' (did you mean 'irna'?)"),
        (WATER, ("--source", "mehr"), "no article of this source and these days is stored; `didban backfill`"),
        (WATER, ("--since", "1404-01-01"), "no article of this source and these days is stored"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: str, rules: str, arguments: tuple[str, ...], said: str, house: House, in_force: str
) -> None:
    house.write(1, "سد")
    before = house.rows()
    code, out, err = house.run("rules", command, house.rules(rules), *arguments)
    assert (code, out, len(err)) == (1, [], 1)
    assert err[0].startswith(f"didban: {said}")
    assert house.rows() == before


def test_an_unknown_rule_an_absent_file_and_an_empty_archive_are_named(house: House, in_force: str) -> None:
    path = house.rules(WATER + POWER)
    empty = "didban: no article is stored; `didban backfill` and `didban import` bring articles"
    assert house.run("rules", "try", path) == (1, [], [empty])
    assert house.run("rules", "apply") == (1, [], [empty])
    house.write(1, "سد")
    unknown = "didban: own.toml: has no rule 'watr' (did you mean 'water'?)"
    assert house.run("rules", "try", path, "--rule", "power", "--rule", "watr") == (1, [], [unknown])
    code, _, (line,) = house.run("rules", "try", "absent.toml")
    assert (code, line) == (1, "didban: absent.toml: cannot be read: No such file or directory")
    assert house.run("rules", "try")[0] == 2


def test_ten_thousand_articles_are_a_line_where_there_is_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    for done in (200, 9_800, 10_000, 10_200):
        cli._counted("articles", done, 10_200)
    assert capfd.readouterr().err == "didban: 10000 of 10200 articles\n"


def test_a_look_back_alone_needs_no_settings(store: Store) -> None:
    """On either database: the default rules, on articles of which one is about none of them."""
    for number, title in enumerate(("دفاتر پیشخوان", "هوا"), 1):
        one = article(id=str(number), url=None, title=title, lead="", text=f"{title} " * 9)
        store.articles.save(one, judge({}), sighting())
    for keep, alerts in ((False, 1), (True, 1), (True, 0)):
        report = look_back.look_back(store, load_rules(), Selection(), keep=keep)
        assert (report.read, report.matched, report.looks["counter-offices"].alerts) == (2, 1, alerts)
