"""When two articles are one: keys that spacing, joiners and the variants of a letter do not change; and when they carry one
story, though one is cut, retouched, mistyped or dressed in another site's lines.

    content_key, folded_key      equal: one article, one revision
    imprint(article)             → Imprint: what of it is compared, and the keys by which an index finds its copies
    is_boilerplate(n, of)        a key that so many of a source's articles carry says nothing
    same_story(a, b, …)          → Verdict, with its reason: of two imprints that share a key

Near copies are found by their sentences' ends. An agency that prints another's text puts its own name and place at the
beginning of a sentence («به گزارش …», «خرم‌آباد - ایرنا -»), where Persian news is made of formulas; the end, with the verb
and what stands before it, is left as it was and is seldom met twice. Whether one is found is then decided on the letters.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import blake2b, sha256
from heapq import nsmallest
from typing import Literal

from didban.article import Article
from didban.text import fold_unspaced, sentences, squash, squash_lines


def content_key(title: str, text: str) -> str:
    """What identifies an article without id or address: 32 hex digits, over letters and digits alone.

    A seed that lost its joiners, spaces or paragraph breaks has the key of its page.
    """
    return _key(squash(title), squash(text))


def folded_key(article: Article) -> str:
    """What makes a revision: 32 hex digits over kicker, title, lead and text, folded and without whitespace.

    A changed word, number or mark is an edit; another spelling of a letter, a joiner or a space is none.
    """
    return _key(*map(fold_unspaced, (article.kicker, article.title, article.lead, article.text)))


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


# Lengths are in letters of the squashed form. Found on the part of bench/stories.py that is tuned on; decision 26 says why.
SENTENCE = 30
"""What is shorter has no key: «وی افزود», «انتهای پیام», a headline in a list."""
END = 24
"""How much of a sentence's end is its key: of 30 letters one is mistyped more often, of 20 more ends are met twice."""
MOST_KEYS = 24
"""Keys of an article at most, however long it is: the smallest, so that two copies keep the same ones."""
MOST_CANDIDATES = 50
"""How many of those that share a key with an article are worth comparing, the most shared keys first."""
SHORTEST = 100
"""A text with fewer letters, boilerplate aside, is no one's copy: too little to tell."""
LONGEST = 20_000
"""Letters that are compared, from the beginning: what a text of 10 MB costs must not depend on its length."""
CONTAINMENT = 0.75
"""The share of the shorter text that must stand in the longer one."""
PART = 0.3
"""The share of the longer text that must be shared: a round-up that quotes many stories is none of them."""
PROBES, GLIMPSE = 40, 0.25
"""Texts that have less than that share of so many spans in common need no closer look."""
SPAN = 6
"""Letters that are compared at a time: of six, 83 % are spared by 3 % of mistyped letters."""
ALIKE = 0.55
"""The share of its spans by which a sentence is a copy of one, or its next edition: one in other words has less."""
OTHERWISE = 0.6
"""Two texts are editions of a report when more than this share of what they say in the same words names something else."""
MANY_NUMBERS, MOST_NUMBERS = 5, 0.7
"""A report with much else to read is another edition when so many of its numbers, and that share of them, are others."""
MISTYPED = 2
"""So many letters may differ between two copies of a word; more, and it is another name."""
LONG_NAME = 30
"""What is longer than any name need not be compared: it has nothing in common, else it would not stand apart."""
FORMULA = 60
"""Letters at the beginning of a sentence with «گزارش» in which an agency may name itself, its reporter and the place."""
RARE = 8
"""A span that more sentences have says nothing of which of them is meant: the lines of a list."""
COMMON, COMMON_SHARE = 5, 0.002
"""Boilerplate is carried by that many of a source's articles, and that share: ends that are met by chance grow in number with
the archive."""

Reason = Literal["copy", "short", "part", "apart", "series"]


@dataclass(frozen=True, slots=True)
class Imprint:
    """What of an article is compared: the squashed sentences of its lead and text, each once, in order.

    `keyed` are those that have a key (of two that end alike, the last), `lines` the shorter ones.
    """

    source: str
    keyed: dict[int, str]
    lines: tuple[str, ...]

    @property
    def keys(self) -> list[int]:
        """The keys under which an index keeps the article, and looks for its copies: signed 64-bit, ascending."""
        return nsmallest(MOST_KEYS, self.keyed)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two articles carry one story, and why.

    `copy`    the shorter stands in the longer one: they do
    `short`   boilerplate aside, one of them says too little to tell
    `part`    the shorter is quoted in something much longer
    `apart`   they have less than CONTAINMENT of the shorter one in common
    `series`  the words agree, and the numbers or names do not: another day's weather, another town's governor
    """

    reason: Reason
    containment: float = 0.0

    @property
    def same(self) -> bool:
        return self.reason == "copy"


def imprint(article: Article) -> Imprint:
    """The title is left out: it is the first thing that an editor changes, and the last that says what is told."""
    keyed: dict[int, str] = {}
    lines: dict[str, None] = {}
    left = LONGEST
    for part in (article.lead, article.text):
        for letters in squash_lines([part[start:end] for start, end in sentences(part[: 4 * LONGEST])]):
            if len(letters) >= SENTENCE and left > 0:
                keyed[sentence_key(letters)] = letters[:left]
            elif letters and left > 0:
                lines[letters] = None
            left -= len(letters)
    return Imprint(source=article.source, keyed=keyed, lines=tuple(lines))


def sentence_key(letters: str) -> int:
    """The key of a squashed sentence: a signed 64-bit number, as databases have them."""
    end = letters[-END:].encode(errors="surrogatepass")
    return int.from_bytes(blake2b(end, digest_size=8).digest(), "big", signed=True)


def is_boilerplate(carriers: int, articles: int) -> bool:
    """Whether a key that `carriers` of a source's `articles` have is the site's own, and no story's."""
    return carriers >= max(COMMON, COMMON_SHARE * articles)


def same_story(one: Imprint, other: Imprint, boilerplate: AbstractSet[int] = frozenset()) -> Verdict:
    """Whether the articles of two imprints carry one story; `boilerplate` are the keys that are common in either's source.

    Containment of spans of letters within sentences (Broder, On the resemblance and containment of documents, 1997), so that
    another order, a cut and an addition do not count. Numbers are no part of it: what has the words alone is a series.
    """
    mine, theirs = sorted((_letters(each, boilerplate) for each in (one, other)), key=lambda each: sum(map(len, each)))
    if sum(map(len, mine)) < SHORTEST:
        return Verdict("short")
    if (glimpse := _glimpse(mine, theirs)) < GLIMPSE:
        return Verdict("apart", glimpse)
    first, second = ({span for letters in each for span in _spans(letters)} for each in (mine, theirs))
    shared = len(first & second)
    containment = shared / min(len(first), len(second))
    if containment < CONTAINMENT:
        return Verdict("apart", containment)
    if shared < PART * max(len(first), len(second)):
        return Verdict("part", containment)
    return Verdict("series" if _tells_otherwise(mine, theirs) else "copy", containment)


def _letters(each: Imprint, boilerplate: AbstractSet[int]) -> list[str]:
    return [letters for key, letters in each.keyed.items() if key not in boilerplate] + list(each.lines)


def _glimpse(one: Sequence[str], other: Sequence[str]) -> float:
    """The containment of `one` as a few of its spans have it, spread evenly over it: a tenth of what it costs to look at all."""
    letters, there = "".join(map(_skeleton, one)), "\n".join(map(_skeleton, other))
    step = max(1, len(letters) // PROBES)
    probes = [letters[at : at + SPAN] for at in range(0, len(letters) - SPAN + 1, step)]
    return sum(probe in there for probe in probes) / len(probes)


_NUMBER = re.compile("[0-9]+")


def _skeleton(letters: str) -> str:
    """The letters with each number made a zero."""
    return _NUMBER.sub("0", letters)


def _spans(letters: str) -> list[str]:
    """Every SPAN letters of the skeleton that stand together, in order; of a shorter one, all."""
    skeleton = _skeleton(letters)
    return [skeleton[at : at + SPAN] for at in range(max(1, len(skeleton) - SPAN + 1))]


def _tells_otherwise(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether most of the sentences that both have, in the same words, name other numbers, people or places; or, where there
    is much else to read, nearly all of their numbers are others."""
    alike = otherwise = compared = differing = 0
    for mine, theirs in _counterparts(one, other):
        alike += len(mine)
        if mine == theirs:  # most sentences of a copy
            compared += len(_NUMBER.findall(mine))
            continue
        numbers, others = _numbers(mine, theirs)
        compared += numbers
        differing += others
        if 2 * others >= max(1, numbers) or _other_names(mine, theirs):
            otherwise += len(mine)
    return otherwise > OTHERWISE * alike or differing >= max(MANY_NUMBERS, MOST_NUMBERS * compared)


def _counterparts(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each sentence of `one` that stands in `other` too, in the same words if not with the same names, and the one there."""
    exact = set(other)
    yield from ((mine, mine) for mine in one if mine in exact)
    if not (left := [mine for mine in one if mine not in exact]):
        return
    skeletons = {_skeleton(each): each for each in other}
    spans = [set(_spans(each)) for each in other]
    held = defaultdict[str, list[int]](list)
    for at, each in enumerate(spans):
        for span in each:
            held[span].append(at)
    for mine in left:
        if theirs := skeletons.get(_skeleton(mine)):
            yield mine, theirs
        else:
            own = set(_spans(mine))
            met = Counter(at for span in own if len(places := held.get(span, ())) <= RARE for at in places)
            for at, _ in met.most_common(1):
                if len(own & spans[at]) >= ALIKE * min(len(own), len(spans[at])):
                    yield mine, other[at]


def _numbers(one: str, other: str) -> tuple[int, int]:
    """How many numbers of two sentences can be compared, and how many of them differ."""
    mine, theirs = (Counter(_NUMBER.findall(each)) for each in (one, other))
    compared = min(mine.total(), theirs.total())
    return compared, compared - (mine & theirs).total()


def _other_names(one: str, other: str) -> bool:
    """Whether behind the same letters stand others: more than mistyped ones."""
    mine, theirs = _apart(one, other), _apart(other, one)
    return any(_unlike(mine[before], theirs[before]) for before in mine.keys() & theirs.keys())


def _apart(one: str, other: str) -> dict[str, str]:
    """The letters of `one` that are in no span of `other`, by the SPAN letters before them; not where an agency names itself."""
    spans, known = _spans(one), set(_spans(other))
    skeleton = _skeleton(one)
    covered = bytearray(len(skeleton))
    for at, span in enumerate(spans):
        if span in known:
            covered[at : at + SPAN] = b"1" * len(span)
    gaps = [gap.span() for gap in re.finditer(b"\0+", covered)]
    first = FORMULA if "گزارش" in skeleton[:FORMULA] else 0
    return {skeleton[max(0, start - SPAN) : start]: skeleton[start:end] for start, end in gaps if start >= first}


def _unlike(one: str, other: str) -> bool:
    longer = max(len(one), len(other))
    if longer - min(len(one), len(other)) > MISTYPED or longer > LONG_NAME:
        return True
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return longer - sum(block.size for block in blocks) > MISTYPED
