"""Which rules a run works by: a changed file at once, a broken one never, and who hears of it; `didban rules check`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.channels.json_part import json_parts
from demo.site import Site
from didban.alert import RULES, AnyDraft
from didban.errors import RulesError
from didban.settings import Settings, load
from flows import cli, shift, status
from flows.rulebook import Rulebook, path_of
from flows.workshop import workshop
from storage.store import Store, open_store
from tests.conftest import SEEDS
from tests.support import Hands, article, judge, sighting

FIRST = '[rules.first]\ntitle = "یک"\nany = ["دولت الکترونیک"]\n'
SECOND = '[rules.second]\ntitle = "دو"\nany = ["یک تیتر"]\n'
BROKEN = FIRST + 'prioriti = "urgent"\n'


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rules file of one's own, in a folder where commands run."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("VAR", str(tmp_path / "var")), ("RULES", "own.toml"), ("CHANNEL_OFFICE", "file:office.jsonl")):
        monkeypatch.setenv(f"DIDBAN_{name}", value)
    path = tmp_path / "own.toml"
    path.write_text(FIRST, "utf-8")
    return path


class Desk:
    """A store, a clock, and the rulebooks of processes that come one after the other."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings, self.hands = store, settings, Hands()

    def book(self) -> Rulebook:
        self.hands.forward(timedelta(hours=1))
        return Rulebook(self.settings, self.store, operator=("office",), clock=self.hands)

    def heard(self) -> list[tuple[str, str]]:
        """What the operator has been told since the last look, as state and detail."""
        said: list[tuple[str, str]] = []

        def render(draft: AnyDraft) -> tuple[str, ...]:
            (part,) = json_parts(draft, {})
            notice = json.loads(part)["notice"]
            assert notice["source"] == RULES
            said.append((notice["state"], notice["detail"]))
            return (part,)

        self.store.outbox.close_due(["office"], render, now=self.hands() + timedelta(days=1))
        return said


@pytest.fixture
def desk(store: Store, rules: Path) -> Desk:
    return Desk(store, load())


def matched(book: Rulebook) -> list[str]:
    matches, plans = book(article(), sighting())
    assert {match.rule for match in matches} == {plan.rule for plan in plans}
    return sorted({plan.rule for plan in plans})


def test_a_changed_file_is_in_force_without_a_restart(desk: Desk, rules: Path) -> None:
    book = desk.book()
    assert (matched(book), book.refresh(), book.problem) == (["first"], "", "")
    rules.write_text(FIRST + SECOND, "utf-8")
    assert book.refresh() == "own.toml: has changed; 2 rules are in force"
    assert (matched(book), book.refresh()) == (["first", "second"], "")
    (rules.parent / "rules.d").mkdir()
    (rules.parent / "rules.d" / "more.toml").write_text(SECOND.replace("second", "third"), "utf-8")
    assert "3 rules" in book.refresh()
    assert matched(book) == ["first", "second", "third"]
    kept = desk.store.rulesets.get(path_of(desk.settings))
    assert kept is not None
    assert [Path(path).name for path, _ in kept.files] == ["own.toml", "more.toml"]
    assert desk.heard() == []


def test_a_broken_file_leaves_the_last_good_rules_in_force_and_is_told_once(desk: Desk, rules: Path) -> None:
    running = desk.book()
    rules.write_text(BROKEN, "utf-8")
    assert "own.toml:4: " in running.refresh()
    assert running.problem.endswith("did you mean 'priority'?); the last good rules are in force")
    assert (matched(running), running.refresh()) == (["first"], "")
    ((state, detail),) = desk.heard()
    assert (state, detail) == (
        "broken",
        "own.toml:4: rule 'first' has an unknown key: 'prioriti' (did you mean 'priority'?)",
    )

    later = desk.book()  # a shift that begins on it
    assert (matched(later), later.problem) == (["first"], running.problem)
    assert desk.heard() == []

    rules.write_text("[", "utf-8")
    assert "is not TOML" in later.refresh()
    assert [state for state, _ in desk.heard()] == ["broken"]
    assert "is not TOML" in running.refresh()
    assert desk.heard() == []

    rules.write_text(FIRST, "utf-8")
    assert later.refresh() == "own.toml: has changed; 1 rules are in force"
    assert (running.refresh() != "", running.problem) == (True, "")
    assert desk.heard() == [("healthy", "")]
    assert desk.book().problem == ""
    assert desk.heard() == []


def test_a_trouble_that_ends_before_it_was_told_is_not_told(desk: Desk, rules: Path) -> None:
    book = desk.book()
    rules.write_text(BROKEN, "utf-8")
    book.refresh()
    rules.write_text(FIRST + SECOND, "utf-8")
    book.refresh()
    assert desk.heard() == []
    assert [notice.state for _, notice in desk.store.notices()] == ["healthy", "broken"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("", "utf-8"),
        lambda path: path.write_text(FIRST + 'channels = ["pager"]\n', "utf-8"),
        lambda path: (
            (path.parent / "rules.d").mkdir() or (path.parent / "rules.d" / "x.toml").write_text(FIRST, "utf-8")
        ),
    ],
    ids=["gone", "no-text", "empty", "unknown-channel", "an-id-twice"],
)
def test_whatever_breaks_it_the_rules_go_on(spoil: Callable[[Path], object], desk: Desk, rules: Path) -> None:
    book = desk.book()
    spoil(rules)
    assert book.refresh().endswith("; the last good rules are in force")
    assert matched(book) == matched(desk.book()) == ["first"]
    assert [state for state, _ in desk.heard()] == ["broken"]


def test_without_any_good_rules_nothing_begins(desk: Desk, rules: Path) -> None:
    rules.write_text(BROKEN, "utf-8")
    with pytest.raises(RulesError, match=r"own\.toml:4"):
        desk.book()
    assert desk.store.notices() == []


def test_a_process_that_lacks_a_channel_blames_nobody_else(
    desk: Desk, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command typed in a shell without the service's environment: the file is as good as it was."""
    rules.write_text(FIRST + 'channels = ["office"]\n', "utf-8")
    desk.book()
    monkeypatch.delenv("DIDBAN_CHANNEL_OFFICE")
    poor = Desk(desk.store, load())
    for text in (rules.read_text("utf-8"), BROKEN):
        rules.write_text(text, "utf-8")
        with pytest.raises(RulesError, match="names the channel 'office'; the channels are: console"):
            poor.book()
    assert desk.heard() == []
    assert desk.store.notices() == []


def test_a_running_process_that_lacks_a_channel_goes_on_by_its_own_rules(
    desk: Desk, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = desk.book()
    rules.write_text(FIRST + 'channels = ["sms"]\n', "utf-8")
    monkeypatch.setenv("DIDBAN_CHANNEL_SMS", "file:sms.jsonl")
    later = Rulebook(load(), desk.store, operator=("office",), clock=desk.hands)
    assert later.problem == ""
    assert "names the channel 'sms'" in running.refresh()
    assert (matched(running), running.refresh()) == (["first"], "")
    assert desk.heard() == []
    rules.write_text(FIRST + SECOND, "utf-8")
    assert "2 rules are in force" in running.refresh()


def test_each_file_has_last_good_rules_of_its_own(desk: Desk, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.book()
    other = rules.with_name("other.toml")
    other.write_text(BROKEN, "utf-8")
    monkeypatch.setenv("DIDBAN_RULES", "other.toml")
    with pytest.raises(RulesError, match=r"other\.toml:4"):
        Desk(desk.store, load()).book()


# ── runs and commands ────────────────────────────────────────────────────────────────────────────────────────────────


def notices(folder: Path) -> list[tuple[str, str]]:
    path = folder / "var" / "office.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [
        (said["notice"]["source"], said["notice"]["state"])
        for said in map(json.loads, lines)
        if said["kind"] == "notice"
    ]


def test_a_shift_takes_a_changed_file_between_two_passes(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIDBAN_RATE", "1000")
    monkeypatch.setenv("DIDBAN_ALERT_WINDOW", "unlimited")
    lines: list[str] = []
    write = rules.write_text

    async def two_passes(site: Site) -> None:
        async with workshop(load(), ["irna"]) as shop:
            for text in (FIRST, SECOND.replace("یک تیتر", "پیشخوان"), BROKEN):
                write(text, "utf-8")
                await shift._watch(shop, shop.sources[0], shop.pipeline.now(), [], lines.append)
                site.grow()

    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        asyncio.run(two_passes(site))
    assert [line for line in lines if "own.toml" in line and "has changed; 1 rules" in line]
    assert [line for line in lines if "own.toml:4" in line]
    store = open_store(load().store_url)
    raised = {told.alert.rule for told in store.outbox.alerts()}
    store.close()
    assert raised == {"first", "second"}


def test_a_shift_that_begins_on_a_broken_file_watches_and_tells(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIDBAN_RATE", "1000")
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        cli_run("import", str(SEEDS))
        rules.write_text(BROKEN, "utf-8")
        reports: list[str] = []
        tally = shift.run(load(), report=reports.append)
        assert tally.new > 20
        assert "the last good rules are in force" in reports[0]
        assert notices(rules.parent) == [(RULES, "broken")]
        shift.run(load())
        assert notices(rules.parent) == [(RULES, "broken")]
    capfd.readouterr()

    now = status.status(load())
    assert not now.well
    assert (now.rules.rules, now.rules.hash != "", "prioriti" in now.rules.problem) == (1, True, True)
    assert cli_run("status") == 1
    assert "\n  not in force: own.toml:4: " in capfd.readouterr().out
    assert cli_run("rules") == 0
    out, err = capfd.readouterr()
    assert (out.startswith("first\tیک\tnormal"), "the last good rules are in force" in err) == (True, True)
    assert cli_run("import", str(SEEDS)) == 0
    assert "own.toml:4" in capfd.readouterr().err

    rules.write_text(FIRST + SECOND, "utf-8")
    assert status.status(load()).rules.waiting
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        shift.run(load())
    assert notices(rules.parent) == [(RULES, "broken"), (RULES, "healthy")]
    capfd.readouterr()
    cli_run("status", "--json")
    said = json.loads(capfd.readouterr().out)["rules"]
    assert (said["file"], said["rules"], said["problem"], said["waiting"]) == (str(rules), 2, "", False)


def cli_run(*arguments: str) -> int:
    try:
        cli.main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_check_says_what_is_doubtful_and_asks_the_archive(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli_run("rules", "check") == 0
    assert capfd.readouterr() == ("own.toml: 1 rules, no mistakes\n", "")
    assert not (rules.parent / "var").exists()  # nothing is made to look

    rules.write_text(FIRST.replace('["', '["متن", "') + 'sources = ["irnaa"]\n', "utf-8")
    store = open_store(load().store_url)
    for number in range(20):
        store.articles.save(
            article(id=str(number), url=f"https://irna.ir/{number}", source="irnaa"), judge({}), sighting()
        )
    store.close()
    assert cli_run("rules", "check") == 0
    out, err = capfd.readouterr()
    assert out == "own.toml: 1 rules, no mistakes, 3 doubtful (20 articles of the archive were asked)\n"
    assert [line.split("; ")[0] for line in err.splitlines()] == [
        "didban: own.toml:3: rule 'first': «متن» is found in 20 of 20 articles of the archive (100%)",
        "didban: own.toml:3: rule 'first': «دولت الکترونیک» is found in 20 of 20 articles of the archive (100%)",
        "didban: own.toml:4: rule 'first': there is no source «irnaa»",
    ]
    assert cli_run("rules", "check", "--strict") == 1
    capfd.readouterr()
    assert cli_run("rules", "check", "--json") == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["rules"], said["articles"], said["mistake"], len(said["doubts"])) == (1, 20, None, 3)
    assert said["doubts"][2] == {
        "path": "own.toml", "line": 4, "rule": "first", "kind": "source",
        "problem": "there is no source «irnaa»", "advice": "did you mean 'irna'?", "term": "irnaa",
    }  # fmt: skip

    rules.write_text(BROKEN, "utf-8")
    assert cli_run("rules", "check", "--json") == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["mistake"] == {
        "path": "own.toml", "line": 4, "problem": "rule 'first' has an unknown key: 'prioriti'", "suggestion": "priority",
    }  # fmt: skip
    assert err.count("\n") == 1


def test_a_store_that_cannot_be_asked_is_said_and_the_rest_is_checked(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = rules.with_name("bad.db")
    bad.write_bytes(b"not a database at all " * 100)
    monkeypatch.setenv("DIDBAN_DATABASE_URL", f"sqlite:///{bad}")
    assert cli_run("rules", "check") == 0
    out, err = capfd.readouterr()
    assert out == "own.toml: 1 rules, no mistakes\n"
    assert err.startswith("didban: the archive was not asked: ")
    assert err.count("\n") == 1
