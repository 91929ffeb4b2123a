"""Secrets planted wherever settings may hold them, and failures all around: none is printed, logged or written down."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import pytest

from demo.site import Site
from flows import cli
from tests.flows.support_processes import Receiver

PLANTED = "xyzzy"
TOML = f"""
metrics_token = "{PLANTED}-metrics"
[channels]
hook = "HOOK"
gone = "http://user:{PLANTED}-password@127.0.0.1:9/bot{PLANTED}-token/send"
file = "file:told.jsonl"
[fetch."www.irna.ir"]
headers = {{ X-Key = "{PLANTED}-header" }}
cookies = {{ session = "{PLANTED}-cookie" }}
[fetch."ostan-lr.ir"]
proxy = "http://user:{PLANTED}-proxy@127.0.0.1:9"
[web]
password = "{PLANTED}-web"
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDBAN_RATE", "500")
    monkeypatch.setenv("DIDBAN_ALERT_WINDOW", "unlimited")
    return tmp_path


def run(*arguments: str) -> None:
    with suppress(SystemExit):
        cli.main(arguments)


def test_no_secret_of_the_settings_is_printed_logged_or_written(
    said: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Site() as site, Receiver() as receiver:
        hook = receiver.url.replace("//", f"//user:{PLANTED}-hook@") + f"/{PLANTED}-path?key={PLANTED}-query"
        (said / "didban.toml").write_text(TOML.replace("HOOK", hook), "utf-8")
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        site.grow()
        site.wall("mehr")
        for command in (("watch",), ("notify",), ("status", "--all"), ("alerts",), ("metrics", "--once"), ("report",)):
            run(*command)
    printed = capfd.readouterr()
    assert receiver.taken, "a channel that takes messages took some"
    assert "gone" in printed.err, "the channel that takes none is told of"
    places = [path for path in said.rglob("*") if path.is_file() and path.name != "didban.toml"]
    assert {path.name for path in places} >= {"didban.db", "told.jsonl"}
    assert PLANTED not in printed.out + printed.err
    assert [path.name for path in places if PLANTED.encode() in path.read_bytes()] == []
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert PLANTED not in "\n".join(ours)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DIDBAN_DATABASE_URL", f"postgresql://didban:{PLANTED}@127.0.0.1:9/didban"),
        ("DIDBAN_DATABASE_URL", f"oracle://didban:{PLANTED}@127.0.0.1:9/didban"),
        ("DIDBAN_CHANNEL_HOOK", f"gopher://{PLANTED}"),
    ],
)
def test_a_setting_that_cannot_be_used_keeps_its_secret(
    said: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    run("notify")
    printed = capfd.readouterr()
    assert printed.err.startswith("didban: "), "it is refused"
    assert PLANTED not in printed.out + printed.err
