"""Telegram, Bale and Eitaa against an API that has Telegram's limits and fails in every way."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import Channel, Options, open_channel
from alerts.channels.http import Door
from alerts.channels.messenger import MessengerChannel
from alerts.parts import units
from didban.alert import Alert, Draft, Match
from didban.article import Article
from didban.errors import ChannelRefused, ChannelUnreachable, SendError, SettingsError
from tests.support_receivers import BotApi, bot_api, closed_port, proxying, scripted

TOKEN = "123456:AAplanted-Token_0987654321"
TITLE = "گشایش <b>دفتر</b> & «پیشخوان» دولت"
ARTICLE = Article(source="irna", title=TITLE, url="https://www.irna.ir/news/84000001/خبر?a=1&b=2")
FOUND = Match(
    rule="egov", term="پیشخوان", field="title", start=TITLE.index("پیشخوان"), end=TITLE.index("پیشخوان") + 7, text="پیشخوان",
    sentence_start=0, sentence_end=len(TITLE),
)  # fmt: skip
ALERT = Alert(
    rule="egov", title="دولت الکترونیک", priority="normal", live=True, raised=datetime(2026, 8, 10, tzinfo=UTC), story="s1",
    article=ARTICLE, matches=(FOUND,),
)  # fmt: skip
DRAFT = Draft(key="k-1", channel="officer", story="s1", article=ARTICLE, alerts=(ALERT,))


def long_draft(letters: int) -> Draft:
    """A message of many topics, whose words all differ."""
    title, topics, number = TITLE, list[Alert](), 0
    while sum(len(topic.title) for topic in topics) < letters:
        words = " ".join(f"واژهٔ{one}🔴<&" for one in range(number, number + 40))
        topics.append(replace(ALERT, rule=f"r{number}", title=words, matches=()))
        number += 40
    return replace(DRAFT, article=replace(ARTICLE, title=title), alerts=tuple(topics))


def open_at(url: str, **options: Any) -> Channel:
    return open_channel("officer", url, base=Path(), source_names={"irna": "ایرنا"}, options=Options(**options))


def send(channel: Channel, draft: Draft = DRAFT) -> None:
    parts = channel.render(draft)
    for number, part in enumerate(parts, 1):
        asyncio.run(channel.send(part, key=draft.key, number=number, total=len(parts)))


@pytest.fixture
def api() -> Iterator[BotApi]:
    with bot_api(TOKEN) as running:
        yield running


def telegram(api: BotApi, chat: str = "42", rest: str = "") -> Channel:
    return open_at(f"telegram://{TOKEN}@{chat}?api={api.url}{rest}")


# ── what arrives ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_telegram_gets_html_with_bold_evidence_and_no_preview(api: BotApi) -> None:
    send(telegram(api))
    (sent,) = api.taken
    assert sent.chat == "42"
    assert TITLE.replace("«", "").replace("»", "") in sent.text.replace("«", "").replace("»", "")
    assert ("b", "پیشخوان", "") in sent.entities
    assert ("a", "www.irna.ir", ARTICLE.url) in sent.entities
    assert sent.fields["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize(
    ("url", "chat"),
    [
        ("telegram://{}@42", "42"),
        ("telegram://{}@-1001", "-1001"),
        ("telegram://{}@@egov", "@egov"),
        ("telegram://{}@egov", "@egov"),
        ("telegram://bot{}@42", "42"),
        ("tgram://{}/42/", "42"),
        ("tgram://{}/egov", "@egov"),
        ("TELEGRAM://{}@42", "42"),
    ],
)
def test_a_chat_is_a_number_or_a_name(api: BotApi, url: str, chat: str) -> None:
    send(open_at(url.format(TOKEN.replace(":", "%3A") if "bot" in url else TOKEN), api=api.url))
    assert api.taken[0].chat == chat


def test_a_topic_of_a_group(api: BotApi) -> None:
    send(telegram(api, "-1001", "&thread=7"))
    assert api.taken[0].fields["message_thread_id"] == 7


def test_a_long_message_comes_in_parts_that_telegram_takes_with_no_word_cut(api: BotApi) -> None:
    draft = long_draft(14_000)
    send(telegram(api), draft)
    assert len(api.taken) >= 4
    assert all(units(sent.text) <= 4096 for sent in api.taken)
    words = " ".join(sent.text for sent in api.taken).split()
    wanted = [word for alert in draft.alerts for word in alert.title.split()]
    found = [word.strip("،▪\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}()") for word in words]
    assert [word for word in found if word.startswith("واژهٔ")] == wanted


def test_html_that_cannot_be_parsed_is_sent_once_more_as_text(api: BotApi) -> None:
    api.broken_parser = True
    send(telegram(api))
    (sent,) = api.taken
    assert "parse_mode" not in sent.fields
    assert "«پیشخوان»" in sent.text
    assert sent.text.endswith(ARTICLE.url or "")
    assert len(api.paths) == 2


def test_bale_gets_plain_text_at_the_same_path(api: BotApi) -> None:
    send(open_at(f"bale://{TOKEN}@42?api={api.url}"))
    (sent,) = api.taken
    assert "parse_mode" not in sent.fields
    assert ARTICLE.url in sent.text.split("\n")
    assert "<b>دفتر</b>" in sent.text
    assert api.paths == [f"/bot{TOKEN}/sendMessage"]


def test_eitaa_gets_plain_text_as_a_form() -> None:
    token = "bot77:0f1e-aa"
    with bot_api(token.removeprefix("bot"), in_200=True, chats=frozenset({"egov"})) as api:
        send(open_at(f"eitaa://{token}@egov", api=f"{api.url}"))
        assert ARTICLE.url in api.taken[0].text.split("\n")
        with pytest.raises(ChannelRefused, match="chat not found"):
            send(open_at(f"eitaa://{token}@nobody", api=f"{api.url}"))


def test_the_usual_apis_are_the_services_own() -> None:
    where = {url: open_at(url) for url in (f"telegram://{TOKEN}@1", f"bale://{TOKEN}@1", "eitaa://bot1:a@1")}
    assert [channel.api for channel in where.values() if isinstance(channel, MessengerChannel)] == [
        "https://api.telegram.org",
        "https://tapi.bale.ai",
        "https://eitaayar.ir/api",
    ]


# ── how it fails ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_many_requests_says_when_to_come_back(api: BotApi) -> None:
    api.answers = [scripted(429, "Too Many Requests: retry after 37", retry_after=37)]
    with pytest.raises(SendError) as failed:
        send(telegram(api))
    assert (failed.value.retry_after, failed.value.unsure, type(failed.value)) == (37, False, SendError)
    send(telegram(api))
    assert len(api.taken) == 1


@pytest.mark.parametrize(
    ("chat", "words"),
    [("13", "403.*blocked by the user.*has blocked the bot"), ("14", "400.*chat not found.*written to the bot")],
)
def test_a_chat_that_does_not_want_us_refuses_in_words(api: BotApi, chat: str, words: str) -> None:
    with pytest.raises(ChannelRefused, match=words):
        send(telegram(api, chat))


def test_a_token_that_is_not_valid_refuses_in_words_without_it(api: BotApi) -> None:
    with pytest.raises(ChannelRefused, match=r"401 · Unauthorized · its token is not valid; @BotFather") as refused:
        send(open_at(f"telegram://9:planted@42?api={api.url}"))
    assert "planted" not in str(refused.value)


def test_a_group_that_moved_says_where(api: BotApi) -> None:
    api.answers = [scripted(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1009)]
    with pytest.raises(ChannelRefused, match="write -1009 as its chat"):
        send(telegram(api))


@pytest.mark.parametrize(
    "answer",
    [
        (502, b"<html>Bad Gateway</html>", {}),
        (403, b"<html>filtered</html>", {"Content-Type": "text/html"}),
        (200, b"<html>log in</html>", {}),
        (200, b'{"ok": "yes"}', {}),
        (200, b"[" * 70_000, {}),
        (302, b"", {"Location": "http://127.0.0.1:9/"}),
        scripted(500, "Internal Server Error"),
    ],
)
def test_what_is_no_answer_of_the_service_is_no_dead_letter(
    api: BotApi, answer: tuple[int, bytes, dict[str, str]]
) -> None:
    api.answers = [answer]
    with pytest.raises(SendError) as failed:
        send(telegram(api))
    assert type(failed.value) is SendError
    assert failed.value.unsure


def test_nobody_there_is_no_network_and_nobody_was_told() -> None:
    with pytest.raises(ChannelUnreachable) as failed:
        send(open_at(f"telegram://{TOKEN}@42?api=http://127.0.0.1:{closed_port()}"))
    assert not failed.value.unsure


def test_one_that_takes_it_and_hangs_up_may_know_of_it(api: BotApi) -> None:
    api.drop = True
    with pytest.raises(ChannelUnreachable, match="the connection broke") as failed:
        send(telegram(api))
    assert failed.value.unsure
    assert len(api.taken) == 1


def test_one_that_never_answers_is_left_at_the_deadline(api: BotApi) -> None:
    api.silent = threading.Event()
    channel = telegram(api)
    assert isinstance(channel, MessengerChannel)
    with pytest.raises(ChannelUnreachable, match=r"no answer in 0.1 seconds"):
        send(replace(channel, door=Door("officer", deadline=0.1)))


# ── secrets and typos ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_token_is_in_any_log_error_or_traceback(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = [repr(telegram(api))]
    send(telegram(api))
    api.answers = [
        scripted(401, f"Unauthorized: bot{TOKEN}"),
        scripted(429, f"slow down {TOKEN}", retry_after=1),
        (500, TOKEN.encode(), {"X-Echo": TOKEN}),
    ]
    for _ in range(3):
        with pytest.raises(SendError) as failed:
            send(telegram(api))
        said += [str(failed.value), "".join(traceback.format_exception(failed.value))]
    with pytest.raises(ChannelUnreachable) as failed:
        send(open_at(f"telegram://{TOKEN}@42?api=http://127.0.0.1:{closed_port()}"))
    said += [str(failed.value), "".join(traceback.format_exception(failed.value)), caplog.text]
    assert [text for text in said if TOKEN in text or TOKEN.partition(":")[2] in text] == []


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (f"telegarm://{TOKEN}@42", "did you mean telegram://"),
        (f"telegram://{TOKEN}", "telegram://TOKEN@CHAT"),
        (f"telegram://{TOKEN}@", "CHAT is its number"),
        (f"telegram://{TOKEN[:6]}@42", "TOKEN is not as @BotFather gives it"),
        (f"telegram:{TOKEN}@42", "telegram://TOKEN@CHAT"),
        (f"tgram://{TOKEN}/42/43", "one CHAT"),
        (f"bale://{TOKEN}@42?thread=1", "thread is the number of a topic in a Telegram group"),
        (f"telegram://{TOKEN}@42?thread={TOKEN}", "thread is the number"),
        (f"telegram://{TOKEN}@42?thred=1", "did you mean 'thread'"),
        (f"telegram://{TOKEN}@42?api=http://192.0.2.1/", "https"),
        (f"telegram://{TOKEN}@42?api={TOKEN}", "not an address"),
        (f"eitaa://{TOKEN}/@42", "eitaayar.ir gives it"),
    ],
)
def test_a_typo_is_explained_and_the_token_not_shown(url: str, hint: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        open_at(url)
    assert hint in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert not any(piece in str(wrong.value) for piece in (TOKEN, TOKEN[7:], "123456", "192.0.2.1"))


# ── proxies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_channel_goes_through_its_socks_proxy(api: BotApi, scheme: str) -> None:
    with proxying("socks5", api.port) as proxy:
        send(open_at(f"telegram://{TOKEN}@42?api=http://localhost:1", proxy=proxy.url.replace("socks5", scheme)))
        assert proxy.asked == ["localhost:1"]
    assert len(api.taken) == 1


def test_a_proxy_that_is_away_or_refuses_is_no_network(api: BotApi) -> None:
    for proxy in (f"socks5://127.0.0.1:{closed_port()}", f"http://u:planted@127.0.0.1:{closed_port()}"):
        with pytest.raises(ChannelUnreachable, match="no connection through its proxy") as failed:
            send(open_at(f"telegram://{TOKEN}@42", proxy=proxy))
        assert not failed.value.unsure
        assert "planted" not in str(failed.value) + repr(failed.value)


@pytest.mark.parametrize("proxy", ["planted", "ftp://planted:1", "socks5://", "http://planted:x"])
def test_a_proxy_that_is_no_address_is_not_shown(proxy: str) -> None:
    with pytest.raises(SettingsError, match="its proxy is not an address") as wrong:
        open_at(f"telegram://{TOKEN}@42", proxy=proxy)
    assert "planted" not in str(wrong.value)


def test_the_wire_format_is_json_with_persian_as_itself(api: BotApi) -> None:
    channel = telegram(api)
    (part,) = channel.render(DRAFT)
    assert json.loads(json.dumps(part)) == part
    send(channel)
    assert api.taken[0].fields["text"] == part
