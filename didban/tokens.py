"""The words of a text as an index keeps them: one key for the ways a word may be written, and where it stands.

    keys("دفاتر پیش‌خوان ICT") → ["دفتر", "پیشخوان", "ict", GAP, "پیش", "خوان"]

First the words in their order, so that phrases are found; then, each after a GAP that no phrase crosses, the parts of the words
that a ZWNJ holds together, and the other reading of «خانهای» («خان‌های», «خانه‌ای»). A key is folded, has lost the endings that never
make another word of one (plural, ezafe after «ا»), and a broken plural is its singular. Queries are read by the same function:
what it does to a word it does on both sides. hazm is not needed.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import cache, lru_cache
from typing import Final, NamedTuple

from didban.text import REPERTOIRE, encode, fold, squash

ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"
GAP: Final = "\N{MIDDLE DOT}"
"""A key that no word has."""
LONGEST: Final = 64
"""Letters of a key; what a longer word goes on with is not told apart."""

_PLURALS = ("هایشان", "هایتان", "هایمان", "هایش", "هایت", "هایم", "هایی", "های", "ها")
_ENDINGS = frozenset(
    (*_PLURALS, "ی", "ای", "ام", "ات", "اش", "مان", "تان", "شان", "ایم", "اید", "اند", "تر", "ترین", "محور")
)
"""What stands behind a ZWNJ without making another word."""
_ALONE = frozenset(("ها", "های", "هایی", "ی"))
"""Endings written as words of their own («دفتر ها»)."""
_VERBAL = frozenset(("می", "نمی"))  # «می‌شود» is found whole; its parts say nothing
_ONE = {
    "دفاتر": "دفتر", "خدمات": "خدمت", "مراکز": "مرکز", "اسناد": "سند", "مدارک": "مدرک", "امور": "امر", "مناطق": "منطقه",
    "مکاتبات": "مکاتبه", "استعلامات": "استعلام", "ادارات": "اداره", "مصوبات": "مصوبه", "جلسات": "جلسه", "اقدامات": "اقدام",
    "قوانین": "قانون", "مشاغل": "شغل", "مراجع": "مرجع", "وزرا": "وزیر", "نمایندگان": "نماینده", "استانداران": "استاندار",
    "فرمانداران": "فرماندار", "دهیاران": "دهیار", "کاربران": "کاربر", "شهروندان": "شهروند", "مدیران": "مدیر",
    "روستاییان": "روستایی", "الکترونیکی": "الکترونیک", "دیجیتالی": "دیجیتال",
}  # fmt: skip
"""Words that are one to whoever searches: broken plurals, plurals of people, adjectives written with and without their ی."""


class Token(NamedTuple):
    """A key, and the code points of the text that it stands for, the end exclusive. A GAP stands for none."""

    key: str
    start: int
    end: int


class Reading(NamedTuple):
    """One written word: its keys in order, and groups of keys that it is found by as well. Offsets are the word's own."""

    main: tuple[Token, ...]
    others: tuple[tuple[Token, ...], ...] = ()


_SCRIPTS = re.compile(r"(?P<digits>[0-9]+)|[\u0600-\u06ff]+|[^0-9\u0600-\u06ff]+")
"""A change between digits, Persian and other letters is a word's boundary («۵میلیون», «ICTروستایی»)."""


def read_word(word: str) -> Reading:
    """A folded word, in which ZWNJ is kept."""
    parts = [Token(part[0], part.start(), part.end()) for part in re.finditer(f"[^{ZWNJ}]+", word)]
    if len(parts) > 1 and parts[-1].key in _ENDINGS:
        ending = parts.pop()
        parts[-1] = parts[-1]._replace(end=ending.end)
    if len(parts) > 1 and parts[0].key == "و":  # «و‌دولت»
        del parts[0]
    whole = "".join(part.key for part in parts)
    runs = list(_SCRIPTS.finditer(whole))
    if len(runs) != 1:
        return Reading(tuple(_run(run, part) for part in parts for run in _SCRIPTS.finditer(part.key)))
    if whole in _ALONE:
        return Reading(())
    start, end = parts[0].start, parts[-1].end
    key = _key(whole)
    others: list[tuple[Token, ...]] = []
    if len(parts) > 1 and parts[0].key not in _VERBAL:
        others.append(tuple(Token(_key(part.key), part.start, part.end) for part in parts))
    elif whole.endswith(("های", "هایی")) and key != whole and not key.endswith("ه"):
        others.append((Token(key + "ه", start, end),))
    return Reading((Token(key, start, end),), tuple(others))


def _run(run: re.Match[str], part: Token) -> Token:
    """A part's run of one script; its last one spans the ending that the part has lost, too."""
    end = part.end if run.end() == len(part.key) else part.start + run.end()
    return Token(_key(run[0]), part.start + run.start(), end)


def _key(word: str) -> str:
    """A word of one script without its endings: «دفترهایشان» → دفتر, «شورای» → شورا; «تنها», «برای» stay."""
    for ending in _PLURALS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    else:
        if word.endswith("ای") and len(word) >= 5:
            word = word[:-1]
    return _ONE.get(word, word)[:LONGEST]


class _Words(dict[int, str]):
    """For `str.translate`: letters and digits folded, ZWNJ kept, other marks that are nothing dropped, the rest a space."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = made = squash(char) or (char if char == ZWNJ else " " if fold(char) else "")
        return made


_WORDS = _Words()
_DROPPED = bytes(at for at, char in enumerate(REPERTOIRE) if not _WORDS[ord(char)])
_WORDED = "".join(_WORDS[ord(char)] or "\0" for char in REPERTOIRE)


def words(text: str) -> list[str]:
    """The words of `text`, folded, in which ZWNJ is kept."""
    encoded = encode(text)
    if encoded is None:
        return text.translate(_WORDS).split()
    return codecs.charmap_decode(encoded.translate(None, _DROPPED), "strict", _WORDED)[0].split()


class _Keys(dict[str, str]):
    """The keys of a word, each behind a mark and a space between them: worked out once, for as many words as are in use."""

    MOST = 1 << 18

    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark
        self.others: dict[str, str] = {}

    def __missing__(self, word: str) -> str:
        if len(self) >= self.MOST:
            self.clear()
            self.others.clear()
        reading = read_word(word)
        if reading.others:
            groups = ((GAP, *(token.key for token in group)) for group in reading.others)
            self.others[word] = " ".join(self.mark + key for group in groups for key in group)
        self[word] = made = " ".join(self.mark + token.key for token in reading.main)
        return made


@cache
def _keys(mark: str) -> _Keys:
    return _Keys(mark)


def keys(text: str, mark: str = "") -> list[str]:
    """The keys of `text`: its words, then what else they are found by. Each is put behind `mark`, one of a few."""
    known, found = _keys(mark), words(text)
    main = [known[word] for word in found]
    others = [known.others[word] for word in found if word in known.others]
    return " ".join(main + others).split()


_read = lru_cache(maxsize=1 << 16)(read_word)
"""A page of hits says the same few thousand words again and again."""


def tokens(text: str) -> list[Token]:
    """The same with their places in `text`; slower, for the few texts that are shown."""
    folded, origins = [], []
    for at, char in enumerate(text):
        made = _WORDS[ord(char)]
        folded.append(made)
        origins += [at] * len(made)
    main: list[Token] = []
    others: list[Token] = []

    def placed(token: Token, word: re.Match[str]) -> Token:
        first, end = origins[word.start() + token.start], origins[word.start() + token.end - 1] + 1
        while end < len(text) and unicodedata.category(text[end]) == "Mn":  # a mark belongs to the letter before it
            end += 1
        return Token(token.key, first, end)

    for word in re.finditer(r"\S+", "".join(folded)):
        reading = _read(word[0])
        main += [placed(token, word) for token in reading.main]
        for group in reading.others:
            others += [Token(GAP, 0, 0), *(placed(token, word) for token in group)]
    return main + others
