"""Hostile texts cost what their length costs, rules may be many or short, and evidence is cut where its letters end."""

import sys
from collections.abc import Callable

import pytest

from alerts.match import Matcher
from alerts.rules import load
from didban.alert import Near, Rule
from didban.article import Article

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
KASRA = "\N{ARABIC KASRA}"
KASHIDA = "\N{ARABIC TATWEEL}"
RULE = Rule(id="x", title="x")


def rule(*terms: str) -> Rule:
    return Rule(id="x", title="x", any=terms)


def evidence(matcher: Matcher, text: str) -> list[str]:
    return [match.text for match in matcher.match(Article(source="s", title="", text=text))]


def work(do: Callable[[], object]) -> int:
    """How many functions are called, ours and the interpreter's."""
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "piece",
    [
        "د", "و", "ی", "A", "1", " ", KASRA, ZWNJ, ".", "؟", "\n", "(", "ﻻ", "ها", "هایی ", "3.5.", "آی.سی.", "دفتر ", "دفتر",
        "دفاتر ICT ", "دولت! ", "دولت.الکترونیک ", "کاغذ حذف ", "پیش خوان ", "دولت های", "«دولت» ", f"دولت{KASRA * 9}",
        f"دولت{KASHIDA * 9} الکترونیک ",
    ],
)  # fmt: skip
def test_work_grows_as_the_text_does(piece: str) -> None:
    near = Near(terms=("دولت|حذف", "کاغذ|دفتر"), within=100)
    matcher = Matcher(
        [*load(), Rule(id="near", title="x", near=(near,)), rule("ی", "دفتر", "ها ها ها", "دولت های دولت های")]
    )
    small, large = (Article(source="s", title="", text=piece * (size // len(piece))) for size in (4_000, 16_000))
    matcher.match(small)  # what is worked out once is
    assert work(lambda: matcher.match(large)) <= 4.5 * work(lambda: matcher.match(small)) + 500


@pytest.mark.parametrize("char", ["د", KASRA, ZWNJ, ".", "ﷲ"])
def test_a_megabyte_of_one_character(char: str) -> None:
    assert evidence(Matcher(load()), char * 1_000_000 + " دولت الکترونیک") == ["دولت الکترونیک"]


def test_a_megabyte_of_marks_may_stand_within_a_term() -> None:
    text = f"دولت{KASRA * 1_000_000} الکترونیک"
    assert evidence(Matcher(load()), text) == [text]


def test_a_term_whose_words_can_end_in_many_ways_is_tried_from_each_place_once() -> None:
    matcher = Matcher([rule(" ".join(["ییی"] * 30) + " دولت")])
    article = Article(source="s", title="", text="ی" * 400)
    assert work(lambda: matcher.match(article)) < 400 * 30 * 40


def test_ten_thousand_rules() -> None:
    matcher = Matcher(
        [Rule(id=str(at), title="x", any=(f"قرارداد شماره {at}", f"طرح {at} روستا")) for at in range(10_000)]
    )
    text = "قرارداد شماره ۷۷۷ و طرح ٩٩٩٩ روستایی، نه قرارداد شماره 77777"
    matches = matcher.match(Article(source="s", title="", text=text))
    assert [(match.rule, match.text) for match in matches] == [
        ("777", "قرارداد شماره ۷۷۷"),
        ("9999", "طرح ٩٩٩٩ روستایی"),
    ]


def test_a_term_of_one_letter_is_a_word_of_its_own() -> None:
    matcher = Matcher([rule("و")])
    assert evidence(matcher, f"و این و آن، وی و{ZWNJ}او؛ دو") == ["و", "و"]
    assert evidence(Matcher([rule("ب")]), "وب ب باب") == ["ب"]


def test_a_short_term_is_not_found_behind_a_glued_vav() -> None:
    assert evidence(Matcher([rule("ارز")]), "وارز و ارز") == ["ارز"]
    assert evidence(Matcher([rule("کاغذ")]), "وکاغذ") == ["کاغذ"]
    assert evidence(Matcher([rule("کاغذ")]), "دوکاغذ") == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"{KASRA}دولت الکترونیک{KASRA}{KASRA} ما", f"دولت الکترونیک{KASRA}{KASRA}"),
        (f"{ZWNJ}دولت{ZWNJ} {ZWNJ}الکترونیک{ZWNJ}", f"دولت{ZWNJ} {ZWNJ}الکترونیک"),
        (f"دولت الکترونیک{KASHIDA} ما", "دولت الکترونیک"),
        ("«دولت الکترونیک»", "دولت الکترونیک"),
        ("(«دولت» (الکترونیک))", "دولت» (الکترونیک"),
        ("\N{RIGHT-TO-LEFT MARK}دولت الکترونیک\N{RIGHT-TO-LEFT MARK}.", "دولت الکترونیک"),
        ("😀دولت الکترونیک😀", "دولت الکترونیک"),
        ("ﷲ ﻻ½ دولت الکترونیک ﻻ", "دولت الکترونیک"),
        (f"دولت الکترونیک{ZWNJ}ها، خوب", f"دولت الکترونیک{ZWNJ}ها"),
        ("دولت الکترونیک ها را", "دولت الکترونیک ها"),
        ("دولت الکترونیک هایی را", "دولت الکترونیک هایی"),
        ("دولت الکترونیک هاشمی", "دولت الکترونیک"),
    ],
)
def test_evidence_goes_from_the_first_letter_to_the_last_and_its_marks(text: str, seen: str) -> None:
    (match,) = Matcher([rule("دولت الکترونیک")]).match(Article(source="s", title="", text=text))
    assert (match.text, match.start) == (seen, text.index(seen))


def test_a_near_window_ends_with_the_longest_of_its_terms() -> None:
    near = Near(terms=("واگذار", "به پست|پست بانک"), within=8)
    matcher = Matcher([Rule(id="x", title="x", near=(near,))])
    assert evidence(matcher, f"واگذاری به پست بانک{ZWNJ}ها، واگذاری به پست") == [
        f"واگذاری به پست بانک{ZWNJ}ها",
        "واگذاری به پست",
    ]


def test_an_abbreviation_in_capitals_may_have_dots() -> None:
    matcher = Matcher([rule("دفاتر ICT"), Rule(id="y", title="y", any=("GSB",))])
    assert evidence(matcher, "دفاتر I.C.T و G.S.B.") == ["دفاتر I.C.T", "G.S.B"]
    assert evidence(matcher, "دفاتر i.c.t") == ["دفاتر i.c.t"]
    assert evidence(matcher, "g.s.b, GSBs") == []
