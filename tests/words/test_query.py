"""A search as it is typed → what is wanted; and laid against texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didban.errors import InputError
from didban.query import FIELDS, MOST, Field, Query, rank, read_query, stands
from didban.tokens import tokens

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
PLACES: dict[Field, list[str]] = {
    "title": [f"روتیتر پیش{ZWNJ}خوان", "دفاتر پیشخوان دولت"],
    "lead": ["دولت الکترونیک در لرستان"],
    "text": ["متن روزنامه. کتابخانه‌ها و ICT روستایی", "پیش خوان"],
}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("دفتر", "title"),
        ("دفترها دولت", "title"),
        ("روتیتر دفتر", "title"),
        ("دفتر لرستان", "lead"),
        ("دفتر روزنامه", "text"),
        ("پیش خوان", "title"),
        ('"دفاتر پیش خوان"', "title"),
        (f"«دفتر پیش{ZWNJ}خوان دولت»", "title"),
        ('"پیشخوان دفتر"', None),
        ('"روتیتر پیشخوان دفاتر"', None),  # from the kicker into the title runs no phrase
        ("دفتر -روزنامه", None),
        ("دفتر -نیست", "title"),
        ('دفتر -"دولت الکترونیکی"', None),
        ("دفتر -title:الکترونیک", "title"),
        ("title:الکترونیک", None),
        ("lead:الکترونیک", "lead"),
        ("لید:الکترونیک تیتر:دفتر", "lead"),
        ("متن:دفتر", None),
        ("text:ict دفتر", "text"),
        ("TITLE:دفتر", "title"),
        ("ictروستایی", "text"),
        ("کتابخانه", "text"),
        ("کتاب خانه", "text"),
        ("NEAR(دفتر*^", None),
        ("* دفتر ^ + | &", "title"),
    ],
)
def test_a_search_finds(line: str, expected: str | None) -> None:
    assert rank(read_query(line), PLACES) == expected


def test_what_is_spaced_is_found_by_what_is_joined_where_the_word_says_so() -> None:
    assert rank(read_query("پیشخوان"), {"text": ["پیش خوان"]}) == "text"
    assert rank(read_query("برنامه"), {"text": ["بر نامه"]}) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no word"),
        (" \t\n", "no word"),
        ("*", "no word"),
        ("\0", "no word"),
        ("\ud800", "no word"),
        ('""', "no word"),
        ("ها", "no word"),
        ("-", "no word"),
        ("-دفتر", "only what to leave out"),
        ('دفتر "دولت', "stays open"),
        ("«دفتر", "stays open"),
        ("دفتر»", "never opened"),
        ("title: دفتر", "right behind it"),
        ("دفتر lead:", "right behind it"),
        ("x " * (MOST + 1), f"at most {MOST}"),
        ('"' + "x " * (MOST + 1) + '"', f"at most {MOST}"),
    ],
)
def test_a_search_that_cannot_be_is_one_line(line: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        read_query(line)
    assert "\n" not in str(raised.value)


PIECES = [*'اب-:"«»“”()*^ \0', "title:", "متن:", ZWNJ, "ها", "NEAR", "\ud800"]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=20))
def test_whatever_is_typed_is_read_or_refused(line: str) -> None:
    try:
        query = read_query(line)
    except InputError:
        return
    for one in (*query.wanted, *query.unwanted):
        assert one.fields
        assert one.choices
        assert all(choice and all(key.isalnum() for key in choice) for choice in one.choices)


def test_ten_thousand_letters_are_a_word() -> None:
    assert rank(read_query("ک" * 10_000), {"title": ["ک" * 10_000]}) == "title"


def test_where_a_phrase_stands_is_told_in_the_original() -> None:
    text = f"دفترِ پیش{ZWNJ}خوان و دفاتر پیشخوان"
    (wanted,) = read_query('"دفتر پیشخوان"').wanted
    assert [text[start:end] for start, end in stands(wanted, tokens(text))] == [f"دفترِ پیش{ZWNJ}خوان", "دفاتر پیشخوان"]


def test_a_word_is_looked_for_everywhere_unless_said() -> None:
    assert read_query("دفتر") == Query(wanted=read_query("دفاتر").wanted)
    assert read_query("دفتر").wanted[0].fields == FIELDS
