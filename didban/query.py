"""What somebody searches for: read from one line, laid against a text.

    دفاتر "دولت الکترونیک" -روزنامه title:پیشخوان

Every word must stand somewhere in an article, each phrase as it is; `-` keeps out, `title:` `lead:` `text:` (تیتر: لید: متن:) say
where. Quotation marks are "…", «…» or “…”. Everything else a line may hold is words: no sign is an operator.

A word is a choice of sequences of keys (didban.tokens), any of which will do: «پیشخوان» is also the phrase «پیش خوان», and the
two words «پیش خوان», side by side, are also the one «پیشخوان».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final, Literal

from didban.errors import QueryError
from didban.tokens import ZWNJ, Token, read_word, tokens, words

Field = Literal["title", "lead", "text"]
FIELDS: Final[tuple[Field, ...]] = ("title", "lead", "text")
"""Where a hit may be, the best first. The kicker is of the title."""
MOST_FORMS: Final = 120
"""Forms of one word; of a verb there are some hundred."""
MOST: Final = 32
"""Words in a query: nobody's question is longer, and a database's patience is not endless."""

_NAMES: dict[str, Field] = {
    "title": "title", "lead": "lead", "text": "text", "تیتر": "title", "لید": "lead", "متن": "text",
}  # fmt: skip
_CLOSING = {'"': '"', "«": "»", "“": "”"}
_PART = re.compile(
    rf"(?P<out>-)?(?:(?P<name>{'|'.join(_NAMES)}):)?(?:(?P<open>[\"«“])|(?P<word>[^\s\"«“]+))?", re.IGNORECASE
)
_BEFORE = (
    "پیش", "می", "نمی", "بی", "هم", "باز", "کم", "پر", "پس", "بین", "درون", "برون", "میان", "چند", "تک", "خود", "غیر",
    "نا", "ضد", "فرا", "فوق", "شبه", "نیمه",
)  # fmt: skip
_AFTER = (
    "خانه", "نامه", "گاه", "گذار", "گذاری", "ساز", "سازی", "پذیر", "پذیری", "شناس", "شناسی", "دار", "داری", "کار",
    "کاری", "ریزی", "دهی", "رسان", "رسانی", "سنجی", "محور", "مند", "یاری", "خوان", "اوری", "بانی", "گزاری", "سپاری",
)  # fmt: skip
"""Where a word that is written in one may be two: before the one, after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A word or phrase: any one of its `choices`, in any of its `fields`."""

    choices: tuple[tuple[str, ...], ...]
    fields: tuple[Field, ...] = FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All of `wanted` (never empty) and none of `unwanted`."""

    wanted: tuple[Wanted, ...]
    unwanted: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A word or phrase as it was typed: folded words, ZWNJ kept."""

    words: tuple[str, ...]
    fields: tuple[Field, ...]
    out: bool
    bare: bool
    single: bool
    """One word, not in quotation marks, not kept out."""


Forms = Callable[[str], Iterable[str]]
"""The other forms of a word that a search shall find as well."""


def read_query(line: str, *, forms: Forms | None = None) -> Query:
    """`forms` widens each word that stands by itself, not those in quotation marks or kept out.

    Raises QueryError where there is nothing to look for, a quotation mark stays open, or there are more than MOST words.
    """
    parts = list(_parts(line))
    if sum(len(part.words) for part in parts) > MOST:
        raise QueryError(f"a search takes at most {MOST} words: leave some out", mistake="many")
    read = [(part, _choices(part.words) | _widened(part, forms)) for part in parts]
    read = [(part, choices) for part, choices in read if choices]  # a lone ending is no word
    for at, ((one, _), (two, _)) in enumerate(pairwise(read)):
        if one.bare and two.bare:
            joined = _joined(one.words[0], two.words[0])
            read[at] = one, read[at][1] | joined
            read[at + 1] = two, read[at + 1][1] | joined
    wanted = tuple(Wanted(choices=tuple(choices), fields=part.fields) for part, choices in read if not part.out)
    if not wanted:
        only = "only what to leave out" if read else "no word"
        problem = f"there is {only} in the search: give at least one word to look for"
        raise QueryError(problem, mistake="out" if read else "nothing")
    out = tuple(Wanted(choices=tuple(choices), fields=part.fields) for part, choices in read if part.out)
    return Query(wanted=wanted, unwanted=out)


def _parts(line: str) -> Iterator[_Part]:
    at = 0
    while at < len(line):
        found = _PART.match(line, at)
        if line[at].isspace() or found is None or found.end() == at:
            at += 1
            continue
        name, opening, end = found["name"], found["open"], found.end()
        if name and not opening and not found["word"]:
            raise QueryError(f"{name}: names a field: put a word or phrase right behind it", mistake="field")
        inner = found["word"] or ""
        if opening:
            end = line.find(_CLOSING[opening], found.end())
            if end < 0:
                problem = f"the quotation mark {opening} before {line[at : at + 20]!r} stays open: close it"
                raise QueryError(problem, mistake="open")
            inner, end = line[found.end() : end], end + 1
        elif not name and not found["out"] and inner.strip('"»”') != inner:
            raise QueryError(f"the quotation mark in {inner[:20]!r} was never opened", mistake="unopened")
        fields = (_NAMES[name.lower()],) if name else FIELDS
        typed = tuple(words(inner))
        if typed:
            single = not (opening or found["out"]) and len(typed) == 1
            yield _Part(typed, fields, bool(found["out"]), bare=single and not name, single=single)
        at = max(end, at + 1)


def _choices(typed: Sequence[str]) -> dict[tuple[str, ...], None]:
    """A word's, or a phrase's with one of its words read, or two of them joined, in another way; in order, each once."""
    if len(typed) == 1:
        return _sequences(typed[0])
    read = [[*_sequences(word)] or [()] for word in typed]
    plain = [sequences[0] for sequences in read]
    found = {_flat(plain): None}
    for at, sequences in enumerate(read):
        found |= {_flat([*plain[:at], other, *plain[at + 1 :]]): None for other in sequences[1:]}
    for at, (one, two) in enumerate(pairwise(typed)):
        for joined in _joined(one, two):
            found[_flat([*plain[:at], joined, *plain[at + 2 :]])] = None
    return {sequence: None for sequence in found if sequence}


def _widened(part: _Part, forms: Forms | None) -> dict[tuple[str, ...], None]:
    if forms is None or not part.single:
        return {}
    others = (words(form) for form in islice(forms(part.words[0]), MOST_FORMS))
    return {sequence: None for read in others if len(read) == 1 for sequence in _sequences(read[0])}


def _sequences(word: str) -> dict[tuple[str, ...], None]:
    """How a word may stand in the index; the first is as it is written."""
    reading = read_word(word)
    found = {tuple(token.key for token in group): None for group in (reading.main, *reading.others)}
    if len(reading.main) == 1 and ZWNJ not in word:
        key = reading.main[0].key
        cuts = {len(before) for before in _BEFORE if key.startswith(before) and len(key) - len(before) >= 3}
        cuts |= {len(key) - len(after) for after in _AFTER if key.endswith(after) and len(key) - len(after) >= 3}
        for cut in sorted(cuts):
            halves = (*read_word(key[:cut]).main, *read_word(key[cut:]).main)
            found[tuple(token.key for token in halves)] = None
    return {sequence: None for sequence in found if sequence}


def _joined(one: str, two: str) -> dict[tuple[str, ...], None]:
    """Two words as the one they may be; nothing where that would not be a word."""
    main = read_word(one + two).main
    return {(main[0].key,): None} if len(main) == 1 else {}


def _flat(sequences: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(key for sequence in sequences for key in sequence)


# ── laid against texts ───────────────────────────────────────────────────────────────────────────────────────────────


def stands(wanted: Wanted, text: Sequence[Token]) -> list[tuple[int, int]]:
    """Where in a text, read by `tokens`, any of the choices stands, as spans of the text; they may overlap."""
    keys = [token.key for token in text]
    places: dict[str, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(key, []).append(at)
    return [
        (text[at].start, text[at + len(choice) - 1].end)
        for choice in wanted.choices
        for at in places.get(choice[0], ())
        if tuple(keys[at : at + len(choice)]) == choice
    ]


def rank(query: Query, texts: Mapping[Field, Sequence[str]]) -> Field | None:
    """What a search makes of an article: where the last of what is wanted is found, or None. What the databases do, in words."""
    read = {field: [tokens(text) for text in those] for field, those in texts.items()}

    def in_any(one: Wanted, fields: Sequence[Field]) -> bool:
        return any(stands(one, text) for field in one.fields if field in fields for text in read.get(field, ()))

    if any(in_any(one, FIELDS) for one in query.unwanted):
        return None
    for size, field in enumerate(FIELDS, 1):
        if all(in_any(one, FIELDS[:size]) for one in query.wanted):
            return field
    return None
