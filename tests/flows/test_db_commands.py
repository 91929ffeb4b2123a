"""`didban db`: what the commands print, and what they refuse, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import cli
from storage.database import HEAD
from storage.store import open_store
from tests.conftest import SEEDS

Didban = Callable[..., tuple[int, str, str]]


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Didban:
    """Run a command in this process on the database at `url`: exit code, stdout, stderr."""
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "var"))

    def run(url: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("DIDBAN_DATABASE_URL", url)
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capfd.readouterr()

    return run


def test_a_database_is_made_checked_and_found_whole(empty_url: str, didban: Didban) -> None:
    assert didban(empty_url, "db", "upgrade") == (0, f"schema {HEAD} (was empty)\n", "")
    assert didban(empty_url, "db", "upgrade") == (0, f"schema {HEAD}\n", "")
    assert didban(empty_url, "import", str(SEEDS))[0] == 0
    code, out, err = didban(empty_url, "db", "check")
    assert (code, err) == (0, "")
    assert "article\t5\n" in out
    assert out.endswith(f": schema {HEAD}, newest {HEAD}\n")
    code, out, _ = didban(empty_url, "db", "check", "--json")
    said = json.loads(out)
    assert (code, said["well"], said["problems"], said["rows"]["article"]) == (0, True, [], 5)


def test_what_is_wrong_with_a_database_is_said(database_url: str, didban: Didban) -> None:
    store = open_store(database_url)
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE robots")
    store.close()
    code, _, err = didban(database_url, "db", "check")
    assert (code, err) == (1, "didban: table robots is not there\n")
    code, out, _ = didban(database_url, "db", "check", "--json")
    assert (code, json.loads(out)["well"]) == (1, False)


def test_a_check_makes_no_database(tmp_path: Path, didban: Didban) -> None:
    code, out, err = didban(f"sqlite:///{tmp_path / 'none.db'}", "db", "check")
    assert (code, out) == (1, "")
    assert err.endswith("none.db: there is no such database\n")
    assert not (tmp_path / "none.db").exists()


def test_whoever_outgrows_sqlite_takes_everything_along_and_may_go_back(
    tmp_path: Path, empty_postgres_url: str, didban: Didban
) -> None:
    first, last = f"sqlite:///{tmp_path / 'first.db'}", f"sqlite:///{tmp_path / 'last.db'}"
    assert didban(first, "import", str(SEEDS))[0] == 0
    code, out, err = didban(first, "db", "copy", first, empty_postgres_url)
    assert (code, err) == (0, "")
    assert out.startswith("5 articles, ")
    assert didban(first, "db", "copy", empty_postgres_url, last)[0] == 0
    exports = [didban(url, "export") for url in (first, empty_postgres_url, last)]
    assert exports[0] == exports[1] == exports[2]
    assert exports[0][1].count("\n") == 5
    assert didban(empty_postgres_url, "import", str(SEEDS))[1] == "0 new · 0 changed · 5 known · 0 refused\n"

    code, _, err = didban(first, "db", "copy", first, last)
    assert code == 1
    assert err.startswith(f"didban: {tmp_path / 'last.db'} is not empty")


def test_a_copy_from_nowhere_makes_nothing(tmp_path: Path, didban: Didban) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    code, _, err = didban("", "db", "copy", f"sqlite:///{source}", f"sqlite:///{target}")
    assert (code, err) == (1, f"didban: {source}: there is no such database\n")
    assert not source.exists()
    assert not target.exists()


def test_a_backup_is_made_and_put_back(empty_url: str, didban: Didban, tmp_path: Path) -> None:
    assert didban(empty_url, "import", str(SEEDS))[0] == 0
    code, out, err = didban(empty_url, "db", "backup", "--json")
    said = json.loads(out)
    assert (code, err, said["rows"]["article"], said["schema"]) == (0, "", 5, HEAD)
    made = Path(said["path"])
    assert (made.parent, made.stat().st_size) == (tmp_path / "var" / "backups", said["bytes"])
    assert json.loads((made.parent / "last.json").read_text("utf-8"))["path"] == str(made)

    code, _, err = didban(empty_url, "db", "restore", str(made))
    assert (code, "is not empty" in err) == (1, True)
    code, out, _ = didban(empty_url, "db", "restore", str(made), "--force")
    assert code == 0
    assert out.startswith(
        f"5 articles are back, schema {HEAD}\nwhat was there is kept as {made.parent}/before-restore-"
    )
    assert didban(empty_url, "import", str(SEEDS))[1] == "0 new · 0 changed · 5 known · 0 refused\n"


def test_only_the_newest_backups_are_kept_and_named_ones_always(tmp_path: Path, didban: Didban) -> None:
    url, folder = f"sqlite:///{tmp_path / 'didban.db'}", tmp_path / "disk"
    folder.mkdir()
    assert didban(url, "db", "upgrade")[0] == 0
    old = [folder / f"didban-2026010{day}T000000Z.db" for day in (1, 2, 3)]
    for path in (*old, folder / "before-the-elections.db"):
        path.write_bytes(b"")
    code, out, _ = didban(url, "db", "backup", str(folder), "--keep", "2")
    assert (code, out.startswith(f"{folder}/didban-")) == (0, True)
    assert [path.exists() for path in old] == [False, False, True]
    assert (folder / "before-the-elections.db").exists()


def test_nothing_is_put_back_under_a_running_supervisor(tmp_path: Path, didban: Didban) -> None:
    from flows import server

    url = f"sqlite:///{tmp_path / 'didban.db'}"
    assert didban(url, "db", "upgrade")[0] == 0
    assert didban(url, "db", "backup", str(tmp_path / "one.db"))[0] == 0
    lock = server.claim(tmp_path / "var")
    assert lock is not None
    with lock:
        code, _, err = didban(url, "db", "restore", str(tmp_path / "one.db"))
    assert (code, err) == (1, "didban: `didban up` runs here: stop it, then restore\n")
