"""Where the terms of rules stand in an article: pure, thread-safe, linear in the text.

    text      دفاتر «آی.سی.تی» روستایی‌       as published; every offset we give out is an offset here
    marked    دفاتر «آی.سی.تی» روستایی        a byte a character: a letter, a class of separators, or nothing
    letters   دفاترآیسیتیروستایی              its letters alone: what the Aho-Corasick automaton reads

Each term gives the automaton its first two words, glued, with the endings the first may take; a hit is only a
candidate. There the terms that begin so read on together in the marked text: they know where their words may part, how they may
end and what stops a phrase. Places in the text, and sentences, are looked for at candidates alone.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, compress, count, islice, pairwise
from typing import Literal, NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from alerts.terms import GONE, LONGEST_INNER, NO_LETTERS, SCRIPTS, ZWNJ, Branch, Term, Word, branch, mark, origins
from didban.alert import Field, Match, Rule
from didban.article import Article
from didban.text import fold, sentence_at

_IS_LETTER = bytes(code >= 0x10 for code in range(0x100))
_WORD_STARTS = b"\x00\x01"
_LONGEST_WORD = 100
_MANY = 5_000
_VAV = mark("و")[0]
_SHORT = 3
"""Letters of a term that nothing may be glued to."""
_BLOCK = 128
_A_FEW = 400
"""Characters to a spot, from which on it is quicker to count blocks than all letters."""
_FIRST_MARK = "\N{COMBINING GRAVE ACCENT}"
_HEAD, _FEW = 3, 8


_Opening = Literal["free", "glued"]


class _Hit(NamedTuple):
    """A term, or a near window, in the text: its place there, its sentence's, and its place in the marked text."""

    start: int
    end: int
    sentence: tuple[int, int]
    term: str
    marked_start: int
    marked_end: int


class _Few:
    """Where the n-th letter of a marked text stands: counted block by block, once, for those that ask for a few."""

    def __init__(self, letters: bytes) -> None:
        self._letters = letters
        ones = (int.from_bytes(letters[at : at + _BLOCK]).bit_count() for at in range(0, len(letters), _BLOCK))
        self._before = [0, *accumulate(ones)]

    def __getitem__(self, rank: int) -> int:
        block = bisect_right(self._before, rank) - 1
        at = block * _BLOCK
        places = compress(count(at), self._letters[at : at + _BLOCK])
        return next(islice(places, rank - self._before[block], None))


class _Reading:
    """One article's text: its fields in order, each on lines of its own, so that no phrase runs into the next."""

    def __init__(self, article: Article) -> None:
        given: list[tuple[Field, str]] = [
            ("kicker", article.kicker), ("title", article.title), ("lead", article.lead), ("text", article.text),
        ]  # fmt: skip
        self.fields = [(name, text) for name, text in given if text]
        self.text = "\n".join([text for _, text in self.fields])
        self.marked = mark(self.text)
        self.letters = self.marked.translate(None, NO_LETTERS)
        self._sentences: list[tuple[int, int]] = []
        self._places: _Few | list[int] = []
        self._origins: Sequence[int] = ()
        self.field_starts: Sequence[int] = ()

    def expect(self, spots: int) -> None:
        """Make ready to be asked for the places of about so many letters, which most articles never are."""
        self._origins = origins(self.text, self.marked)
        self.field_starts = [0, *accumulate([len(text) + 1 for _, text in self.fields[:-1]])]
        letters = self.marked.translate(_IS_LETTER)
        many = spots * _A_FEW > len(letters)
        self._places = list(compress(count(), letters)) if many else _Few(letters)

    def place(self, rank: int) -> int:
        """Where the letter of this rank stands in the marked text."""
        return self._places[rank]

    def window(self, begin: int, rank: int, reach: int) -> bytes:
        """The marked text from the letter of this rank, at `begin`, that has `reach` letters or is all there is."""
        window = self.marked[begin : begin + 2 * reach]  # enough, unless marks abound
        if len(window.translate(None, NO_LETTERS)) >= reach or rank + reach >= len(self.letters):
            return self.marked[begin:] if rank + reach >= len(self.letters) else window
        return self.marked[begin : self._places[rank + reach]]

    def opens(self, begin: int) -> _Opening | None:
        """Whether a word may start at the letter at `begin`: after a separator, ZWNJ or another script; or by a «و» glued to it."""
        marked, before = self.marked, self._before(begin)
        if before < 0 or SCRIPTS[marked[before]] != SCRIPTS[marked[begin]]:
            return "free"
        if before + 1 < begin and ZWNJ in self.text[self._origins[before] : self._origins[begin]]:
            return "free"
        if marked[before] != _VAV:
            return None
        before = self._before(before)
        return "glued" if before < 0 or SCRIPTS[marked[before]] != SCRIPTS[_VAV] else None

    def _before(self, at: int) -> int:
        """What stands before `at` in the marked text, but for marks; -1 at its start."""
        at -= 1
        while at >= 0 and not self.marked[at]:
            at -= 1
        return at

    def hit(self, term: str, begin: int, end: int) -> _Hit | None:
        """A term that stands at `marked[begin:end]`, with the marks on its last letter; None when a sentence ends within."""
        text, start, stop = self.text, self._origins[begin], self._origins[end - 1] + 1
        while stop < len(text) and text[stop] >= _FIRST_MARK and unicodedata.category(text[stop]) == "Mn":
            stop += 1
        sentence = self.sentence(start)
        return None if stop > sentence[1] else _Hit(start, stop, sentence, term, begin, end)

    def near(self, one: _Hit, two: _Hit, within: int) -> bool:
        """Whether from the last word of `one` to the first of `two`, which comes after it, it is `within` words or fewer:
        1 when they are neighbours. What is further than the longest words could reach is not counted through."""
        between = self.marked[one.marked_end - 1 : two.marked_start + 1]
        if len(between) > within * _LONGEST_WORD:
            return False
        return between.replace(GONE, b"").translate(_IS_LETTER).count(_WORD_STARTS) <= within

    def sentence(self, at: int) -> tuple[int, int]:
        """The sentence that the letter at `at` is in; each is looked for once."""
        before = bisect_right(self._sentences, (at, len(self.text))) - 1
        if before >= 0 and at < self._sentences[before][1]:
            return self._sentences[before]
        found = sentence_at(self.text, at)
        insort(self._sentences, found)
        return found

    def field(self, at: int) -> int:
        return bisect_right(self.field_starts, at) - 1


class _Near(NamedTuple):
    slots: tuple[tuple[int, ...], ...]
    within: int
    term: str


class _Plan(NamedTuple):
    """A rule with its terms as numbers."""

    rule: Rule
    any: tuple[int, ...]
    all: tuple[int, ...]
    none: tuple[int, ...]
    near: tuple[_Near, ...]
    plain: bool
    """Whether any of `any` will do, wherever it is, in every article."""

    @property
    def wanted(self) -> Iterator[int]:
        """The terms that can be evidence."""
        yield from (*self.any, *self.all)
        for near in self.near:
            for slot in near.slots:
                yield from slot

    def possible(self, there: Callable[[int], bool]) -> bool:
        """Whether the rule may hold, when a term that is not `there` is not found."""
        if not all(map(there, self.all)):
            return False
        if not (self.any or self.near):
            return True
        return any(map(there, self.any)) or any(all(any(map(there, slot)) for slot in near.slots) for near in self.near)

    def admits(self, article: Article) -> bool:
        """Whether the article is of the rule's sources, provinces and sections; one that does not say is not."""
        rule = self.rule
        return (
            (not rule.sources or article.source in rule.sources)
            and (not rule.provinces or article.province in rule.provinces)
            and (
                not rule.sections
                or fold(article.section or "").strip() in {fold(name).strip() for name in rule.sections}
            )
        )


def _plan(rule: Rule, numbers: dict[tuple[str, bool], int]) -> _Plan:
    """The rule's terms by their numbers; those not met before get the next."""

    def of(texts: Iterable[str]) -> tuple[int, ...]:
        return tuple(numbers.setdefault((text.strip(), rule.exact), len(numbers)) for text in texts)

    near = (
        _Near(tuple(of(slot.split("|")) for slot in near.terms), near.within, " + ".join(near.terms))
        for near in rule.near
    )
    plain = not (rule.all or rule.near or rule.none or rule.fields or rule.sources or rule.provinces or rule.sections)
    return _Plan(rule, of(rule.any), of(rule.all), of(rule.none), tuple(near), plain)


class _Group(NamedTuple):
    """Terms whose first two words are the same."""

    members: tuple[int, ...]
    branch: Branch
    reach: int
    """Letters that the longest of them and what decides its end may take."""
    thirds: tuple[bytes, ...]
    """How their third words begin, when all have one and these are few."""

    def goes_on(self, letters: bytes, at: int) -> bool:
        """Whether a third word may follow the first two, which end at `at` but for an ending: «به گزارش» alone is no reason
        to look closer."""
        following = letters[at : at + LONGEST_INNER + _HEAD]
        for head in self.thirds:
            if head in following:
                return True
        return not self.thirds


def _group(terms: Sequence[Term], numbers: Mapping[tuple[str, bool], int]) -> _Group:
    members = tuple(numbers[term.text, term.exact] for term in terms)
    reach = max(term.reach for term in terms)
    if terms[0].exact:
        return _Group(members, Branch(((terms[0].exactly, members[0]),), ()), reach, ())
    read = branch([(number, term.words) for number, term in zip(members, terms, strict=True)])
    thirds = {form.parts[0][:_HEAD] for term in terms for word in term.words[2:3] for form in word.forms}
    few = len(thirds) <= _FEW and all(len(term.words) > 2 for term in terms)
    return _Group(members, read, reach, tuple(thirds) if few else ())


class Matcher:
    """Rules made ready. Build it once: a few milliseconds for the default rules; it may be shared between threads."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        numbers: dict[tuple[str, bool], int] = {}
        self._plans = [_plan(rule, numbers) for rule in rules]
        self._terms = [text for text, _ in numbers]
        self._stiff, self._capitals = bytearray(len(numbers)), bytearray(len(numbers))
        alike: dict[tuple[Term | Word, ...], list[Term]] = {}
        for at, (text, exact) in enumerate(numbers):
            term = Term(text, exact)
            self._stiff[at] = exact or len(term.letters) <= _SHORT
            self._capitals[at] = term.capitals
            alike.setdefault((term,) if exact else term.words[:2], []).append(term)
        self._groups: list[_Group] = []
        self._group_of_term, self._group_of_pattern = array("I", bytes(4 * len(numbers))), array("I")
        patterns: list[bytes] = []
        for at, terms in enumerate(alike.values()):
            found = terms[0].patterns
            patterns += found
            self._group_of_pattern.extend([at] * len(found))
            self._groups.append(_group(terms, numbers))
            for term in self._groups[at].members:
                self._group_of_term[term] = at
        speed = Implementation.DFA if len(patterns) < _MANY else None  # four times as fast, and as large
        self._automaton = BytesAhoCorasick(patterns, implementation=speed) if patterns else None
        plans_of: list[list[int]] = [[] for _ in numbers]
        self._enough = bytearray(len(self._groups))
        """Of each group, whether a rule may hold by one of its terms alone."""
        for at, plan in enumerate(self._plans):
            for term in dict.fromkeys(plan.wanted):
                plans_of[term].append(at)
            for term in () if plan.all else plan.any:
                self._enough[self._group_of_term[term]] = True
        self._plans_of = list(map(tuple, plans_of))

    def match(self, article: Article) -> tuple[Match, ...]:
        """The evidence in `article`, by field (kicker, title, lead, text) and place; a rule once per occurrence."""
        reading = _Reading(article)
        if self._automaton is None or not reading.letters:
            return ()
        spots: dict[int, set[int]] = defaultdict(set)
        for pattern, at, end in self._automaton.find_matches_as_indexes(reading.letters, overlapping=True):
            group = self._group_of_pattern[pattern]
            if self._groups[group].goes_on(reading.letters, end):
                spots[group].add(at)
        if not spots:
            return ()
        reading.expect(sum(map(len, spots.values())))
        hits: dict[int, dict[int, list[_Hit]]] = {}

        def there(term: int) -> bool:
            return self._group_of_term[term] in spots

        def of(term: int) -> Sequence[_Hit]:
            group = self._group_of_term[term]
            if group in spots and group not in hits:
                hits[group] = self._read(reading, group, spots[group])
            return hits[group].get(term, ()) if group in hits else ()

        asked: set[int] = set()
        for group, places in spots.items():
            if self._enough[group]:
                hits[group] = self._read(reading, group, places)
            for term in hits.get(group, self._groups[group].members):
                asked.update(self._plans_of[term])
        plans = [
            plan
            for at in sorted(asked)
            if (plan := self._plans[at]).plain or (plan.possible(there) and plan.admits(article))
        ]
        found = [(hit, plan.rule.id) for plan in plans for hit in _evidence(plan, of, reading)]
        found.sort(key=lambda pair: pair[0][:2])
        return tuple(_match(hit, rule, reading) for hit, rule in found)

    def _read(self, reading: _Reading, group: int, spots: Iterable[int]) -> dict[int, list[_Hit]]:
        """The terms of a group that really stand at these letters, as words of their own, each in one sentence."""
        _, branch, reach, _ = self._groups[group]
        hits: dict[int, list[_Hit]] = {}
        for at in sorted(spots):
            begin = reading.place(at)
            opening = reading.opens(begin)
            if opening is None:
                continue
            marked = reading.window(begin, at, reach)
            body = marked.replace(GONE, b"")
            ends: dict[int, int] = {}
            branch.read(body, (0,), ends)
            if ends and len(body) < len(marked):
                places = list(compress(count(1), marked))
                ends = {term: places[end - 1] for term, end in ends.items()}
            for term, end in ends.items():
                if opening == "glued" and self._stiff[term]:
                    continue
                hit = reading.hit(self._terms[term], begin, begin + end)
                if hit and not (self._capitals[term] and not reading.text[hit.start : hit.end].isupper()):
                    hits.setdefault(term, []).append(hit)
        return hits


def _match(hit: _Hit, rule: str, reading: _Reading) -> Match:
    field = reading.field(hit.start)
    base = reading.field_starts[field]
    return Match(
        rule=rule,
        term=hit.term,
        field=reading.fields[field][0],
        start=hit.start - base,
        end=hit.end - base,
        text=reading.text[hit.start : hit.end],
        sentence_start=hit.sentence[0] - base,
        sentence_end=hit.sentence[1] - base,
    )


def _evidence(plan: _Plan, hits: Callable[[int], Sequence[_Hit]], reading: _Reading) -> list[_Hit]:
    """What makes the rule hold, when `hits` are those of a term: nothing, or all its evidence, no two overlapping."""
    if plan.plain:
        return _apart([hit for term in plan.any for hit in hits(term)])
    barred = {hit.sentence for term in plan.none for hit in hits(term)}
    fields = plan.rule.fields

    def of(terms: Iterable[int]) -> list[_Hit]:
        found = [hit for term in terms for hit in hits(term) if hit.sentence not in barred]
        return [hit for hit in found if not fields or reading.fields[reading.field(hit.start)][0] in fields]

    phrases = of(plan.any)
    windows = [hit for near in plan.near for hit in _windows(near, [of(slot) for slot in near.slots], reading)]
    if (plan.any or plan.near) and not phrases and not windows:
        return []
    everywhere = [of([term]) for term in plan.all]
    if not all(everywhere):
        return []
    phrases = _apart([*phrases, *(hit for found in everywhere for hit in found)])
    windows.sort(key=lambda hit: (hit.end - hit.start, hit.start))
    return _disjoint([*phrases, *windows]) if windows else phrases


def _apart(hits: list[_Hit]) -> list[_Hit]:
    """The longest of those that overlap, by place."""
    return _disjoint(sorted(hits, key=lambda hit: (hit.start - hit.end, hit.start))) if len(hits) > 1 else hits


def _disjoint(hits: Sequence[_Hit]) -> list[_Hit]:
    """Each hit that overlaps none before it, by place."""
    kept: list[_Hit] = []
    taken = bytearray(max(hit.end for hit in hits))
    for hit in hits:
        if taken.find(1, hit.start, hit.end) < 0:
            taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
            kept.append(hit)
    return sorted(kept)


def _windows(near: _Near, slots: Sequence[Sequence[_Hit]], reading: _Reading) -> Iterator[_Hit]:
    """The tightest stretches of one sentence that hold a hit of every slot, no two more than `within` words apart. None ends
    within a term that goes on: «واگذاری به پست بانک», when «به پست» and «پست بانک» are both asked for."""
    latest: dict[int, _Hit] = {}
    found: _Hit | None = None
    for hit, slot in sorted((hit, slot) for slot, found in enumerate(slots) for hit in found):
        latest[slot] = hit
        if len(latest) < len(slots):
            continue
        chosen = sorted(latest.values())
        apart = all(before.end <= after.start for before, after in pairwise(chosen))
        first = chosen[0]
        if apart and first.sentence == hit.sentence and reading.near(first, hit, near.within):
            if found and not (found.start == first.start and hit.start < found.end):
                yield found
            found = _Hit(first.start, hit.end, hit.sentence, near.term, first.marked_start, hit.marked_end)
    if found:
        yield found
