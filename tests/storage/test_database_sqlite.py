"""What only SQLite has: pragmas, and files that are something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from didban.errors import StoreError, StoreUnavailable
from storage.database import Database
from storage.store import open_store


def test_sqlite_is_in_wal_mode_and_keeps_its_references(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    with store.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()


@pytest.mark.parametrize("content", [b"not a database at all " * 100, b"\x00" * 4096])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "didban.db"
    path.write_bytes(content)
    with pytest.raises((StoreUnavailable, StoreError), match=r"didban\.db"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_is_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "didban.db"
    with pytest.raises(StoreUnavailable, match=r"deep/didban\.db: there is no such database"):
        Database(f"sqlite:///{path}", create=False)
    assert not path.parent.exists()
    open_store(f"sqlite:///{path}").close()
    assert path.exists()
