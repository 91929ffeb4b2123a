"""Pages of articles as WARC: what a reader that is not ours finds in it, and that it is the same bytes every time."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.cli import main as warcio

from didban import __version__
from didban.article import Article, Page
from flows import warc
from storage.packing import learn
from storage.pages import Kept
from storage.store import Store, open_store
from storage.upkeep import ENOUGH
from tests.flows.support_documents import commands
from tests.support import NOW, TEXT, article, judge, sighting
from tests.support_pages import page, save

Didban = Callable[..., tuple[int, bytes, str]]

URL = "https://www.irna.ir/news/84000001/خبر تازه"
FIRST = Page(
    url=URL,
    body=b"<html>\r\n\r\n\x00\xff first</html>",
    fetched=NOW - timedelta(hours=5, microseconds=-12),
    status=200,
    headers={"content-type": "text/html; charset=utf-8", "etag": 'W/"1"', "x-served-by": "گره"},
)
SECOND = replace(FIRST, body="<p>دوم</p>".encode(), fetched=NOW, status=226, headers={})
OLD = article(
    id="7", url="https://www.irna.ir/news/7", title="کهنه", text=f"کهنه {TEXT}", published=NOW - timedelta(days=90)
)


def fill(url: str) -> None:
    """An article with two pages, one without any, pages that need a dictionary, and one of three months ago."""
    with closing(open_store(url)) as store:
        store.articles.save(article(url=URL), judge({}), sighting(), page=FIRST)
        store.articles.save(article(url=URL, text=f"{TEXT} ویراست دوم"), judge({}), sighting(), page=SECOND)
        store.articles.save(article(source="mehr", id="1", url=None), judge({}), sighting("import"), page=page(5))
        store.pages.keep(page(6), source="irna", kind="listing")
        store.sources.register(["irna"], now=NOW)
        save(store, range(100, 100 + ENOUGH))
        adopt(store)
        store.articles.save(OLD, judge({}), sighting(), page=page(7))


def adopt(store: Store) -> None:
    current, bodies = store.upkeep.lessons("irna")
    store.upkeep.adopt("irna", learn(bodies, current), samples=len(bodies), now=NOW)


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Didban:
    (tmp_path / "var").mkdir()
    fill(f"sqlite:///{tmp_path}/var/didban.db")
    return commands(tmp_path, monkeypatch, capfdbinary)


def records(path: Path) -> list[tuple[str, dict[str, str], str | None, dict[str, str], bytes]]:
    """Type, WARC headers, status line, HTTP headers and body of every record, digests checked."""
    with path.open("rb") as file:
        return [
            (
                one.rec_type,
                dict(one.rec_headers.headers),
                f"{one.http_headers.protocol} {one.http_headers.statusline}" if one.http_headers else None,
                dict(one.http_headers.headers) if one.http_headers else {},
                one.content_stream().read(),
            )
            for one in ArchiveIterator(file, check_digests="raise")
        ]


def well(path: Path) -> bool:
    """What `warcio check` says of it."""
    with pytest.raises(SystemExit) as stop:
        warcio(["check", str(path)])
    return not stop.value.code


def test_every_page_of_every_article_is_there_as_served(didban: Didban, tmp_path: Path) -> None:
    code, out, err = didban("export", "--format", "warc", "-o", "pages.warc.gz")
    assert (code, out, err) == (0, b"", f"{ENOUGH + 3} articles in pages.warc.gz\n")
    head, *pages = records(tmp_path / "pages.warc.gz")
    assert well(tmp_path / "pages.warc.gz")
    assert head[0] == "warcinfo"
    assert head[1]["WARC-Date"] == "2026-11-21T08:00:00Z"
    assert head[4].decode().splitlines()[:2] == [f"software: Didban/{__version__}", "format: WARC File Format 1.1"]
    assert [one[4] for one in pages] == [
        FIRST.body,
        SECOND.body,
        *(page(number).body for number in range(100, 100 + ENOUGH)),
        page(7).body,
    ]
    kind, facts, status, headers, _ = pages[0]
    assert (kind, status) == ("response", "HTTP/1.1 200 OK")
    assert facts["WARC-Target-URI"] == (
        "https://www.irna.ir/news/84000001/%D8%AE%D8%A8%D8%B1%20%D8%AA%D8%A7%D8%B2%D9%87"
    )
    assert facts["WARC-Date"] == "2026-11-21T03:00:00.000012Z"
    assert facts["Content-Type"] == "application/http; msgtype=response"
    assert facts["WARC-Warcinfo-ID"] == head[1]["WARC-Record-ID"]
    assert facts["WARC-Payload-Digest"].startswith("sha1:")
    assert headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Etag": 'W/"1"',
        "X-Served-By": "%DA%AF%D8%B1%D9%87",
    }
    assert pages[1][2:4] == ("HTTP/1.1 226 IM Used", {})
    numbers = [one[1]["WARC-Record-ID"] for one in (head, *pages)]
    assert len(set(numbers)) == len(numbers) == ENOUGH + 4


def test_the_manifest_says_how_many_pages_and_what_has_none(didban: Didban, tmp_path: Path) -> None:
    didban("export", "--format", "warc", "-o", "x.warc")
    said = json.loads((tmp_path / "x.warc.manifest.json").read_bytes())
    assert (said["format"], said["articles"], said["pages"], said["without_page"]) == (
        "warc", ENOUGH + 3, ENOUGH + 3, 1,
    )  # fmt: skip
    assert [one["source"] for one in said["sources"]] == ["irna", "mehr"]


def test_the_filters_choose_the_articles_whose_pages_they_are(didban: Didban, tmp_path: Path) -> None:
    assert didban("export", "--format", "warc", "--until", "1405-07-30", "-o", "old.warc")[0] == 0
    assert [one[4] for one in records(tmp_path / "old.warc")[1:]] == [page(7).body]
    assert didban("export", "--format", "warc", "--source", "mehr", "-o", "mehr.warc")[0] == 0
    assert [one[0] for one in records(tmp_path / "mehr.warc")] == ["warcinfo"]


def test_a_record_is_packed_by_itself(didban: Didban, tmp_path: Path) -> None:
    for name in ("x.warc", "x.warc.gz"):
        assert didban("export", "--format", "warc", "-o", name)[0] == 0
    packed, members = (tmp_path / "x.warc.gz").read_bytes(), []
    while packed:
        one = zlib.decompressobj(zlib.MAX_WBITS + 16)
        members.append(one.decompress(packed))
        packed = one.unused_data
    assert b"".join(members) == (tmp_path / "x.warc").read_bytes()
    assert [member[:8] for member in members] == [b"WARC/1.1"] * (ENOUGH + 4)


def test_both_databases_give_the_same_bytes_every_time(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    fill(postgres_url)
    for folder in ("first", "second", "postgres"):
        (tmp_path / folder).mkdir()
        if folder == "postgres":
            monkeypatch.setenv("DIDBAN_DATABASE_URL", postgres_url)
        assert didban("export", "--format", "warc", "-o", f"{folder}/x.warc.gz")[0] == 0
    for name in ("x.warc.gz", "x.warc.gz.manifest.json"):
        assert len({(tmp_path / folder / name).read_bytes() for folder in ("first", "second", "postgres")}) == 1


def test_a_damaged_file_is_found_by_others(didban: Didban, tmp_path: Path) -> None:
    didban("export", "--format", "warc", "-o", "x.warc")
    path = tmp_path / "x.warc"
    assert well(path)
    path.write_bytes(path.read_bytes().replace(b"\xff first", b"\xff fiRst"))
    assert not well(path)


def test_it_is_no_text_for_a_terminal(didban: Didban) -> None:
    code, out, err = didban("export", "--format", "warc")
    assert (code, out) == (2, b"")
    assert "--format warc needs -o FILE" in err


def test_a_page_that_cannot_be_unpacked_ends_it_and_leaves_nothing(didban: Didban, tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/var/didban.db")) as store, store.database.write() as connection:
        connection.exec_driver_sql("UPDATE blob SET zstd = x'00' WHERE dictionary IS NOT NULL")
    code, out, err = didban("export", "--format", "warc", "-o", "x.warc")
    assert (code, out) == (1, b"")
    assert err.startswith("didban: https://irna.ir/news/7: its page is damaged")
    assert not list(tmp_path.glob("x.warc*"))


class Sink(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def test_memory_does_not_grow_with_the_archive() -> None:
    def pages(number: int) -> Iterator[Kept]:
        body = gzip.compress(str(number).encode() * 50_000, mtime=0) * 100
        served = Page(url=f"https://irna.ir/{number}", body=body, fetched=NOW, headers={})
        yield Kept(id=number, source="irna", page=served, link=None, article=number, problem=None)

    def peak(count: int) -> int:
        rows: Iterator[tuple[int, Article]] = ((number, article(id=str(number))) for number in range(count))
        tracemalloc.start()
        file = cast("Any", Sink())
        assert warc.write(file, rows, pages, packed=True, query={}, as_of=None) == (count, 0)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(60) < peak(30) + 200_000
