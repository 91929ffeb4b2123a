"""`bench/survive.py` in small: a backfill killed at random moments and rerun loses nothing, doubles nothing, tells nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.survive import Plan, show, survive
from tests.flows.support_processes import Zygote


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


def proven(plan: Plan, folder: Path, zygote: Zygote) -> None:
    checks = survive(plan, folder, spawn=zygote.spawn)
    assert all(check.well for check in checks), f"{plan}\n{show(checks)}"


def test_killed_again_and_again_it_ends_complete(zygote: Zygote, tmp_path: Path) -> None:
    proven(Plan(articles=120, days=6, kills=5, seed=1403), tmp_path, zygote)


def test_two_workers_share_one_and_the_death_of_either_is_made_good(zygote: Zygote, tmp_path: Path) -> None:
    proven(Plan(articles=120, days=6, kills=5, seed=1404, workers=2), tmp_path, zygote)


def test_on_postgresql_too_two_workers_and_one_that_dies_for_good(
    zygote: Zygote, tmp_path: Path, postgres_url: str
) -> None:
    proven(Plan(articles=120, days=6, kills=5, seed=1405, workers=2, database=postgres_url), tmp_path, zygote)
