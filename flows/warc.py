"""`didban export --format warc`: the pages of articles as served, in the form that web archives keep (WARC 1.1, ISO 28500:2017).

    warcinfo     the program, the query
    response     one for each kept page of each article: status, headers and body as they are stored

Nothing of the day or the machine is written: a record's number is made of its page's hash, address and time. What the store does
not keep is not made up: no request, no address of the server. Headers of the transfer (encoding, length) and cookies are left out
when a page is fetched; the body is what they had packed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from didban import __version__
from didban.article import Article, Page
from storage.pages import Kept

_STATES = {one.value: one.phrase for one in HTTPStatus}
_FORMAT = {
    "format": "WARC File Format 1.1",
    "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
}


def write(
    file: BinaryIO,
    rows: Iterable[tuple[int, Article]],
    pages: Callable[[int], Iterable[Kept]],
    *,
    packed: bool,
    query: Mapping[str, object],
    as_of: datetime | None,
) -> tuple[int, int]:
    """The pages of these articles, each record gzipped by itself when `packed`; how many, and how many articles have none.

    `as_of` is when the newest page of the store was fetched, and the file's own date.
    """
    writer = WARCWriter(file, gzip=packed, warc_version="1.1")
    asked = json.dumps(query, ensure_ascii=False)
    date = _date(as_of or datetime.fromtimestamp(0, UTC))
    of_file = _number("warcinfo", __version__, asked, date)
    info = {"software": f"Didban/{__version__}", **_FORMAT, "description": f"pages of articles; query: {asked}"}
    said = "".join(f"{name}: {value}\r\n" for name, value in info.items()).encode()
    facts = {"WARC-Record-ID": of_file, "WARC-Date": date}
    writer.write_record(
        writer.create_warc_record("", "warcinfo", payload=BytesIO(said), length=len(said), warc_headers_dict=facts)
    )
    count = bare = 0
    for number, _ in rows:
        before = count
        for kept in pages(number):
            writer.write_record(_response(writer, kept.page, of_file))
            count += 1
        bare += count == before
    return count, bare


def _response(writer: WARCWriter, page: Page, of_file: str) -> ArcWarcRecord:
    date = _date(page.fetched)
    facts: dict[str, Any] = {
        "WARC-Record-ID": _number(hashlib.sha256(page.body).hexdigest(), page.url, date),
        "WARC-Warcinfo-ID": of_file,
        "WARC-Date": date,
    }
    status = f"{page.status} {_STATES.get(page.status, '')}".strip()
    headers = [(name.title(), value) for name, value in page.headers.items()]
    return writer.create_warc_record(
        quote(page.url, safe="!#$%&'()*+,/:;=?@[]~"),
        "response",
        payload=BytesIO(page.body),
        length=len(page.body),
        warc_headers_dict=facts,
        http_headers=StatusAndHeaders(status, headers, protocol="HTTP/1.1"),
    )


def _number(*facts: str) -> str:
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, chr(10).join(facts))}>"


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
