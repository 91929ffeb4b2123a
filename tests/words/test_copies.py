"""The keys by which two articles are one."""

from __future__ import annotations

from dataclasses import replace

from didban.article import Article
from didban.copies import content_key, folded_key

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"


def test_a_seed_that_lost_its_joiners_has_the_key_of_its_page() -> None:
    page = content_key(f"راه{ZWNJ}های جبران", f"این است.\nوی می{ZWNJ}گوید ۱۲ كتاب")
    assert page == content_key("راههای جبران", "این است.وی می گوید 12 کتاب ")
    assert len(page) == 32
    assert set(page) <= set("0123456789abcdef")


def test_another_text_and_another_division_have_other_keys() -> None:
    keys = {content_key(*pair) for pair in [("الف ب", "ج"), ("الف", "ب ج"), ("الف ب ج", ""), ("الف ب", "د")]}
    assert len(keys) == 4
    assert content_key("half \ud800", "x"), "a lone surrogate is hashed, not raised on"


def test_only_more_than_a_letters_variant_is_an_edit() -> None:
    article = Article(source="irna", kicker="ک", title="دولت الکترونیک", lead="گفت:", text="یک.\nدو ۱۲")
    same = replace(article, title="دولت  الكترونيك", text="يك.\n\nدو 12", kicker=f"ک{ZWNJ}", section="x", tags=("y",))
    assert folded_key(article) == folded_key(same)
    for edit in (
        {"kicker": ""},
        {"title": "دولت"},
        {"lead": "گفت"},
        {"text": "یک.\nدو ۱۳"},
        {"lead": "", "kicker": "گفت:"},
    ):
        assert folded_key(replace(article, **edit)) != folded_key(article), edit
