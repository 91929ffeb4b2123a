"""What no tracked text file may hold, and links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written so that no pattern finds itself.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.:/\-])/(?:work|root|home|Users)/\w"),
    "a package index's address": re.compile(
        r"https?://[^\s/\"']*(?:pypi|pythonhosted|devpi|artifactory|nexus)\b|/sim[p]le/?\s"
    ),
    "a note to self": re.compile(r"\b(?:TO[D]O|FIX[M]E)\b"),
}


def tracked() -> list[Path]:
    """The text files that are, or are about to be, in the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to it is not known")
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, check=True, capture_output=True).stdout.decode().split("\0")
    paths = [ROOT / name for name in names if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_this_checkout_s_own_folder_is_named_nowhere() -> None:
    assert [path for path in tracked() if str(ROOT).encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of somebody's machine", "cd /" + "home/reza/didban"),
        ("a package index's address", "https://" + "pypi.example/x"),
        ("a note to self", "# TO" + "DO: later"),
    ],
)
def test_the_patterns_find_what_they_are_for(what: str, line: str) -> None:
    assert FORBIDDEN[what].search(line)


def links() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.suffix == ".md":
            prose = re.sub(r"(?ms)^```.*?^```", "", path.read_text("utf-8"))
            yield from ((path, target) for target in re.findall(r"\]\(([^)\s]+)\)", prose))


def anchors(path: Path) -> set[str]:
    """Of a document's headings, as they are made on the web."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_relative_link_leads_somewhere() -> None:
    relative = [(path, target) for path, target in links() if not target.startswith(("http://", "https://"))]
    assert len(relative) > 10
    for path, target in relative:
        name, _, anchor = target.partition("#")
        place = path.parent / name if name else path
        assert place.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(place), f"{path.name}: {target}"


def test_decisions_are_numbered_and_short() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    for number, path in enumerate(decisions, 1):
        text = path.read_text("utf-8")
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert len([line for line in text.splitlines() if line]) <= 15, path.name
