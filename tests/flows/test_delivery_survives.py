"""`bench/deliver.py` in small: a receiver that fails, a sender that is killed; every story arrives, and once by its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.deliver import CEILINGS, FLOORS, Plan, measure


@pytest.mark.slow
def test_a_sender_that_is_killed_loses_nothing_and_tells_nothing_twice(tmp_path: Path, database_url: str) -> None:
    plan = Plan(messages=40, kills=2, failing=0.3, seed=7, database=database_url)
    found = measure(plan, tmp_path)
    assert {name: found[name] for name in FLOORS} == dict.fromkeys(FLOORS, 1.0)
    assert {name: found[name] for name in CEILINGS} == dict.fromkeys(CEILINGS, 0)
    assert found["requests"] > plan.messages
