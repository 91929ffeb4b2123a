"""Settings: environment over didban.toml over defaults, and errors that name what is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from didban.errors import SettingsError
from didban.settings import load, revealed


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_defaults() -> None:
    settings = load({})
    assert (settings.var, settings.rate, settings.alert_window) == (Path("var"), 1.0, timedelta(hours=72))
    assert settings.store_url == f"sqlite:///{Path('var/didban.db').absolute()}"
    assert {name: url.get_secret_value() for name, url in settings.channels.items()} == {"console": "console:"}


def test_the_environment_wins_over_the_file() -> None:
    Path("didban.toml").write_text('rate = 0.5\nhome = "lorestan"\n[channels]\nhook = "https://a/"\n', "utf-8")
    settings = load({"DIDBAN_RATE": "2", "DIDBAN_CHANNEL_NIGHT_DESK": "console:", "DIDBAN_ALERT_WINDOW": "unlimited"})
    assert (settings.rate, settings.home, settings.alert_window) == (2.0, "lorestan", timedelta.max)
    assert set(settings.channels) == {"hook", "night-desk"}


def test_a_named_file_is_read_and_must_be_there(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('sources = ["irna"]\n[fetch."www.irna.ir"]\nproxy = "http://127.0.0.1:1"\n', "utf-8")
    settings = load({"DIDBAN_CONFIG": str(own)})
    assert settings.sources.watch == ("irna",)
    proxy = settings.fetch["www.irna.ir"].proxy
    assert proxy is not None
    assert proxy.get_secret_value() == "http://127.0.0.1:1"
    with pytest.raises(SettingsError, match="cannot be read"):
        load({"DIDBAN_CONFIG": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("rat = 1", r"unknown setting 'rat' \(did you mean 'rate'\?\)"),
        ("rate = 0", "rate: Input should be greater than 0"),
        ('rate = "fast"', "rate"),
        ('alert_window = "3 fortnights"', "alert_window"),
        ("rate = ", "not TOML"),
        ('[fetch."a.ir"]\nprocsy = "x"', "fetch.a.ir.procsy"),
    ],
)
def test_a_mistake_in_the_file_is_named(toml: str, said: str) -> None:
    Path("didban.toml").write_text(toml, "utf-8")
    with pytest.raises(SettingsError, match=said):
        load({})


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DIDBAN_RATE", "0", "DIDBAN_RATE: "),
        ("DIDBAN_RATES", "1", r"DIDBAN_RATES \(did you mean 'DIDBAN_RATE'\?\)"),
        ("DIDBAN_HOSTS", "www.irna.ir=http://10.0.0.1:80", "only loopback"),
        ("DIDBAN_HOSTS", "www.irna.ir", "only loopback"),
        ("DIDBAN_HOSTS", "a=http://127.0.0.1.evil.ir:80", "only loopback"),
    ],
)
def test_a_mistake_in_the_environment_is_named(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load({variable: value})


def test_hosts_are_a_mapping() -> None:
    settings = load({"DIDBAN_HOSTS": "www.irna.ir=http://127.0.0.1:8801,*=http://localhost:8802/"})
    assert settings.hosts == {"www.irna.ir": "http://127.0.0.1:8801", "*": "http://localhost:8802"}


def test_secrets_do_not_show() -> None:
    settings = load({"DIDBAN_CHANNEL_HOOK": "https://u:secret@a/", "DIDBAN_DATABASE_URL": "postgresql://u:secret@h/d"})
    assert "secret" not in repr(settings)
    with pytest.raises(SettingsError) as refused:
        load({"DIDBAN_CHANNEL_HOOK": "https://u:secret@a/", "DIDBAN_RATE": "-1"})
    assert "secret" not in str(refused.value)


# ── secrets, and what a channel needs beside its URL ─────────────────────────────────────────────────────────────────


def test_a_secret_may_be_kept_elsewhere(tmp_path):
    (tmp_path / "secret").write_text("  https://hook.example/x \nwhat else there is\n")
    assert revealed("https://plain.example/", what="x") == "https://plain.example/"
    assert revealed("env:OFFICER", what="x", environ={"OFFICER": "telegram://1:a@2"}) == "telegram://1:a@2"
    assert revealed(f"secret:{tmp_path / 'secret'}", what="x") == "https://hook.example/x"


@pytest.mark.parametrize("content", [None, b"", b"\n x", b"\xff"])
def test_a_secret_that_is_not_there_is_said_by_its_place(tmp_path, content):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^channel officer: its URL is to be in the .*secret"):
        revealed(f"secret:{tmp_path / 'secret'}", what="channel officer: its URL")
    with pytest.raises(SettingsError, match="in the environment variable OFFICER, which is not set"):
        revealed("env:OFFICER", what="channel officer: its URL", environ={})


def test_a_table_of_a_channel_that_is_not_there_is_a_mistake(tmp_path):
    path = tmp_path / "didban.toml"
    path.write_text('[channels]\nofficer = "https://h/"\n[channel.oficer]\nsecret = "planted"\n')
    with pytest.raises(
        SettingsError, match=r"\[channel.oficer\] is of no channel \(did you mean 'officer'\?\)"
    ) as wrong:
        load({"DIDBAN_CONFIG": str(path)})
    assert "planted" not in str(wrong.value)
    path.write_text('[channels]\nofficer = "https://h/"\n[channel.officer]\nsecrt = "planted"\n')
    with pytest.raises(SettingsError, match=r"channel.officer.secrt") as wrong:
        load({"DIDBAN_CONFIG": str(path)})
    assert "planted" not in str(wrong.value)
    path.write_text(
        '[channels]\nofficer = "https://h/"\n[channel.officer]\nsecret = "planted"\nproxy = "socks5://planted@h:1"\n'
    )
    assert "planted" not in repr(load({"DIDBAN_CONFIG": str(path)}))


def test_delivery_is_a_table_or_now() -> None:
    Path("didban.toml").write_text(
        '[delivery]\ngather = "0s"\ndigests = ["۱۷:۳۰", 07:30:00]\nquiet = ""\nweekend = ["Friday"]\n'
        'holidays = ["1405-01-02", 1405-01-03, 2026-03-25]\n[channels]\nsms = "console:"\n',
        "utf-8",
    )
    delivery = load({}).delivery
    assert (delivery.gather, delivery.quiet, delivery.weekend) == (timedelta(0), None, ("friday",))
    assert [f"{clock:%H:%M}" for clock in delivery.digests] == ["07:30", "17:30"]
    assert [day.isoformat() for day in delivery.holidays] == ["2026-03-22", "2026-03-23", "2026-03-25"]
    now = load({"DIDBAN_DELIVERY": "now"}).delivery
    assert (now.gather, now.digests, now.quiet, now.burst) == (timedelta(0), (), None, 0)


def test_a_rehearsal_tells_at_once_unless_the_file_says_otherwise() -> None:
    hosts = {"DIDBAN_HOSTS": "*=http://127.0.0.1:8801"}
    assert load(hosts).delivery.digests == ()
    Path("didban.toml").write_text("[delivery]\nburst = 3\n", "utf-8")
    assert (load(hosts).delivery.burst, len(load(hosts).delivery.digests)) == (3, 2)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('quiet = "22:00"', "delivery.quiet: '22:00': write when they begin and end"),
        ('quiet = "22:00-25:00"', "there is no time 25:00"),
        ('digests = ["dawn"]', "'dawn' is no time of day: write 07:30"),
        ('weekend = ["thurday"]', r"no day 'thurday' \(did you mean 'thursday'\?\)"),
        (
            f"weekend = {['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']}",
            "a week without",
        ),
        ('holidays = ["1405-13-01"]', "there is no day 1405-13-01"),
        ("holidays = [5]", "5 is no day"),
        ('gather = "2d"', "a day at most"),
        ("burst = -1", "burst"),
        ('escalate_to = ["smss"]', r"delivery.escalate_to: there is no channel 'smss' \(did you mean 'sms'\?\)"),
        ('gathr = "1m"', "delivery.gathr"),
    ],
)
def test_a_mistake_in_delivery_is_named(toml: str, said: str) -> None:
    Path("didban.toml").write_text(f'[delivery]\n{toml}\n[channels]\nsms = "console:"\n', "utf-8")
    with pytest.raises(SettingsError, match=said):
        load({})
    with pytest.raises(SettingsError, match="DIDBAN_DELIVERY: 'soon': write a table"):
        load({"DIDBAN_DELIVERY": "soon"})
