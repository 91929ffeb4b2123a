"""How a term of a rule may be written: its words, their forms and endings, and what may stand between them.

Texts and terms are compared in marked form, one byte a character: a letter's own code, or the class of a separator. Classes
of codes are scripts: 0x00 nothing at all (marks, ZWNJ) · 0x01–0x0f separators · 0x10– digits · 0x1a– Latin · 0x40– Persian.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

from didban.text import REPERTOIRE, encode, fold, squash

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"

_GONE, _SPACE, _SOFT, _HARD = "\x00", "\x01", "\x02", "\x03"
GONE, SEPARATORS = _GONE.encode(), bytes(range(0x10))
_SOFT_MARKS = frozenset("\"'«»“”„‘’‹›()[]{}-\N{HYPHEN}\N{NON-BREAKING HYPHEN}_.")
"""What may stand between two words of a term. A dot that ends a sentence does not, but that the text alone tells."""
_LINE_ENDS = frozenset("\n\r\v\f\x85\u2028\u2029")
_LATIN_OTHER, _PERSIAN_OTHER = "\x3f", "\xff"
_CODES: dict[str, str] = {char: chr(0x10 + at) for at, char in enumerate("0123456789abcdefghijklmnopqrstuvwxyz")}
_CODES |= {
    char: chr(0x40 + at)
    for at, char in enumerate(sorted({squash(chr(code)) for code in range(0x620, 0x6FF)} - {"", *"0123456789"}))
    if len(char) == 1
}
_PERSIAN, _LATIN, _DIGIT = rb"[\x40-\xff]", rb"[\x1a-\x3f]", rb"[\x10-\x19]"


class _Bytes(dict[int, str]):
    """For `str.translate`: a character's code, worked out once. A ligature has more than one; nothing else does."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if any(map(str.isalnum, fold(char))):
            marked = "".join(_CODES.get(part, _other(part)) for part in fold(char))
        elif char in _LINE_ENDS:
            marked = _HARD
        elif char.isspace():
            marked = _SPACE
        elif not fold(char):
            marked = _GONE
        else:
            marked = _SOFT if char in _SOFT_MARKS else _HARD
        self[code] = marked
        return marked


def _other(part: str) -> str:
    if not part.isalnum():
        return _HARD
    return _PERSIAN_OTHER if unicodedata.name(part, "").startswith("ARABIC") else _LATIN_OTHER


_BYTES = _Bytes()
_MARKS = "".join(_BYTES[ord(char)] for char in REPERTOIRE).encode("latin-1")


def mark(text: str) -> bytes:
    """`text` in marked form; as long as it, but for ligatures."""
    encoded = encode(text)
    return text.translate(_BYTES).encode("latin-1") if encoded is None else encoded.translate(_MARKS)


def script_of(code: int) -> int:
    """0 for a separator, else which of digits, Latin and Persian letters: a change of these is a word's boundary."""
    return 0 if code < 0x10 else 1 if code < 0x1A else 2 if code < 0x40 else 3


_FAMILIES = (
    ("دفتر", "دفاتر"), ("خدمت", "خدمات"), ("مرکز", "مراکز"), ("سند", "اسناد"), ("مدرک", "مدارک"), ("امر", "امور"),
    ("مکاتبه", "مکاتبات"), ("استعلام", "استعلامات"), ("الکترونیک", "الکترونیکی"), ("دیجیتال", "دیجیتالی"),
)  # fmt: skip
"""Words that are one to a rule: broken plurals, and adjectives written with and without their ی."""
_FAMILY = {squash(word): tuple(squash(other) for other in words) for words in _FAMILIES for word in words}

_PLURALS = ("ها", "های", "هایی")
_OWNERS = ("م", "ت", "ش", "مان", "تان", "شان")


class _Word(NamedTuple):
    """A word of a term: its forms, each as the parts between which a space or ZWNJ may be lost or put («پیش‌خوان»)."""

    forms: tuple[tuple[str, ...], ...]

    @property
    def persian(self) -> bool:
        return mark(self.forms[0][-1])[-1] >= 0x40


def _inner_endings(form: tuple[str, ...]) -> tuple[str, ...]:
    """What a word inside a term may end in: plural, ezafe, indefinite («دولت‌های», «امضای», «پنجره‌ای»)."""
    word = "".join(form)
    if len(word) < 3:
        return ("",)
    return (*_PLURALS, "ی", "ای") if word.endswith("ه") else (*_PLURALS, "ی")


def _last_endings(form: tuple[str, ...]) -> tuple[str, ...]:
    """What the last word of a term may end in. The shorter, the fewer: «ارز» is not in «ارزش», nor «پست» in «پستان»."""
    word = "".join(form) if len(form[-1]) >= 3 else form[-1]  # «آی سی تی» is not in «آی سی تیم»
    endings = [*_PLURALS, *(plural + owner for plural in ("ها", "های") for owner in _OWNERS)]
    if len(word) >= 3:
        endings += ["ی", "را", *("ی" + plural for plural in _PLURALS)]
    if word.endswith("ه"):
        endings += ["ای", "اش", "ایی"]
    if word.endswith(("ا", "و")):
        endings += ["یی", *("ی" + owner for owner in _OWNERS)]
    if len(word) >= 5:
        endings += [*_OWNERS, "ان", "ات", "یم", "ند", "اند", "ست", "است", "تر", "ترین", "محور"]
    return tuple(endings)


def _one_of(parts: Iterable[str]) -> bytes:
    return b"(?:" + b"|".join(re.escape(mark(part)) for part in parts) + b")"


_SPACED_PLURAL = rb"\x01" + _one_of(_PLURALS)
_GAP = rb"[\x01\x02]{0,4}"


def _forms(word: _Word, ending: Callable[[tuple[str, ...]], bytes]) -> bytes:
    """A word in any of its forms, each with its ending when it may have one."""
    written = (
        _GAP.join(re.escape(mark(part)) for part in form) + (ending(form) if word.persian else b"")
        for form in word.forms
    )
    return b"(?:" + b"|".join(written) + b")"


@dataclass(frozen=True)
class Term:
    """A term of a rule, ready to be looked for. `text` is as written."""

    text: str
    exact: bool = False

    @cached_property
    def words(self) -> tuple[_Word, ...]:
        """Parted at spaces and marks; none when the term has no letter."""
        spaced = "".join(" " if _BYTES[ord(char)] in {_SPACE, _SOFT, _HARD} else char for char in self.text)
        written = [tuple(filter(None, map(squash, word.split(ZWNJ)))) for word in spaced.split()]
        return tuple(_Word((parts, *self._others("".join(parts)))) for parts in written if parts)

    def _others(self, word: str) -> Iterator[tuple[str]]:
        """Other forms of a word as written: its family, and «امضا» for «امضای», whose ی may be only the ezafe's."""
        if not self.exact:
            yield from ((other,) for other in _FAMILY.get(word, ()) if other != word)
            if word.endswith("ای") and len(word) >= 5:
                yield (word[:-1],)

    @cached_property
    def letters(self) -> str:
        return squash(self.text)

    @property
    def capitals(self) -> bool:
        """Whether it is found in capitals only: three Latin letters or fewer are no evidence in small ones («it»)."""
        return len(self.letters) <= 3 and self.letters.isascii() and self.letters.isalpha()

    @property
    def unknown(self) -> str:
        """Its letters that are neither Persian nor Latin, which nothing can be told from."""
        return "".join(char for char in self.letters if char not in _CODES)

    @property
    def patterns(self) -> Iterator[bytes]:
        """What the automaton looks for: the first two words, glued, in all their forms."""
        first, *rest = self.words
        for form in first.forms:
            ends = () if self.exact or not rest or not first.persian else _inner_endings(form)
            for end, following in product(("", *ends), rest[0].forms if rest else ((),)):
                yield mark("".join((*form, end, *following)))

    @property
    def shape(self) -> bytes:
        """Its letters and separators as they would stand in a body."""
        return mark(self.text).replace(GONE, b"").strip(SEPARATORS)

    @property
    def crossed(self) -> bool:
        """Whether a clause mark stands inside: no phrase goes over one, so only an exact term can be found so."""
        return _HARD.encode() in self.shape

    @cached_property
    def expression(self) -> re.Pattern[bytes]:
        """What a candidate is asked, at its start in the body. Every repetition is bounded: no input makes it slow."""
        if self.exact:
            return re.compile(re.sub(rb"\x01+", rb"\\x01{1,4}", re.escape(self.shape)) + self._boundary())
        *inner, last = self.words
        parts = [_forms(word, lambda form: rb"(?:\x01{0,2}" + _one_of(_inner_endings(form)) + b")?") for word in inner]
        parts.append(_forms(last, lambda form: b"(?:" + _SPACED_PLURAL + b"|" + _one_of(_last_endings(form)) + b")?"))
        return re.compile(_GAP.join(parts) + self._boundary())

    def _boundary(self) -> bytes:
        """Nothing more of the last word's own script."""
        script = script_of(mark(self.letters)[-1])
        return b"(?!" + (_DIGIT, _LATIN, _PERSIAN)[script - 1] + b")"
