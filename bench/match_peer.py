"""pyahocorasick as the peer of bench/match.py, run by the Python of its own environment (`make bench-peers`); it imports
nothing of ours.

    python bench/match_peer.py FILE

FILE is JSON: {"texts": […], "folded": […], "dropped": [code points that the folded texts lack], "terms": {"100": [folded], …}}.
Then on stdin a turn a line, `100 own` or `100 lent`, each answered by one line of JSON: {"seconds": the processor's, for all
texts, "hits": how many}.

It does the same job in the way that one writes first: the text folded by `str.translate`, every term iterated, those inside a
word left out, and the places given in the text as published. `lent` is the same on text that was folded for it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Set  # noqa: PYI025
from pathlib import Path
from time import process_time

import ahocorasick  # ty: ignore[import-not-found] - it is in the peers' environment

_LETTERS = {
    **dict.fromkeys("يىئېے", "ی"), "ك": "ک", **dict.fromkeys("ةۀہھە", "ه"), **dict.fromkeys("أإآٱ", "ا"), "ؤ": "و",
}  # fmt: skip
_LATIN = {chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
_DIGITS = {char: str(at % 10) for at, char in enumerate("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩")}
_DROPPED = frozenset(
    [0x621, 0x640, 0x670, 0xAD, 0xFEFF, *range(0x64B, 0x660), *range(0x200B, 0x2010), *range(0x202A, 0x202F)]
)
_FOLD = str.maketrans(_LETTERS | _LATIN | _DIGITS) | dict.fromkeys(_DROPPED)


def matches(automaton: ahocorasick.Automaton, text: str, folded: str, dropped: Set[int]) -> list[tuple[int, int, str]]:
    """(start, end, term) in `text` of the terms that stand in `folded` as words of their own."""
    hits = []
    for last, term in automaton.iter(folded):
        start, end = last + 1 - len(term), last + 1
        inside = (start > 0 and folded[start - 1].isalnum()) or (end < len(folded) and folded[end].isalnum())
        if not inside:
            hits.append((start, end, term))
    if hits:
        places = [at for at, char in enumerate(text) if ord(char) not in dropped]
        hits = [(places[start], places[end - 1] + 1, term) for start, end, term in hits]
    return hits


def main(path: str) -> None:
    given = json.loads(Path(path).read_text("utf-8"))
    lent = frozenset(given["dropped"])
    automata = {}
    for size, terms in given["terms"].items():
        automata[size] = ahocorasick.Automaton()
        for term in terms:
            automata[size].add_word(term, term)
        automata[size].make_automaton()
    for line in sys.stdin:
        size, fold = line.split()
        own, dropped = fold == "own", _DROPPED if fold == "own" else lent
        hits, start = 0, process_time()
        for text, folded in zip(given["texts"], given["folded"], strict=True):
            hits += len(matches(automata[size], text, text.translate(_FOLD) if own else folded, dropped))
        print(json.dumps({"seconds": process_time() - start, "hits": hits}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
