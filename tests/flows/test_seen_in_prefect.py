"""What Prefect is shown: events that an automation can react to, the day's digest, and which runs are lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from didban.alert import Alert, Match
from flows import seen
from tests.support import NOW, article

MINUTE = timedelta(minutes=1)


def alert(rule: str = "egov", story: str = "a1", *, title: str = "دولت الکترونیک", headline: str = "یک تیتر") -> Alert:
    match = Match(
        rule=rule, term="دولت الکترونیک", field="lead", start=0, end=2, text="یک", sentence_start=0, sentence_end=6
    )
    return Alert(
        rule=rule,
        title=title,
        priority="normal",
        live=True,
        raised=NOW,
        story=story,
        article=article(title=headline),
        matches=(match,),
    )


def test_an_event_names_rule_source_and_evidence_and_is_the_same_twice() -> None:
    first, again = seen.event(alert()), seen.event(alert())
    assert first == again
    assert first["id"] != seen.event(alert(rule="post"))["id"]
    assert first["resource"]["prefect.resource.id"] == "didban.rule.egov"
    assert first["related"][0]["prefect.resource.id"] == "didban.source.irna"
    assert first["payload"]["evidence"] == ["یک"]
    json.dumps([first["payload"], first["resource"]])


def test_a_days_digest_is_a_line_per_story_urgent_ones_first() -> None:
    urgent = replace(alert("fraud", "b2", title="کلاهبرداری", headline="[خبر](x) *تند*"), priority="urgent")
    others = [
        replace(alert(story="c3"), live=False),
        replace(alert(story="d4"), raised=NOW - timedelta(days=1)),
    ]
    text = seen.day_text(date(2026, 11, 21), [alert(), alert("post", title="پست"), urgent, *others], {"irna": "ایرنا"})
    assert text.splitlines()[:3] == ["# 1405-08-30", "", "2 stories"]
    first, second = text.splitlines()[4:]
    assert first.startswith(r"- [\[خبر\](x) \*تند\*](<https://www.irna.ir/news/84000001/خبر>) · ایرنا · ")
    assert second.endswith("دولت الکترونیک، پست")
    assert seen.day_key(date(2026, 11, 21)) == "day-1405-08-30"


def test_a_run_without_heartbeat_is_lost_after_three_and_never_where_none_are_sent() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    runs = {"old": now - 10 * MINUTE, "beating": now - 10 * MINUTE, "young": now - 8 * MINUTE}
    assert seen.lost(runs, {"beating"}, now=now, beat=3 * MINUTE) == ("old",)
    assert seen.lost(runs, set(), now=now, beat=None) == ()
