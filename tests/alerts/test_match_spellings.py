"""Every spelling of a term is found and nothing else is: a labelled list, the rules' own vocabulary, and inventions."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alerts.match import Matcher
from alerts.rules import load
from didban.alert import Near, Rule
from didban.article import Article
from didban.text import squash

ROOT = Path(__file__).parents[2]
ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
steady = settings(derandomize=True, database=None, deadline=None)


def labelled() -> list[tuple[str, str, str]]:
    lines = (ROOT / "bench/spellings.tsv").read_text(encoding="utf-8").replace("\\u200c", ZWNJ).splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")][1:]
    return [(term, text, evidence) for term, text, evidence in rows]


def found(term: str, text: str, *, exact: bool = False) -> list[str]:
    rule = Rule(id="x", title="x", any=(term,), exact=exact)
    return [match.text for match in Matcher([rule]).match(Article(source="s", title="", text=text))]


@pytest.mark.parametrize(("term", "text", "evidence"), labelled())
def test_a_labelled_spelling(term: str, text: str, evidence: str) -> None:
    assert found(term, text) == ([evidence] if evidence else [])


def test_every_variant_of_the_vocabulary_is_found_by_its_rule_and_whole_words_are_given() -> None:
    table = ROOT.parent / "shared/vocabulary.tsv"
    if not table.exists():
        pytest.skip("the vocabulary table is not beside this checkout")
    rules = load()
    matcher = Matcher(rules)
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
    assert [(row[0], row[1], row[5] or "normal") for row in rows] == [(r.id, r.title, r.priority) for r in rules]
    for rule, _, variants, *_ in rows:
        for variant in filter(None, map(str.strip, variants.split("|"))):
            for text in (variant, f"به گزارش خبرنگار ما، {variant} در استان بررسی شد.", f"و«{variant}»؛"):
                matches = [match for match in matcher.match(Article(source="s", title=text)) if match.rule == rule]
                assert matches, (rule, text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("پیشخوان روزنامه‌های صبح", "counter-offices"),
        ("اعتراض در پیشخوان روزنامه‌ها", "counter-trouble"),
        ("نشانی پست الکترونیکی برای دریافت خدمات", "e-services"),
        ("it جزو تکنولوژی‌ها است", "ict"),
        ("این خدمات با استقبال مدیران دولتی همراه بود", "smart-gov"),
        ("خدمات آزمون‌های غیرحضوری دانشگاه", "e-services"),
        ("میز خدمت در مسجد جامع برپا شد", "e-services"),
        ("ثبت‌نام در سامانه سجام", "gov-platforms"),
        ("مهتا احمدی", "egov"),
        ("نشان داده باز هم می‌تواند", "open-data"),
    ],
)
def test_a_known_false_friend_is_left_alone(text: str, rule: str) -> None:
    matches = Matcher(load()).match(Article(source="s", title=text, text=text))
    assert rule not in {match.rule for match in matches}


def test_exact_helps_with_nothing_but_folding() -> None:
    assert found("دولت الکترونیک", f"دولـت  الكترونيكِ ما و دولت{ZWNJ} الکترونیک", exact=True) == [
        "دولـت  الكترونيكِ",
        f"دولت{ZWNJ} الکترونیک",
    ]
    for text in ("دولت الکترونیکی", "دولت‌های الکترونیک", "دولتالکترونیک", "دولت «الکترونیک»", "ودولت الکترونیک"):
        assert found("دولت الکترونیک", text, exact=True) == []
    assert found("«طرح ۱»، فاز", "این «طرح 1»، فاز یک", exact=True) == ["طرح 1»، فاز"]
    assert found("دفتر", "دفاتر", exact=True) == []


def test_a_ligature_moves_no_offset() -> None:
    article = Article(source="s", title="ﷲ ﻻ دولت الکترونیک ½ دولت الکترونیک ﻻ")
    matches = Matcher([Rule(id="x", title="x", any=("دولت الکترونیک",))]).match(article)
    assert [(match.start, match.text) for match in matches] == [(4, "دولت الکترونیک"), (21, "دولت الکترونیک")]


TERMS = ("دولت الکترونیک", "دفاتر ICT روستایی", "پیش‌خوان دولت", "تکفا", "کاغذ", "ارز", "e-government", "آی‌سی‌تی")
NOISE = (ZWNJ, "\N{ARABIC TATWEEL}", "\N{ARABIC KASRA}", "\N{ARABIC FATHA}", "\N{RIGHT-TO-LEFT MARK}")
ALIKE = {"ی": "يىئېے", "ک": "كڪ", "ه": "ةۀہھە", "ا": "أإآٱ", "و": "ؤ"}


@st.composite
def dressed(draw: st.DrawFn) -> tuple[str, str]:
    """A term, and a spelling of it: other letters of the same kind, invisible characters and marks within."""
    term = draw(st.sampled_from(TERMS))
    written = term[0]
    for char in term[1:]:
        written += draw(st.sampled_from((*[""] * 8, *NOISE))) + draw(st.sampled_from((char, *ALIKE.get(char, ""))))
    return term, written


@given(dressed(), st.sampled_from(("", "در ", "«", "۱۲", "IT ", "است.")), st.sampled_from(("", " شد", "»", "۵", "،")))
@steady
def test_a_term_in_any_dress_is_found_where_it_stands(spelling: tuple[str, str], before: str, after: str) -> None:
    term, written = spelling
    assume(not (term == "e-government" and before == "IT"))
    text = before + written + after
    rule = Rule(id="x", title="x", any=(term,))
    (match,) = Matcher([rule]).match(Article(source="s", title="", text=text))
    assert text[match.start : match.end] == match.text
    assert squash(match.text) == squash(term)
    assert match.start == len(before)


LETTERS = "بپتجچحخدرزسشعغفقکگلمن"


@given(st.sampled_from(TERMS), st.text(LETTERS, min_size=1, max_size=3), st.text(LETTERS, min_size=3, max_size=4))
@steady
def test_never_inside_another_word(term: str, before: str, after: str) -> None:
    endings = ("مان", "تان", "شان", "ترین")
    assume(not after.startswith(endings))
    persian = term != "e-government"
    assert found(term, before + term) == ([] if persian else [term])
    assert found(term, term + after) == ([] if persian else [term])


WORDS = (
    "دولت", "الکترونیک", "خدمات", "پیشخوان", "دفاتر", "ICT", "روستایی", "تجارت", "حذف", "کاغذ", "پست", "بانک", "وی", "آی",
    "سی", "تی", "و", "ﻻ", "é", "،", ".", "..", "؟", "\n", "«", "»",
)  # fmt: skip
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(("", " ", ZWNJ, "\N{ARABIC KASRA}")))).map(
    lambda parts: "".join(map("".join, parts))
)


@cache
def wide() -> tuple[tuple[Rule, ...], Matcher]:
    near = Near(terms=("دولت|حذف", "خدمات|کاغذ", "پست"), within=9)
    rules = (*load(), Rule(id="wide", title="x", near=(near,)))
    return rules, Matcher(rules)


@given(texts, texts, texts, texts)
@steady
def test_evidence_is_what_the_text_says_in_order_and_never_overlaps_for_a_rule(
    kicker: str, title: str, lead: str, text: str
) -> None:
    rules, matcher = wide()
    article = Article(source="s", kicker=kicker, title=title, lead=lead, text=text)
    matches = matcher.match(article)
    order = ("kicker", "title", "lead", "text")
    assert [order.index(m.field) for m in matches] == sorted(order.index(m.field) for m in matches)
    for match in matches:
        whole = getattr(article, match.field)
        assert whole[match.start : match.end] == match.text != ""
        assert match.sentence_start <= match.start < match.end <= match.sentence_end
        assert "\n" not in whole[match.sentence_start : match.sentence_end]
    for rule in rules:
        for field in order:
            spans = [(m.start, m.end) for m in matches if m.rule == rule.id and m.field == field]
            assert all(one[1] <= two[0] for one, two in pairwise(spans))
    assert matches == matcher.match(article)
