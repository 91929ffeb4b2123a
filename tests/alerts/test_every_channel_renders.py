"""Every channel has words for an alert, a digest and a notice, however hostile the page they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.channels import Channel, open_channels
from alerts.parts import SMS, units
from didban.alert import Alert, AnyDraft, DigestDraft, Draft, Match, Notice, NoticeDraft, Topic
from didban.article import Article
from tests.support_receivers import parsed

AT = datetime(2026, 8, 10, tzinfo=UTC)
EVIL = 'دولت الکترونیک <b onload="x"> & </table> \x02\x03\x1b[31m\u202e\ud800\r\nBcc: x'
ARTICLE = Article(
    source="irna", title=EVIL, kicker=EVIL, lead=EVIL, text=EVIL, url=f"https://x/{EVIL}", province="lorestan"
)
FOUND = Match(
    rule="egov", term="دولت", field="title", start=0, end=14, text=EVIL[:14], sentence_start=0, sentence_end=len(EVIL)
)
ALERT = Alert(
    rule="egov", title=EVIL, priority="urgent", live=True, raised=AT, story="s1", article=ARTICLE,
    matches=(FOUND, replace(FOUND, field="text")),
)  # fmt: skip
STORY = Draft(key="k", channel="c", story="s1", article=ARTICLE, alerts=(ALERT,))
DIGEST = DigestDraft(
    key="k", channel="c", digest="evening", count=60, stories=[STORY] * 60, sources=("irna",), first=AT, last=AT,
    topics=(Topic(rule="egov", title=EVIL, count=60),),
)  # fmt: skip
NOTICE = NoticeDraft(
    key="k",
    channel="c",
    notice=Notice(source="irna", state="unreadable", before="healthy", since=AT, detail=EVIL, pages=(EVIL,)),
)
DRAFTS = {"an alert": STORY, "a digest": DIGEST, "a notice": NOTICE}
NAMES = {"irna": "ایرنا <&>"}


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Channel]:
    urls = {
        "mail": "smtp://127.0.0.1/?to=a@b.example&from=c@d.example",
        "telegram": "telegram://1:a@2",
        "bale": "bale://1:a@2",
        "eitaa": "eitaa://1:a@2",
        "sms": "kavenegar://0123456789ABCDEF0123/09120000000",
        "ntfy": "ntfy://topic",
        "hook": "https://hook.example/",
        "console": "console:",
        "all": "first_of:telegram,bale,mail,sms",
    }
    folder: Path = tmp_path_factory.mktemp("channels")
    return open_channels(urls, base=folder, source_names=NAMES, options={})


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS)
def test_each_channel_has_its_words(channels: dict[str, Channel], draft: AnyDraft) -> None:
    said = {name: channel.render(draft) for name, channel in channels.items()}
    for name, parts in said.items():
        assert parts, name
        assert all(part.strip() for part in parts), name
        shown = [json.loads(part)["text"] for part in parts] if name == "hook" else parts  # facts are given as they are
        assert not any(mark in part for part in shown for mark in "\x02\x03\u202e"), name
        if name != "console":  # the bytes of all others are kept and sent
            assert "".join(parts).encode(), name
    assert all(units(parsed(part)[0]) <= 4096 for part in said["telegram"])
    assert all(units(part) <= 4096 for part in (*said["bale"], *said["eitaa"]))
    assert units(said["sms"][0]) <= SMS
    assert len(said["sms"]) == 1
    (letter,) = map(json.loads, said["mail"])
    assert letter.keys() == {"subject", "text", "html"}
    assert "\n" not in letter["subject"]
    assert {tag for tag in ("<b onload", "</table> ", "<script") if tag in letter["html"]} == set()
    assert json.loads(said["all"][0]) == {name: list(said[name]) for name in ("telegram", "bale", "mail", "sms")}
