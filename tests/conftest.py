"""Fixtures that every room uses: a store on a fresh database, and the seed documents."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from storage.store import Store, open_store

if TYPE_CHECKING:
    from tests.support_postgres import Server

SEEDS = Path(__file__).parent / "seeds"
GIVEN = os.environ.get("DIDBAN_TEST_POSTGRES")  # read here: no test sees it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write the goldens, and fail: none is believed unread")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith(("DIDBAN_", "PREFECT_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this test process. Never skipped: where there is none, the tests fail and say what to do."""
    from tests.support_postgres import server

    with server(GIVEN) as running:
        yield running


@pytest.fixture(scope="session")
def migrated(postgres: Server) -> Iterator[str]:
    """The database that the others are copies of: up to date and empty."""
    with postgres.database() as url:
        open_store(url).close()
        yield url


@pytest.fixture
def postgres_url(postgres: Server, migrated: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database, up to date; for child processes too."""
    with postgres.database(like=migrated) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres: Server) -> Iterator[str]:
    """The same without a table."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """A test that uses this, or what follows, runs once on each."""
    return request.param


@pytest.fixture
def databases(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes fresh databases, by URL."""
    with ExitStack() as made:
        if dialect == "sqlite":
            numbers = itertools.count()
            yield lambda: f"sqlite:///{tmp_path / f'didban-{next(numbers)}.db'}"
        else:
            server: Server = request.getfixturevalue("postgres")
            like: str = request.getfixturevalue("migrated")
            yield lambda: made.enter_context(server.database(like=like))


@pytest.fixture
def empty_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a table."""
    return (
        f"sqlite:///{tmp_path / 'empty.db'}" if dialect == "sqlite" else request.getfixturevalue("empty_postgres_url")
    )


@pytest.fixture
def database_url(databases: Callable[[], str]) -> str:
    return databases()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def seeds() -> dict[str, Path]:
    """The five seed documents by their numbers, `000` to `004`."""
    return {path.name[:3]: path for path in sorted(SEEDS.glob("*.txt"))}
