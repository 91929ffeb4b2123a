"""What is doubtful in a rules file: each kind is found where it is, and what is sound is left alone."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.review import FEWEST, Remark, archive, review
from alerts.rules import RuleSet, load, parse
from didban.article import Article
from didban.errors import RulesError


def remarks(text: str, **known: list[str]) -> list[Remark]:
    return review(parse(text, "my.toml"), **known)


def kinds(text: str, **known: list[str]) -> list[tuple[str, int | None, str]]:
    return [(one.kind, one.line, one.rule) for one in remarks(text, **known)]


def test_the_default_rules_leave_no_doubt() -> None:
    assert review(load(), sources=["irna"], channels=["console"]) == []


@pytest.mark.parametrize(
    ("text", "kind", "line", "says"),
    [
        ('any = [\n "دولت الکترونیک",\n "و",\n]', "letter", 5, "«و» is one letter"),
        ('any = ["دولت"]\nnone = ["۵"]', "letter", 4, "bars nearly every sentence"),
        ('any = ["نسخه. دارو"]', "never", 3, "a sentence ends inside it"),
        ('any = ["دولت الکترونیک", "كارت ملي", "کارت ملی"]', "spelling", 3, "«کارت ملی», and «كارت ملي» finds that, too"),
        ('any = ["دفاتر پیش‌خوان", "دفتر پیشخوان"]', "spelling", 3, "delete «دفتر پیشخوان»"),
        ('any = ["دولت الکترونیک", "دولت‌های الکترونیکی"]', "spelling", 3, "delete «دولت‌های الکترونیکی»"),
        ('any = ["ICT", "ict"]', "spelling", 3, "delete «ict»"),
        ('near = [{ terms = ["حذف", "دفتر|دفاتر"], within = 3 }]', "spelling", 3, "delete «دفاتر»"),
        ('any = ["پیشخوان"]\nnone = ["روزنامه صبح", "روزنامه"]', "needless", 4, "«روزنامه» bars all that it bars"),
        ('any = ["پیشخوان روزنامه", "دولت"]\nnone = ["روزنامه"]', "barred", 3, "it is never evidence"),
        ('all = ["پیشخوان روزنامه"]\nnone = ["پیشخوان"]', "barred", 3, "«پیشخوان» of 'none'"),
        # sound: a longer phrase is the better evidence; an exact term has one spelling; the marks of «دفتر» are no other word's
        ('any = ["دفاتر پیش‌خوان", "دفاتر پیش‌خوان دولت"]', "", None, ""),
        ('exact = true\nany = ["دفتر", "دفاتر"]', "", None, ""),
        ('any = ["شهر هوشمند", "شهرداری هوشمند"]\nnone = ["شهر", "شهرداری"]', "barred", 3, "«شهر»"),
        ('any = ["دولت"]\nnone = ["دولت همراه"]', "", None, ""),
    ],
)  # fmt: skip
def test_a_doubtful_term_is_named_with_its_line(text: str, kind: str, line: int | None, says: str) -> None:
    found = remarks(f'[rules.a]\ntitle = "الف"\n{text}\n')
    if not kind:
        assert found == []
    else:
        assert kind in {one.kind for one in found}
        (first,) = [one for one in found if one.kind == kind][:1]
        assert says in str(first)
        assert str(first).startswith("my.toml:")
        assert "\n" not in str(first)
        assert first.line == line


def rule(id_: str, body: str) -> str:
    return f'[rules.{id_}]\ntitle = "{id_}"\n{body}\n'


WIDE = rule("wide", 'any = ["پیش‌خوان"]')


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        (WIDE, 'any = ["دفاتر پیشخوان دولت", "پیشخوان‌های شهر"]', True),
        (WIDE, 'any = ["دفاتر پیشخوان دولت", "دفاتر دولت"]', False),
        (WIDE, 'any = ["دفاتر پیشخوان"]\npriority = "urgent"', False),  # it makes it urgent
        (WIDE, 'any = ["دفاتر پیشخوان"]\nurgent_at_home = ["title"]', False),
        (WIDE, 'any = ["دفاتر پیشخوان"]\npriority = "digest"\nchannels = ["x"]', True),
        (rule("wide", 'any = ["پیش‌خوان"]\nchannels = ["x"]'), 'any = ["دفاتر پیشخوان"]', False),
        (rule("wide", 'any = ["پیش‌خوان"]\nchannels = ["x"]'), 'any = ["دفاتر پیشخوان"]\nchannels = ["x"]', True),
        (WIDE, 'near = [{ terms = ["دفتر پیشخوان|پیشخوان", "تعطیل"], within = 5 }]', True),
        (WIDE, 'near = [{ terms = ["دفتر پیشخوان|باجه", "تعطیل"], within = 5 }]', False),
        (WIDE, 'any = ["لرستان"]\nall = ["دفتر پیشخوان"]', True),
        (WIDE, 'all = ["دفتر پیشخوان"]', True),
        (WIDE, 'any = ["دفاتر پیشخوان"]\nfields = ["title"]', True),
        (rule("wide", 'any = ["پیشخوان"]\nfields = ["title"]'), 'any = ["دفاتر پیشخوان"]', False),
        (rule("wide", 'any = ["پیشخوان"]\nfields = ["title", "lead"]'), 'any = ["دفاتر پیشخوان"]\nfields = ["lead"]', True),
        (rule("wide", 'any = ["پیشخوان"]\nsources = ["irna"]'), 'any = ["دفاتر پیشخوان"]', False),
        (rule("wide", 'any = ["پیشخوان"]\nprovinces = ["yazd"]'), 'any = ["دفاتر پیشخوان"]\nprovinces = ["yazd"]', True),
        (rule("wide", 'any = ["پیشخوان"]\nnone = ["روزنامه"]'), 'any = ["دفاتر پیشخوان"]', False),
        (rule("wide", 'any = ["پیشخوان"]\nnone = ["روزنامه صبح"]'), 'any = ["دفاتر پیشخوان"]\nnone = ["روزنامه"]', True),
        (rule("wide", 'any = ["پیشخوان"]\nexact = true'), 'any = ["دفاتر پیشخوان"]', False),
        (WIDE, 'any = ["دفاتر پیشخوان"]\nexact = true', True),
        (rule("wide", 'any = ["پیشخوان"]\nall = ["لرستان"]'), 'any = ["دفاتر پیشخوان"]', False),
        (rule("wide", 'any = ["پیشخوان"]\nall = ["لرستان"]'), 'any = ["دفاتر پیشخوان"]\nall = ["استان لرستان"]', True),
        (rule("wide", 'all = ["لرستان"]'), 'any = ["پیشخوان لرستان", "استانداری لرستان"]', True),
        (rule("wide", 'near = [{ terms = ["حذف", "کاغذ|فرم"], within = 6 }]'),
         'near = [{ terms = ["کاغذ", "حذف"], within = 4 }]', True),
        (rule("wide", 'near = [{ terms = ["حذف", "کاغذ|فرم"], within = 6 }]'),
         'near = [{ terms = ["کاغذ", "حذف"], within = 8 }]', False),
        (rule("wide", 'near = [{ terms = ["حذف", "کاغذ"], within = 6 }]'),
         'near = [{ terms = ["کاغذ|فرم", "حذف"], within = 4 }]', False),
        (rule("wide", 'any = ["دولت"]\nnear = [{ terms = ["حذف", "کاغذ"], within = 6 }]'),
         'any = ["دولت هوشمند"]\nnear = [{ terms = ["کاغذ", "حذف"], within = 4 }]', True),
    ],
)  # fmt: skip
def test_a_rule_is_covered_when_it_adds_nothing(wide: str, narrow: str, covered: bool) -> None:
    for text in (wide + rule("narrow", narrow), rule("narrow", narrow) + wide):
        assert [one.rule for one in remarks(text) if one.kind == "covered"] == (["narrow"] if covered else [])


def test_of_two_rules_that_are_one_the_later_is_named() -> None:
    text = rule("first", 'any = ["دفتر پیشخوان"]') + rule("second", 'any = ["دفاتر پیش‌خوان"]')
    assert kinds(text) == [("covered", 4, "second")]
    assert "rule 'first' finds, too" in str(remarks(text)[0])


def test_names_that_nobody_knows_come_with_the_nearest() -> None:
    text = rule("a", 'any = ["تکفا"]\nsources = ["irnaa"]\nchannels = ["oficer"]')
    assert [(one.kind, one.line, one.advice) for one in remarks(text, sources=["irna"], channels=["officer"])] == [
        ("source", 4, "did you mean 'irna'?"),
        ("channel", 5, "did you mean 'officer'?"),
    ]
    assert remarks(text) == []


# ── by the archive ───────────────────────────────────────────────────────────────────────────────────────────────────


def articles(*texts: str, section: str | None = None) -> list[Article]:
    return [Article(source="irna", title="خبر", text=text, section=section) for text in texts]


def test_a_term_of_half_the_archive_is_counted() -> None:
    rules = parse(
        rule("a", 'any = [\n "گزارش",\n "تکفا",\n]\nnear = [{ terms = ["حذف", "کاغذ"], within = 3 }]'), "my.toml"
    )
    found = archive(rules, articles(*["به گزارش خبرنگار"] * 60, *["حذف کاغذ"] * 8, *["تکفا"] * 32))
    assert [(one.kind, one.line) for one in found] == [("common", 4), ("common", 5)]
    assert "«گزارش» is found in 60 of 100 articles of the archive (60%)" in str(found[0])
    assert archive(rules, articles(*["حذف کاغذ"] * 40, *["دیگر"] * 60))[0].line == 7
    assert archive(rules, articles(*["به گزارش خبرنگار"] * (FEWEST - 1))) == []  # too few to tell
    assert archive(rules, articles(*["به گزارش خبرنگار"] * 5, *["دیگر"] * 15)) == []  # a quarter of 20 may be chance


def test_a_condition_that_is_common_is_no_doubt_but_a_rule_of_nothing_else_is() -> None:
    texts = articles(*["استان لرستان و تکفا"] * 12)
    assert archive(parse(rule("a", 'all = ["لرستان"]\nany = ["طرح"]')), texts) == []
    assert [one.kind for one in archive(parse(rule("a", 'all = ["لرستان"]')), texts)] == ["common"]


def test_a_section_that_no_article_has_comes_with_the_nearest() -> None:
    rules = parse(rule("a", 'any = ["تکفا"]\nsections = ["استانها > لرستان", "اقتصد"]'), "my.toml")
    texts = articles(*["خبر"] * 12, section="استان\N{ZERO WIDTH NON-JOINER}ها > لرستان") + articles(
        "خبر", section="اقتصاد"
    )
    (only,) = archive(rules, texts)
    assert (only.kind, only.line) == ("section", 4)
    assert "«اقتصد»; did you mean 'اقتصاد'?" in str(only)


# ── many rules, many files ───────────────────────────────────────────────────────────────────────────────────────────


def many(count: int) -> str:
    return "".join(
        rule(f"r{at}", f'any = ["نامه {at} استانداری", "طرح شماره {at}"]\nnone = ["روزنامه {at}"]')
        for at in range(count)
    )


def test_ten_times_the_rules_take_ten_times_as_long() -> None:
    """Ten thousand rules are read and looked through in time that grows with them, not with their square."""

    def took(count: int) -> float:
        text, start = many(count), time.process_time()
        assert review(parse(text)) == []
        return time.process_time() - start

    took(50)
    few, lots = min(took(100) for _ in range(3)), took(1000)
    assert lots < 40 * few


def test_a_file_that_says_the_same_many_times_is_bounded() -> None:
    same = "".join(rule(f"r{at}", 'any = ["دولت الکترونیک"]') for at in range(1000))
    found = remarks(same)
    assert [one.rule for one in found] == [f"r{at}" for at in range(1, 1000)]


def test_a_folder_beside_the_file_holds_more_rules(tmp_path: Path) -> None:
    main, more = tmp_path / "rules.toml", tmp_path / "rules.d"
    main.write_text(rule("main", 'any = ["تکفا"]'), "utf-8")
    alone = load(main)
    more.mkdir()
    assert load(main) == alone
    (more / "20-second.toml").write_text(rule("second", 'any = ["سامانه ثنا"]'), "utf-8")
    (more / "10-first.toml").write_text("\n" + rule("first", 'any = ["طرح تکفا"]'), "utf-8")
    (more / "notes.txt").write_text("no rules", "utf-8")
    (more / ".10-first.toml").write_text("an editor's", "utf-8")
    rules = load(main)
    assert [one.id for one in rules] == ["main", "first", "second"]
    assert rules.hash not in {alone.hash, ""}
    assert [(one.path, one.line, one.rule) for one in review(rules)] == [(str(more / "10-first.toml"), 2, "first")]
    assert replace(rules, rules=(), path="", hash="", files=()) == RuleSet((), "", "", ())

    (more / "30-third.toml").write_text(rule("main", 'any = ["نامه"]'), "utf-8")
    with pytest.raises(RulesError, match=r"30-third\.toml:1: rule 'main' stands in .*rules\.toml, too"):
        load(main)
    (more / "30-third.toml").write_text("[rules.x]\ntitel = 'y'\n", "utf-8")
    with pytest.raises(RulesError, match=r"30-third\.toml:2: .*did you mean 'title'"):
        load(main)
    (more / "30-third.toml").unlink()
    (more / "30-third.toml").mkdir()
    with pytest.raises(RulesError, match=r"30-third\.toml: cannot be read"):
        load(main)
