"""The folded form of Persian text, for identity, matching, search and copies; and where its sentences end.

What a person sees is always the original: a folded text is only ever compared, hashed or indexed.

    fold("كتاب‌هاىِ ۱۲ ICT")   → "کتابهای 12 ict"       letters made one, marks and invisible characters dropped
    squash("دولت‌ الکترونیک!") → "دولتالکترونیک"         letters and digits only
    sentences("این است.وی گفت") → [(0, 8), (8, 14)]     spans of the original
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_LETTERS = str.maketrans({
    **dict.fromkeys("يىېےۍێ", "ی"),
    **dict.fromkeys("كڪ", "ک"),
    **dict.fromkeys("ةہھەۃ", "ه"),
    "ٱ": "ا",
    **dict.fromkeys("ءٴـ", None),  # hamza on the line, high hamza, tatweel
})  # fmt: skip
"""What is left to unify once NFKD has undone presentation forms and taken hamza and madda off their letters."""


def _fold_char(char: str) -> str:
    """One character folded; `""` for what carries no meaning of its own: marks (Mn, Me), ZWNJ and bidi marks (Cf)."""
    parts = unicodedata.normalize("NFKD", char)
    kept = "".join(part for part in parts if unicodedata.category(part) not in {"Mn", "Me", "Cf"})
    if kept.isspace() and not char.isspace():
        return ""  # a mark's stand-alone form, U+FE70 to U+FE7E: a space that carries the mark
    if kept and not kept.isspace() and not any(map(str.isalnum, kept)):
        return char  # punctuation stays: «…» is not three dots
    digits = (str(unicodedata.decimal(part, part)) for part in kept.lower())
    return "".join(digits).translate(_LETTERS)


class _Table(dict[int, str]):
    """A table for `str.translate` that works each character out once; it never holds more than Unicode has."""

    def __init__(self, *, letters_only: bool) -> None:
        super().__init__()
        self._letters_only = letters_only

    def __missing__(self, code: int) -> str:
        folded = _fold_char(chr(code))
        if self._letters_only:
            folded = "".join(filter(str.isalnum, folded))
        self[code] = folded
        return folded


_FOLD = _Table(letters_only=False)
_SQUASH = _Table(letters_only=True)


def _repertoire() -> str:
    """The characters that are all most Persian texts are made of: 256 places, for one byte each."""
    spans = (
        (0x20, 0x7E),
        (0x621, 0x63A),
        (0x640, 0x655),
        (0x660, 0x66C),
        (0x6F0, 0x6F9),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
    )
    chars = "\0\t\n\r" + "".join(chr(code) for first, last in spans for code in range(first, last + 1))
    chars += "،؛؟پچژگکیۀەہھۂۃۆێېےٱڕڵڤۇۋ\N{ARABIC LETTER SUPERSCRIPT ALEF}«»“”‘’„‹›–—…•●■×©®°·"
    chars += "\N{SOFT HYPHEN}\N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}\N{REPLACEMENT CHARACTER}"
    return chars.ljust(0x100, "\ufffe")


REPERTOIRE = _repertoire()
_ENCODING = codecs.charmap_build(REPERTOIRE)
_FOLDED = "".join(_FOLD[ord(char)] or "\0" for char in REPERTOIRE)
_DROPPED = bytes(at for at, char in enumerate(REPERTOIRE) if not _FOLD[ord(char)])
_NO_LETTERS = bytes(at for at, char in enumerate(REPERTOIRE) if not _SQUASH[ord(char)])
_NO_LETTERS_IN_LINES = _NO_LETTERS.replace(bytes([REPERTOIRE.index("\n")]), b"")
_BLANK = bytes(at for at, char in enumerate(_FOLDED) if char.isspace()) + _DROPPED


def encode(text: str) -> bytes | None:
    """`text` as its characters' places in REPERTOIRE, one byte each; None when another character is in it.

    Twenty times as fast as `str.translate`, which is what makes folding cheap.
    """
    try:
        return codecs.charmap_encode(text, "strict", _ENCODING)[0]
    except UnicodeEncodeError:
        return None


def fold(text: str) -> str:
    """`text` with one form of each letter and digit; whitespace and punctuation stay. Idempotent, and per character:
    `fold(a + b) == fold(a) + fold(b)`."""
    encoded = encode(text)
    if encoded is None:
        return text.translate(_FOLD)
    return codecs.charmap_decode(encoded.translate(None, _DROPPED), "strict", _FOLDED)[0]


def squash(text: str) -> str:
    """The letters and digits of `fold(text)`, with nothing between them."""
    encoded = encode(text)
    if encoded is None:
        return text.translate(_SQUASH)
    return codecs.charmap_decode(encoded.translate(None, _NO_LETTERS), "strict", _FOLDED)[0]


def fold_unspaced(text: str) -> str:
    """`fold(text)` without its white space."""
    encoded = encode(text)
    if encoded is None:
        return "".join(text.translate(_FOLD).split())
    return codecs.charmap_decode(encoded.translate(None, _BLANK), "strict", _FOLDED)[0]


def squash_lines(lines: Sequence[str]) -> list[str]:
    """`squash` of each of these, in which there is no line feed: of all in one go, a few times as fast as one by one."""
    encoded = encode("\n".join(lines))
    if encoded is None or not lines:
        return [squash(line) for line in lines]
    return codecs.charmap_decode(encoded.translate(None, _NO_LETTERS_IN_LINES), "strict", _FOLDED)[0].split("\n")


CLOSERS = "»)]}”’"
"""What still belongs to a sentence after its full stop. A straight quote is left out: it may open the next one."""

_LINE_ENDS = "\n\r\v\f\x85\u2028\u2029"
_ENDS = f".!?؟۔…{_LINE_ENDS}"
_STOP = re.compile(rf"[{_ENDS}]+[{re.escape(CLOSERS)}]*")  # one class first: thrice as fast
_END = re.compile(f"[{_ENDS}]")
_ADDRESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-=&%~@")
_NAMES = "ای|بی|سی|دی|اف|جی|اچ|کی|ال|ام|ان|او|پی|کیو|ار|اس|تی|یو|وی|دبلیو|ایکس|وای|زد|زی"
_NAMES = _NAMES.translate(str.maketrans({"ا": "[اآ]", "ی": "[یيى]", "ک": "[کك]"}))
_GAP = "[ \N{ZERO WIDTH NON-JOINER}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}]?"
_LETTER_BEFORE = re.compile(rf"(?<!\w)(?:{_NAMES}|[^\W\d_]){_GAP}$")
_LETTER_AFTER = re.compile(rf"{_GAP}(?:(?!(?:و[یي]|او)(?! ?\.))(?:{_NAMES})|[^\W\d_])(?!\w)")
"""The letters of an abbreviation, as such («ه.ش») or by name («آی.سی.تی»). «وی» and «او» are also "he", who opens
sentences, so they are letters only when the abbreviation goes on («پی.وی.سی»)."""


def _inside(text: str, start: int, end: int) -> bool:
    """Whether the mark at `text[start:end]` stands inside a number, an address or an abbreviation."""
    if start == 0 or end >= len(text):
        return False
    before, mark, after = text[start - 1], text[start:end], text[end]
    if before in _ADDRESS and after in _ADDRESS:
        return not any(char in _LINE_ENDS for char in mark)
    if mark != "." or after in "\r\n":
        return False
    if before.isdecimal() and after.isdecimal():
        return True
    return bool(_LETTER_AFTER.match(text, end)) and bool(_LETTER_BEFORE.search(text, max(0, start - 8), start))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """`text[start:end]` without the whitespace around it; empty when it is blank."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, in order, without the whitespace around them; none is blank.

    A sentence ends at a line's end, at `! ? ؟ …` and at a dot, glued or not («است.وی»); not at a dot inside a number,
    an address (my.gov.ir) or an abbreviation («آی.سی.تی»).
    """
    ends = [stop.end() for stop in _STOP.finditer(text) if not _inside(text, *stop.span())]
    spans = (_trimmed(text, start, end) for start, end in pairwise((0, *ends, len(text))))
    return [(start, end) for start, end in spans if start < end]


_BACK = 200
"""Characters looked at together on the way back to a sentence's start; most sentences are shorter."""


def sentence_at(text: str, at: int) -> tuple[int, int]:
    """The one of `sentences(text)` that `text[at]`, a letter or digit, is in; it costs the sentence's length, not the text's."""
    start = low = at
    while low > 0:
        window = text[max(0, low - _BACK) : low]
        found = _END.search(window[::-1])
        if found is None:
            start = low = low - len(window)
            continue
        first = start = low - found.start()
        while first > 0 and text[first - 1] in _ENDS:
            first -= 1
        while start < len(text) and text[start] in CLOSERS:
            start += 1
        if start <= at and not _inside(text, first, start):
            break
        start = low = first
    stops = (stop.end() for stop in _STOP.finditer(text, at) if not _inside(text, *stop.span()))
    return _trimmed(text, start, next(stops, len(text)))
