"""The reading form: a text's lost joiners and spaces put back for a human eye (حوزههای → حوزه‌های), by hazm.

Never for identity or matching. hazm also rewrites letters, digits, quotes and dates; of all that it does only joiners
and spaces are kept, so every letter and mark is the original's, and `squash(reading(text)) == squash(text)`.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from operator import add

from didban.text import sentences, squash

_ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
_LETTERS = ("persian_numbers", "persian_number", "persian_style", "remove_diacritics", "remove_specials_chars",
            "decrease_repeated_chars", "unicodes_replacement")  # fmt: skip
"""What hazm may be told not to touch; 0.10 spells the first `persian_numbers`, 0.11 and later `persian_number`."""


def reading(text: str) -> str:
    """`text` as it should have been typed. The first call loads hazm: 3 to 12 seconds and some 310 MB."""
    normalize = _normalizer()
    return "\n".join(_respaced(line, normalize) for line in text.split("\n"))


@cache
def _normalizer() -> Callable[[str], str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, at import
        from hazm import Normalizer  # noqa: PLC0415 - heavy

        known = inspect.signature(Normalizer).parameters
        return Normalizer(**{name: False for name in _LETTERS if name in known}).normalize


def _respaced(span: str, normalize: Callable[[str], str]) -> str:
    """The span's letters with hazm's gaps; where hazm changed a letter, sentence by sentence, and at last as it is."""
    letters, gaps = _apart(span)
    others, wanted = _apart(normalize(span))
    if list(map(squash, letters)) == list(map(squash, others)):
        inner = map(_gap, letters, letters[1:], gaps[1:], wanted[1:])
        return gaps[0] + "".join(map(add, letters, [*inner, gaps[-1]]))
    starts = [0, *(start for start, _ in sentences(span)[1:]), len(span)]
    if len(starts) == 2:
        return span
    return "".join(_respaced(span[start:end], normalize) for start, end in pairwise(starts))


def _apart(text: str) -> tuple[list[str], list[str]]:
    """The letters and digits of a text, and what stands before, between and after them: one more of these."""
    letters: list[str] = []
    gaps = [""]
    for char in text:
        if squash(char):
            letters.append(char)
            gaps.append("")
        else:
            gaps[-1] += char
    return letters, gaps


def _gap(left: str, right: str, ours: str, hazms: str) -> str:
    """hazm's gap where it changes no mark, drops no joiner, runs no words together and does not part a number."""
    same_marks = "".join(ours.split()) == "".join(hazms.replace(_ZWNJ, "").split())  # ours without a joiner, then
    joins_words = bool(ours) and not hazms
    persian = any(char.isalpha() and not char.isascii() for char in (left, right))
    return hazms if same_marks and persian and not joins_words else ours
