"""A text's words as an index keeps them, and where they stand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.match import spellings
from didban.query import rank, read_query
from didban.text import squash
from didban.tokens import GAP, LONGEST, Token, keys, tokens, words

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
LETTERS = [
    *"ابپتيیكکهةۀآأئؤء ۱۲٣x7Aé.,«»\n\t",
    ZWNJ,
    "ها",
    "های",
    "ی",
    f"{ZWNJ}ها",
    "\0",
    "\ud800",
    "\N{ARABIC FATHA}",
    "ﷲ",
    "²",
]
TEXTS = st.lists(st.sampled_from(LETTERS), max_size=40).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"دفاتر پیش{ZWNJ}خوان ICT", ["دفتر", "پیشخوان", "ict", GAP, "پیش", "خوان"]),
        (f"حوزههای حوزه{ZWNJ}های حوزه ها حوزه{ZWNJ}ای", ["حوزه"] * 4),
        ("كتابهاى کِتاب", ["کتاب", "کتاب", GAP, "کتابه"]),
        ("خانهای", ["خان", GAP, "خانه"]),
        ("شورای اجرای", ["شورا", "اجرا"]),
        ("تنها بها برای جای می رها", ["تنها", "بها", "برای", "جای", "می", "رها"]),
        (f"می{ZWNJ}شود", ["میشود"]),
        (f"و{ZWNJ}دولت هوشمند{ZWNJ}تر", ["دولت", "هوشمند"]),
        (f"۵میلیون ICTروستایی ICT{ZWNJ}ها", ["5", "میلیون", "ict", "روستایی", "ict"]),
        ("my.gov.ir آی.سی.تی", ["my", "gov", "ir", "ای", "سی", "تی"]),
        (f"{ZWNJ} \0 … ها", []),
        ("ک" * 100, ["ک" * LONGEST]),
    ],
)
def test_a_text_has_these_keys(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


@given(TEXTS)
def test_places_belong_to_the_keys_and_lie_in_the_text(text: str) -> None:
    read = tokens(text)
    assert [token.key for token in read] == keys(text)
    for key, start, end in read:
        assert 0 <= start <= end <= len(text)
        if key != GAP:
            assert squash(text[start]) or squash(text[end - 1])


@given(TEXTS)
def test_a_key_is_letters_and_digits_so_that_no_database_reads_it_otherwise(text: str) -> None:
    assert all(key == GAP or key.isalnum() for key in keys(text))
    assert keys(text, "3") == ["3" + key for key in keys(text)]


@given(TEXTS, TEXTS)
def test_a_text_behind_a_space_changes_no_word_before_it(one: str, two: str) -> None:
    assert words(f"{one} {two}") == words(one) + words(two)


def test_the_place_of_a_word_is_in_the_original() -> None:
    text = f"«كتاب{ZWNJ}هاىِ» نو"
    assert tokens(text) == [Token("کتاب", 1, 10), Token("نو", 12, 14)]
    assert text[1:10] == f"كتاب{ZWNJ}هاىِ"


def test_spellings_find_each_other_as_far_as_an_index_can() -> None:
    found = [rank(read_query(f'"{term}"'), {"text": [text]}) for term, text, evidence in spellings() if evidence]
    assert sum(one is not None for one in found) / len(found) >= 0.85


def test_keys_are_what_stored_indexes_are_made_of() -> None:
    """When this fails, stored indexes hold other keys than the code: add a migration that calls `storage.indexing.rebuild`, then
    write the new sum here."""
    texts = sorted(Path(__file__).parents[1].glob("seeds/*.txt"))
    made = "\n".join(" ".join(keys(path.read_text("utf-8"))) for path in texts)
    made += " ".join(key for _, text, _ in spellings() for key in keys(text))
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == "648ea055e8ddf629"
