"""docs/exports.md and `didban export` say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from flows.cite import FORMS
from flows.cli import cli
from flows.exports import BINARY, FORMATS
from tests.flows.support_documents import commands, filled

PAGE = (Path(__file__).parents[2] / "docs/exports.md").read_text("utf-8")


def first_cells(part: str) -> list[str]:
    rows = re.findall(r"(?m)^\| (`.*?) \|", part)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_format_is_explained_and_offered() -> None:
    assert first_cells(PAGE.partition("## The manifest")[0]) == [*FORMATS]
    for command, shapes in (("export", FORMATS), ("cite", tuple(FORMS))):
        (option,) = [one for one in cli.commands[command].params if one.name == "shape"]
        assert isinstance(option.type, click.Choice)
        assert tuple(option.type.choices) == shapes
    assert set(FORMATS) > BINARY


@pytest.mark.parametrize("shape", ["seed", "csv", "warc"])
def test_every_key_of_a_manifest_is_explained(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    filled(tmp_path)
    commands(tmp_path, monkeypatch, capfdbinary)("export", "--format", shape, "-o", "x")
    said = json.loads((tmp_path / "x.manifest.json").read_bytes())
    explained = PAGE.partition("## The manifest")[2].partition("## Citations")[0]
    others = {"original", "pages", "without_page"} - {
        "seed": {"original"}, "warc": {"pages", "without_page"},
    }.get(shape, set())  # fmt: skip
    assert set(said) == set(first_cells(explained)) - others
    assert set(said["sources"][0]) | set(said["query"]) <= set(re.findall(r"`(\w+)`", explained))
