"""`didban rules labels`: how relevant each rule's alerts were, and what today's rule makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from didban.share import bounds
from flows.cli import main
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting

RULES = '[rules.egov]\ntitle = "دولت"\nany = ["دولت الکترونیک"]\nnone = ["روزنامه"]\n[rules.post]\ntitle = "پست"\nany = ["پست"]\n'
WORDS = {"egov": "دولت الکترونیک"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDBAN_RULES", "own.toml")
    (tmp_path / "own.toml").write_text(RULES, "utf-8")
    (tmp_path / "var").mkdir()
    with closing(open_store(f"sqlite:///{tmp_path / 'var' / 'didban.db'}")) as opened:
        yield opened


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    try:
        main(arguments)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    else:
        code = 0
    return code, capsys.readouterr().out


def label(store: Store, number: int, text: str, *, relevant: bool) -> None:
    whole = f"{text} و این خبر شمارهٔ {number} است که رونوشت هیچ خبر دیگری نیست."
    store.articles.save(
        article(id=str(number), url=None, title=f"تیتر {number}\x1b[2J", text=whole), judge(WORDS), sighting()
    )
    store.labels.say(store.outbox.alerts()[0].id, relevant=relevant, by="web", now=NOW)


def test_a_rule_is_counted_and_what_it_would_find_again_is_named(store: Store, capsys) -> None:
    label(store, 1, "دولت الکترونیک گسترش یافت", relevant=True)
    label(store, 2, "ستون دولت الکترونیک برداشته شد", relevant=False)
    label(store, 3, "روزنامه از دولت الکترونیک نوشت", relevant=False)
    label(store, 4, "روزنامهٔ رسمی، آیین‌نامهٔ دولت الکترونیک", relevant=True)
    code, out = run(capsys, "rules", "labels")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["egov", "4", "2", "few", "labels", "1", "1", "دولت"]
    assert lines[1:] == ["egov: «دولت الکترونیک» is found, and was not relevant: تیتر 2 [2J"]
    assert "\x1b" not in out
    (said,) = json.loads(run(capsys, "rules", "labels", "--json")[1])
    assert (said["id"], said["labelled"], said["relevant"]) == ("egov", 4, 2)
    assert said["today"] == {"labelled": 2, "relevant": 1}
    assert said["precision"] == [round(one, 3) for one in bounds(2, 4)]
    assert [one["sentences"][0][:4] for one in said["still"]] == ["ستون"]
    assert [one["title"][:6] for one in said["lost"]] == ["تیتر 4"]
    assert json.loads(run(capsys, "rules", "labels", "--rule", "post", "--json")[1]) == []


def test_many_labels_are_a_range(store: Store, capsys) -> None:
    for number in range(10):
        label(store, number, f"دولت الکترونیک در شهر {number}", relevant=True)
    assert "72% to 100%" in run(capsys, "rules", "labels")[1]


def test_a_rule_that_nobody_knows_is_named(store: Store, capsys) -> None:
    assert run(capsys, "rules", "labels", "--rule", "egob")[0] == 1


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1)]
)
def test_the_bounds_are_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert bounds(count, total) == pytest.approx((low, high), abs=1e-4)
