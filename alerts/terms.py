"""How a term of a rule may be written: its words, their forms and endings, and what may stand between them.

Texts and terms are compared in marked form, one byte a character: a letter's own code, or the class of a separator. Classes
of codes are scripts: 0x00 nothing at all (marks, ZWNJ) · 0x01–0x0f separators · 0x10– digits · 0x1a– Latin · 0x40– Persian.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from didban.text import REPERTOIRE, encode, fold, squash

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"

_GONE, _SPACE, _SOFT, _DOT, _HARD = "\x00", "\x01", "\x02", "\x03", "\x04"
GONE, NO_LETTERS = _GONE.encode(), bytes(range(0x10))
_SOFT_MARKS = frozenset("\"'«»“”„‘’‹›()[]{}-\N{HYPHEN}\N{NON-BREAKING HYPHEN}_")
"""What may stand between two words of a term; and so may a dot, when it ends no sentence, which the text alone tells."""
_LINE_ENDS = frozenset("\n\r\v\f\x85\u2028\u2029")
_LATIN_OTHER, _PERSIAN_OTHER = "\x3f", "\xff"
_CODES: dict[str, str] = {char: chr(0x10 + at) for at, char in enumerate("0123456789abcdefghijklmnopqrstuvwxyz")}
_CODES |= {
    char: chr(0x40 + at)
    for at, char in enumerate(sorted({squash(chr(code)) for code in range(0x620, 0x6FF)} - {"", *"0123456789"}))
    if len(char) == 1
}


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
            marked = _DOT if char == "." else _SOFT if char in _SOFT_MARKS else _HARD
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


def origins(text: str, marked: bytes) -> Sequence[int]:
    """Of each byte of `text` in marked form, the place of its character in the text."""
    if len(marked) == len(text):
        return range(len(text))
    places: list[int] = []
    for at, char in enumerate(text):
        places += [at] * len(_BYTES[ord(char)])
    return places


SCRIPTS = bytes(0 if code < 0x10 else 1 if code < 0x1A else 2 if code < 0x40 else 3 for code in range(0x100))
"""Of each code: 0 for a separator, else which of digits, Latin and Persian letters: a change is a word's boundary."""
_PERSIAN = 3


_FAMILIES = (
    ("دفتر", "دفاتر"), ("خدمت", "خدمات"), ("مرکز", "مراکز"), ("سند", "اسناد"), ("مدرک", "مدارک"), ("امر", "امور"),
    ("مکاتبه", "مکاتبات"), ("استعلام", "استعلامات"), ("الکترونیک", "الکترونیکی"), ("دیجیتال", "دیجیتالی"),
)  # fmt: skip
"""Words that are one to a rule: broken plurals, and adjectives written with and without their ی."""
_FAMILY = {squash(word): tuple(squash(other) for other in words) for words in _FAMILIES for word in words}

LONGEST_INNER = 4
_LONGEST_LAST = 6
_PLURALS = ("هایی", "های", "ها")
_OWNERS = ("م", "ت", "ش", "مان", "تان", "شان")


def _marked(words: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(map(mark, words))


@lru_cache
def _inner_endings(length: int, tail: str) -> tuple[bytes, ...]:
    """What a word inside a term may end in: plural, ezafe, indefinite («دولت‌های», «امضای», «پنجره‌ای»)."""
    if length < 3:
        return ()
    return _marked((*_PLURALS, "ی", "ای") if tail == "ه" else (*_PLURALS, "ی"))


@lru_cache
def _last_endings(length: int, tail: str, *, alone: bool) -> frozenset[bytes]:
    """What the last word of a term may end in. The shorter, the fewer: «ارز» is not in «ارزش», nor «پست» in «پستان»;
    «بانکشان» is a bank of theirs only behind another word, since «ساختمان» is no «ساخت»."""
    endings = ["", *_PLURALS, *(plural + owner for plural in ("ها", "های") for owner in _OWNERS)]
    if length >= 3:
        endings += ["ی", "را", *("ی" + plural for plural in _PLURALS)]
    if tail == "ه":
        endings += ["ای", "اش", "ایی"]
    if tail in {"ا", "و"}:
        endings += ["یی", *("ی" + owner for owner in _OWNERS)]
    if length >= (5 if alone else 4):
        endings += ["مان", "تان", "شان"]
    if length >= 5:
        endings += ["م", "ت", "ش", "ان", "ات", "یم", "ند", "اند", "ست", "است", "تر", "ترین", "محور"]
        endings += ["ام", "اش"] if tail == "ی" else []
    return frozenset(_marked(endings))


_GAP = re.compile(rb"[\x01-\x03]{0,4}")
_SPACES = re.compile(rb"\x01{0,2}")
_PARTED = frozenset(b"\x01" + bytes([code]) for code in range(0x10, 0x100) if code not in mark("هیا"))
"""A space and a letter that no ending of an inner word begins with."""
_REST = re.compile(rb"[\x40-\xff]{0,7}")  # one letter more than the longest ending has
_SPACED_PLURAL = re.compile(rb"(?:\x01(?:%s)(?![\x40-\xff]))?" % b"|".join(map(re.escape, _marked(_PLURALS))))


def _past(pattern: re.Pattern[bytes], body: bytes, at: int) -> int:
    """Where `pattern`, which may be nothing, ends at `at`."""
    found = pattern.match(body, at)
    return found.end() if found else at


class Form(NamedTuple):
    """One way to write a word: the parts between which a space or ZWNJ may be lost or put («پیش‌خوان»), and its endings
    inside a term and at its end."""

    parts: tuple[bytes, ...]
    inner: tuple[bytes, ...]
    last: frozenset[bytes]

    def stem(self, body: bytes, at: int) -> int:
        """Where the word ends that stands at `at`, without an ending; -1 when another stands there."""
        first = self.parts[0]
        if not body.startswith(first, at):
            return -1
        at += len(first)
        for part in self.parts[1:]:
            at = _past(_GAP, body, at)
            if not body.startswith(part, at):
                return -1
            at += len(part)
        return at

    def onward(self, body: bytes, end: int) -> list[int]:
        """Where the next word of a term may begin, when this one without an ending ends at `end`: after one of its endings or
        none, and what may stand between words."""
        if body[end : end + 2] in _PARTED:  # most often: one space, and no ending
            return [end + 1]
        spaced = _past(_SPACES, body, end)
        ends = [spaced + len(ending) for ending in self.inner if body.startswith(ending, spaced)]
        return [_past(_GAP, body, at) for at in (end, *ends)]

    def close(self, body: bytes, at: int) -> int:
        """Where it ends at a term's end: at a boundary of words; -1 when it stands there only as a part of another word."""
        end = self.stem(body, at)
        if end < 0:
            return -1
        script = SCRIPTS[body[end - 1]]
        if script != _PERSIAN:
            return -1 if end < len(body) and SCRIPTS[body[end]] == script else end
        after = _past(_REST, body, end)
        if body[end:after] not in self.last:
            return -1
        return after if after > end else _past(_SPACED_PLURAL, body, end)


class Exact(NamedTuple):
    """A whole term, as written."""

    pattern: re.Pattern[bytes]
    parts: tuple[bytes, ...] = (b"",)

    def close(self, body: bytes, at: int) -> int:
        """Where it ends, as `Form.close` says."""
        found = self.pattern.match(body, at)
        return found.end() if found else -1


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A word of a term, in all its forms. One that is written alike is one object, as long as 65,536 of them are known."""

    forms: tuple[Form, ...]


@lru_cache(maxsize=1 << 16)
def _word(written: str, *, exact: bool, alone: bool) -> Word:
    """`written` has a letter and no mark but ZWNJ."""
    parts = [part for part in map(squash, written.split(ZWNJ)) if part]
    word = "".join(parts)
    if exact:
        return Word((Form(_marked([word]), (), frozenset()),))
    if len(word) in _CAPITALS and written.isascii() and written.isupper():
        parts = list(word)  # I.C.T
    return Word(tuple(_form(form, alone=alone) for form in (parts, *_others(word))))


def _form(parts: list[str], *, alone: bool) -> Form:
    word = "".join(parts)
    if SCRIPTS[mark(word)[-1]] != _PERSIAN:
        return Form(_marked(parts), (), frozenset())
    ending = word if len(parts[-1]) >= 3 else parts[-1]  # «آی سی تی» is not in «آی سی تیم»
    last = _last_endings(min(len(ending), 5), word[-1], alone=alone)
    return Form(_marked(parts), _inner_endings(min(len(word), 3), word[-1]), last)


def _others(word: str) -> Iterator[list[str]]:
    """Other forms of a word as written: its family, and «امضا» for «امضای», whose ی may be only the ezafe's."""
    yield from ([other] for other in _FAMILY.get(word, ()) if other != word)
    if word.endswith("ای") and len(word) >= 5:
        yield [word[:-1]]


_CAPITALS = range(2, 6)
"""How many letters an abbreviation has."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a rule, ready to be looked for. `text` is as written."""

    text: str
    exact: bool = False
    words: tuple[Word, ...] = field(init=False, repr=False, compare=False)
    """Parted at spaces and marks; none when the term has no letter."""

    def __post_init__(self) -> None:
        spaced = "".join(" " if _BYTES[ord(char)] in _BETWEEN else char for char in self.text)
        written = [word for word in spaced.split() if squash(word)]
        words = tuple(_word(word, exact=self.exact, alone=len(written) == 1) for word in written)
        object.__setattr__(self, "words", words)

    @property
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
    def patterns(self) -> set[bytes]:
        """What the automaton looks for: the first two words, glued, in all their forms."""
        first, *rest = self.words
        ends = {b"".join((*form.parts, end)) for form in first.forms for end in (b"", *(form.inner if rest else ()))}
        return {end + b"".join(form.parts) for end in ends for form in rest[0].forms} if rest else ends

    @property
    def reach(self) -> int:
        """Letters that it may take in a text, with its endings, a plural apart and what comes after."""
        longest = (max(sum(map(len, form.parts)) for form in word.forms) for word in self.words)
        return sum(longest) + LONGEST_INNER * len(self.words) + 2 * _LONGEST_LAST

    @property
    def shape(self) -> bytes:
        """Its letters and separators as they would stand in a body."""
        return mark(self.text).replace(GONE, b"").strip(NO_LETTERS)

    @property
    def crossed(self) -> bool:
        """Whether a clause mark stands inside: no phrase goes over one, so only an exact term can be found so."""
        return _HARD.encode() in self.shape

    @property
    def exactly(self) -> Exact:
        """The term as written, a space as one to four, and no more of its last word's script."""
        others = (rb"\x10-\x19", rb"\x1a-\x3f", rb"\x40-\xff")[SCRIPTS[self.shape[-1]] - 1]
        return Exact(re.compile(re.sub(rb"\x01+", rb"\\x01{1,4}", re.escape(self.shape)) + b"(?![" + others + b"])"))


_BETWEEN = frozenset({_SPACE, _SOFT, _DOT, _HARD})


class Branch(NamedTuple):
    """Terms that begin alike, and are read together: what their next words may be, each with the number of the term that
    ends with it, or with what comes after it."""

    last: tuple[tuple[Form | Exact, int], ...]
    inner: tuple[tuple[Form, Branch], ...]
    letters: Mapping[int, Branch] = MappingProxyType({})
    """A wide branch parted by its words' first letters, and then neither of the above."""

    def read(self, body: bytes, starts: Collection[int], ends: dict[int, int]) -> None:
        """Note in `ends` where the terms end whose next word stands at one of `starts`, and whose others follow, parted by no
        more than 4 marks: of a term's ends, the last. A place is read on from once however many ways lead there, and every
        repetition is bounded: no input makes it slow."""
        for letter in {body[start] for start in starts if start < len(body)} if self.letters else ():
            if letter in self.letters:
                self.letters[letter].read(
                    body, [start for start in starts if body[start : start + 1] == bytes([letter])], ends
                )
        for form, term in self.last:
            for start in starts:
                if body.startswith(form.parts[0], start):  # most do not: this spares a call
                    end = form.close(body, start)
                    if end > ends.get(term, -1):
                        ends[term] = end
        for word, branch in self.inner:
            after: set[int] = set()
            for start in starts:
                if body.startswith(word.parts[0], start):
                    end = word.stem(body, start)
                    after.update(word.onward(body, end) if end >= 0 else ())
            if after:
                branch.read(body, after, ends)


_WIDE = 8


def branch(terms: Sequence[tuple[int, Sequence[Word]]]) -> Branch:
    """Numbered terms by what is left to read of them, which is a word at least."""
    longer: dict[Word, list[tuple[int, Sequence[Word]]]] = {}
    for number, (word, *others) in terms:
        if others:
            longer.setdefault(word, []).append((number, others))
    last = tuple((form, number) for number, words in terms if len(words) == 1 for form in words[0].forms)
    inner = tuple((form, then) for word, rest in longer.items() for then in (branch(rest),) for form in word.forms)
    if len(last) + len(inner) <= _WIDE:
        return Branch(last, inner)
    ends: dict[int, list[tuple[Form | Exact, int]]] = defaultdict(list)
    onward: dict[int, list[tuple[Form, Branch]]] = defaultdict(list)
    for form, number in last:
        ends[form.parts[0][0]].append((form, number))
    for form, then in inner:
        onward[form.parts[0][0]].append((form, then))
    return Branch((), (), {at: Branch(tuple(ends[at]), tuple(onward[at])) for at in {*ends, *onward}})
