"""A cold reader's path: the README's `$ didban …` lines, in its order, in one fresh folder, say what is printed under them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.site import Site
from tests.flows.support_processes import ROOT, bare_environment

README = (ROOT / "README.md").read_text("utf-8")
ELSEWHERE = ("didban up", "curl ", "didban sources add", "postgresql:")
"""Commands that need what a test's folder has not; each has a test of its own."""
AS_PRINTED = ("didban import", "didban show", "didban match", "didban backfill mehr")
"""Commands whose lines do not depend on the day or on the sites."""
TROUBLE = ("didban status", "didban backfill mehr")
"""These may, or must, say with 1 or 2 that something is not as it should be."""


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the README's blocks, with the lines under it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"(?ms)^```\n(\$ .*?)^```$", README):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            command, *lines = part.splitlines()
            found.append((command, lines))
    return found


def test_the_readme_has_commands_to_try() -> None:
    assert len([command for command, _ in steps() if not any(word in command for word in ELSEWHERE)]) > 10


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_readmes_commands_work_as_printed(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "didban"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m flows.cli "$@"\n')
    program.chmod(0o755)
    shutil.copytree(ROOT / "tests" / "seeds", tmp_path / "tests" / "seeds")
    with Site() as site:
        env = bare_environment() | {
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": "500",
            "DIDBAN_CHANNEL_OFFICER": "file:told",
        }
        env["PATH"] = f"{program.parent}:{env['PATH']}"

        def run(command: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["/bin/sh", "-c", command],
                check=False,
                capture_output=True,
                text=True,
                env=env,
                cwd=tmp_path,
                timeout=100,
            )

        for written, lines in steps():
            if any(word in written for word in ELSEWHERE):
                continue
            command = written
            if "search" in written:  # by now, something has been watched
                assert run("didban watch").returncode == 0
            if "db restore" in command:
                (backup,) = (tmp_path / "var" / "backups").glob("didban-*.db")
                command = re.sub(r"var/backups/\S+", str(backup.relative_to(tmp_path)), command)
            done = run(command)
            said = (done.stdout + done.stderr).splitlines()
            allowed = {0, 1, 2} if any(word in written for word in TROUBLE) else {0}
            assert done.returncode in allowed, f"{written}: {said}"
            assert "Traceback" not in done.stderr, written
            if any(word in written for word in AS_PRINTED):
                rest = iter(said)
                for line in lines:
                    if line != "…":
                        wanted = re.escape(line).replace("…", ".*")
                        assert any(re.fullmatch(wanted, one) for one in rest), f"{written}: no line {line!r} in {said}"
