"""The folded form, and where sentences end."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didban.text import REPERTOIRE, encode, fold, fold_unspaced, sentence_at, sentences, squash, squash_lines

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
KASHIDA = "\N{ARABIC TATWEEL}"
steady = settings(derandomize=True, database=None, deadline=None)
any_text = st.text(st.one_of(st.characters(), st.sampled_from("دولت.؟! \n«»»آی12ICT" + ZWNJ)))


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("يىئېے", "ییییی"),
        ("كڪ", "کک"),
        ("ةۀهٔہھە", "هههههه"),
        ("أإآٱ", "اااا"),
        ("ؤ", "و"),
        ("امضاء", "امضا"),
        (f"مي{ZWNJ}شود", "میشود"),
        (f"د{KASHIDA}{KASHIDA}ولت", "دولت"),
        ("دَوْلَتِ", "دولت"),
        ("\N{RIGHT-TO-LEFT MARK}خبر\N{SOFT HYPHEN}گزاری", "خبرگزاری"),
        ("۱۲٣4", "1234"),
        ("ICT İ", "ict i"),
        ("ﻻﺯﻡ", "لازم"),
        ("ﷲ", "الله"),
        ("\N{ARABIC FATHA ISOLATED FORM}", ""),
        ("«الف» … ، ب\t\nج", "«الف» … ، ب\t\nج"),
        ("ＩＣＴ", "ict"),
        ("\ud800ی", "\ud800ی"),
        ("", ""),
    ],
)
def test_fold_unifies_what_reads_the_same_and_keeps_the_rest(written: str, folded: str) -> None:
    assert fold(written) == folded


def test_squash_keeps_letters_and_digits_only() -> None:
    assert squash(f" «دولت{ZWNJ}» - الكترونيك! (ICT) ۱۲٫۵") == "دولتالکترونیکict125"


def test_the_five_letters_that_lost_their_half_spaces_are_equal() -> None:
    forms = ("راه‌های", "راه های", "راههای", "راه‌هاي", "راهـهایِ")
    assert len({squash(form) for form in forms}) == 1


def test_the_fast_way_folds_each_character_as_the_slow_way_does() -> None:
    outside = "ß"  # not in the repertoire: sends the whole text the slow way
    assert encode(outside) is None
    for char in set(REPERTOIRE) - {"\ufffe"}:
        assert encode(char) is not None
        assert fold(char) + outside == fold(char + outside)
        assert squash(char) + outside == squash(char + outside)


@given(st.lists(any_text, max_size=4))
@settings(max_examples=200)
def test_lines_are_squashed_together_as_one_by_one(texts: list[str]) -> None:
    lines = [line for text in texts for line in text.split("\n")]
    assert squash_lines(lines) == [squash(line) for line in lines]


@given(any_text)
@settings(max_examples=200)
def test_folded_without_its_spaces(text: str) -> None:
    assert fold_unspaced(text) == "".join(fold(text).split())
    assert fold_unspaced(REPERTOIRE[:-1]) == "".join(fold(REPERTOIRE[:-1]).split())


@given(any_text, any_text)
@steady
def test_fold_is_idempotent_and_per_character(one: str, two: str) -> None:
    assert fold(one + two) == fold(one) + fold(two)
    assert fold(fold(one)) == fold(one)
    assert squash(fold(one)) == squash(one)
    assert not any(unicodedata.category(char) == "Mn" for char in fold(one))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("در جهان است.وی افزود", ["در جهان است.", "وی افزود"]),
        ("یک! دو؟ سه? چهار", ["یک!", "دو؟", "سه?", "چهار"]),
        ("سطر یک\n\n سطر دو \r\nسطر سه", ["سطر یک", "سطر دو", "سطر سه"]),
        ("«خوب است.» وی گفت", ["«خوب است.»", "وی گفت"]),
        ("دفاتر آی.سی.تی روستایی است. پایان", ["دفاتر آی.سی.تی روستایی است.", "پایان"]),
        ("دفاتر آی. سی. تی روستایی", ["دفاتر آی. سی. تی روستایی"]),
        ("دفاتر آي.سي.تي روستايي", ["دفاتر آي.سي.تي روستايي"]),
        ("به گزارش بی‌بی‌سی.وی گفت", ["به گزارش بی‌بی‌سی.", "وی گفت"]),
        ("لوله پی.وی.سی آمد", ["لوله پی.وی.سی آمد"]),
        ("سال ۱۳۹۸ ه.ش بود", ["سال ۱۳۹۸ ه.ش بود"]),
        ("رشد ۳.۵ و 4.25 درصد", ["رشد ۳.۵ و 4.25 درصد"]),
        ("سال 1398.وی گفت", ["سال 1398.", "وی گفت"]),
        ("در my.gov.ir و http://a.ir/?x=1 ثبت شد", ["در my.gov.ir و http://a.ir/?x=1 ثبت شد"]),
        ("یک، دو؛ سه: چهار", ["یک، دو؛ سه: چهار"]),
        ("و... بعد", ["و...", "بعد"]),
        (" \n . \n", ["."]),
        ("", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@given(any_text)
@steady
def test_sentences_are_in_order_trimmed_and_leave_only_space_out(text: str) -> None:
    spans = sentences(text)
    gaps = zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
    assert all(not text[start:end].strip() for start, end in gaps)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)


def test_a_line_ends_a_sentence_also_between_latin_letters_and_digits() -> None:
    assert sentences("ICT\nGSB\r\n12.\n13") == [(0, 3), (4, 7), (9, 12), (13, 15)]


@given(st.one_of(any_text, st.text("ab3.»!\n دو", max_size=40), st.text("و.آی 3", min_size=300)))
@steady
def test_a_sentence_found_from_a_place_in_it_is_the_one_that_all_of_them_have(text: str) -> None:
    for start, end in sentences(text):
        assert {sentence_at(text, at) for at in range(start, end) if text[at].isalnum()} <= {(start, end)}
