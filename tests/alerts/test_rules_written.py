"""A rule as TOML: read back it is the same rule, whatever stands in it; and one file that replaces a rule of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.review import review
from alerts.rules import RuleSet, RulesFile, load, parse, parsed
from alerts.writing import as_toml
from didban.alert import Near, Rule
from didban.errors import RulesError

ODD = Rule(
    id="topic-1",
    title='گیومه " و \\ و \x7f',
    any=("دولت\N{ZERO WIDTH NON-JOINER}ها", "it's", 'سه """'),
    all=("الف",),
    none=("یک ]", "# دو"),
    near=(Near(terms=("حذف", "کاغذ|فرم"), within=6), Near(terms=("الف", "ب"), within=1)),
    exact=True,
    fields=("title", "lead"),
    sources=("irna",),
    provinces=("lorestan", "fars"),
    sections=("استان‌ها > لرستان",),
    priority="urgent",
    urgent_at_home=("title",),
    channels=("officer",),
    note="سطر یک\nسطر دو",
    match_examples=("نمونه " * 40,),
    not_examples=("نه",),
    replaces=True,
)


def test_what_is_written_is_read_back_as_the_same_rule() -> None:
    for rule in (ODD, *load()):
        assert parse(as_toml(rule)).rules == (rule,)


def test_what_is_as_usual_is_left_out_and_a_long_list_has_a_line_for_each() -> None:
    assert as_toml(Rule(id="a", title="آ", any=("ب",))) == '[rules.a]\ntitle = "آ"\nany = ["ب"]\n'
    long = as_toml(Rule(id="a", title="آ", any=("ب" * 60, "پ" * 60)))
    assert long.splitlines()[2:] == ["any = [", f'  "{"ب" * 60}",', f'  "{"پ" * 60}",', "]"]


def files(*texts: str) -> RuleSet:
    return parsed([RulesFile(f"{at}.toml", text.encode()) for at, text in enumerate(texts)])


FIRST = '[rules.a]\ntitle = "نخست"\nany = ["برق"]\n[rules.b]\ntitle = "دیگر"\nany = ["پست"]\n'
SECOND = '# نوشته\n[rules.a]\ntitle = "دوم"\nany = ["توان"]\nreplaces = true\n'


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_rule_that_replaces_stands_in_the_place_of_the_other_wherever_that_is(order: tuple[str, str]) -> None:
    rules = files(*order)
    assert [rule.title for rule in rules] == ["دوم", "دیگر"]
    assert rules.place("a", "any") == (f"{order.index(SECOND)}.toml", 4)
    assert rules.place("b") == (f"{order.index(FIRST)}.toml", 4)
    assert [rule.title for rule in rules.replaced] == ["نخست"]
    assert review(rules) == []


def test_where_there_is_nothing_to_replace_it_stands_by_itself_and_that_is_doubtful() -> None:
    alone = files(SECOND)
    assert (len(alone), alone.replaced) == (1, ())
    assert [str(remark) for remark in review(alone)] == [
        "0.toml:5: rule 'a': it replaces no rule: no other file has its id; mend the id"
    ]


@pytest.mark.parametrize("two", [FIRST, SECOND])
def test_two_of_a_kind_are_still_a_mistake(two: str) -> None:
    with pytest.raises(RulesError, match=r"^1\.toml:\d: rule 'a' stands in 0\.toml, too"):
        files(two, two)


def test_the_default_rules_may_be_replaced_one_by_one(tmp_path: Path) -> None:
    (egov,) = [rule for rule in load() if rule.id == "egov"]
    ours = replace(egov, any=(*egov.any, "دولت آنلاین"), replaces=True)
    (tmp_path / "ours.toml").write_text(as_toml(ours), "utf-8")
    rules = load(None, tmp_path)
    assert len(rules) == len(load())
    assert [rule for rule in rules if rule.id == "egov"] == [ours]
