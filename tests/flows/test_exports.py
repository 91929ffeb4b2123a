"""`didban export`: what each format holds, what its manifest says, and that the same store gives the same bytes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import RawIOBase, StringIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow.parquet as pq
import pytest

from demo.site import Site
from didban.article import FIELDS, Article, from_json, to_json
from didban.dates import iso_utc
from flows import formats
from flows.cite import outlet
from flows.exports import BINARY, FORMATS
from tests.flows.support_documents import ARTICLES, FORMULA, SITES, TWINS, commands, filled
from tests.support import article

Didban = Callable[..., tuple[int, bytes, str]]
FILES = [shape for shape in FORMATS if shape != "seed"]


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Didban:
    filled(tmp_path)
    return commands(tmp_path, monkeypatch, capfdbinary)


def lines(out: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


# ── one store, one export ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", FILES)
def test_the_same_store_gives_the_same_bytes(shape: str, didban: Didban, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        assert didban("export", "--format", shape, "-o", f"{name}/x.{shape}") == (
            0,
            b"",
            f"5 articles in {name}/x.{shape}\n",
        )
    found = [
        sorted((path.name, path.read_bytes()) for path in (tmp_path / name).iterdir()) for name in ("first", "second")
    ]
    assert found[0] == found[1]
    assert [name for name, _ in found[0]] == [f"x.{shape}", f"x.{shape}.manifest.json"]
    if shape not in BINARY:
        assert didban("export", "--format", shape)[:2] == (0, (tmp_path / f"first/x.{shape}").read_bytes())


def test_both_databases_give_the_same_bytes(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    filled(tmp_path, url=postgres_url)
    for shape in FILES:
        (tmp_path / "lite").mkdir(exist_ok=True)
        (tmp_path / "post").mkdir(exist_ok=True)
        assert didban("export", "--format", shape, "-o", f"lite/{shape}")[0] == 0
        with monkeypatch.context() as patch:
            patch.setenv("DIDBAN_DATABASE_URL", postgres_url)
            assert didban("export", "--format", shape, "-o", f"post/{shape}")[0] == 0
        for name in (shape, f"{shape}.manifest.json"):
            assert (tmp_path / "lite" / name).read_bytes() == (tmp_path / "post" / name).read_bytes()


def test_seeds_of_articles_named_alike_are_all_written_and_summed(didban: Didban, tmp_path: Path) -> None:
    assert didban("export", "--format", "seed", "-o", "seeds")[0] == 0
    names = sorted(path.name for path in (tmp_path / "seeds").iterdir())
    assert len(names) == len(ARTICLES)
    assert sum(name.startswith("elsewhere-") for name in names) == len(TWINS)
    said = json.loads((tmp_path / "seeds.manifest.json").read_bytes())
    order = ["mehr-1326881.txt", "irna-84000001.txt"]
    order += [name for name in names if name.startswith("ostan")]
    order += sorted((name for name in names if name.startswith("else")), key=len)
    listing = "".join(f"{hashlib.sha256((tmp_path / 'seeds' / n).read_bytes()).hexdigest()}  {n}\n" for n in order)
    assert said["sha256"] == hashlib.sha256(listing.encode()).hexdigest()
    assert (said["articles"], said["format"], said["original"]) == (5, "seed", False)


def test_a_file_named_gz_is_packed_without_its_name_or_time(didban: Didban, tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        assert didban("export", "-o", name)[0] == 0
    packed = (tmp_path / "a.jsonl.gz").read_bytes()
    assert packed == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == didban("export")[1]
    assert didban("import", "a.jsonl.gz")[:2] == (0, b"0 new \xc2\xb7 0 changed \xc2\xb7 5 known \xc2\xb7 0 refused\n")


def test_the_manifest_says_what_the_file_is(didban: Didban, tmp_path: Path) -> None:
    didban("export", "--since", "1390-03-01", "--until", "1390-12-29", "-o", "x.jsonl")
    said = json.loads((tmp_path / "x.jsonl.manifest.json").read_bytes())
    data = (tmp_path / "x.jsonl").read_bytes()
    assert said["query"] == {
        "source": None, "since": "2011-05-22", "until": "2012-03-19", "province": None, "rule": None,
    }  # fmt: skip
    assert (said["sha256"], said["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (said["articles"], said["name"], said["format"]) == (len(data.splitlines()), "x.jsonl", "jsonl")
    of = {one["source"]: one for one in said["sources"]}
    assert list(of) == ["elsewhere", "irna", "mehr"]
    assert of["mehr"]["rights"].endswith("Creative Commons Attribution 4.0 International License.")
    assert of["mehr"]["credit"] == "Mehr News Agency (mehrnews.com), CC BY 4.0"
    assert (of["irna"]["rights"], of["irna"]["credit"], of["irna"]["partial"]) == (None, None, 1)
    assert (of["elsewhere"]["name"], of["elsewhere"]["home"]) == ("elsewhere", None)
    assert of["elsewhere"]["days"] == {"2011-06-01": 2}
    assert (of["mehr"]["since"], of["mehr"]["until"], of["mehr"]["undated"]) == ("2011-06-01", "2011-06-01", 0)
    assert said["didban"]


def test_the_manifest_says_how_complete_a_backfill_was(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        monkeypatch.setenv("DIDBAN_RATE", "500")
        assert didban("backfill", "irna", "--since", "1398-07-17", "--until", "1398-07-17")[0] == 0
    didban("export", "--source", "irna", "-o", "x.csv")
    (of,) = json.loads((tmp_path / "x.csv.manifest.json").read_bytes())["sources"]
    assert of["backfilled"] == {"since": "2019-10-09", "until": "2019-10-09", "days": {"complete": 1}}


# ── which articles ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "titles"),
    [
        (("--source", "ostan_lr"), ["بی\u200cتاریخ"]),
        (("--source", "elsewhere"), ["یک", "یک"]),
        (("--since", "1390-03-12"), ["یک تیتر", "بی\u200cتاریخ"]),
        (("--since", "1390-03-11", "--until", "1390-03-11", "--source", "mehr"), [FORMULA.title]),
        (("--province", "خوزستان"), ["یک تیتر"]),
        (("--province", "lorestan"), [FORMULA.title]),
        (("--rule", "egov"), ["یک تیتر", "بی\u200cتاریخ"]),
        (("--rule", "egov", "--province", "khuzestan"), ["یک تیتر"]),
        (("--rule", "rural-ict"), []),
    ],
    ids=str,
)  # fmt: skip
def test_the_filters_choose(given: tuple[str, ...], titles: list[str], didban: Didban) -> None:
    code, out, _ = didban("export", *given)
    assert code == 0
    assert [one["title"] for one in lines(out)] == titles


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--source", "irnaa"), "did you mean 'irna'?"),
        (("--rule", "egovv"), "the rules in force are: "),
        (("--province", "لرستانن"), "no province"),
        (("--since", "1403-01-02", "--until", "1403-01-01"), "is after the last"),
        (("--format", "parquet"), "needs -o FILE"),
        (("--format", "csv", "-o", "."), "is no file"),
        (("-o", "/dev/null"), "is no file"),
        (("--format", "parquet", "-o", "x.parquet.gz"), "without .gz"),
    ],
    ids=str,
)
def test_a_filter_that_nothing_can_meet_is_refused(given: tuple[str, ...], says: str, didban: Didban) -> None:
    code, out, err = didban("export", *given)
    assert (code != 0, out) == (True, b"")
    assert says in err


# ── the formats ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_csv_opens_in_a_spreadsheet_as_text(didban: Didban) -> None:
    out = didban("export", "--format", "csv")[1]
    assert out.startswith(b"\xef\xbb\xbfsource,id,url,")
    rows = list(csv.DictReader(StringIO(out.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == FIELDS
    first = rows[0]
    assert first["title"] == "'" + FORMULA.title
    assert (first["lead"], first["text"], first["tags"]) == ("'-۵ درجه", '\'+98\r\n@x, "y"', "'@الف | ب")
    assert (first["published"], first["complete"], first["modified"]) == ("2011-06-01T13:24:00Z", "true", "")
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert rows[1]["title"] == "یک تیتر"


def test_parquet_holds_what_json_lines_hold_with_types(didban: Didban, tmp_path: Path) -> None:
    assert didban("export", "--format", "parquet", "-o", "x.parquet")[0] == 0
    table = pq.read_table(tmp_path / "x.parquet")
    assert tuple(table.column_names) == FIELDS
    kinds = {name: str(table.schema.field(name).type) for name in ("published", "tags", "complete", "revision")}
    assert [*kinds.values()][::2] == ["timestamp[us, tz=UTC]", "bool"]
    assert kinds["tags"].startswith("list<")
    told = [to_json(from_json(one)) for one in lines(didban("export")[1])]
    moments = ("published", "fetched", "modified")
    assert [row | {name: iso_utc(row[name]) for name in moments} for row in table.to_pylist()] == told


def test_parquet_without_its_library_says_what_to_install(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = didban("export", "--format", "parquet", "-o", "x.parquet")
    assert (code, err) == (
        1,
        "didban: Parquet is written by pyarrow, which is not installed; install didban[parquet]\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


class Sink(RawIOBase):
    """A file that keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


@pytest.mark.parametrize("shape", formats.STREAMS)
def test_memory_does_not_grow_with_the_archive(shape: str) -> None:
    """Twice as many articles, of 32 KB each, take no more memory: those that were written are not held."""

    def rows(count: int) -> Iterator[tuple[int, Article]]:
        for number in range(count):
            yield number, article(id=str(number), title=f"{number:07} " * 250, text=f"{number:07} " * 4_000)

    def peak(count: int) -> int:
        tracemalloc.start()
        formats.STREAMS[shape](cast("BinaryIO", Sink()), rows(count), lambda key: outlet(SITES, key))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # what is imported and remembered once is no growth
    assert peak(500) < peak(250) + 400_000


def test_every_moment_of_an_article_is_told_exactly(didban: Didban) -> None:
    one = lines(didban("export", "--source", "mehr")[1])[0]
    assert from_json(one) == replace(FORMULA, revision=1, story=str(one["story"]))
    assert to_json(from_json(one)) == one
