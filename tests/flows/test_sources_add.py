"""`didban sources add`: a site's platform is found, tried, and written into didban.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.site import Site
from didban.errors import InputError, SettingsError
from didban.settings import Settings, load
from flows.sources import add
from flows.workshop import chosen


def _settings(site: Site, tmp_path: Path) -> Settings:
    return load({"DIDBAN_HOSTS": site.hosts, "DIDBAN_VAR": str(tmp_path), "DIDBAN_RATE": "500"})


def _add(tmp_path: Path, target: str, *, key: str | None = None, write: bool = True) -> tuple[bool, str]:
    said: list[str] = []
    with Site() as site:
        well = add(_settings(site, tmp_path), target, tmp_path / "didban.toml", key=key, write=write, say=said.append)
    return well, "\n".join(said)


def test_a_sister_of_a_platform_needs_no_code(tmp_path: Path) -> None:
    well, said = _add(tmp_path, "www.mehrnews.com", key="mehr_two")
    assert well, said
    assert "engine: nastooh" in said
    settings = load({"DIDBAN_CONFIG": str(tmp_path / "didban.toml")})
    assert "mehr_two" in {source.key for source in chosen(settings)}


def test_a_known_source_and_a_rehearsal_write_nothing(tmp_path: Path) -> None:
    well, said = _add(tmp_path, "https://ostan-lr.ir/")
    assert well
    assert "ostan_lr is there already" in said
    _add(tmp_path, "https://www.mehrnews.com/", key="mehr_two", write=False)
    assert not (tmp_path / "didban.toml").exists()


def test_every_feed_of_an_opml_file_is_tried(tmp_path: Path) -> None:
    (tmp_path / "feeds.opml").write_text(
        '<opml version="2.0"><body><outline text="a" xmlUrl="https://www.irna.ir/rss" htmlUrl="https://www.irna.ir/"/>'
        '<outline text="b" xmlUrl="https://nowhere.test/rss" htmlUrl="https://nowhere.test/"/></body></opml>',
        "utf-8",
    )
    well, said = _add(tmp_path, str(tmp_path / "feeds.opml"))
    assert not well
    assert "irna is there already" in said
    assert "https://nowhere.test/" in said


def test_a_file_that_cannot_take_the_table_stays_as_it_was(tmp_path: Path) -> None:
    before = 'sources = ["irna"]\n'
    (tmp_path / "didban.toml").write_text(before, "utf-8")
    with pytest.raises(SettingsError, match="write \\[sources\\] with watch"):
        _add(tmp_path, "https://www.mehrnews.com/", key="mehr_two")
    assert (tmp_path / "didban.toml").read_text("utf-8") == before


def test_a_key_that_no_table_may_have_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="letters, digits"):
        _add(tmp_path, "https://www.mehrnews.com/", key="24news")
    assert not (tmp_path / "didban.toml").exists()
