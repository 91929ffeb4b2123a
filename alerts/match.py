"""Where the terms of rules stand in an article: pure, thread-safe, linear in the text.

    text      دفاتر «آی.سی.تی» روستایی‌       as published; every offset we give out is an offset here
    body      دفاتر «آی.سی.تی» روستایی        a byte a character, a letter or a class of separators; no marks, no ZWNJ
    letters   دفاترآیسیتیروستایی              the body without its separators: what the Aho-Corasick automaton reads

Each term gives the automaton its first two words, glued, with the endings the first may take; a hit is only a
candidate. It is then checked on the body by the term's own expression, which knows where words may part, how they may
end and what stops a phrase. Offsets are mapped back to the text for hits alone.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, compress, pairwise
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from alerts.terms import GONE, SEPARATORS, ZWNJ, Term, mark, script_of
from didban.alert import Field, Match, Rule
from didban.article import Article
from didban.text import fold, sentences

_IS_LETTER = bytes(code >= 0x10 for code in range(0x100))
_WORD_STARTS = b"\x00\x01"
_LONGEST = 100
_MANY = 5_000
_VAV = mark("و")[0]


class _Hit(NamedTuple):
    """A term, or a near window, in the text: its place there, and in the body."""

    start: int
    end: int
    sentence: int
    term: str
    body_start: int
    body_end: int


class _Reading:
    """One article's text: its fields in order, each on lines of its own, so that no phrase runs into the next."""

    def __init__(self, article: Article) -> None:
        given: list[tuple[Field, str]] = [
            ("kicker", article.kicker), ("title", article.title), ("lead", article.lead), ("text", article.text),
        ]  # fmt: skip
        self.fields = [(name, text) for name, text in given if text]
        self.text = "\n".join(text for _, text in self.fields)
        self.marked = mark(self.text)
        self.body = self.marked.replace(GONE, b"")
        self.letters = self.body.translate(None, SEPARATORS)

    @cached_property
    def is_letter(self) -> bytes:
        """Of each byte of the body, 1 or 0."""
        return self.body.translate(_IS_LETTER)

    @cached_property
    def places(self) -> list[int]:
        """Of each letter, in the body."""
        return list(compress(range(len(self.body)), self.is_letter))

    @cached_property
    def origins(self) -> list[int]:
        """Of each byte of the body, in the text."""
        if len(self.marked) == len(self.text):
            return list(compress(range(len(self.marked)), self.marked))
        spread = [at for at, char in enumerate(self.text) for _ in mark(char)]  # a ligature is more than one letter
        return list(compress(spread, self.marked))

    @cached_property
    def sentences(self) -> list[tuple[int, int]]:
        return sentences(self.text)

    @cached_property
    def field_starts(self) -> list[int]:
        return [0, *accumulate(len(text) + 1 for _, text in self.fields[:-1])]

    def check(self, term: Term, at: int) -> _Hit | None:
        """The term at letter `at`, when it really stands there as words of its own in one sentence."""
        begin = self.places[at]
        if not self._opens(begin, term):
            return None
        found = term.expression.match(self.body, begin)
        if not found:
            return None
        start, end = self.origins[begin], self.origins[found.end() - 1] + 1
        while end < len(self.text) and unicodedata.category(self.text[end]) == "Mn":
            end += 1
        sentence = self.sentence(start)
        if end > self.sentences[sentence][1] or (term.capitals and not self.text[start:end].isupper()):
            return None
        return _Hit(start, end, sentence, term.text, begin, found.end())

    def _opens(self, begin: int, term: Term) -> bool:
        """Whether a word may start at `begin`: after a separator, ZWNJ, another script, or «و» glued to a long one."""
        body = self.body
        if begin == 0 or script_of(body[begin - 1]) != script_of(body[begin]):
            return True
        if ZWNJ in self.text[self.origins[begin - 1] : self.origins[begin]]:
            return True
        if term.exact or body[begin - 1] != _VAV or len(term.letters) <= 3:
            return False
        return begin == 1 or script_of(body[begin - 2]) != script_of(_VAV)

    def near(self, one: _Hit, two: _Hit, within: int) -> bool:
        """Whether from the last word of `one` to the first of `two`, which comes after it, it is `within` words or fewer:
        1 when they are neighbours. What is further than the longest words could reach is not counted through."""
        gap = one.body_end - 1, two.body_start + 1
        return gap[1] - gap[0] <= within * _LONGEST and self.is_letter.count(_WORD_STARTS, *gap) <= within

    def sentence(self, at: int) -> int:
        return bisect_right(self.sentences, (at, len(self.text))) - 1

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

    @property
    def wanted(self) -> Iterator[int]:
        """The terms that can be evidence."""
        yield from (*self.any, *self.all)
        for near in self.near:
            for slot in near.slots:
                yield from slot

    def possible(self, present: set[int]) -> bool:
        """Whether the rule may hold when no other terms than these are there."""
        if not present.issuperset(self.all):
            return False
        if not (self.any or self.near):
            return True
        return not present.isdisjoint(self.any) or any(
            all(not present.isdisjoint(slot) for slot in near.slots) for near in self.near
        )

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


class Matcher:
    """Rules made ready. Build it once: a few milliseconds for the default rules; it may be shared between threads."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        numbers: dict[Term, int] = {}

        def number(text: str, exact: bool) -> int:
            return numbers.setdefault(Term(text, exact), len(numbers))

        self._plans: list[_Plan] = []
        for rule in rules:
            any_, all_, none = (
                tuple(number(text, rule.exact) for text in texts) for texts in (rule.any, rule.all, rule.none)
            )
            near = tuple(
                _Near(
                    tuple(tuple(number(text.strip(), rule.exact) for text in slot.split("|")) for slot in near.terms),
                    near.within,
                    " + ".join(near.terms),
                )
                for near in rule.near
            )
            self._plans.append(_Plan(rule, any_, all_, none, near))
        self._terms = tuple(numbers)
        owners: dict[bytes, list[int]] = defaultdict(list)
        for at, term in enumerate(self._terms):
            for pattern in dict.fromkeys(term.patterns):
                owners[pattern].append(at)
        self._owners = tuple(owners.values())
        speed = Implementation.DFA if len(owners) < _MANY else None  # four times as fast, and as large
        self._automaton = BytesAhoCorasick(list(owners), implementation=speed) if owners else None
        self._plans_of: dict[int, list[int]] = defaultdict(list)
        for at, plan in enumerate(self._plans):
            for term in dict.fromkeys(plan.wanted):
                self._plans_of[term].append(at)

    def match(self, article: Article) -> tuple[Match, ...]:
        """The evidence in `article`, by field (kicker, title, lead, text) and place; a rule once per occurrence."""
        reading = _Reading(article)
        if self._automaton is None or not reading.letters:
            return ()
        candidates = self._automaton.find_matches_as_indexes(reading.letters, overlapping=True)
        present = {term for pattern, _, _ in candidates for term in self._owners[pattern]}
        asked = sorted({at for term in present for at in self._plans_of.get(term, ())})
        plans = [
            plan for plan in map(self._plans.__getitem__, asked) if plan.possible(present) and plan.admits(article)
        ]
        if not plans:
            return ()
        needed = present.intersection(term for plan in plans for term in (*plan.wanted, *plan.none))
        places = {(at, term) for pattern, at, _ in candidates for term in self._owners[pattern] if term in needed}
        hits: dict[int, list[_Hit]] = defaultdict(list)
        for at, term in sorted(places):
            if hit := reading.check(self._terms[term], at):
                hits[term].append(hit)
        found = [(hit, plan.rule.id) for plan in plans for hit in _evidence(plan, hits, reading)]
        found.sort(key=lambda pair: pair[0][:2])
        return tuple(_match(hit, rule, reading) for hit, rule in found)


def _match(hit: _Hit, rule: str, reading: _Reading) -> Match:
    field = reading.field(hit.start)
    base = reading.field_starts[field]
    sentence = reading.sentences[hit.sentence]
    return Match(
        rule=rule,
        term=hit.term,
        field=reading.fields[field][0],
        start=hit.start - base,
        end=hit.end - base,
        text=reading.text[hit.start : hit.end],
        sentence_start=sentence[0] - base,
        sentence_end=sentence[1] - base,
    )


def _evidence(plan: _Plan, hits: Mapping[int, Sequence[_Hit]], reading: _Reading) -> list[_Hit]:
    """What in these hits makes the rule hold: nothing, or all its evidence, no two overlapping."""
    barred = {hit.sentence for term in plan.none for hit in hits.get(term, ())}

    def of(terms: Iterable[int]) -> list[_Hit]:
        found = [hit for term in terms for hit in hits.get(term, ()) if hit.sentence not in barred]
        fields = plan.rule.fields
        return [hit for hit in found if not fields or reading.fields[reading.field(hit.start)][0] in fields]

    phrases = of(plan.any)
    windows = [hit for near in plan.near for hit in _windows(near, [of(slot) for slot in near.slots], reading)]
    if (plan.any or plan.near) and not phrases and not windows:
        return []
    everywhere = [of([term]) for term in plan.all]
    if not all(everywhere):
        return []
    phrases += [hit for found in everywhere for hit in found]
    phrases.sort(key=lambda hit: (hit.start - hit.end, hit.start))  # the longest phrase, then the tightest window
    windows.sort(key=lambda hit: (hit.end - hit.start, hit.start))
    return _disjoint([*phrases, *windows])


def _disjoint(hits: Iterable[_Hit]) -> list[_Hit]:
    """Each hit that overlaps none before it, by place."""
    kept: list[_Hit] = []
    for hit in hits:
        at = bisect_right(kept, hit)
        if (at == 0 or kept[at - 1].end <= hit.start) and (at == len(kept) or hit.end <= kept[at].start):
            insort(kept, hit)
    return kept


def _windows(near: _Near, slots: Sequence[Sequence[_Hit]], reading: _Reading) -> Iterator[_Hit]:
    """The tightest stretches of one sentence that hold a hit of every slot, no two more than `within` words apart."""
    latest: dict[int, _Hit] = {}
    for hit, slot in sorted((hit, slot) for slot, found in enumerate(slots) for hit in found):
        latest[slot] = hit
        if len(latest) < len(slots):
            continue
        chosen = sorted(latest.values())
        apart = all(before.end <= after.start for before, after in pairwise(chosen))
        first = chosen[0]
        if apart and first.sentence == hit.sentence and reading.near(first, hit, near.within):
            yield _Hit(first.start, hit.end, hit.sentence, near.term, first.body_start, hit.body_end)
