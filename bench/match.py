"""How well, and how fast, the matcher finds the terms of rules.

    python bench/match.py [--quick] [--json] [--check] [--wrong] [--corpus FILE]

How well: precision and recall of the default rules on sentences labelled by reading (bench/labelled.tsv), by kind of case, where
the evidence must be right to the character; and what is found of bench/spellings.tsv beside plain `in`. `--wrong` shows each
case that is not as labelled.

How fast: 10 to 10,000 terms (the default rules' own, then phrases of the articles), one rule each, over the same articles in one
run, taking turns; processor's seconds, ratios within a round, medians over rounds. Everybody starts from the article as published
and gives the terms' places in it:

    matcher         ours: folding, automaton, checks, places, sentences
    pyahocorasick   in its own environment (`make bench-peers`), as one writes it first: bench/match_peer.py; and with our
                    folding lent to it (`…/pyahocorasick_lent`), which is quicker than its own
    regex           one alternation of the folded terms, between no letters, on text folded by ours
    bare            ours without what makes it right: the folding and an automaton of the terms' plain letters

And 350,000 terms, phrases of 2 to 4 words drawn from the articles, in a process of its own for its memory.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import process_time

from ahocorasick_rs import BytesAhoCorasick, Implementation

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.match import Matcher  # noqa: E402 - run as a script, from anywhere
from alerts.rules import load  # noqa: E402
from alerts.terms import NO_LETTERS, mark  # noqa: E402
from bench.labelled import Case, Evidence, Score, cases, score, spellings  # noqa: E402
from didban.alert import Rule  # noqa: E402
from didban.article import Article  # noqa: E402
from didban.text import fold, sentences  # noqa: E402

FLOORS = {
    "precision": 0.99,
    "recall": 0.98,
    "spellings/recall": 1.0,
    "100/pyahocorasick": 3.0,
    "1000/pyahocorasick": 1.5,
    "100/regex": 2.0,
}
CEILINGS = {
    "spellings/false_hits": 0,
    "100/bare": 5.0,
    "1000/bare": 5.0,
    "cost_of_10x_text": 25.0,
    "350000/p95_ms": 100.0,
    "350000/build_s": 60.0,
    "350000/memory_mb": 1024.0,
}
"""Ratios of one run, so that they hold on any machine; but for the three of 350,000 terms."""

CORPUS = ROOT.parent / "shared/corpus/fars-900.jsonl.gz"
SIZES = (10, 100, 1_000, 10_000)
STORED = 350_000
REGEX = {10: 100, 100: 50, 1_000: 5}
"""Articles that the alternation is given: it is slow, and needs minutes to be made of more terms."""
_WORD = re.compile("[^\\W\\d_](?:[^\\W\\d_]|\N{ZERO WIDTH NON-JOINER})*")
_SEED = 1398


# ── texts and terms ───────────────────────────────────────────────────────────────────────────────────────────────────


def published(corpus: Path) -> list[Article]:
    """Real articles; without them, made ones."""
    if not corpus.exists():
        print(f"no articles in {corpus}: texts are made of everyday sentences", file=sys.stderr)
        return made(200)
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Article(source="bench", title=row["title"], lead=row["abstract"] or "", text="\n".join(row["paragraphs"]))
        for row in rows
    ]


def made(count: int) -> list[Article]:
    """Made of everyday sentences and, in one of five, two lines of a seed document; always the same ones."""
    plain = (ROOT / "bench/plain.txt").read_text(encoding="utf-8").splitlines()
    seeds = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/seeds").glob("*.txt"))]
    topical = [seed[start:end] for seed in seeds for start, end in sentences(seed) if end - start > 60]
    pick = random.Random(_SEED)
    articles: list[Article] = []
    for number in range(count):
        body = pick.choices(plain, k=20) + pick.choices(topical, k=2 if number % 5 == 0 else 0)
        pick.shuffle(body)
        articles.append(Article(source="bench", title=body[0], lead=body[1], text="\n".join(body[2:])))
    return articles


def written(article: Article) -> str:
    return "\n".join(filter(None, (article.kicker, article.title, article.lead, article.text)))


def phrases(articles: Sequence[Article], *, shortest: int) -> list[str]:
    """Every phrase of 2 to 4 words of at least so many letters, over no mark, once, in an order drawn once."""
    found: dict[str, None] = {}
    for article in articles:
        for part in re.split(r"[^\w\s\u200c]|\n", written(article)):
            words = _WORD.findall(part)
            runs = (words[at : at + count] for count in (2, 3, 4) for at in range(len(words) - count + 1))
            found |= dict.fromkeys(" ".join(run) for run in runs if min(map(len, run)) >= shortest)
    return random.Random(_SEED).sample(list(found), len(found))


def terms(articles: Sequence[Article]) -> list[str]:
    """The default rules' own in an order drawn once, then phrases of words of four letters or more."""
    own = sorted({term for rule in load() for term in (*rule.any, *rule.all)})
    drawn = random.Random(_SEED).sample(own, len(own))
    return list(dict.fromkeys([*drawn, *phrases(articles, shortest=4)]))


def rules_of(texts: Sequence[str]) -> list[Rule]:
    return [Rule(id=str(at), title="x", any=(text,)) for at, text in enumerate(texts)]


# ── how well ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def quality(*, show: bool) -> tuple[dict[str, float], dict[str, Score]]:
    """Precision and recall, over all and by kind of case."""

    def told(case: Case, found: frozenset[Evidence]) -> None:
        for what, spans in (("missed", case.expected - found), ("wrong", found - case.expected)):
            for rule, start, end in sorted(spans):
                print(f"labelled.tsv:{case.line}: {what} {rule}: {case.text[start:end]}", file=sys.stderr)

    kinds = score(Matcher(load()), cases(), told if show else None)
    whole = sum(kinds.values(), Score())
    figures = {"cases": float(len(cases())), "precision": whole.precision, "recall": whole.recall}
    for name, ours in (("spellings", True), ("spellings/in", False)):
        right, false = [], 0
        for term, text, evidence in spellings():
            there = _ours(term, text) if ours else fold(term) in fold(text)
            right += [there] if evidence else []
            false += there and not evidence
        figures |= {f"{name}/recall": sum(right) / len(right), f"{name}/false_hits": float(false)}
    return figures, kinds


def _ours(term: str, text: str) -> bool:
    return bool(Matcher(rules_of([term])).match(Article(source="bench", title=text)))


# ── how fast ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Way = Callable[[Sequence[int]], float]
"""Reads the articles of these numbers; the processor's seconds."""


def timed(read: Callable[[int], object]) -> Way:
    def way(numbers: Sequence[int]) -> float:
        start = process_time()
        for at in numbers:
            read(at)
        return process_time() - start

    return way


def bare(texts: Sequence[str], articles: Sequence[Article]) -> Callable[[int], object]:
    patterns = [letters for text in texts if (letters := mark(text).translate(None, NO_LETTERS))]
    automaton = BytesAhoCorasick(patterns, implementation=Implementation.DFA if len(texts) < 5_000 else None)

    def read(at: int) -> object:
        letters = mark(written(articles[at])).translate(None, NO_LETTERS)
        return automaton.find_matches_as_indexes(letters, overlapping=True)

    return read


def regex(texts: Sequence[str], articles: Sequence[Article]) -> Callable[[int], object]:
    folded = sorted({fold(text) for text in texts}, key=len, reverse=True)
    expression = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, folded))})(?!\w)")
    return lambda at: [found.span() for found in expression.finditer(fold(written(articles[at])))]


@contextmanager
def pyahocorasick(
    texts: Sequence[str], wanted: Mapping[int, Sequence[str]]
) -> Generator[Callable[[int, str], float] | None]:
    """The peer's process: how many terms, and whose folding → the seconds for all texts; None where it is not."""
    python = ROOT / ".venv-peers/bin/python"
    if not python.exists():
        print("pyahocorasick is not there; make it with: make bench-peers", file=sys.stderr)
        yield None
        return
    given = {
        "texts": texts,
        "folded": list(map(fold, texts)),
        "dropped": sorted({ord(char) for text in texts for char in set(text) if not fold(char)}),
        "terms": {str(size): sorted(filter(None, {fold(term) for term in some})) for size, some in wanted.items()},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.json"
        path.write_text(json.dumps(given), "utf-8")
        command = [str(python), str(ROOT / "bench/match_peer.py"), str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            asking, answers = process.stdin, process.stdout
            assert asking is not None
            assert answers is not None

            def turn(size: int, folding: str) -> float:
                asking.write(f"{size} {folding}\n")
                asking.flush()
                return float(json.loads(answers.readline())["seconds"])

            yield turn
            asking.close()


def speed(articles: Sequence[Article], all_terms: Sequence[str], rounds: int) -> dict[str, float]:
    """Of each number of terms: ours in millionths of a second an article; of the others, how many times as long they take, but
    of `bare` how many times as long as it we do."""
    articles = [
        one for one in articles if all(len(fold(char)) < 2 for char in set(written(one)))
    ]  # peers know no ligatures
    wanted = {size: all_terms[:size] for size in SIZES if size <= len(all_terms)}
    every = range(len(articles))
    figures: dict[str, float] = {"letters_an_article": median(len(written(article)) for article in articles)}
    folding = timed(lambda at: fold(written(articles[at])))
    with pyahocorasick(list(map(written, articles)), wanted) as peer:
        for size, texts in wanted.items():
            matcher = Matcher(rules_of(texts))
            figures[f"{size}/hits"] = sum(len(matcher.match(article)) for article in articles) / len(articles)
            ways = {"matcher": timed(lambda at, matcher=matcher: matcher.match(articles[at]))}
            ways["bare"] = timed(bare(texts, articles))
            some = every[:: max(1, len(every) // REGEX[size])] if size in REGEX else ()
            slow = timed(regex(texts, articles)) if some else None
            taken: dict[str, list[float]] = {}
            gc.collect()
            gc.freeze()  # what this program holds is nobody's to look through
            for _ in range(rounds):
                once = {name: way(every) for name, way in ways.items()}
                ratios = {"bare": once["matcher"] / once["bare"]}
                if peer is not None:
                    ratios["pyahocorasick"] = peer(size, "own") / once["matcher"]
                    ratios["pyahocorasick_lent"] = (peer(size, "lent") + folding(every)) / once["matcher"]
                if slow is not None:
                    ratios["regex"] = slow(some) / ways["matcher"](some)
                for name, value in (("matcher_us", once["matcher"] / len(articles) * 1e6), *ratios.items()):
                    taken.setdefault(name, []).append(value)
            figures |= {f"{size}/{name}": median(values) for name, values in taken.items()}
    return figures


def growth(articles: Sequence[Article], rounds: int) -> float:
    """How much longer a ten times longer text takes, with the default rules."""
    matcher = Matcher(load())
    long = [Article(source="bench", title="", text="\n".join(map(written, articles[:size]))) for size in (10, 100)]
    read = timed(lambda at: matcher.match(long[at]))
    read((0, 1))
    return median(read((1,)) / read((0,)) for _ in range(rounds))


# ── 350,000 terms ─────────────────────────────────────────────────────────────────────────────────────────────────────


def stored(corpus: Path, count: int) -> dict[str, float]:
    """In this process, which does nothing else."""
    articles = published(corpus)
    some = phrases(articles, shortest=1)[:count]
    start = process_time()
    matcher = Matcher(rules_of(some))
    built = process_time() - start
    taken, hits = [], 0
    for article in articles[::3]:
        start = process_time()
        hits += len(matcher.match(article))
        taken.append((process_time() - start) * 1e3)
    taken.sort()
    return {
        "terms": float(len(some)),
        "build_s": built,
        "median_ms": median(taken),
        "p95_ms": taken[int(len(taken) * 0.95)],
        "hits": hits / len(taken),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_its_own_process(corpus: Path) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__)), "--stored", str(STORED), "--corpus", str(corpus)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {f"{STORED}/{name}": value for name, value in answer.items() if name != "terms"}


def failures(figures: dict[str, float]) -> Iterator[str]:
    for name, floor in FLOORS.items():
        if name not in figures:
            yield f"{name} was not measured"
        elif figures[name] < floor:
            yield f"{name} {figures[name]:.3f} is below its floor {floor}"
    for name, top in CEILINGS.items():
        if name in figures and figures[name] > top:
            yield f"{name} {figures[name]:.2f} is above {top}"


def main() -> int:
    parser = argparse.ArgumentParser(description="The matcher's precision, recall and speed.")
    parser.add_argument("--quick", action="store_true", help="fewer articles and rounds, and no 350,000 terms")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a floor is missed")
    parser.add_argument("--wrong", action="store_true", help="show the sentences that are not as labelled")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="real articles, JSON lines compressed with gzip")
    parser.add_argument("--stored", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stored:
        print(json.dumps(stored(asked.corpus, asked.stored)))
        return 0
    figures, kinds = quality(show=asked.wrong)
    articles = published(asked.corpus)
    rounds = 3 if asked.quick else 7
    figures |= speed(articles[:: 9 if asked.quick else 3], terms(articles), rounds)
    figures["cost_of_10x_text"] = growth(articles[:100], rounds)
    if asked.corpus.exists() and not asked.quick:
        figures |= in_its_own_process(asked.corpus)
    for kind, one in kinds.items():
        figures |= {f"{kind}/precision": one.precision, f"{kind}/recall": one.recall}
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        print(f"{'kind':16} {'right':>6} {'wrong':>6} {'missed':>6}  precision  recall")
        for kind, one in (*kinds.items(), ("all", sum(kinds.values(), Score()))):
            print(f"{kind:16} {one.right:6} {one.wrong:6} {one.missed:6}  {one.precision:9.3f}  {one.recall:6.3f}")
        for name, value in figures.items():
            if name.partition("/")[0] not in kinds:
                print(f"{name:28} {value:12,.3f}")
    missed = list(failures(figures)) if asked.check else []
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
