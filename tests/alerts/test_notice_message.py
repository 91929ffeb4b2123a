"""What the operator is told of a state: whose, what, since when, and what to do."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from alerts.channels import open_channel
from alerts.message import notice_text
from didban.alert import Notice, NoticeDraft
from didban.health import FIELDS, LISTING, PAGE, State

NAMES = {"irna": "خبرگزاری ایرنا", "isna": "ISNA"}
ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
SINCE = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def draft(state: str, before: str = "healthy", **facts: Any) -> NoticeDraft:
    notice = Notice(source="irna", state=state, before=before, since=SINCE)
    return NoticeDraft(key="k", channel="operator", notice=replace(notice, **facts))


def test_an_unreadable_source_is_told_with_fields_pages_and_the_command_that_helps() -> None:
    said = notice_text(
        draft(
            "unreadable",
            fields=("lead", "text"),
            pages=("https://www.irna.ir/news/1/الف",),
            detail="text: missing on 5",
        ),
        names=NAMES,
    )
    assert said.split("\n") == [
        f"دیده{ZWNJ}بان · خبرگزاری ایرنا: ناخوانا",
        "از ۳۰ آبان ۱۴۰۵، ۱۱:۳۰ · پیش از آن: سالم",
        f"آنچه پیدا نمی{ZWNJ}شود: لید، متن",
        f"صفحه{ZWNJ}ها نگه داشته شده{ZWNJ}اند. انتخابگر سایت را درست کنید و آنها را دوباره بخوانید:",
        "didban reread --source irna",
        "text: missing on 5",
        "https://www.irna.ir/news/1/الف",
    ]


def test_good_news_is_two_lines() -> None:
    assert notice_text(draft("healthy", "blocked"), names=NAMES).split("\n") == [
        f"دیده{ZWNJ}بان · خبرگزاری ایرنا: سالم",
        "از ۳۰ آبان ۱۴۰۵، ۱۱:۳۰ · پیش از آن: بسته به روی ما",
    ]


def test_the_network_has_a_name_and_latin_names_keep_to_themselves() -> None:
    assert notice_text(draft("offline", "online", source=None), names=NAMES).startswith(f"دیده{ZWNJ}بان · شبکه: قطع\n")
    isolated = "\N{FIRST STRONG ISOLATE}ISNA\N{POP DIRECTIONAL ISOLATE}"
    assert isolated in notice_text(draft("silent", source="isna"), names=NAMES)


@pytest.mark.parametrize("state", [*get_args(State), "offline", "online"])
def test_every_state_can_be_said(state: str) -> None:
    said = notice_text(draft(state, state, fields=(LISTING, PAGE, *FIELDS)), names=NAMES)
    assert not re.search("[a-z]", "".join(said.split("\n")[:3])), "a word of ours that has no Persian name"


def test_a_detail_cannot_break_its_line() -> None:
    said = notice_text(draft("blocked", detail="a\nwall\x1b[31m"), names=NAMES)
    assert said.split("\n")[-1] == "a wall [31m"


def test_every_channel_takes_notices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("console:", "file:told.jsonl", "http://127.0.0.1:9/hook"):
        channel = open_channel("operator", url, base=tmp_path, source_names=NAMES)
        (part,) = channel.render(draft("silent"))
        assert "خاموش" in part
        if url == "console:":
            asyncio.run(channel.send(part, key="k", number=1, total=1))
            assert "didban sources check irna" in capsys.readouterr().out
