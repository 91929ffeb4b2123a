"""Nothing that a page holds reaches a terminal as a command to it, or turns a line around."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from flows.cli import main
from storage.store import open_store
from tests.support import article, judge, sighting

ODD = "\x1b]0;x\x07\x9b2J\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT ISOLATE}\x08"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "1"),
        ("show", "1", "--history"),
        ("show", "1", "--reading"),
        ("alerts",),
        ("search", "دولت"),
        ("rules", "try", "own.toml"),
        ("status",),
    ],
)
def test_a_page_is_shown_without_what_is_no_text(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text('[rules.egov]\ntitle = "x"\nany = ["دولت الکترونیک"]\n', "utf-8")
    (tmp_path / "var").mkdir()
    store = open_store(f"sqlite:///{tmp_path / 'var' / 'didban.db'}")
    for edit in ("یک", "دو"):
        odd = article(
            title=f"تیتر{ODD}", kicker=ODD, lead=f"لید{ODD}", text=f"{ODD} دولت الکترونیک {ODD} {edit}.", url=f"https://www.irna.ir/news/84000001/{ODD}"
        )  # fmt: skip
        store.articles.save(odd, judge(), sighting())
    store.close()
    with suppress(SystemExit):  # a source that was never asked is trouble
        main(arguments)
    said = capsys.readouterr()
    assert said.out
    assert not set(ODD) - set("]0;x2J") & set(said.out + said.err)
    assert ("تیتر" in said.out) is (arguments != ("status",))
