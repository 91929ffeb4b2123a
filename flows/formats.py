"""Articles as a stream of bytes, one after the other, at constant memory: JSON lines, CSV, Parquet, citations.

The same articles give the same bytes: nothing of the day, the machine or the run is written.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, BinaryIO, TypeVar

from didban import seed
from didban.article import FIELDS, Article, to_json
from didban.errors import InputError
from flows import cite

Rows = Iterable[tuple[int, Article]]
Outlets = Callable[[str], cite.Outlet]
T = TypeVar("T")
Write = Callable[[BinaryIO, Rows, Outlets], None]

BATCH_ROWS = 1_000
BATCH_LETTERS = 4_000_000
"""Of articles that are held at once, as Parquet's groups of rows are: whichever comes first."""


class Names:
    """A name for each article of one export: `SOURCE-ID`, or by its content; of those that would be named alike, by its number
    too."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, number: int, article: Article) -> str:
        name = seed.file_name(article).removesuffix(".txt")
        if name == f"{article.source}-{article.id}":
            return name  # a site's numbers are its articles' own: nothing to remember
        if name in self._taken:
            return f"{name}-{number}"
        self._taken.add(name)
        return name


def jsonl(file: BinaryIO, rows: Rows, outlets: Outlets) -> None:
    """Articles as JSON, a line each: all of them, losslessly."""
    del outlets
    for _, article in rows:
        line = json.dumps(to_json(article), ensure_ascii=False, separators=(",", ":"))
        file.write(line.encode() + b"\n")


def spreadsheet(file: BinaryIO, rows: Rows, outlets: Outlets) -> None:
    """CSV for spreadsheets: UTF-8 with a byte-order mark, CRLF, a header of FIELDS; lists joined by ` | `.

    A cell that a spreadsheet would take for a formula is given a leading apostrophe, as OWASP advises:
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    del outlets
    file.write(codecs.BOM_UTF8)
    write = csv.writer(_Encoded(file))
    write.writerow(FIELDS)
    write.writerows([_cell(value) for value in to_json(article).values()] for _, article in rows)


class _Encoded:
    """What `csv` writes to: bytes at once, so that nothing is left in a buffer when the disk is full."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            text = " | ".join(map(str, value))
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def parquet(file: BinaryIO, rows: Rows, outlets: Outlets) -> None:
    """Parquet with types: times as UTC timestamps, lists as lists. Raises InputError where pyarrow is not installed."""
    del outlets
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        problem = "is not installed" if isinstance(error, ModuleNotFoundError) else f"does not work: {error}"
        raise InputError(f"Parquet is written by pyarrow, which {problem}; install didban[parquet]") from None
    moment, texts = pa.timestamp("us", tz="UTC"), pa.list_(pa.string())
    kinds = dict.fromkeys(("published", "fetched", "modified"), moment) | dict.fromkeys(("tags", "codes"), texts)
    kinds |= {"has_time": pa.bool_(), "complete": pa.bool_(), "revision": pa.int32()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in FIELDS])

    def group(batch: Sequence[Article]) -> pa.Table:
        typed: list[dict[str, Any]] = [to_json(one) | {name: getattr(one, name) for name in kinds} for one in batch]
        return pa.Table.from_pylist(typed, schema=schema)

    articles = (article for _, article in rows)
    groups = map(group, batches(articles, lambda one: len(one.text), most=BATCH_ROWS))  # a map keeps no batch
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for one in groups:
            writer.write_table(one)


def batches(things: Iterable[T], letters_of: Callable[[T], int], *, most: int) -> Iterator[Sequence[T]]:
    """At most so many things together, and fewer of those that are long."""
    batch: list[T] = []
    letters = 0
    for thing in things:
        batch.append(thing)
        letters += letters_of(thing)
        if len(batch) >= most or letters >= BATCH_LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def _citations(file: BinaryIO, rows: Rows, outlets: Outlets, *, form: str) -> None:
    file.writelines(text.encode() for text in cited(rows, outlets, form=form))


def cited(rows: Rows, outlets: Outlets, *, form: str) -> Iterator[str]:
    """The pieces of a document of citations: CSL-JSON is one array, the others follow each other."""
    names = Names()
    items = (cite.csl(article, outlets(article.source), name=names.of(number, article)) for number, article in rows)
    texts = map(cite.FORMS[form], items)
    if form != "csl":
        for number, text in enumerate(texts):
            yield ("\n" if number else "") + text.strip("\n") + "\n"
        return
    yield "["
    for number, text in enumerate(texts):
        yield (",\n" if number else "\n") + text
    yield "\n]\n"


STREAMS: Mapping[str, Write] = MappingProxyType(
    {"jsonl": jsonl, "csv": spreadsheet, "parquet": parquet}
    | {form: partial(_citations, form=form) for form in cite.FORMS}
)
