"""Documents in and out: seed documents and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts.policy import Judge
from didban import article as articles
from didban import seed
from didban.alert import Sighting
from didban.article import Article, Page
from didban.errors import DidbanError, InputError
from didban.outcome import Tally
from storage.articles import Selection
from storage.store import Store

Warn = Callable[[str], None]
_SUFFIXES = {".txt", ".json", ".jsonl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file: the article it holds and, for a seed, the file's bytes."""

    article: Article
    page: Page | None


def import_paths(
    store: Store, judge: Judge, paths: Sequence[Path], *, source: str | None, now: datetime, warn: Warn
) -> Tally:
    """Bring seed documents and JSON lines into the store. Each bad file or line is refused with a line to `warn`; the rest go on.

    Matches of imported articles become archived alerts. Raises InputError when a path is not there.
    """
    tally = Tally()
    sighting = Sighting(via="import", baseline=False, now=now)
    for path in files(paths):
        for document in _read(path, source, now, tally, warn):
            saved = store.articles.save(document.article, judge, sighting, page=document.page)
            setattr(tally, saved.change, getattr(tally, saved.change) + 1)
            tally.copies += saved.copy and saved.change == "new"
            tally.archived += saved.archived
    return tally


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files meant: a folder means its .txt, .json and .jsonl files, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
        elif path.exists():
            yield path
        else:
            raise InputError(f"{path}: there is no such file")


def _read(path: Path, source: str | None, now: datetime, tally: Tally, warn: Warn) -> Iterator[Document]:
    def refuse(where: str, error: Exception) -> None:
        tally.refused += 1
        warn(f"{where}: {error}")

    if path.suffix == ".jsonl":
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    article = articles.from_json(json.loads(line))
                except (ValueError, RecursionError, DidbanError) as error:
                    refuse(f"{path}:{number}", error)
                else:
                    yield Document(article=article, page=None)
        return
    try:
        data = path.read_bytes()
        read = seed.read(data, source=source, name=path.name)
    except OSError as error:
        refuse(str(path), InputError(error.strerror or "cannot be read"))
    except DidbanError as error:
        refuse(str(path), error)
    else:
        for warning in read.warnings:
            warn(f"{path}: {warning}")
        yield Document(article=read.article, page=Page(url=f"file:{path.name}", body=data, fetched=now))


def export_seeds(store: Store, selection: Selection, folder: Path, *, original: bool, warn: Warn) -> int:
    """Write one seed document per article into `folder`; `original` gives back the bytes that were imported instead.

    Returns how many were written; articles that were not imported from a seed document have no original, which is said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for number, article in store.articles.each(selection):
        name = seed.file_name(article)
        data = seed.write(article)
        if original:
            kept = store.pages.original(number)
            if kept is None:
                warn(f"{name}: was not imported from a document; it has no original")
                continue
            data = kept.page.body
        (folder / name).write_bytes(data)
        written += 1
    return written


def export_lines(store: Store, selection: Selection) -> Iterator[str]:
    """Articles as JSON lines, at constant memory."""
    for _, article in store.articles.each(selection):
        yield json.dumps(articles.to_json(article), ensure_ascii=False, separators=(",", ":"))
