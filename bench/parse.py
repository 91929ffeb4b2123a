"""How fast, and how well, a page becomes an article.

    python bench/parse.py [--quick] [--json] [--check] [--pages DIR]

Four readers take turns of equal length over the same pages in one run: ours, from the bytes as served to every field;
trafilatura and newspaper4k, which need no selectors; and BeautifulSoup on lxml over the whole page with ours. The peers
run in their own environment (`make bench-peers`). Seconds are the processor's. Medians of several rounds; ratios are
taken within a round, while the machine is the same. Two groups, reported apart:

    real    complete pages as saved from the sites, which stay out of the repository (`--pages`)
    own     the fixture pages of tests/scrapers: small, so that what an article costs however short it is shows

The goldens of the real pages were made by hand, before the reader: bench/real_pages.json says on which lines of the page
each field stands. A body's score is the F1 of its words; a peer may count the lead to the body or not, as it does better.
A date is right when it names the right day (ours: the second), or is absent. `GROUP/PEER` is how many times as fast
ours is, over the `GROUP/PEER/pages` that the peer makes anything of.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.peers import PEERS, take_turn  # noqa: E402 - run as a script, from anywhere
from didban.article import Page, to_json  # noqa: E402
from didban.dates import parse_iso, tehran_day  # noqa: E402
from didban.errors import DateError  # noqa: E402
from scrapers.sources.irna import IRNA  # noqa: E402
from scrapers.sources.isna import ISNA  # noqa: E402
from scrapers.sources.mehr import MEHR  # noqa: E402

FLOORS = {
    "real/trafilatura": 15.0,
    "real/bs4": 10.0,
    "real/body_f1": 0.99,
    "real/fields": 1.0,
    "real/dates": 1.0,
    "own/trafilatura": 6.0,
    "own/bs4": 2.0,
    "own/body_f1": 0.99,
    "own/dates": 1.0,
}
"""Ratios of one run, so that they hold on any machine."""

SOURCES = {source.key: source for source in (IRNA, MEHR, ISNA)}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A page and what it says."""

    source: str
    url: str
    path: Path
    title: str
    lead: str
    text: str
    published: datetime | None


def real_pages(folder: Path) -> list[Golden]:
    """The complete real pages, and what stands on the lines that hold each field; none where they are not at hand."""
    goldens = []
    for said in json.loads((ROOT / "bench/real_pages.json").read_text("utf-8")):
        path = folder / said["path"]
        if not path.exists():
            return []
        lines = path.read_text("utf-8").split("\n")
        title, lead, text = (_stripped(lines, said[name]) for name in ("title", "lead", "text"))
        goldens.append(
            Golden(
                source=said["source"],
                url=said["url"],
                path=path,
                title=title.strip(),
                lead=lead.strip(),
                text=text,
                published=parse_iso(said["published"]),
            )
        )
    return goldens


def _stripped(lines: Sequence[str], span: list[int] | None) -> str:
    chosen = "\n".join(lines[span[0] - 1 : span[1]]) if span else ""
    return html.unescape(re.sub(r"<[^>]*>", "", chosen))


def own_pages() -> list[Golden]:
    """The articles among the fixture pages, with the goldens that a person has read."""
    goldens = []
    for path in sorted((ROOT / "tests/scrapers/pages").glob("*.json")):
        said = json.loads(path.read_text("utf-8"))
        if said.get("source") not in SOURCES or "text" not in said:
            continue
        published = said["published"] and parse_iso(said["published"])
        facts = {name: said[name] for name in ("source", "url", "title", "lead", "text")}
        goldens.append(Golden(**facts, path=path.with_suffix(".html"), published=published))
    return goldens


# ── readers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Turn = dict[str, Any]
"""`seconds` that each page took, and the `articles` it became."""


def read_ours(goldens: Sequence[Golden]) -> Callable[[], Turn]:
    now = datetime.now(UTC)
    pages = [Page(url=golden.url, body=golden.path.read_bytes(), fetched=now) for golden in goldens]
    readers = [SOURCES[golden.source].article for golden in goldens]

    def read() -> Turn:
        turn = take_turn(lambda at: readers[at](pages[at]), len(pages))
        return turn | {"articles": list(map(to_json, turn["articles"]))}

    return read


@contextmanager
def peers(goldens: Sequence[Golden]) -> Generator[Callable[[str], Turn]]:
    """The peers' process: a peer's name → its turn."""
    python = ROOT / ".venv-peers/bin/python"
    if not python.exists():
        sys.exit("the peers are not there; make them with: make bench-peers")
    command = [str(python), str(ROOT / "bench/peers.py"), *(str(golden.path) for golden in goldens)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asking, answers = process.stdin, process.stdout
        assert asking is not None
        assert answers is not None

        def read(peer: str) -> Turn:
            asking.write(f"{peer}\n")
            asking.flush()
            answer: Turn = json.loads(answers.readline())
            return answer

        yield read
        asking.close()


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(group: str, goldens: Sequence[Golden], rounds: int) -> dict[str, float]:
    figures: dict[str, float] = {f"{group}/pages": len(goldens)}
    with peers(goldens) as peer:
        ways: dict[str, Callable[[], Turn]] = {"didban": read_ours(goldens)}
        ways |= {name: lambda name=name: peer(name) for name in PEERS}
        read = {name: way()["articles"] for name, way in ways.items()}  # the first turn warms up
        taken: dict[str, list[list[float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(way()["seconds"])
    costs = {name: list(map(median, zip(*times, strict=True))) for name, times in taken.items()}
    for name in ways:
        strict = name == "didban"
        scores = [score(golden, article, strict=strict) for golden, article in zip(goldens, read[name], strict=True)]
        body_f1, fields, dates = (fmean(one[part] for one in scores) for part in range(3))
        prefix = group if strict else f"{group}/{name}"
        figures |= {f"{group}/{name}_pages_a_second": len(goldens) / sum(costs[name])}
        figures |= {f"{prefix}/body_f1": body_f1, f"{prefix}/dates": dates}
        if strict:
            figures[f"{prefix}/fields"] = fields
            continue
        both = [at for at, article in enumerate(read[name]) if is_read(article)]
        turns = zip(taken[name], taken["didban"], strict=True)
        figures[prefix] = median(
            sum(theirs[at] for at in both) / sum(ours[at] for at in both) for theirs, ours in turns
        )
        figures[f"{prefix}/pages"] = len(both)
    return figures


def is_read(article: dict[str, Any]) -> bool:
    """Has the reader made anything of the page? One that gives up at once is not fast."""
    return bool((article.get("title") or "").strip() or (article.get("text") or "").strip())


def score(golden: Golden, article: dict[str, Any], *, strict: bool) -> tuple[float, float, float]:
    """The body's F1; the share of title and lead that are right to the letter; whether the date is right or absent."""
    text = article.get("text") or ""
    bodies = (golden.text,) if strict else (golden.text, f"{golden.lead}\n{golden.text}")
    fields = fmean((article.get(name) or "") == getattr(golden, name) for name in ("title", "lead"))
    said = _moment(article.get("published"))
    if strict:
        right = said in {golden.published, None}
    else:
        right = said is None or (golden.published is not None and tehran_day(said) == tehran_day(golden.published))
    return max(f1(text, body) for body in bodies) * is_read(article), fields, float(right)


def _moment(text: str | None) -> datetime | None:
    try:
        return parse_iso(text) if text else None
    except DateError:
        return None


def f1(found: str, golden: str) -> float:
    """The harmonic mean of precision and recall over words; of two empty texts, 1."""
    mine, right = Counter(_WORD.findall(found)), Counter(_WORD.findall(golden))
    if not mine and not right:
        return 1.0
    return 2 * (mine & right).total() / (mine.total() + right.total())


def main() -> int:
    parser = argparse.ArgumentParser(description="The readers' speed and accuracy.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a floor is missed")
    parser.add_argument("--pages", type=Path, default=ROOT.parent / "shared/pages", help="where the real pages are")
    asked = parser.parse_args()
    rounds = 5 if asked.quick else 15
    figures = measure("own", own_pages(), rounds)
    if real := real_pages(asked.pages):
        figures = measure("real", real, rounds) | figures
    else:
        print(f"no real pages in {asked.pages}: only our own are read", file=sys.stderr)
    missed = [
        f"{name} {figures[name]:.2f} is below its floor {floor}"
        for name, floor in FLOORS.items()
        if name in figures and figures[name] < floor
    ]
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value:12,.2f}")
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
