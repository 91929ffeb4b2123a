"""`didban import`: files as people make them, edits among them, and how far it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from didban.article import Article, to_json
from flows import documents
from flows.documents import files, import_paths
from storage.articles import Selection
from storage.store import Store
from tests.conftest import SEEDS
from tests.flows.support_documents import commands
from tests.support import NOW, article, judge

Didban = Callable[..., tuple[int, bytes, str]]
PERSIAN = "متنی با نیم‌فاصله و حروف گوناگون"


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Didban:
    return commands(tmp_path, monkeypatch, capfdbinary)


def line(one: Article) -> bytes:
    return json.dumps(to_json(one), ensure_ascii=False).encode()


ONE, TWO = (
    article(id="1", url=None, title="یکم", text=PERSIAN),
    article(id="2", url=None, title="دوم", text="خبری دیگر"),
)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + line(ONE) + b"\n" + line(TWO) + b"\n",
        line(ONE) + b"\r\n\r\n" + line(TWO) + b"\r\n",
        line(ONE) + b"\n  \n" + line(TWO),
        json.dumps(to_json(ONE)).encode() + b"\n" + line(TWO),
    ],
    ids=["a byte-order mark", "CRLF", "no last line feed", "escaped"],
)
def test_lines_are_read_as_people_save_them(data: bytes, didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(data)
    code, out, err = didban("import", "x.jsonl", "--json")
    assert (code, json.loads(out)["new"], err) == (0, 2, "")
    assert PERSIAN.encode() in didban("export")[1]


def test_bad_lines_are_named_and_the_rest_go_in(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 5_000)
    long = line(replace(TWO, id="3", text="ا" * 6_000))
    bad = [
        b'{"source":"irna","title":"\0"}',
        b'{"source":"irna","title":"\\udc00"}',
        b'{"a":1}\xef\xbb\xbf',
        b"\xff",
        long,
    ]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join([line(ONE), *bad, line(TWO)]))
    code, out, err = didban("import", "x.jsonl", "--json")
    counts = json.loads(out)
    assert (code, counts["new"], counts["refused"]) == (1, 2, len(bad))
    assert [said.split(": ")[1] for said in err.splitlines()] == [f"x.jsonl:{number}" for number in range(2, 7)]
    assert err.endswith("x.jsonl:6: is longer than 5000 bytes\n")


def test_files_that_cannot_be_read_are_named_and_the_rest_go_in(didban: Didban, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    packed = gzip.compress(
        b"\n".join(line(replace(ONE, id=str(number), title=f"تیتر {number}")) for number in range(500))
    )
    (folder / "broken.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (folder / "plain.jsonl.gz").write_bytes(b"not packed")
    (folder / "whole.jsonl.gz").write_bytes(gzip.compress(line(TWO)))
    (folder / "wide.jsonl").write_bytes(line(ONE).decode().encode("utf-16"))
    code, out, err = didban("import", "in", "--json")
    assert code == 1
    assert json.loads(out)["refused"] >= 3
    assert {said.split(": ")[1].split(":")[0] for said in err.splitlines()} == {
        "in/broken.jsonl.gz", "in/plain.jsonl.gz", "in/wide.jsonl",
    }  # fmt: skip
    assert b'"id":"2"' in didban("export")[1]


def test_what_export_writes_is_a_folder_that_import_takes(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    didban("import", str(SEEDS))
    didban("export", "-o", "out.jsonl")
    didban("export", "--format", "seed", "-o", "out")
    (tmp_path / "out/half.jsonl.part").write_bytes(b"{")
    (tmp_path / "out.jsonl.manifest.json").replace(tmp_path / "out/out.jsonl.manifest.json")
    assert len(list(files([tmp_path / "out"]))) == 5
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "other"))
    assert didban("import", "out", "out.jsonl")[0] == 0


def test_an_edit_comes_with_a_line_and_goes_on_with_the_next_export(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = replace(
        ONE, text="این متن دربارهٔ دولت الکترونیک نوشته شده است.", fetched=NOW + timedelta(hours=1), revision=3
    )
    (tmp_path / "first.jsonl").write_bytes(line(replace(ONE, revision=1)) + b"\n" + line(TWO))
    (tmp_path / "later.jsonl").write_bytes(line(edited))
    assert didban("import", "first.jsonl")[0] == 0
    said = "0 new · 1 changed · 0 known · 0 refused\n".encode()
    assert didban("import", "later.jsonl") == (0, said, "")
    assert didban("import", "first.jsonl", "later.jsonl")[1] == "0 new · 0 changed · 3 known · 0 refused\n".encode()
    (told,) = [json.loads(one) for one in didban("export", "--rule", "egov")[1].splitlines()]
    assert (told["revision"], told["text"]) == (3, edited.text)
    assert b"archived" in didban("alerts")[1], "found in the edit, told to nobody"
    exported = didban("export")[1]
    (tmp_path / "all.jsonl").write_bytes(exported)
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "other"))
    didban("import", "all.jsonl")
    assert didban("export")[1] == exported


def test_progress_is_told_in_bytes_up_to_the_last(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(line(replace(ONE, id=str(n), title=f"تیتر {n}")) for n in range(300)))
    told: list[tuple[str, int, int]] = []

    def show(what: str, done: int, total: int) -> None:
        told.append((what, done, total))

    tally = import_paths(store, judge(), [tmp_path, SEEDS], source=None, now=NOW, warn=pytest.fail, show=show)
    assert tally.new == 305
    assert sum(1 for _ in store.articles.each(Selection())) == 305
    done = [done for _, done, _ in told]
    assert done == sorted(done)
    total = sum(path.stat().st_size for path in files([tmp_path, SEEDS]))
    assert {one[2] for one in told} == {total}
    assert done[0] == 0
    assert done[-1] == total
