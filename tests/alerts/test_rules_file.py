"""A rules file is read whole or refused: what is wrong, on which line, and what was perhaps meant."""

from collections.abc import Iterator
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import pytest

from alerts.rules import KEYS, check_examples, load, parse, read
from didban.alert import Near, Rule
from didban.errors import RulesError

GOOD = """\
# قاعده‌ها
[rules.egov]
title = "دولت الکترونیک"
any = ["دولت الکترونیک"]
all = ["لرستان"]
none = ["دولت همراه"]
near = [{ terms = ["حذف", "کاغذ|فرم"], within = 6 }]
exact = true
fields = ["title", "lead"]
sources = ["irna"]
provinces = ["lorestan"]
sections = ["استان‌ها"]
priority = "urgent"
urgent_at_home = ["title"]
channels = ["officer"]
note = "یادداشت"
match_examples = ["بله"]
not_examples = ["نه"]

[rules.second]
title = "دوم"
all = ["دوم"]
"""


def test_every_key_is_read() -> None:
    rules = parse(GOOD, "my.toml")
    assert rules.rules[0] == Rule(
        id="egov",
        title="دولت الکترونیک",
        any=("دولت الکترونیک",),
        all=("لرستان",),
        none=("دولت همراه",),
        near=(Near(terms=("حذف", "کاغذ|فرم"), within=6),),
        exact=True,
        fields=("title", "lead"),
        sources=("irna",),
        provinces=("lorestan",),
        sections=("استان‌ها",),
        priority="urgent",
        urgent_at_home=("title",),
        channels=("officer",),
        note="یادداشت",
        match_examples=("بله",),
        not_examples=("نه",),
    )
    assert rules.rules[1] == Rule(id="second", title="دوم", all=("دوم",))
    assert [rule.id for rule in rules] == ["egov", "second"]
    assert (rules.path, rules.hash) == ("my.toml", sha256(GOOD.encode()).hexdigest())
    assert set(KEYS) | {"id"} == {part.name for part in fields(Rule)}


def test_near_may_be_an_array_of_tables_and_the_file_have_a_mark_at_its_head() -> None:
    text = "\ufeff[rules.a]\r\ntitle = 'x'\r\n[[rules.a.near]]\r\nterms = ['الف', 'ب']\r\nwithin = 3\r\n"
    assert parse(text).rules[0].near == (Near(terms=("الف", "ب"), within=3),)


def test_an_array_of_tables_in_error_is_found_too() -> None:
    text = "[rules.a]\ntitle = 'x'\n[[rules.a.near]]\nterms = ['الف', 'ب']\nwithn = 3\n"
    with pytest.raises(RulesError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.suggestion) == (5, "within")


RULE = '[rules.a]\ntitle = "x"\nany = ["تکفا"]\n'


@pytest.mark.parametrize(
    ("text", "line", "suggestion", "says"),
    [
        ("", None, None, "no rules"),
        ("[rules]\n", 1, None, "no rules"),
        ("rules = 3\n", 1, None, "no rules"),
        ("[rule.a]\ntitle = 'x'\n", 1, "rules", "only [rules.ID] tables"),
        (f"colour = 1\n{RULE}", 1, None, "'colour'"),
        (f"{RULE}anny = ['b']\n", 4, "any", "unknown key: 'anny'"),
        (f"{RULE}[rules.b]\ntitle = 'y'\nal = ['b']\n", 6, "all", "unknown key: 'al'"),
        (f"{RULE}[rules.b]\ntitle = 'y'\nany = ['b']\nfeilds = []\n", 7, "fields", "rule 'b'"),
        (f"{RULE}id = 'b'\n", 4, None, "unknown key: 'id'"),
        ("[rules.a]\nany = ['تکفا']\n", 1, None, "needs a title"),
        ("[rules.a]\ntitle = ' '\nany = ['تکفا']\n", 2, None, "needs a title"),
        ("[rules.a]\ntitle = 'x'\n", 1, None, "looks for nothing"),
        ("[rules.a]\ntitle = 'x'\nnone = ['b']\nany = []\n", 1, None, "looks for nothing"),
        ("[rules.a]\ntitle = 3\nany = ['b']\n", 2, None, "must be a string, not a number"),
        ("[rules.a]\ntitle = 'x'\nany = 'b'\n", 3, None, "must be a list of strings, not a string"),
        ("[rules.a]\ntitle = 'x'\nany = ['b', 3]\n", 3, None, "must be a list of strings"),
        ("[rules.a]\ntitle = 'x'\nany = ['b', ' ']\n", 3, None, "empty string"),
        ("[rules.a]\ntitle = 'x'\nany = [\n 'b',\n 'c',\n 'b',\n]\n", 4, None, "'b' twice"),
        ("[rules.a]\ntitle = 'x'\nany = [\n 'b',\n '«ـ»',\n]\n", 5, None, "no letter or digit"),
        ("[rules.a]\ntitle = 'x'\nany = [\n 'b',\n 'привет',\n]\n", 5, None, "neither Persian nor Latin"),
        ("[rules.a]\ntitle = 'x'\nany = [\n 'b|c',\n]\n", 4, None, "only 'near' knows"),
        ("[rules.a]\ntitle = 'x'\nany = [\n 'b',\n 'نسخه، دارو']\n", 5, None, "make it two terms"),
        (f"{RULE}exact = 'yes'\n", 4, None, "must be true or false"),
        (f"{RULE}fields = ['titel']\n", 4, "title", "unknown name 'titel'"),
        (f"{RULE}urgent_at_home = ['body']\n", 4, None, "unknown name 'body'"),
        (f"{RULE}provinces = ['lorstan']\n", 4, "lorestan", "unknown name"),
        (f"{RULE}priority = 'urgnt'\n", 4, "urgent", "none of urgent, normal, digest"),
        (f"{RULE}priority = 1979-05-27\n", 4, None, "none of urgent"),
        (f"{RULE}note = 1979-05-27\n", 4, None, "not a date or time"),
        (f"{RULE}near = 'b'\n", 4, None, "list of tables"),
        (f"{RULE}near = ['b']\n", 4, None, "list of tables"),
        (f"{RULE}near = [{{ terms = ['b'], within = 3 }}]\n", 4, None, "two or more strings"),
        (f"{RULE}near = [{{ within = 3 }}]\n", 4, None, "two or more strings"),
        (f"{RULE}near = [{{ terms = ['b', 'c'] }}]\n", 4, None, "'within'"),
        (f"{RULE}near = [{{ terms = ['b', 'c'], within = 0 }}]\n", 4, None, "'within'"),
        (f"{RULE}near = [{{ terms = ['b', 'c'], within = true }}]\n", 4, None, "'within'"),
        (f"{RULE}near = [\n {{ terms = ['b', 'c'], within = 2, withn = 2 }},\n]\n", 5, "within", "unknown key 'withn'"),
        (f"{RULE}near = [\n {{ terms = ['b', 'c|'], within = 2 }},\n]\n", 5, None, "no letter or digit"),
        ("[rules.'a b']\ntitle = 'x'\nany = ['b']\n", 1, None, "rule id 'a b'"),
        (f"{RULE}[rules.A]\ntitle = 'x'\nany = ['b']\n", 4, None, "rule id 'A'"),
        (f"{RULE}[rules]\nb = 3\n", 5, None, "must be a table"),
        ("[rules]\nb = 3\n", 2, None, "must be a table"),
        (f"{RULE}{RULE}", 4, None, "twice"),
        (f"{RULE}any = ['b']\n", 4, None, "not TOML"),
        ("[rules.a\n", 1, None, "not TOML"),
        ("[rules.a]\ntitle = 'x'\nany = ['b'", 3, None, "not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int | None, suggestion: str | None, says: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse(text, "my.toml")
    error = caught.value
    assert says in str(error)
    assert "\n" not in str(error)
    assert str(error).startswith("my.toml:")
    assert error.suggestion == suggestion
    assert error.line == line


def test_bytes_that_are_no_text_are_refused_by_line() -> None:
    with pytest.raises(RulesError, match=r"my\.toml:2: is not UTF-8"):
        parse(b"[rules.a]\ntitle = '\xcf\xe6'\n", "my.toml")


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(RulesError, match="not TOML"):
        parse("a = " + "[" * 100_000)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")
    with pytest.raises(RulesError, match="cannot be read"):
        load(tmp_path)


def test_a_file_that_is_taken_away_while_its_folder_is_read_is_no_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.toml").write_text(GOOD, encoding="utf-8")
    listed, iterdir = [], Path.iterdir

    def iterating(folder: Path) -> Iterator[Path]:
        yield from iterdir(folder)
        if not listed:
            yield folder / "gone.toml"
        listed.append(folder)

    monkeypatch.setattr(Path, "iterdir", iterating)
    assert [Path(file.path).name for file in read(None, tmp_path)] == ["rules.toml", "here.toml"]
    monkeypatch.undo()
    (tmp_path / "dangling.toml").symlink_to(tmp_path / "nothing")
    with pytest.raises(RulesError, match=r"dangling\.toml: cannot be read"):
        read(None, tmp_path)


def test_a_file_is_read_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load(path) == parse(path.read_bytes(), str(path))


def test_examples_are_tried_where_their_rule_looks() -> None:
    rules = parse(
        "[rules.a]\ntitle = 'x'\nany = ['تکفا']\nfields = ['lead']\nsources = ['irna']\nprovinces = ['yazd']\n"
        "sections = ['استان‌ها']\nmatch_examples = ['طرح تکفا', 'چیز دیگر']\nnot_examples = ['اکتفا', 'تکفای ۲']\n"
    )
    failures = [(failure.rule, failure.example, failure.expected) for failure in check_examples(rules)]
    assert failures == [("a", "چیز دیگر", True), ("a", "تکفای ۲", False)]


def test_the_default_rules_are_sound_and_each_has_examples_that_hold() -> None:
    rules = load()
    assert check_examples(rules) == []
    for rule in rules:
        assert rule.match_examples, rule.id
        assert rule.not_examples, rule.id
    assert len(rules) == 25
