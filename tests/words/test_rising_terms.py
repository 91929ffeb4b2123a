"""What rises: words and phrases that more of the week's stories have than chance explains."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from didban.dates import jalali_of, week_of
from didban.trends import LEAST, SURE, Rising, g2, rising

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
WORDS = "بودجه راه آب برق مدرسه بیمارستان کشاورزی صنعت ورزش فرهنگ گردشگری مسکن اشتغال بازار بانک"
FILLER = WORDS.split()


def texts(count: int, special: str = "", *, share: float = 1.0, seed: int = 1405) -> list[str]:
    """Stories of random words, some with something special in them."""
    dice = random.Random(seed)
    return [
        f"به گزارش خبرنگار مهر {' '.join(dice.sample(FILLER, 6))}. " + (special if dice.random() < share else "این بود")
        for _ in range(count)
    ]


def terms(found: tuple[list[Rising], int, int]) -> list[str]:
    return [one.term for one in found[0]]


def test_the_ratio_is_dunnings() -> None:
    assert g2(10, 100, 10, 100) == pytest.approx(0)
    assert g2(0, 100, 0, 100) == 0
    assert g2(5, 0, 5, 100) == g2(5, 100, 5, 0) == 0
    # by hand: 2·(20·ln(20/12.5) + 80·ln(80/87.5) + 5·ln(5/12.5) + 95·ln(95/87.5))
    assert g2(20, 100, 5, 100) == pytest.approx(10.9245, abs=0.001)
    assert g2(100, 100, 0, 100) == pytest.approx(277.259, abs=0.001)


def test_a_phrase_that_is_new_rises_and_its_words_give_way_to_it() -> None:
    found = rising(texts(100, f"آزمون دفاتر پیش{ZWNJ}خوان", share=0.3), texts(400, seed=7))
    ((one, *rest), of_now, of_before) = found
    assert (one.term, one.before, one.expected, of_now, of_before) == (f"آزمون دفاتر پیش{ZWNJ}خوان", 0, 0.0, 100, 400)
    assert one.now >= 20
    assert one.g2 > SURE
    assert rest == []


def test_what_was_always_there_and_what_falls_do_not_rise() -> None:
    always = texts(100, "خط تولید", share=0.5), texts(400, "خط تولید", share=0.5, seed=9)
    assert terms(rising(*always)) == []
    falls = texts(100, "خط تولید", share=0.05), texts(400, "خط تولید", share=0.5, seed=9)
    assert terms(rising(*falls)) == []


def test_spellings_and_plurals_are_one_and_the_commonest_form_is_shown() -> None:
    week = ["تجمع كارگران بود."] * 2 + ["تجمع کارگران بود."] * 4 + [f"تجمع{ZWNJ}های کارگران بود."] * 3
    (one,) = rising(week, texts(200), limit=1)[0]
    assert (one.term, one.now) == ("تجمع کارگران", 9)


def test_a_term_counts_once_in_a_story_and_few_stories_prove_nothing() -> None:
    assert terms(rising(["زلزله " * 50] * (LEAST - 1) + texts(50), texts(200, seed=3))) == []
    (one,) = rising(["زلزله " * 50] * (LEAST + 5) + texts(50), texts(200, seed=3))[0]
    assert (one.term, one.now) == ("زلزله زلزله زلزله", LEAST + 5)


def test_a_clause_mark_parts_a_phrase_and_grammar_numbers_and_letters_are_no_terms() -> None:
    week = ["طوفان، شدید است و ۱۴۰۵ در ۷ و ب می‌شود"] * 20
    assert sorted(terms(rising(week, texts(100)))) == ["شدید", "طوفان"]


def test_a_lemma_makes_forms_one() -> None:
    week = ["اعتصاب"] * 6 + ["اعتصابگران"] * 7
    assert sorted(terms(rising(week, texts(100)))) == ["اعتصاب", "اعتصابگران"]
    (one,) = rising(week, texts(100), lemma=lambda key: key.removesuffix("گران"))[0]
    assert (one.term, one.now) == ("اعتصابگران", 13)


def test_the_best_come_first_and_there_are_no_more_than_asked_for() -> None:
    week = texts(100, "سیلاب ویرانگر", share=0.6) + texts(100, "کنسرت خیابانی", share=0.2, seed=2)
    before = texts(500, seed=5)
    assert terms(rising(week, before)) == ["سیلاب ویرانگر", "کنسرت خیابانی"]
    assert terms(rising(week, before, limit=1)) == ["سیلاب ویرانگر"]


def test_without_a_past_nothing_rises() -> None:
    assert rising(texts(50, "سیل"), []) == ([], 50, 0)
    assert rising([], texts(50)) == ([], 0, 50)


def test_noise_does_not_rise() -> None:
    for seed in range(5):
        assert terms(rising(texts(100, seed=seed), texts(400, seed=seed + 100))) == []


def test_a_week_begins_on_saturday() -> None:
    for day in range(7):
        assert week_of(date(2026, 11, 21) + timedelta(days=day)) == date(2026, 11, 21)
    assert jalali_of(week_of(date(2026, 11, 20))) == (1405, 8, 23)
    assert week_of(date(2026, 11, 21)).weekday() == 5
