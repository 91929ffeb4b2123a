"""Which sources a run works with: names in settings and variables, the operator's own tables, a portal without an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from didban.errors import InputError, SettingsError
from didban.settings import Settings, load
from flows.workshop import chosen, sources_of


def settings(tmp_path: Path, toml: str, **variables: str) -> Settings:
    path = tmp_path / "didban.toml"
    path.write_text(toml, "utf-8")
    return load({"DIDBAN_CONFIG": str(path), **variables})


def keys(settings: Settings, *names: str) -> list[str]:
    return [source.key for source in chosen(settings, names)]


OWN = """
[sources]
watch = ["own", "irna"]
[sources.own]
home = "https://own.example/"
[sources.irna]
every = "1h"
"""


def test_three_sources_are_watched_unless_others_are_named(tmp_path: Path) -> None:
    assert keys(settings(tmp_path, "")) == ["irna", "mehr", "ostan_lr"]
    assert keys(settings(tmp_path, 'sources = ["irna", "ostan_mz", "irna"]')) == ["irna", "ostan_mz"]
    assert keys(settings(tmp_path, 'sources = "mehr, irna"')) == ["mehr", "irna"]
    assert len(keys(settings(tmp_path, 'sources = ["provinces"]'))) == 30


def test_tables_add_and_change_sources(tmp_path: Path) -> None:
    own = settings(tmp_path, OWN)
    assert keys(own) == ["own", "irna"]
    assert sources_of(own).get("irna").every.total_seconds() == 3600
    assert keys(own, "mehr") == ["mehr"]
    assert keys(settings(tmp_path, OWN.replace("watch", "#watch"))) == ["irna", "mehr", "ostan_lr", "own"]


def test_the_variable_names_sources_and_the_file_still_says_what_they_are(tmp_path: Path) -> None:
    assert keys(settings(tmp_path, OWN, DIDBAN_SOURCES="mehr own")) == ["mehr", "own"]
    assert keys(settings(tmp_path, 'sources = ["irna"]', DIDBAN_SOURCES="mehr")) == ["mehr"]


def test_a_portal_without_an_address_is_left_out_and_alone_it_is_said(tmp_path: Path) -> None:
    assert keys(settings(tmp_path, 'sources = ["ostan_kerman", "irna"]')) == ["irna"]
    with pytest.raises(InputError, match="ostan_kerman: no address of استانداری کرمان is confirmed; write its home"):
        chosen(settings(tmp_path, ""), ["ostan_kerman"])
    named = settings(tmp_path, '[sources.ostan_kerman]\nhome = "https://kerman.example/"')
    assert keys(named, "ostan_kerman") == ["ostan_kerman"]


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("[sources]\nirna = 3", "sources: irna is no table"),
        ("sources = 3", "sources"),
        ("[sources]\nwatch = [3]", "sources.watch"),
    ],
)
def test_what_is_neither_names_nor_tables_is_refused(tmp_path: Path, toml: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        settings(tmp_path, toml)


def test_a_wrong_table_is_named_when_sources_are_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sources\.irna: unknown setting 'homee'"):
        chosen(settings(tmp_path, '[sources.irna]\nhomee = "x"'))
