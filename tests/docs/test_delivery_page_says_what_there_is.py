"""docs/delivery.md, the settings of delivery and the messages say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from alerts.digest import BEST_OF_BURST, bars
from alerts.message import PARTIAL, PRIORITY, UNDATED
from didban.settings import DeliverySettings

PAGE = (Path(__file__).parents[2] / "docs/delivery.md").read_text("utf-8")


def test_every_setting_has_a_row_with_its_default() -> None:
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| ?(.*?) ?\| .+ \|$", PAGE.partition("| key | default |")[2]))
    assert list(rows) == list(DeliverySettings.model_fields)
    said = {name: re.findall(r"`([^`]+)`", default) for name, default in rows.items()}
    lists = {"digests", "weekend", "holidays", "escalate_to"}
    given = {name: words if name in lists else words[0] for name, words in said.items()}
    assert DeliverySettings.model_validate(given) == DeliverySettings()


def test_the_table_shown_is_taken_and_what_it_repeats_is_the_default() -> None:
    (block,) = re.findall(r"(?ms)^```toml\n(.*?)^```$", PAGE)
    shown = DeliverySettings.model_validate(tomllib.loads(block)["delivery"])
    usual = DeliverySettings()
    assert shown.model_copy(update={"holidays": (), "escalate_to": ()}) == usual
    assert (len(shown.holidays), shown.escalate_to) == (1, ("sms",))


def test_the_words_of_messages_are_theirs() -> None:
    for priority, shown in PRIORITY.items():
        assert f"| {shown} `{priority}` |" in PAGE
    assert f"«{UNDATED} (دریافت: …)»" in PAGE
    assert f"«{PARTIAL}»" in PAGE
    assert {5: "the best five"}[BEST_OF_BURST] in PAGE
    days = (0, 0, 0, 1, 0, 0, 2, 0, 0, 4, 0, 1, 0, 16)
    assert f"هفته ۲۱، هفتهٔ پیش ۳ {bars(days)}" in PAGE
