"""Plain commands stay light, every command explains itself, and the rooms keep their walls."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from demo.site import Site
from flows.cli import cli
from tests.conftest import SEEDS
from tests.flows.support_processes import ROOT, bare_environment

HEAVY = ("prefect", "hazm", "fastapi", "numpy", "pandas", "nltk")

LIGHT = """
import contextlib, io, json, sys
from flows import cli

arguments, heavy = json.loads(sys.argv[1])
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    try:
        cli.main(arguments)
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
sys.stderr.write(json.dumps([code, [name for name in heavy if name in sys.modules]]) + "\\n")
"""


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and group there is, as typed."""

    def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if path:
            yield path
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                yield from walk(inner, (*path, name))

    yield from walk(cli, ())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with a store in it and with a page, and the environment that leads to it and to a local site."""
    folder = tmp_path_factory.mktemp("plain")
    with Site() as site:
        piece = site.pieces("ostan_lr")[0]
        path = f"/index.php/fa/news/{piece.article.id}-{piece.slug}"
        (folder / "page.html").write_text(site.answer("ostan-lr.ir", path).body, "utf-8")
        yield folder, {"DIDBAN_VAR": str(folder / "var"), "DIDBAN_HOSTS": site.hosts, "DIDBAN_RATE": "500"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("watch", "ostan_lr"),
        ("notify",),
        ("backfill", "irna", "--since", "1405-05-12", "--until", "1405-05-12"),
        ("import", str(SEEDS)),
        ("export",),
        ("export", "--format", "seed", "-o", "{folder}/seeds"),
        ("export", "--format", "csv", "-o", "{folder}/table.csv"),
        ("cite", "1", "--format", "bibtex"),
        ("parse", "{folder}/page.html", "--source", "ostan_lr"),
        ("match",),
        ("show", "1"),
        ("alerts",),
        ("rules",),
        ("rules", "check"),
        ("rules", "test"),
        ("sources",),
        ("sources", "check", "ostan_lr"),
        ("status",),
        ("db", "upgrade"),
        ("db", "check"),
        ("--help",),
    ],
    ids=" ".join,
)
def test_a_plain_command_imports_nothing_heavy(arguments: tuple[str, ...], kept: tuple[Path, dict[str, str]]) -> None:
    folder, environment = kept
    given = [part.format(folder=folder) for part in arguments]
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, json.dumps([given, HEAVY])],
        input=b'{"id":1,"title":"x"}\n', capture_output=True, cwd=ROOT, env=bare_environment() | environment, check=True,
    )  # fmt: skip
    code, loaded = json.loads(done.stderr.splitlines()[-1])
    assert loaded == []
    assert code == (1 if arguments == ("sources", "check", "ostan_lr") else 0), (
        done.stderr.decode()
    )  # its news are stale


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_explains_itself_with_an_example(
    path: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*path, "--help"], prog_name="didban")
    assert stop.value.code == 0
    said = capfd.readouterr().out
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    if not isinstance(found, click.Group) or found.invoke_without_command:
        assert re.search(rf"Example: .*didban {' '.join(path)}", said), said
    for option in found.params:
        if isinstance(option, click.Option) and option.name not in ("help", "shape"):
            assert option.help, f"{option.name} is not explained"


# ── the walls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the rooms and of what is asked of them."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ("didban", "scrapers", "storage", "alerts", "flows", "demo"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "*.txt"))
    return tmp_path


def lint(house: Path) -> tuple[int, str]:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-logo", "--no-cache"], capture_output=True, text=True, check=False,
        cwd=house, env=bare_environment() | {"PYTHONPATH": str(house), "COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_rooms_keep_their_walls(house: Path) -> None:
    code, said = lint(house)
    assert code == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("scrapers/feed.py", "import prefect"),
        ("flows/shift.py", "from prefect import flow"),
        ("scrapers/html.py", "import httpx"),
        ("storage/links.py", "import scrapers.base"),
        ("alerts/policy.py", "import storage.store"),
        ("didban/text.py", "import alerts.rules"),
        ("didban/urls.py", "import hazm"),
        ("flows/deliver.py", "import sqlalchemy"),
        ("storage/store.py", "from flows import pipeline"),
    ],
)
def test_an_import_through_a_wall_is_found(file: str, planted: str, house: Path) -> None:
    place = house / file
    place.write_text(place.read_text("utf-8") + f"\n\ndef planted() -> None:\n    {planted}  # noqa\n", "utf-8")
    code, said = lint(house)
    assert code == 1
    room = file.removesuffix(".py").replace("/", ".")
    assert f"{room} -> {planted.split()[1]}" in said
