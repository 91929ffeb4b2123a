"""The reading form: hazm's joiners and spaces, the original's letters and marks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis.strategies import DataObject, data, integers, lists, sampled_from

from didban.errors import MissingExtra
from didban.reading import _lemmas, _normalizer, _respaced, forms, lemma, reading
from didban.text import squash

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"


@pytest.mark.slow
def test_only_joiners_and_spaces_are_put_back() -> None:
    changed = {
        "در حوزههای مختلف": f"در حوزه{ZWNJ}های مختلف",
        "نامهها میشود": f"نامه{ZWNJ}ها می{ZWNJ}شود",
        "می شود": f"می{ZWNJ}شود",
        "جهان است.وی افزود": "جهان است. وی افزود",
        "مردم،كاهش": "مردم، كاهش",
        "17مهر": "17 مهر",
        "سلااااام میشود. حوزههای": f"سلااااام می{ZWNJ}شود. حوزه{ZWNJ}های",
    }
    assert {text: reading(text) for text in changed} == changed
    for text in ("1398/09/12", '"آی سی تی" گفت', f"نمی{ZWNJ}شود", "کلاً", "www.irna.ir", "3210/7273", " دو\n\nخط ", ""):
        assert reading(text) == text
    for seed in (Path(__file__).parents[1] / "seeds").glob("*.txt"):
        text = seed.read_text(encoding="utf-8")
        read = reading(text)
        assert squash(read) == squash(text)
        assert read.count(ZWNJ) > 5
        assert read.count("\n") == text.count("\n")


# ── whatever hazm does ───────────────────────────────────────────────────────────────────────────────────────────────

WORDS = [
    "حوزههای",
    "میشود",
    "می شود",
    f"پیش{ZWNJ}خوان",
    "كتاب",
    "است.وی",
    "17مهر",
    "1398/09/12",
    "ICT",
    "«آی سی تی»",
    "کلاً",
    "ء",
]
GAPS = [" ", "  ", "\n", "،", ". ", ZWNJ, "\t", "", "\N{NO-BREAK SPACE}", "-"]
TEXTS = lists(sampled_from([*WORDS, *GAPS]), max_size=25).map("".join)


def marks(text: str) -> str:
    """All but joiners and white space."""
    return "".join(text.replace(ZWNJ, "").split())


@given(text=TEXTS, data=data())
def test_whatever_a_normalizer_does_only_joiners_and_spaces_change(text: str, data: DataObject) -> None:
    """A normalizer that puts, drops and changes whatever it likes, wherever it likes."""

    def wild(given: str) -> str:
        at = data.draw(integers(0, len(given)))
        many = data.draw(integers(0, 3))
        return given[:at] + data.draw(sampled_from([*WORDS, *GAPS])) + given[at + many :].replace("ك", "ک")

    for line in text.split("\n"):
        read = _respaced(line, wild)
        assert squash(read) == squash(line)
        assert marks(read) == marks(line)


@pytest.mark.slow
@given(text=TEXTS)
@settings(deadline=None, max_examples=300)
def test_hazm_itself_changes_only_joiners_and_spaces(text: str) -> None:
    read = reading(text)
    assert squash(read) == squash(text)
    assert marks(read) == marks(text)
    assert read.count("\n") == text.count("\n")


# ── lemmas ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_verb_has_its_forms_and_a_noun_its_dictionary_form() -> None:
    assert {key: lemma(key) for key in ("میرود", "رفتند", "نمیشود", "روستاییان", "مردم", "دولت", "ict")} == {
        "میرود": "رفت", "رفتند": "رفت", "نمیشود": "شد", "روستاییان": "روستا", "مردم": "مردم", "دولت": "دولت", "ict": "ict",
    }  # fmt: skip
    found = forms(f"می{ZWNJ}رود")
    assert {"رفت", "رفتند", f"نمی{ZWNJ}روم", f"رفته{ZWNJ}اند"} <= set(found)
    assert f"می{ZWNJ}رود" not in found
    assert not any(" " in form or "_" in form for form in found)
    assert list(found) == sorted(found)
    assert forms("روستاییان") == ("روستا",)
    assert forms("دولت") == forms("ICT") == ()


def test_without_hazm_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hazm", None)
    for memory in (_normalizer, _lemmas):
        monkeypatch.setattr(f"didban.reading.{memory.__name__}", memory.__wrapped__)
    for ask, what in ((reading, "the reading form"), (lemma, "a lemma"), (forms, "a lemma")):
        with pytest.raises(MissingExtra, match=rf"^{what} needs hazm, which is not installed; install didban\[hazm\]$"):
            ask("میشود")
