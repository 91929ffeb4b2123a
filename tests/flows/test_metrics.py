"""/health and /metrics over real HTTP: the judgement of `didban status`, figures that a parser reads, and who may ask."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from didban.errors import SettingsError
from didban.health import State, Verdict
from didban.settings import Settings, load
from flows import backups, cli, metrics, server
from storage.store import open_store
from tests.flows.support_processes import bare_environment
from tests.support import article, judge, sighting

LEASE = timedelta(minutes=15)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDBAN_SOURCES", "irna")
    return load()


def state(settings: Settings, name: State, detail: str = "") -> None:
    """A pass over irna that ended like this, just now."""
    store, at = open_store(settings.store_url), datetime.now(UTC)
    store.sources.register(["irna"], now=at)
    store.sources.take(["irna"], owner="me", now=at, lease=LEASE, even_if_not_due=True)
    verdict = Verdict(state=name, detail=detail)
    store.sources.finish("irna", verdict, owner="me", now=at, due=at + LEASE, whole=True)
    store.close()


@contextmanager
def answering(load_: Callable[[], Settings], token: str | None = None) -> Generator[str]:
    with metrics.listening(("127.0.0.1", 0), load_, token=token) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def ask(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def values(text: bytes) -> dict[str, float]:
    """`name{label=value}` → value, as Prometheus would read it."""
    return {
        sample.name + "".join(f"[{key}={value}]" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_health_is_the_judgement_of_status(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    passes: list[tuple[State, str, int]] = [("healthy", "", 200), ("blocked", "a wall page", 503), ("quiet", "", 200)]
    for name, detail, code in passes:
        state(settings, name, detail)
        with answering(load) as url:
            status, said = ask(f"{url}/health")
        problems = [f"irna: {name}: {detail}"] if code == 503 else []
        told = json.loads(said)
        assert (status, told["well"], told["problems"]) == (code, not problems, problems)
        with pytest.raises(SystemExit) as stop:
            cli.main(["status"])
        assert stop.value.code == (0 if code == 200 else 1)
    capfd.readouterr()


def test_metrics_say_what_there_is(settings: Settings) -> None:
    state(settings, "blocked")
    store, now = open_store(settings.store_url), datetime.now(UTC)
    store.articles.save(article(published=now - timedelta(seconds=90)), judge(), sighting(now=now))
    store.close()
    backups.make(settings, None, now=now)
    with answering(load) as url:
        status, said = ask(f"{url}/metrics?x=1")
    assert status == 200
    found = values(said)
    assert found["didban_database_up"] == 1
    assert found["didban_well"] == 0
    assert found["didban_source_state[source=irna][state=blocked]"] == 1
    assert found["didban_source_state[source=irna][state=healthy]"] == 0
    assert found["didban_articles[source=irna]"] == found["didban_articles_today[source=irna]"] == 1
    assert found["didban_lag_seconds[quantile=0.95][stage=stored]"] == pytest.approx(90)
    assert found["didban_lag_count[stage=sent]"] == 0
    assert "didban_lag_seconds[quantile=0.95][stage=sent]" not in found, "no value is made up"
    assert found["didban_messages[channel=first][state=waiting]"] == 1
    assert found["didban_backup_timestamp_seconds"] == pytest.approx(int(now.timestamp()))
    assert found["didban_disk_free_bytes"] > 0
    assert found["didban_last_pass_timestamp_seconds"] == pytest.approx(now.timestamp(), abs=60)


def test_a_database_that_does_not_answer_is_said_and_ends_nothing(settings: Settings) -> None:
    settings.var.mkdir()
    (settings.var / "didban.db").write_bytes(b"no database, " * 1000)
    with answering(load) as url:
        status, said = ask(f"{url}/health")
        assert (status, json.loads(said)["well"]) == (503, False)
        assert "not a database" in json.loads(said)["problems"][0]
        status, said = ask(f"{url}/metrics")
    assert (status, values(said)["didban_database_up"], values(said)["didban_well"]) == (200, 0, 0)


def test_a_mistake_in_the_settings_is_said_while_it_lasts(settings: Settings, tmp_path: Path) -> None:
    state(settings, "healthy")
    (tmp_path / "didban.toml").write_text("rat = 1\n")
    moments = iter(range(0, 10_000, 1000))
    memory = metrics.Memory(load, clock=lambda: float(next(moments)))
    assert "unknown setting 'rat'" in memory().problems[0]
    (tmp_path / "didban.toml").unlink()
    assert memory().problems == ()


def test_an_answer_is_given_again_for_as_long_as_it_took_fifty_times(settings: Settings) -> None:
    clock, asked = [0.0], [0]

    def slow() -> Settings:
        asked[0] += 1
        clock[0] += 1.0
        return settings

    memory = metrics.Memory(slow, clock=lambda: clock[0])
    memory()
    clock[0] += 49.9
    memory()
    assert asked == [1]
    clock[0] += 0.2
    memory()
    assert asked == [2]


def test_a_token_is_wanted_of_everybody_once_there_is_one(settings: Settings) -> None:
    state(settings, "healthy")
    with answering(load, token="of-this-test-alone") as url:
        for headers in ({}, {"Authorization": "Bearer of-this-test"}, {"Authorization": "Basic of-this-test-alone"}):
            status, said = ask(f"{url}/metrics", **headers)
            assert (status, b"didban_" in said) == (401, False)
        assert ask(f"{url}/health", Authorization="Bearer of-this-test-alone")[0] == 200
        assert ask(f"{url}/else", Authorization="Bearer of-this-test-alone")[0] == 404


def test_only_questions_are_answered(settings: Settings) -> None:
    with answering(load) as url:
        host = url.removeprefix("http://")
        for method, status in (("POST", 501), ("HEAD", 404)):
            with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
                connection.request(method, "/nothing")
                answer = connection.getresponse()
                assert (answer.status, method == "POST" or answer.read() == b"") == (status, True)


@pytest.mark.parametrize("where", ["0.0.0.0:9000", "192.0.2.7:9000", ":9000", "9000", "127.0.0.1:many", "[::1]:99999"])
def test_a_place_that_others_reach_needs_a_token_and_a_place_must_be_one(where: str) -> None:
    with pytest.raises(SettingsError, match="metrics"):
        server.metrics_place(Settings(metrics=where))


def test_a_place_is_as_the_settings_say() -> None:
    assert server.metrics_place(Settings()) == ("127.0.0.1", 4201)
    assert server.metrics_place(Settings(metrics="[::1]:9000")) == ("::1", 9000)
    assert server.metrics_place(Settings(), port=0) == ("127.0.0.1", 0)
    open_ = Settings.model_validate({"metrics": "0.0.0.0:9000", "metrics_token": "x"})
    assert server.metrics_place(open_) == ("0.0.0.0", 9000)


def test_a_port_that_is_taken_is_one_line(settings: Settings) -> None:
    with answering(load) as url, pytest.raises(SettingsError, match="nothing can listen on 127"):
        metrics.listening(("127.0.0.1", int(url.rpartition(":")[2])), load)


def test_the_command_prints_once_or_answers_until_it_is_stopped(settings: Settings, tmp_path: Path) -> None:
    state(settings, "healthy")
    env = bare_environment() | {"DIDBAN_SOURCES": "irna"}
    command = [sys.executable, "-m", "flows.cli", "metrics"]
    with subprocess.Popen(
        [*command, "--port", "0"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout
            line = running.stdout.readline()
            url = line.partition("/health")[0]
            assert ask(f"{url}/health")[0] == 200, line
        finally:
            running.terminate()
    once = subprocess.run([*command, "--once"], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert (once.returncode, values(once.stdout)["didban_well"]) == (0, 1)


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.95, 4.0), (1.0, 4.0), (0.01, 1.0)])
def test_a_quantile_is_a_value_that_was(share: float, value: float) -> None:
    assert metrics.quantile([1.0, 2.0, 3.0, 4.0], share) == value
