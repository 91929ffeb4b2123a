"""docs/sources.md says what the tables say."""

from __future__ import annotations

from pathlib import Path

from didban.provinces import PROVINCES
from scrapers.sources import known_sources
from scrapers.sources.__main__ import document

DOCUMENT = Path(__file__).parents[2] / "docs/sources.md"


def test_the_document_is_the_one_that_is_generated() -> None:
    again = "python -m scrapers.sources > docs/sources.md"
    assert DOCUMENT.read_text("utf-8") == document(), f"the sources have changed: {again}"


def test_every_source_and_every_province_has_a_row() -> None:
    rows = [line.split(" | ") for line in document().splitlines() if line.startswith("| ")]
    cells = {cell.strip("| ").removesuffix(" *watched*") for row in rows for cell in row}
    assert {f"`{source.key}`" for source in known_sources()} <= cells
    assert {province.iso for province in PROVINCES} <= cells
