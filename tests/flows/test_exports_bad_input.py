"""Exports that cannot be written: one line, nothing by halves, what was there before untouched."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from didban.article import from_json, to_json
from flows.exports import FORMATS
from tests.flows.support_documents import ARTICLES, commands, filled
from tests.support import article

Didban = Callable[..., tuple[int, bytes, str]]
LARGE = article(id="9", url=None, title="بزرگ", text=Random(9).randbytes(150_000).hex())
LARGEST = article(id="10", url=None, title="بزرگ‌ترین", text="متن " * 1_500_000)  # 10 MB as UTF-8


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Didban:
    filled(tmp_path, (*ARTICLES, LARGE))
    return commands(tmp_path, monkeypatch, capfdbinary)


@contextmanager
def no_file_over(size: int) -> Generator[None]:
    """A disk that is full at so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "var" not in path.parts
    }


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.jsonl.gz"])
def test_a_full_disk_leaves_what_was_there(name: str, didban: Didban, tmp_path: Path) -> None:
    shape = name.split(".")[1]
    assert didban("export", "--format", shape, "--source", "mehr", "-o", name)[0] == 0
    before = everything(tmp_path)
    assert sorted(before) == [name, f"{name}.manifest.json"]
    with no_file_over(100_000):
        code, out, err = didban("export", "--format", shape, "-o", name)
    assert (code, out, err) == (1, b"", f"didban: {name}: File too large; nothing was written there\n")
    assert everything(tmp_path) == before


def test_a_full_disk_under_parquet_leaves_nothing(didban: Didban, tmp_path: Path) -> None:
    with no_file_over(100_000):
        code, _, err = didban("export", "--format", "parquet", "-o", "x.parquet")
    assert code == 1
    assert err == "didban: x.parquet: File too large; nothing was written there\n"
    assert everything(tmp_path) == {}


def test_a_full_disk_in_a_folder_leaves_whole_documents_and_no_manifest(didban: Didban, tmp_path: Path) -> None:
    assert didban("export", "--format", "seed", "-o", "seeds")[0] == 0
    whole = everything(tmp_path)
    assert len(whole) == len(ARTICLES) + 2
    (tmp_path / "seeds/irna-9.txt").write_bytes(b"as it was")
    with no_file_over(100_000):
        code, _, err = didban("export", "--format", "seed", "-o", "seeds")
    assert (code, err) == (1, "didban: seeds/irna-9.txt: File too large; nothing was written there\n")
    left = everything(tmp_path)
    assert left.pop("seeds/irna-9.txt") == b"as it was"
    assert left == {
        name: data for name, data in whole.items() if name not in ("seeds/irna-9.txt", "seeds.manifest.json")
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [("absent/x", "No such file or directory"), ("a-file/x", "Not a directory")],
)
@pytest.mark.parametrize("shape", FORMATS)
def test_a_place_that_is_none_is_named(shape: str, name: str, says: str, didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_bytes(b"x")
    if shape == "seed" and name.startswith("absent"):
        assert didban("export", "--format", "seed", "--source", "mehr", "-o", name)[0] == 0
        assert (tmp_path / "absent/x.manifest.json").exists()
        return
    code, out, err = didban("export", "--format", shape, "--source", "mehr", "-o", name)
    assert (code, out) == (1, b"")
    assert err == f"didban: {name}: {says}; nothing was written there\n"
    assert everything(tmp_path) == {"a-file": b"x"}


def test_an_article_of_ten_megabytes_goes_out_and_comes_in(
    didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps(to_json(LARGEST), ensure_ascii=False).encode() + b"\n"
    (tmp_path / "large.jsonl").write_bytes(line)
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "other"))
    assert json.loads(didban("import", "large.jsonl", "--json")[1])["new"] == 1
    assert didban("export", "-o", "x.jsonl")[0] == 0
    (out,) = (tmp_path / "x.jsonl").read_bytes().splitlines()
    assert from_json(json.loads(out)).text == LARGEST.text
