"""How fast, and how well, the matcher finds the terms of the default rules.

    python bench/match.py [--quick] [--json] [--check]

Three ways read the same articles in one run, taking turns; medians. `in` asks for each folded term in the folded text,
`regex` looks for all of them at once; both are given the text already folded, the matcher the article as published. What
they find of a labelled list of spellings (bench/spellings.tsv) is counted too: a fast way that misses them is no way.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.match import Matcher  # noqa: E402 - run as a script, from anywhere
from alerts.rules import load  # noqa: E402
from didban.alert import Rule  # noqa: E402
from didban.article import Article  # noqa: E402
from didban.text import fold, sentences  # noqa: E402

FLOORS = {"recall": 1.0, "matcher/in": 0.8, "matcher/regex": 3.0}
CEILINGS = {"false_hits": 0, "cost_of_10x_text": 25.0}
"""Ratios of one run, so that they hold on any machine."""


def spellings() -> list[tuple[str, str, str]]:
    """(term, text, evidence) as labelled; evidence is "" where there is none."""
    lines = (ROOT / "bench/spellings.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.replace("\\u200c", "\N{ZERO WIDTH NON-JOINER}").split("\t") for line in lines if line[:1] != "#"]
    return [(term, text, evidence) for term, text, evidence in rows[1:]]


def articles(count: int) -> list[Article]:
    """Made of everyday sentences and, in one of five, two lines of a seed document; always the same ones."""
    plain = (ROOT / "bench/plain.txt").read_text(encoding="utf-8").splitlines()
    seeds = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/seeds").glob("*.txt"))]
    topical = [seed[start:end] for seed in seeds for start, end in sentences(seed) if end - start > 60]
    pick = random.Random(1398)
    made: list[Article] = []
    for number in range(count):
        body = pick.choices(plain, k=20) + pick.choices(topical, k=2 if number % 5 == 0 else 0)
        pick.shuffle(body)
        made.append(Article(source="bench", title=body[0], lead=body[1], text="\n".join(body[2:])))
    return made


def rate(ways: dict[str, Callable[[int], object]], count: int, rounds: int) -> dict[str, float]:
    """Articles a second by each way: each reads all `count` articles in turn, `rounds` times."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = perf_counter()
            for at in range(count):
                way(at)
            taken[name].append(perf_counter() - start)
    return {name: count / median(times) for name, times in taken.items()}


def quality(found: Callable[[str, str], Sequence[str]]) -> tuple[float, int]:
    """The share of labelled spellings found, and how many texts without one are hit."""
    cases = spellings()
    right = [bool(found(term, text)) for term, text, evidence in cases if evidence]
    wrong = [bool(found(term, text)) for term, text, evidence in cases if not evidence]
    return sum(right) / len(right), sum(wrong)


def measure(*, quick: bool) -> dict[str, float]:
    rules = load()
    start = perf_counter()
    matcher = Matcher(rules)
    build = perf_counter() - start
    given = articles(100 if quick else 500)
    folded = [fold("\n".join((article.title, article.lead, article.text))) for article in given]
    slots = [term for rule in rules for near in rule.near for slot in near.terms for term in slot.split("|")]
    terms = sorted({fold(term) for rule in rules for term in (*rule.any, *rule.all, *rule.none, *slots)})
    expression = re.compile("|".join(map(re.escape, sorted(terms, key=len, reverse=True))))
    rates = rate(
        {
            "matcher": lambda at: matcher.match(given[at]),
            "in": lambda at: [term for term in terms if term in folded[at]],
            "regex": lambda at: expression.findall(folded[at]),
        },
        len(given),
        3 if quick else 7,
    )
    long = [Article(source="bench", title="", text="\n".join(one.text for one in given[:size])) for size in (10, 100)]
    whole = rate({str(at): lambda _, at=at: matcher.match(long[at]) for at in (0, 1)}, 1, 3 if quick else 7)

    def ours(term: str, text: str) -> list[str]:
        rule = Rule(id="x", title="x", any=(term,))
        return [match.text for match in Matcher([rule]).match(Article(source="bench", title=text))]

    recall, false_hits = quality(ours)
    plain_recall, plain_false_hits = quality(lambda term, text: [term] * (fold(term) in fold(text)))
    return {
        "terms": len(terms),
        "build_ms": build * 1000,
        "letters_an_article": median(map(len, folded)),
        **{f"{name}_articles_a_second": value for name, value in rates.items()},
        "matcher/in": rates["matcher"] / rates["in"],
        "matcher/regex": rates["matcher"] / rates["regex"],
        "cost_of_10x_text": whole["0"] / whole["1"],
        "recall": recall,
        "false_hits": false_hits,
        "in_recall": plain_recall,
        "in_false_hits": plain_false_hits,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="The matcher's speed and recall.")
    parser.add_argument("--quick", action="store_true", help="fewer articles and rounds")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a floor is missed")
    asked = parser.parse_args()
    figures = measure(quick=asked.quick)
    missed = [
        f"{name} {figures[name]:.2f} is below its floor {floor}"
        for name, floor in FLOORS.items()
        if figures[name] < floor
    ]
    missed += [f"{name} {figures[name]:.2f} is above {top}" for name, top in CEILINGS.items() if figures[name] > top]
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value:12,.2f}")
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
