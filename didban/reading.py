"""What hazm is for: the reading form, and the lemmas of words. The only module that imports it, and only when it is asked.

The reading form is a text with its lost joiners and spaces put back for a human eye (حوزههای → حوزه‌های). hazm also rewrites
letters, digits, quotes and dates; of all that it does only joiners and spaces are kept, so every letter and mark is the
original's, and `squash(reading(text)) == squash(text)`. Lemmas say which words are forms of one: for searches that ask for it,
and for what rises. Neither is ever for identity or matching.
"""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from operator import add

from didban.errors import MissingExtra
from didban.text import sentences, squash

_ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
_LETTERS = ("persian_numbers", "persian_number", "persian_style", "remove_diacritics", "remove_specials_chars",
            "decrease_repeated_chars", "unicodes_replacement")  # fmt: skip
"""What hazm may be told not to touch; 0.10 spells the first `persian_numbers`, 0.11 and later `persian_number`."""


def reading(text: str) -> str:
    """`text` as it should have been typed. The first call loads hazm: 3 to 12 seconds and some 310 MB.

    Raises MissingExtra where it is not installed.
    """
    normalize = _normalizer()
    return "\n".join(_respaced(line, normalize) for line in text.split("\n"))


@cache
def _normalizer() -> Callable[[str], str]:
    with _loading("the reading form"):
        from hazm import Normalizer  # noqa: PLC0415 - heavy

        known = inspect.signature(Normalizer).parameters
        return Normalizer(**{name: False for name in _LETTERS if name in known}).normalize


@contextmanager
def _loading(what: str) -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, at import
        try:
            yield
        except ImportError as error:
            problem = "is not installed" if isinstance(error, ModuleNotFoundError) else f"does not work: {error}"
            raise MissingExtra(what, "hazm", problem) from None


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


# ── lemmas ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def installed() -> bool:
    """Whether hazm is there; it is not loaded to know."""
    return find_spec("hazm") is not None


def lemma(key: str) -> str:
    """A key of `didban.tokens` as the key of its lemma: a verb's past stem (میشود → شد), a word without endings; else itself.

    The first call loads hazm. Raises MissingExtra where it is not installed.
    """
    return _lemmas().of(key)


def forms(word: str) -> tuple[str, ...]:
    """The other forms of a word's lemma, of a verb all that are one word, ZWNJ kept; in the alphabet's order. Raises as `lemma`."""
    lemmas = _lemmas()
    key = squash(word)
    found = lemmas.forms.get(lemmas.of(key), frozenset()) | {lemmas.of(key)}
    return tuple(sorted(form for form in found if squash(form) != key))


_VERBAL = ("می", "نمی")


class _Lemmas:
    """hazm's verbs and words by our keys: folded, without joiners."""

    def __init__(self) -> None:
        with _loading("a lemma"):
            from hazm import Lemmatizer  # noqa: PLC0415 - heavy

            self._lemmatizer = Lemmatizer()
        self._words = {squash(word) for word in self._lemmatizer.words}
        self._verbs: dict[str, str] = {}
        self.forms: dict[str, set[str]] = defaultdict(set)
        for form, verb in self._lemmatizer.verbs.items():
            past, _, _ = verb.partition("#")
            if past and " " not in form and "_" not in form:
                self._verbs.setdefault(squash(form), squash(past))
                self.forms[squash(past)].add(form)

    def of(self, key: str) -> str:
        verb = self._verbs.get(key)
        if verb is not None and (key not in self._words or key.startswith(_VERBAL)):
            return verb  # «مردم» is people before it is "I died", but «می‌شود» is a verb although hazm lists it
        if key in self._words:
            return key
        return squash(self._lemmatizer.lemmatize(key))


@cache
def _lemmas() -> _Lemmas:
    return _Lemmas()
