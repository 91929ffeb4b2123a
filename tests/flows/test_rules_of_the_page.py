"""The files of the rules that officers write: readable, whole or not at all, never over what a person wrote by hand."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from alerts.rules import RuleSet, load
from didban.alert import Rule
from didban.errors import Overtaken, RulesError
from didban.settings import Settings
from flows import own_rules
from flows.rulebook import Rulebook, in_force
from storage.store import open_store
from tests.support import NOW, article, sighting

OWN = '# a person\'s own words\n[rules.water]\ntitle = "آب"\nany = ["سد"]  # not the sea\n'
NEW = Rule(id="topic-1", title="برق", any=("نیروگاه",))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "own.toml").write_text(OWN, "utf-8")
    return Settings(var=tmp_path, rules=tmp_path / "own.toml", channels={"officer": SecretStr("console:")})


def rules(settings: Settings) -> RuleSet:
    return load(settings.rules, settings.rules_folder)


def entries(settings: Settings) -> dict[str, own_rules.Entry]:
    return {entry.rule.id: entry for entry in own_rules.entries(rules(settings), settings)}


def keep(settings: Settings, rule: Rule, seen: str = "", by: str = "web") -> None:
    own_rules.keep(settings, rule, seen=seen, by=by, now=NOW)


def names(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.rules_folder.iterdir() if path.name != ".lock")


def test_a_new_rule_is_a_file_that_a_person_can_read(settings: Settings) -> None:
    keep(settings, NEW, by="کارشناس\n[rules.evil]")
    assert names(settings) == ["page-topic-1.toml"]
    head, *rest = (settings.rules_folder / "page-topic-1.toml").read_text("utf-8").splitlines()
    assert head.startswith("# ۳۰ آبان ۱۴۰۵، ۱۱:۳۰، از صفحهٔ دیده‌بان، کارشناس [rules.evil].")
    assert rest == ["[rules.topic-1]", 'title = "برق"', 'any = ["نیروگاه"]']
    assert [rule.id for rule in in_force(settings)] == ["water", "topic-1"]
    assert entries(settings)["topic-1"].kind == "page"


def test_an_operators_rule_is_replaced_beside_and_stays_as_it_was_written(settings: Settings) -> None:
    water = entries(settings)["water"]
    assert (water.kind, water.locked) == ("operator", False)
    keep(settings, replace(water.rule, any=("سد", "آب‌بند")), water.version)
    assert (settings.var / "own.toml").read_text("utf-8") == OWN
    now = entries(settings)["water"]
    assert (now.kind, now.rule.replaces, now.rule.any) == ("page", True, ("سد", "آب‌بند"))
    keep(settings, replace(now.rule, any=("آب‌بند",)), now.version)
    assert [rule.any for rule in rules(settings)] == [("آب‌بند",)]
    own_rules.take_back(settings, "water", seen=entries(settings)["water"].version, now=NOW)
    assert [rule.any for rule in rules(settings)] == [("سد",)]
    assert names(settings) == ["page-water.toml.20261121-080000.old"], "what was written is kept"


def test_a_rule_of_the_page_that_is_taken_back_is_gone(settings: Settings) -> None:
    keep(settings, NEW)
    own_rules.take_back(settings, "topic-1", seen=own_rules.version(NEW), now=NOW)
    assert list(entries(settings)) == ["water"]
    with pytest.raises(RulesError, match="was not written by the page"):
        own_rules.take_back(settings, "water", seen=entries(settings)["water"].version, now=NOW)


def test_what_a_person_changed_by_hand_is_theirs(settings: Settings) -> None:
    keep(settings, NEW)
    path = settings.rules_folder / "page-topic-1.toml"
    path.write_text(path.read_text("utf-8") + "# mine\n", "utf-8")
    entry = entries(settings)["topic-1"]
    assert (entry.kind, entry.locked) == ("operator", True)
    with pytest.raises(RulesError, match="was written by hand"):
        keep(settings, replace(NEW, any=("برق",)), entry.version)
    with pytest.raises(RulesError, match="was not written by the page"):
        own_rules.take_back(settings, "topic-1", seen=entry.version, now=NOW)
    assert path.read_text("utf-8").endswith("# mine\n")


def test_who_comes_second_is_told_and_nothing_of_the_first_is_lost(settings: Settings) -> None:
    seen = entries(settings)["water"].version
    water = entries(settings)["water"].rule
    outcomes: list[str] = []

    def save(phrase: str) -> None:
        try:
            keep(settings, replace(water, any=(phrase,)), seen)
            outcomes.append(phrase)
        except Overtaken:
            outcomes.append("overtaken")

    both = [threading.Thread(target=save, args=(phrase,)) for phrase in ("چاه", "قنات")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    (first,) = [phrase for phrase in outcomes if phrase != "overtaken"]
    assert len(outcomes) == 2
    assert entries(settings)["water"].rule.any == (first,)
    with pytest.raises(Overtaken):
        keep(settings, replace(NEW, id="water"))


def test_a_form_that_is_sent_twice_is_one_rule(settings: Settings) -> None:
    keep(settings, NEW)
    with pytest.raises(Overtaken, match="meanwhile"):
        keep(settings, replace(NEW, id="topic-2"))
    assert names(settings) == ["page-topic-1.toml"]


def test_a_run_works_by_it_from_its_next_look_on(settings: Settings) -> None:
    with closing(open_store(settings.store_url)) as store:
        book = Rulebook(settings, store, operator=(), clock=lambda: NOW)
        assert book.refresh() == ""
        keep(settings, NEW)
        assert book.refresh().endswith("has changed; 2 rules are in force")
        found, plans = book(article(text="نیروگاه تازه"), sighting())
        assert [match.rule for match in found] == [plan.rule for plan in plans] == ["topic-1"]


def test_what_would_not_be_in_force_is_not_written(settings: Settings) -> None:
    with pytest.raises(RulesError, match="names the channel 'nobody'"):
        keep(settings, replace(NEW, channels=("nobody",)))
    with pytest.raises(RulesError, match="has no letter or digit"):
        keep(settings, replace(NEW, any=("—",)))
    (settings.var / "own.toml").write_text(OWN + "[rules.water]\n", "utf-8")
    with pytest.raises(RulesError, match="not TOML"):
        keep(settings, NEW)
    assert names(settings) == []
