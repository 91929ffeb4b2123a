"""What the tests of the page stand on."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from storage.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    """On SQLite, where settings whose `var` is `tmp_path` look for it."""
    opened = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    yield opened
    opened.close()
