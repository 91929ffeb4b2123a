"""`didban accept` against the replayed sites."""

from __future__ import annotations

import json
from pathlib import Path

from demo.site import Site
from didban.settings import Settings, load
from flows.accept import accept


def _settings(site: Site, tmp_path: Path) -> Settings:
    return load({"DIDBAN_HOSTS": site.hosts, "DIDBAN_VAR": str(tmp_path), "DIDBAN_RATE": "500"})


def test_pages_and_what_was_read_of_them_are_saved_for_review(tmp_path: Path) -> None:
    said: list[str] = []
    with Site() as site:
        piece = site.grow()
        url = f"https://www.irna.ir/news/{piece.article.id}/{piece.slug}"
        well = accept(_settings(site, tmp_path), "irna", [url], tmp_path / "pages", say=said.append)
    assert well, said
    golden = json.loads((tmp_path / "pages" / f"irna-{piece.article.id}.json").read_text("utf-8"))
    assert (golden["title"], golden["fetched"]) == (piece.article.title, None)
    assert (tmp_path / "pages" / f"irna-{piece.article.id}.html").read_bytes().startswith(b"<!DOCTYPE")


def test_a_page_that_is_none_is_kept_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    with Site() as site:
        well = accept(
            _settings(site, tmp_path), "irna", ["https://www.irna.ir/archive?pi=1"], tmp_path / "pages", say=said.append
        )
    assert not well
    assert said[0].startswith("✗ https://www.irna.ir/archive")
    assert len(list((tmp_path / "pages").glob("*.html"))) == 1
    assert list((tmp_path / "pages").glob("*.json")) == []
