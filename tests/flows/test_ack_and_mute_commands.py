"""`didban alerts ack`, `didban mute`, and where it shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.rules import load
from didban.dates import parse_day
from flows.cli import main
from storage.store import Store, open_store
from tests.support import article, judge, sighting


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    opened = open_store(f"sqlite:///{tmp_path / 'var' / 'didban.db'}")
    now = datetime.now(UTC)
    both = {"egov": "دولت الکترونیک", "post-bank": "پست بانک"}
    opened.articles.save(article(text="دولت الکترونیک و پست بانک", title="یک"), judge(both), sighting(now=now))
    opened.articles.save(
        article(id="2", url=None, text="دولت الکترونیک\x1b[2J", title="دو\x07"), judge(both), sighting(now=now)
    )
    yield opened
    opened.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(arguments)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    else:
        code = 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_an_alert_is_acknowledged_by_its_number_and_says_by_whom(store: Store, capsys) -> None:
    assert run(capsys, "alerts")[1].startswith("3 · egov · egov · irna")
    assert run(capsys, "alerts", "ack", "1", "--by", "sara\x1b") == (0, "2 alerts acknowledged\n", "")
    lines = [json.loads(line) for line in run(capsys, "alerts", "--json")[1].splitlines()]
    assert [(one["id"], one["acked_by"]) for one in lines] == [(3, None), (2, "sara\x1b"), (1, "sara\x1b")]
    assert [one["acked"] is None for one in lines] == [True, False, False]
    said = run(capsys, "alerts")[1]
    assert "acknowledged by sara ، " not in said
    assert "acknowledged by sara" in said
    assert "\x1b" not in said
    assert "\x07" not in said
    assert run(capsys, "alerts", "ack", "--all")[1] == "1 alerts acknowledged\n"


def test_what_cannot_be_acknowledged_is_said(store: Store, capsys) -> None:
    assert run(capsys, "alerts", "ack", "7") == (
        1,
        "",
        "didban: there is no alert 7; `didban alerts` shows their numbers\n",
    )
    for arguments in ((), ("1", "--all")):
        code, _, error = run(capsys, "alerts", "ack", *arguments)
        assert (code, "or give --all" in error) == (2, True)
    assert run(capsys, "alerts", "ack", "x")[0] == 2


def test_a_mute_shows_in_rules_status_and_alerts(store: Store, capsys) -> None:
    code, said, _ = run(capsys, "mute", "egov", "--until", "1499-01-01", "--by", "sara")
    assert (code, said.splitlines()) == (
        0,
        [
            "egov is muted until 1499-01-02 00:00, by sara; its alerts are kept and not sent",
            "2 notifications that waited are not sent; `didban alerts --rule egov` shows them",
        ],
    )
    rules = {one["id"]: one["muted"] for one in json.loads(run(capsys, "rules", "--json")[1])}
    assert len(rules) == len(load())
    assert (rules["egov"]["by"], rules["egov"]["until"], rules["ict"]) == ("sara", "2120-03-21T20:30:00Z", None)
    assert "egov\tدولت الکترونیک\tnormal\t1499-01-02 00:00\n" in run(capsys, "rules")[1]
    assert list(json.loads(run(capsys, "status", "--json")[1])["muted"]) == ["egov"]
    assert "egov is muted until 1499-01-02 00:00, by sara" in run(capsys, "status")[1]
    assert "first: muted" in run(capsys, "alerts", "--rule", "egov")[1]
    assert run(capsys, "mute", "egov", "--off")[1] == "egov is told again\n"
    assert run(capsys, "mute", "egov", "--off")[1] == "egov was not muted\n"
    assert json.loads(run(capsys, "status", "--json")[1])["muted"] == {}


def test_a_mute_without_an_end_says_how_to_end_it(store: Store, capsys) -> None:
    assert "until `didban mute ict --off`" in run(capsys, "mute", "ict")[1]
    assert run(capsys, "rules")[1].count("\talways\n") == 1
    run(capsys, "mute", "ict", "--for", "2h")  # the later word counts
    (mute,) = store.mutes.all(now=datetime.now(UTC)).values()
    assert mute.until is not None
    assert abs(mute.until - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("egv",), 1, "there is no rule 'egv'"),
        (("egov", "--for", "1h", "--off"), 2, "give one of --for, --until and --off"),
        (("egov", "--until", "1400-01-01"), 1, "name a time to come"),
        (("egov", "--for", "0s"), 1, "name a time to come"),
        (("egov", "--for", "soon"), 2, "no length of time"),
    ],
)
def test_a_mute_that_cannot_be_is_one_line(store: Store, capsys, arguments, code, said) -> None:
    assert parse_day("1400-01-01") < datetime.now(UTC).date()
    found, _, error = run(capsys, "mute", *arguments)
    assert found == code
    assert said in error
