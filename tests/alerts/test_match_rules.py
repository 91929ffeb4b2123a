"""What makes a rule hold: any, all, none, near, fields and filters; and the five seed documents."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.match import Matcher
from alerts.rules import load, priority
from didban.alert import Near, Rule
from didban.article import Article

SEEDS = Path(__file__).parents[1] / "seeds"
RULE = Rule(id="x", title="x")


def evidence(rule: Rule, text: str = "", title: str = "", lead: str = "") -> list[str]:
    return [match.text for match in Matcher([rule]).match(Article(source="s", title=title, lead=lead, text=text))]


def test_any_gives_each_occurrence_and_the_longest_of_overlapping_ones() -> None:
    rule = replace(RULE, any=("پیشخوان دولت", "دفاتر پیشخوان", "دفاتر پیشخوان دولت"))
    matches = Matcher([rule]).match(
        Article(source="s", title="دفاتر پیشخوان", text="دفاتر پیشخوان دولت و پیشخوان دولت")
    )
    assert [(m.field, m.start, m.term) for m in matches] == [
        ("title", 0, "دفاتر پیشخوان"),
        ("text", 0, "دفاتر پیشخوان دولت"),
        ("text", 21, "پیشخوان دولت"),
    ]


def test_all_needs_every_term_anywhere_and_shows_them() -> None:
    rule = replace(RULE, all=("لرستان", "کاغذ"))
    assert evidence(rule, "کاغذ", title="لرستان") == ["لرستان", "کاغذ"]
    assert evidence(rule, "کاغذ") == []
    both = replace(rule, any=("دولت",))
    assert evidence(both, "کاغذ لرستان") == []
    assert evidence(both, "کاغذ لرستان. دولت") == ["کاغذ", "لرستان", "دولت"]


def test_none_bars_the_sentence_it_is_in_and_no_other() -> None:
    rule = replace(RULE, any=("حذف کاغذ",), none=("واردات",))
    assert evidence(rule, "حذف کاغذ، واردات. حذف کاغذ!") == ["حذف کاغذ"]
    assert evidence(rule, "واردات حذف کاغذ", title="حذف کاغذ") == ["حذف کاغذ"]
    assert evidence(rule, "حذف کاغذ و واردات") == []


def test_near_is_within_so_many_words_either_way_and_in_one_sentence() -> None:
    rule = replace(RULE, near=(Near(terms=("تجارت", "الکترونیک"), within=3),))
    assert evidence(rule, "تجارت غیرحضوری و الکترونیکی") == ["تجارت غیرحضوری و الکترونیکی"]
    assert evidence(rule, "تجارت یک دو سه الکترونیک") == []
    assert evidence(rule, "الکترونیک، تجارت") == ["الکترونیک، تجارت"]
    assert evidence(rule, "تجارت.الکترونیک") == []
    assert evidence(rule, "تجارت\nالکترونیک") == []
    assert evidence(rule, "تجارت", lead="الکترونیک") == []
    (match,) = Matcher([rule]).match(Article(source="s", title="الکترونیک و تجارت"))
    assert match.term == "تجارت + الکترونیک"


def test_near_gives_the_tightest_windows_and_a_phrase_goes_before_them() -> None:
    rule = replace(RULE, near=(Near(terms=("حذف|لغو", "کاغذ"), within=6),))
    assert evidence(rule, "حذف و لغو کاغذ اداری، بعد کاغذ را حذف") == ["لغو کاغذ", "کاغذ را حذف"]
    both = replace(rule, any=("کاغذ اداری",))
    assert evidence(both, "لغو کاغذ اداری") == ["کاغذ اداری"]
    three = replace(RULE, near=(Near(terms=("الف", "ب", "پ"), within=4),))
    assert evidence(three, "ب الف ت پ") == ["ب الف ت پ"]
    assert evidence(three, "ب ت ت الف ت پ") == []


def test_near_takes_two_words_for_two_slots() -> None:
    rule = replace(RULE, near=(Near(terms=("خدمات", "خدمات دولت|دولت"), within=3),))
    assert evidence(rule, "خدمات") == []
    assert evidence(rule, "خدمات دولت") == ["خدمات دولت"]


def test_a_rule_looks_only_in_its_fields() -> None:
    rule = replace(RULE, any=("تکفا",), fields=("lead", "kicker"))
    matches = Matcher([rule]).match(Article(source="s", kicker="تکفا", title="تکفا", lead="تکفا", text="تکفا"))
    assert [match.field for match in matches] == ["kicker", "lead"]


@pytest.mark.parametrize("key", ["sources", "provinces", "sections"])
def test_a_rule_that_needs_a_fact_does_not_match_without_it(key: str) -> None:
    rule = replace(RULE, any=("تکفا",), **{key: ("استان‌ها", "irna")})
    fact = {"sources": "source", "provinces": "province", "sections": "section"}[key]
    bare = Article(source="s", title="تکفا")
    assert Matcher([rule]).match(bare) == ()
    assert Matcher([rule]).match(replace(bare, **{fact: "irna"})) != ()
    assert Matcher([rule]).match(replace(bare, **{fact: "دیگر"})) == ()


def test_a_section_is_the_same_in_other_letters() -> None:
    rule = replace(RULE, any=("تکفا",), sections=("استان‌هاي كشور",))
    assert Matcher([rule]).match(Article(source="s", title="تکفا", section=" استانهای کشور ")) != ()


def test_no_phrase_runs_from_one_field_or_line_into_the_next() -> None:
    rule = replace(RULE, any=("دولت الکترونیک",))
    assert evidence(rule, "الکترونیک", lead="دولت", title="دولت") == []
    assert evidence(rule, "دولت\nالکترونیک") == []


def test_a_match_carries_the_sentence_that_says_it() -> None:
    text = "یک.  دولت الکترونیک آمد. سه"
    (match,) = Matcher([replace(RULE, any=("دولت الکترونیک",))]).match(Article(source="s", title="الف", lead=text))
    assert (match.field, text[match.sentence_start : match.sentence_end]) == ("lead", "دولت الکترونیک آمد.")


def test_no_rules_and_no_text_are_no_matches() -> None:
    assert Matcher([]).match(Article(source="s", title="دولت الکترونیک")) == ()
    assert Matcher(load()).match(Article(source="s", title="")) == ()


def test_one_matcher_serves_many_threads() -> None:
    matcher = Matcher(load())
    article = Article(source="s", title="دفاتر ICT روستایی، دولت الکترونیک و حذف کاغذ از گردش مکاتبات اداری")
    want = Matcher(load()).match(article)
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(matcher.match(article))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert want
    assert got == [want] * 8


WANTED = {
    "000": {"egov", "counter-offices", "rural-ict", "e-commerce"},
    "001": {"counter-offices", "e-commerce", "e-services", "outsourcing"},
    "002": {"egov", "counter-offices", "rural-ict", "post-bank", "ict"},
    "003": {"egov", "counter-offices", "e-commerce", "paperless", "smart-admin", "digital-transformation"},
    "004": {"counter-offices"},
}


def seed(number: str) -> Article:
    """The document, cut no finer than the matcher needs."""
    (path,) = SEEDS.glob(f"{number}_*.txt")
    text = path.read_text(encoding="utf-8")
    if text.startswith("{"):
        given = json.loads(text, strict=False)
        return Article(source="irna", title=given["titr"], lead=given["describe"], text=given["text"])
    return Article(source="mehr", title="", text=text)


@pytest.mark.parametrize("number", WANTED)
def test_a_seed_document_is_matched_by_its_rules(number: str) -> None:
    rules = {match.rule for match in Matcher(load()).match(seed(number))}
    assert rules >= WANTED[number]
    if number in {"001", "004"}:
        assert "egov" not in rules


def test_evidence_in_seeds_is_the_text_as_published() -> None:
    matches = Matcher(load()).match(seed("002"))
    assert 'دفاتر "آی سی تی" روستایی' in {match.text for match in matches if match.rule == "rural-ict"}
    assert "پست بانکها" in {match.text for match in matches if match.rule == "post-bank"}


def test_the_home_province_makes_some_rules_urgent_in_title_or_lead() -> None:
    rules = {rule.id: rule for rule in load()}
    assert {rule.id for rule in rules.values() if rule.urgent_at_home} == {"egov", "counter-offices", "rural-ict"}
    matcher = Matcher(rules.values())

    def urgency(rule: str, home: str | None, title: str = "", lead: str = "", text: str = "") -> str:
        article = Article(source="s", province="lorestan", title=title, lead=lead, text=text)
        return priority(rules[rule], article, matcher.match(article), home)

    assert urgency("egov", "lorestan", title="دولت الکترونیک") == "urgent"
    assert urgency("egov", "lorestan", lead="دولت الکترونیک") == "urgent"
    assert urgency("egov", "lorestan", text="دولت الکترونیک") == "normal"
    assert urgency("egov", "lorestan", text="دولت الکترونیک", title="دفاتر پیشخوان") == "normal"
    assert urgency("egov", "yazd", title="دولت الکترونیک") == "normal"
    assert urgency("egov", None, title="دولت الکترونیک") == "normal"
    assert urgency("post-bank", "lorestan", title="پست بانک") == "digest"
    assert urgency("counter-trouble", None, text="تجمع در دفتر پیشخوان") == "urgent"
