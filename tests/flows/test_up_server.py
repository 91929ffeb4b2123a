"""Is a server there? up.json, the lock of `didban up`, and the variables under which Prefect is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from didban.settings import Settings, load
from flows import server
from tests.support import NOW

URL = "http://127.0.0.1:4200/api"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path))
    return load()


def up(pid: int) -> server.Up:
    return server.Up(pid=pid, api_url=URL, started=NOW)


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_no_server_until_up_json_names_a_living_process(settings: Settings) -> None:
    assert server.api_url(settings) is None
    server.write(settings.var, up(os.getpid()))
    assert server.api_url(settings) == URL
    assert server.read(settings.var) == up(os.getpid())
    server.forget(settings.var)
    assert server.api_url(settings) is None


def test_an_up_json_whose_process_is_gone_is_ignored(settings: Settings) -> None:
    server.write(settings.var, up(gone()))
    assert server.api_url(settings) is None


def test_an_up_json_whose_number_another_process_got_is_ignored(settings: Settings) -> None:
    lock = server.claim(settings.var)
    assert lock is not None
    server.write(settings.var, up(os.getpid()))
    assert server.api_url(settings) == URL
    lock.close()  # as the kernel does when its process dies
    assert server.api_url(settings) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', '{"pid":1,"api_url":"u","started":"never"}']
)
def test_a_damaged_up_json_is_ignored(settings: Settings, text: str) -> None:
    (settings.var / "up.json").write_text(text)
    assert server.api_url(settings) is None


def test_a_named_server_wins(settings: Settings) -> None:
    server.write(settings.var, up(os.getpid()))
    assert server.api_url(settings, {"PREFECT_API_URL": "http://127.0.0.1:9/api"}) == "http://127.0.0.1:9/api"


def test_one_up_at_a_time(settings: Settings) -> None:
    first = server.claim(settings.var)
    assert first is not None
    assert server.claim(settings.var) is None
    first.close()
    again = server.claim(settings.var)
    assert again is not None
    again.close()


def test_joining_keeps_prefect_quiet_and_loopback_off_the_proxy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DO_NOT_TRACK", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", environ := dict(os.environ))
        assert server.join(settings) is None
        assert "DO_NOT_TRACK" not in environ
        server.write(settings.var, up(os.getpid()))
        assert server.join(settings) == URL
    assert environ["PREFECT_API_URL"] == URL
    assert environ["PREFECT_HOME"] == str(settings.var / "prefect")
    assert environ["DO_NOT_TRACK"] == "1"
    assert environ["NO_PROXY"].split(",") == ["intranet.example", "127.0.0.1", "localhost"]


def test_joining_a_server_of_ones_own_keeps_its_profile(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", environ := {"PREFECT_API_URL": "http://127.0.0.1:9/api"})
        assert server.join(settings) == "http://127.0.0.1:9/api"
    assert "PREFECT_HOME" not in environ
    assert environ["DO_NOT_TRACK"] == "1"
