"""Fixtures that every room uses: a store on a fresh database, and the seed documents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.store import Store, open_store

SEEDS = Path(__file__).parent / "seeds"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write the goldens, and fail: none is believed unread")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith(("DIDBAN_", "PREFECT_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def seeds() -> dict[str, Path]:
    """The five seed documents by their numbers, `000` to `004`."""
    return {path.name[:3]: path for path in sorted(SEEDS.glob("*.txt"))}
