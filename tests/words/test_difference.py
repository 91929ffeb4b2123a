"""What an edit changed, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didban import difference
from didban.difference import COLOURED, Part, between, changed_lines

TEXTS = st.lists(st.sampled_from(["الف", "ب", "كتاب", "کتاب", " ", "\n", "\n\n", "\t", "، "]), max_size=25).map("".join)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("طرح تصویب شد", "طرح تصویب نشد", ["طرح تصویب [-شد-] {+نشد+}"]),
        ("یک دو سه", "یک سه", ["یک [-دو-] سه"]),
        ("", "نو", ["{+نو+}"]),
        ("کهنه", "", ["[-کهنه-]"]),
        ("كتاب  يك", "کتاب یک", []),
        ("یک\nدو\nسه\nچهار", "یک\nدو\nسه\nپنج", ["…", "[-چهار-] {+پنج+}"]),
        ("یک\nدو", "یک\nدو\nسه\nچهار", ["…", "{+سه+}", "{+چهار+}"]),
        ("یک\nدو\nسه", "نو\nدو\nتازه", ["[-یک-] {+نو+}", "…", "[-سه-] {+تازه+}"]),
    ],
)
def test_an_edit_is_marked_by_word(before: str, after: str, expected: list[str]) -> None:
    assert [
        " ".join(line.split()).replace("-]{+", "-] {+") for line in changed_lines(between(before, after))
    ] == expected


@given(TEXTS, TEXTS)
def test_what_is_not_gone_is_the_later_text(before: str, after: str) -> None:
    parts = between(before, after)
    assert "".join(text for text, kind in parts if kind != "gone") == after
    kept = "".join(text for text, kind in parts if kind != "new")
    letters = ["".join(difference._key(text).split()) for text in (kept, before)]
    assert letters[0] == letters[1], "but for white space, which is the later text's"


@given(TEXTS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert changed_lines(between(text, text)) == []


def test_long_texts_are_not_compared_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "_MOST", 3)
    assert between("الف ب", "الف ج") == [Part("الف ب", "gone"), Part("الف ج", "new")]


def test_a_terminal_gets_colours() -> None:
    assert changed_lines([Part("الف", "new")], COLOURED) == ["\x1b[32mالف\x1b[0m"]
