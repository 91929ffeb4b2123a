"""`didban feeds`, and the feeds that a shift leaves behind."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from alerts.rules import load
from didban.alert import Rule
from flows.feeds import write
from storage.store import Store
from tests.support import article, judge, sighting

RULES = (Rule(id="egov", title="دولت الکترونیک", any=("x",)), Rule(id="post", title="پست بانک", any=("y",)))


def titles(path: Path) -> list[str | None]:
    return [one.text for one in ET.parse(path).iter("{http://www.w3.org/2005/Atom}title")][1:]


def test_a_file_of_all_and_one_of_each_rule_live_alerts_alone(store: Store, tmp_path: Path) -> None:
    both = {"egov": "دولت الکترونیک", "post": "پست بانک"}
    store.articles.save(article(title="یک", text="دولت الکترونیک و پست بانک"), judge(both), sighting())
    store.articles.save(article(id="2", url=None, title="دو", text="دولت الکترونیک"), judge(both), sighting())
    store.articles.save(article(id="3", url=None, title="سه", text="پست بانک"), judge(both, live=False), sighting())
    paths = write(store, RULES, tmp_path / "new" / "feeds", names={})
    assert {path.name: titles(path) for path in paths} == {
        "all.atom": ["دو", "یک"],
        "egov.atom": ["دو", "یک"],
        "post.atom": ["یک"],
    }


def test_a_file_that_says_the_same_is_left_alone_and_another_replaced_whole(store: Store, tmp_path: Path) -> None:
    first, *_ = write(store, RULES, tmp_path, names={})
    before = first.stat()
    write(store, RULES, tmp_path, names={})
    assert (first.stat().st_ino, first.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    store.articles.save(article(), judge(), sighting())
    write(store, RULES, tmp_path, names={})
    assert first.stat().st_ino != before.st_ino
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".atom" or path.name[0] == ".") == [
        "all.atom",
        "egov.atom",
        "post.atom",
    ]


def test_the_command_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from flows.cli import main

    monkeypatch.chdir(tmp_path)
    main(["feeds", "-o", "shared"])
    assert capsys.readouterr().out == f"{len(load()) + 1} feeds in shared\n"
    (tmp_path / "taken").write_text("", "utf-8")
    with pytest.raises(SystemExit):
        main(["feeds", "-o", "taken"])
    assert capsys.readouterr().err == "didban: taken: File exists\n"
