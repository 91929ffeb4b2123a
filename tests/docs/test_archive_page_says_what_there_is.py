"""docs/archive.md and the report of `didban backfill --status` say the same."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

from didban.coverage import STATES, Counts, Coverage, Day, estimate
from flows.coverage import HEADERS, as_json

PAGE = (Path(__file__).parents[2] / "docs/archive.md").read_text("utf-8")


def test_every_state_of_a_day_is_explained_worst_first() -> None:
    assert tuple(re.findall(r"(?m)^\| `(\w+)` \|", PAGE)) == STATES


def test_the_table_has_the_columns_that_are_printed() -> None:
    (head,) = re.findall(r"(?m)^source  .*$", PAGE)
    assert tuple(re.split(r"  +", head)) == HEADERS


def test_the_json_is_what_such_a_day_gives() -> None:
    (shown,) = re.findall(r"(?ms)^```\n(\{.*?)^```$", PAGE)
    day = date(2026, 8, 23)
    two = estimate(("day", "watch"), 50, 3, 3)
    one = Day(day=day, state="complete", counts=Counts(stored=50), ways={"day": 50, "watch": 3}, estimate=two)
    units = {"waiting": 0, "listed": 0, "done": 1, "refused": 0}
    whole = Coverage(source="mehr", since=day, until=day, units=units, days=(one,))
    assert json.loads(shown) == json.loads(json.dumps(as_json(whole)))
    assert list(json.loads(shown)) == list(as_json(whole))


def test_the_worked_estimate_is_right() -> None:
    assert "the listing names 10, the sitemap 8, and 6 are in both, then 12 are known, and 4 · 2 / 7, about one" in PAGE
    one = estimate(("day", "sitemap"), 10, 8, 6)
    assert (round(one.total - one.missing), round(one.missing, 2)) == (12, round(4 * 2 / 7, 2))
