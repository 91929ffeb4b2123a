"""Live or archived: who is told, and of what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.policy import Judge, is_live
from alerts.rules import parse
from tests.support import NOW, article, sighting

DAYS = timedelta(hours=72)


@pytest.mark.parametrize(
    ("age", "via", "baseline", "live"),
    [
        (timedelta(hours=1), "watch", False, True),
        (timedelta(hours=1), "watch", True, True),
        (timedelta(hours=73), "watch", False, False),
        (timedelta(hours=1), "backfill", False, True),
        (timedelta(days=400), "backfill", False, False),
        (timedelta(hours=1), "import", False, False),
        (None, "watch", False, True),
        (None, "watch", True, False),
        (None, "backfill", False, False),
        (None, "import", False, False),
    ],
)
def test_an_alert_follows_the_article_not_who_saved_it(age, via, baseline, live) -> None:
    one = article(published=None if age is None else NOW - age)
    assert is_live(one, sighting(via, baseline=baseline), DAYS) is live


@pytest.mark.parametrize(("via", "live"), [("watch", True), ("backfill", True), ("import", False)])
def test_an_unlimited_window_takes_everything_but_imports(via, live) -> None:
    assert is_live(article(published=None), sighting(via, baseline=True), timedelta.max) is live


RULES = parse("""
[rules.egov]
title = "دولت الکترونیک"
any = ["دولت الکترونیک"]
urgent_at_home = ["title", "lead"]

[rules.post]
title = "پست بانک"
any = ["پست بانک"]
priority = "digest"
channels = ["desk"]
""")


def test_each_rule_that_matched_gets_one_plan_with_its_channels() -> None:
    judge = Judge(RULES, window=DAYS, channels=("console", "desk"), home="")
    matches, plans = judge(article(lead="پست بانک و پست بانک"), sighting())
    assert len(matches) == 3
    assert [(plan.rule, plan.channels, plan.priority) for plan in plans] == [
        ("post", ("desk",), "digest"),
        ("egov", ("console", "desk"), "normal"),
    ]


@pytest.mark.parametrize(
    ("home", "province", "field", "priority"),
    [
        ("lorestan", "lorestan", "title", "urgent"),
        ("lorestan", "lorestan", "text", "normal"),
        ("lorestan", "yazd", "title", "normal"),
        ("", "lorestan", "title", "normal"),
        ("", None, "title", "normal"),
    ],
)
def test_home_makes_a_rule_urgent_in_title_or_lead(home, province, field, priority) -> None:
    judge = Judge(RULES, window=DAYS, channels=("console",), home=home)
    texts = {"title": "یک تیتر", "text": "متن"} | {field: "دولت الکترونیک"}
    _, plans = judge(article(province=province, **texts), sighting())
    assert [plan.priority for plan in plans] == [priority]
