"""Channels from the settings: whom a rule tells, what a failure may show, and a test message by hand."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from didban.errors import SettingsError
from didban.settings import load
from flows.cli import main
from flows.rulebook import everyone
from flows.workshop import channels_of, now, opened, operator_of, rulebook_of
from tests.support import article, sighting
from tests.support import judge as judging
from tests.support_receivers import BotApi, Mailbox, bot_api, closed_port, mail_server, scripted

ROOT = Path(__file__).parents[2]
TOKEN = "123456:PLANTEDtoken"
PASSWORD = "PLANTEDpassword"
SECRETS = (TOKEN, TOKEN[7:], PASSWORD, "PLANTEDhook", "PLANTEDproxy", "PLANTEDsecret", "PLANTEDkavenegar00001")


@pytest.fixture
def api() -> Iterator[BotApi]:
    with bot_api(TOKEN) as running:
        yield running


def settings_file(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "var").mkdir()
    (folder / "didban.toml").write_text(f'var = "{folder / "var"}"\n{text}', "utf-8")
    monkeypatch.setenv("DIDBAN_CONFIG", str(folder / "didban.toml"))


def didban(*arguments: str) -> int:
    try:
        main(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


# ── whom a rule tells ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_first_of_tries_is_told_by_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file(
        tmp_path,
        '[channels]\nlog = "file:log"\nscreen = "console:"\nofficer = "first_of:log,screen"\narchive = "file:archive"\n',
        monkeypatch,
    )
    settings = load()
    assert everyone(settings) == ("officer", "archive")
    assert operator_of(settings) == ("officer",)
    with opened(settings) as store:
        _, plans = rulebook_of(settings, store)(article(text="دفاتر پیشخوان دولت"), sighting())
    assert {plan.channels for plan in plans} == {("officer", "archive")}


def test_a_channels_url_and_secret_may_be_kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("https://hook.example/PLANTEDhook\n")
    settings_file(
        tmp_path,
        f'[channels]\nofficer = "secret:{tmp_path / "url"}"\n[channel.officer]\nsecret = "env:OFFICER_SECRET"\n',
        monkeypatch,
    )
    with pytest.raises(SettingsError, match="officer: its secret is to be in the environment variable OFFICER_SECRET"):
        channels_of(load())
    monkeypatch.setenv("OFFICER_SECRET", "PLANTEDsecret")
    assert "PLANTED" not in repr(channels_of(load()))


# ── a test message ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_test_message_says_which_channel_took_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: BotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    channels = (
        f'[channels]\nphone = "telegram://{TOKEN}@13?api={api.url}"\nlog = "file:log"\nofficer = "first_of:phone,log"\n'
    )
    settings_file(tmp_path, channels, monkeypatch)
    assert didban("notify", "--test", "officer", "--test", "log") == 0
    assert capsys.readouterr().out == "officer: taken by log\nlog: taken\n"
    sent = [json.loads(line) for line in (tmp_path / "var/log").read_text("utf-8").splitlines()]
    assert [one["kind"] for one in sent] == ["story", "story"]
    assert len({one["key"] for one in sent}) == 2
    assert not (tmp_path / "var/didban.db").exists()
    assert didban("notify", "--json", "--test", "phone") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["channel"], said["taken"]) == ("phone", False)
    assert "blocked by the user" in said["said"]
    assert didban("notify", "--test", "ofice") == 1
    assert capsys.readouterr().err == "didban: there is no channel 'ofice'; did you mean 'officer'?\n"


# ── nothing shows a secret ────────────────────────────────────────────────────────────────────────────────────────────


def test_no_command_shows_a_secret_however_a_channel_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    api: BotApi,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    nobody = closed_port()
    api.answers = [scripted(401, f"bot{TOKEN}"), scripted(429, TOKEN, retry_after=1), (500, TOKEN.encode(), {})] * 2
    with mail_server(Mailbox(mail="554 no")) as box:
        settings_file(
            tmp_path,
            f"""[channels]
answers = "telegram://{TOKEN}@42?api={api.url}"
nobody = "telegram://{TOKEN}@42?api=http://127.0.0.1:{nobody}"
proxied = "bale://{TOKEN}@42"
mail = "smtp://u:{PASSWORD}@127.0.0.1:{nobody}/?to=a@b.example&from=c@d.example"
letter = "smtp://127.0.0.1:{box.port}/?to=a@b.example&from=c@d.example"
hook = "http://u:{PASSWORD}@127.0.0.1:{nobody}/PLANTEDhook?PLANTEDhook"
sms = "kavenegar://PLANTEDkavenegar00001/09121234567"
officer = "first_of:answers,nobody,mail,hook"
[channel.proxied]
proxy = "socks5://u:PLANTEDproxy@127.0.0.1:{nobody}"
[channel.hook]
secret = "PLANTEDsecret"
""",
            monkeypatch,
        )
        names = ("answers", "nobody", "proxied", "mail", "letter", "hook", "officer")
        with opened(load()) as store:
            store.articles.save(article(published=now(), fetched=now()), judging(channels=names), sighting(now=now()))
        for command in (
            ["notify"],
            ["notify", "--json"],
            ["status"],
            ["status", "--json"],
            ["alerts"],
            ["alerts", "--json"],
        ):
            didban(*command)
        didban("notify", *(word for name in names for word in ("--test", name)))
    shown = capfd.readouterr()
    everything = shown.out + shown.err + caplog.text
    assert "  channel letter: the mail server answers 554: no (since 14" in shown.out
    assert '"channel": "nobody", "open": 1, "dead": 0, "since": "' in shown.out
    assert "officer: not taken" in everything
    assert [secret for secret in SECRETS if secret in everything] == []
    # What letters and messages say is there; where they go is not.
    database = (tmp_path / "var/didban.db").read_bytes() + b"".join(
        path.read_bytes() for path in (tmp_path / "var").glob("didban.db-*")
    )
    assert [secret for secret in (*SECRETS, "b.example") if secret.encode() in database] == []


def test_an_error_that_nobody_foresaw_ends_one_channels_turn_and_shows_its_place_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_file(tmp_path, '[channels]\nbad = "file:bad"\nlog = "file:log"\n', monkeypatch)

    def broken(path: Path, line: bytes) -> None:
        if path.name == "bad":
            raise ValueError("PLANTEDhook")
        path.write_bytes(line)

    monkeypatch.setattr("alerts.channels.file._append", broken)
    with opened(load()) as store:
        store.articles.save(article(published=now()), judging(channels=("bad", "log")), sighting(now=now()))
    assert didban("notify") == 1
    shown = capsys.readouterr()
    assert shown.out == "1 sent · 1 unsent\n"
    assert "channel bad: an unforeseen ValueError at test_channels_of_settings.py:" in shown.err
    assert "PLANTEDhook" not in shown.err
    assert (tmp_path / "var/log").exists()


def test_a_command_without_such_a_channel_imports_neither_apprise_nor_httpx_for_it(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom alerts.channels import open_channels\n"
        "open_channels({'log': 'file:x', 'c': 'console:'}, base=Path(), source_names={}, options={})\n"
        "print([name for name in ('apprise', 'httpx', 'smtplib') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "[]\n"


def test_a_slow_channel_does_not_hold_a_fast_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: BotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    """The slow one answers when the fast one's message is there, or never."""
    api.silent = threading.Event()
    settings_file(
        tmp_path, f'[channels]\nslow = "telegram://{TOKEN}@42?api={api.url}"\nfast = "file:fast"\n', monkeypatch
    )
    with opened(load()) as store:
        store.articles.save(article(published=now()), judging(channels=("slow", "fast")), sighting(now=now()))

    def release() -> None:
        while not (tmp_path / "var/fast").exists():
            api_waits.wait(0.01)
        assert api.silent is not None
        api.silent.set()

    api_waits, watcher = threading.Event(), threading.Thread(target=release)
    watcher.start()
    assert didban("notify") == 1
    watcher.join()
    assert "1 sent · 1 unsent" in capsys.readouterr().out
