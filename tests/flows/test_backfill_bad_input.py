"""Days that are not there, a full disk, a locked database: one line that says so, no zero exit, nothing half written."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.survive import LAST, SOURCE
from demo.site import Site
from tests.flows.support_processes import ROOT, Run, Zygote, bare_environment

ARTICLES = 150
DAY = ("backfill", SOURCE, "--since", str(LAST), "--until", str(LAST))


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


def complaint(run: Run) -> str:
    """The one line that a command that failed left behind."""
    assert run.code in (1, 2), run.output
    beside = ("Usage: ", "Try ", "didban: DIDBAN_HOSTS is on")
    said = [line for line in run.output.splitlines() if line and not line.startswith(beside)]
    assert len(said) == 1, run.output
    assert said[0].startswith(("didban: ", "Error: "))
    return said[0]


# ── days and sources ──────────────────────────────────────────────────────────────────────────────────────────────────

DAYS = ("--since", "1403-06-01", "--until", "1403-06-30")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("mehr", "--since", "1403-06-30", "--until", "1403-06-01"),
            "1403-06-30 (2024-09-20), is after the last, 1403-06-01 (2024-08-22)",
        ),
        (("mehr", "--since", "1430-01-01", "--until", "1430-01-02"), "in the future"),
        (("mehr", "--since", "1430-01-01"), "in the future"),
        (("mehr", "--since", "1402-12-30", "--until", "1403-01-02"), "there is no day 1402-12-30"),
        (("mehr", "--since", "2024-02-30", "--until", "2024-03-02"), "2024-02-30"),
        (("ostan_kerman", *DAYS), "no address"),
        (("mher", *DAYS), "did you mean 'mehr'?"),
        (("mehr",), "--since"),
        (("mehr", "--last", "0d"), "--last"),
        (("mehr", "--last", "7d", "--until", "1403-01-01"), "--last"),
        (("mehr", *DAYS, "--way", "id"), "'id'"),
        (("ostan_lr", *DAYS, "--way", "sitemap"), "--way"),
        (("mehr", *DAYS, "--limit-rate", "0"), "--limit-rate"),
        (("mehr", *DAYS, "--retry", "everything"), "--retry"),
        ((*DAYS,), "which source?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_days_that_cannot_be_collected_are_one_line_and_nothing_is_written(
    arguments: tuple[str, ...], says: str, zygote: Zygote, tmp_path: Path
) -> None:
    with Site() as site:
        environment = {"DIDBAN_VAR": str(tmp_path / "var"), "DIDBAN_HOSTS": site.hosts}
        for dry in ((), ("--dry-run",)):
            run = zygote.run(("backfill", *arguments, *dry), environment, output=tmp_path / "output")
            assert says in complaint(run)
    assert site.requests == []
    assert not (tmp_path / "var").exists()


# ── a disk and a database ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Store:
    """A site with one day in its archive, and a folder with the database that shall hold it."""

    site: Site
    zygote: Zygote
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "didban.db"

    def environment(self, *, timeout: float = 30) -> dict[str, str]:
        return {
            "DIDBAN_VAR": str(self.folder),
            "DIDBAN_HOSTS": self.site.hosts,
            "DIDBAN_RATE": "1000",
            "DIDBAN_DATABASE_URL": f"sqlite:///{self.path}?timeout={timeout}",
        }

    def backfill(self, *arguments: str, timeout: float = 30) -> Run:
        return self.zygote.run(
            (*DAY, *arguments), self.environment(timeout=timeout), output=self.folder.parent / "output"
        )

    def shell(self, script: str, wrapper: Sequence[str] = (), **variables: str) -> Run:
        """The backfill as the `"$@"` of a shell script."""
        done = subprocess.run(
            [*wrapper, "sh", "-c", script, "sh", sys.executable, "-m", "flows.cli", *DAY],
            capture_output=True, text=True, cwd=ROOT, env=bare_environment() | self.environment() | variables,
            check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Run(done.returncode, done.stdout + done.stderr)

    def half_done(self) -> int:
        """How many articles are stored: each whole, in a database that is well, with the rest of the work noted."""
        with closing(sqlite3.connect(self.path)) as connection:

            def one(query: str) -> object:
                return connection.execute(query).fetchone()[0]

            assert one("PRAGMA integrity_check") == "ok"
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            articles = one("SELECT count(*) FROM article")
            assert one("SELECT count(*) FROM revision") == articles
            assert one("SELECT count(*) FROM link WHERE state = 'stored' AND article IS NOT NULL") == articles
            assert one("SELECT count(*) FROM page WHERE kind = 'article'") == articles
            assert isinstance(articles, int)
            return articles

    def completes(self) -> None:
        """The next run, with nothing in its way, brings in what is missing and nothing else."""
        before, asked = self.half_done(), len(self.site.requests)
        run = self.backfill()
        assert run.code == 0, run.output
        assert self.half_done() == ARTICLES
        articles = [path for _, path, _ in self.site.requests[asked:] if path.startswith("/news/")]
        assert len(articles) == len(set(articles)) == ARTICLES - before


@pytest.fixture
def store(zygote: Zygote, tmp_path: Path) -> Iterator[Store]:
    with Site() as site:
        site.archive(SOURCE, 1, ARTICLES, until=LAST)
        folder = tmp_path / "var"
        folder.mkdir()
        yield Store(site, zygote, folder)


def test_a_file_that_may_not_grow_ends_the_run_and_the_next_completes_it(store: Store) -> None:
    run = store.shell('ulimit -f 3000; exec "$@"')  # blocks of 512 bytes
    assert str(store.path) in complaint(run)
    assert 0 < store.half_done() < ARTICLES
    store.completes()


def test_a_full_disk_ends_the_run_and_the_next_completes_it(store: Store, tmp_path: Path) -> None:
    small = ("unshare", "-m")
    mount = 'mount -t tmpfs -o size=2200k tmpfs "$DIDBAN_VAR"'
    if shutil.which("unshare") is None or store.shell(mount, small).code != 0:
        pytest.skip("only root may mount a small disk")
    run = store.shell(
        f'{mount}; "$@"; code=$?; cp -r "$DIDBAN_VAR/." "$KEPT"; exit $code', small, KEPT=str(tmp_path / "kept")
    )
    assert "full" in complaint(run)
    shutil.rmtree(store.folder)
    shutil.copytree(tmp_path / "kept", store.folder)
    assert 0 < store.half_done() < ARTICLES
    store.completes()


def test_a_locked_database_is_said_so_and_the_next_run_completes_it(store: Store) -> None:
    assert store.zygote.run(("db", "upgrade"), store.environment(), output=store.folder / "output").code == 0
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = complaint(store.backfill(timeout=0.2))
    assert "locked" in said
    assert "try again" in said
    assert store.site.requests == []
    assert store.half_done() == 0
    store.completes()


def test_a_database_locked_in_the_midst_loses_nothing(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False, timeout=10)

    def lock(_host: str, _path: str) -> None:
        if len(store.site.requests) == ARTICLES // 2:
            other.execute("BEGIN IMMEDIATE")

    store.site.before = lock
    with closing(other):
        run = store.backfill("--wait", "1s", timeout=0.2)
        assert "the run waits for it" in run.output
        assert "locked" in run.output.splitlines()[-1]
        assert run.code == 1
    store.site.before = None
    assert 0 < store.half_done() < ARTICLES
    store.completes()


def test_a_folder_that_cannot_be_written_is_named(store: Store) -> None:
    (store.folder / "file").write_text("")
    blocked = store.environment() | {"DIDBAN_DATABASE_URL": f"sqlite:///{store.folder / 'file' / 'didban.db'}"}
    run = store.zygote.run(DAY, blocked, output=store.folder / "output")
    assert str(store.folder / "file") in complaint(run)
