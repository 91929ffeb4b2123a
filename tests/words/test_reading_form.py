"""The reading form: hazm's joiners and spaces, the original's letters and marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from didban.reading import reading
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
