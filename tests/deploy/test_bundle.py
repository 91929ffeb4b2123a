"""A bundle: what a lock names, checked by its hashes, with a wheel built of what has none; installed without any index."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
BACKEND = '''
"""A build backend of its own: nothing is asked of anybody."""
import os, zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "in_source-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("in_source.py", "SAID = 'built here'")
        wheel.writestr("in_source-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: in-source\\nVersion: 1.0\\n")
        tags = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr("in_source-1.0.dist-info/WHEEL", tags)
        wheel.writestr("in_source-1.0.dist-info/RECORD", "")
    return name
'''


def wheel(folder: Path, name: str) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(f"{name}.py", "SAID = 'as locked'")
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/RECORD", "")
    return path


def source(folder: Path) -> Path:
    """A package that has no wheel."""
    inner = folder / "in_source-1.0"
    inner.mkdir()
    (inner / "backend.py").write_text(BACKEND)
    (inner / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "in-source"\nversion = "1.0"\n'
    )
    (inner / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: in-source\nVersion: 1.0\n")
    path = folder / "in_source-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(inner, inner.name)
    return path


def locked(name: str, path: Path) -> str:
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def python_with_pip() -> str | None:
    """The interpreter that our environment is of; that itself has no pip."""
    for name in ("python3", f"python3.{sys.version_info.minor}"):
        path = Path(sys.base_prefix, "bin", name)
        if (
            path.exists()
            and subprocess.run([path, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0
        ):
            return str(path)
    return None


@pytest.mark.slow
def test_a_bundle_is_installed_without_an_index_and_only_as_locked(tmp_path: Path) -> None:
    python = python_with_pip()
    if python is None:
        pytest.skip("no python3 with pip here, by which `make` installs uv")
    index = tmp_path / "index"
    index.mkdir()
    first, second = wheel(index, "in_wheel"), source(index)
    own = wheel(tmp_path, "didban")
    lock = tmp_path / "requirements.txt"
    lock.write_text("# a lock\n" + locked("in-source", second) + locked("in-wheel", first))
    alone = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "PIP_CONFIG_FILE": os.devnull,
        "PATH": os.environ["PATH"],
    }
    made = run(
        python,
        str(REPO / "deploy" / "bundle.py"),
        "--lock",
        str(lock),
        "--wheel",
        str(own),
        "-o",
        str(tmp_path),
        **alone,
    )
    assert made.returncode == 0, made.stderr
    bundle = Path(made.stdout.strip())
    assert bundle.name.startswith("didban-1.0-cp3")
    with tarfile.open(bundle) as tar:
        tar.extractall(tmp_path / "there", filter="data")
    there = tmp_path / "there"
    assert sorted(path.name for path in (there / "wheels").iterdir()) == [
        "didban-1.0-py3-none-any.whl",
        "in_source-1.0-py3-none-any.whl",
        "in_wheel-1.0-py3-none-any.whl",
    ]

    nothing = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(there / "wheels"),
        "PATH": os.environ["PATH"],
    }
    target = tmp_path / "installed"
    install = (
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--require-hashes",
        "-r",
        str(there / "requirements.txt"),
        "-t",
        str(target),
    )
    done = run(*install, **nothing)
    assert done.returncode == 0, done.stderr
    assert "built here" in (target / "in_source.py").read_text()
    assert (target / "didban.py").exists()

    with (there / "wheels" / "in_wheel-1.0-py3-none-any.whl").open("ab") as other:
        other.write(b"not what was locked")
    done = run(*install, "--upgrade", **nothing)
    assert done.returncode != 0
    assert "in-wheel" in done.stderr or "in_wheel" in done.stderr
    assert "HASH" in done.stderr.upper()


def test_the_light_lock_is_the_other_one_without_hazm() -> None:
    def names(lock: str) -> dict[str, str]:
        lines = (REPO / lock).read_text("utf-8").splitlines()
        return {
            line.partition("==")[0] + line.partition(";")[2].strip(" \\"): line.partition("==")[2].split()[0]
            for line in lines
            if "==" in line and not line.startswith((" ", "#"))
        }

    full, light = names("requirements.txt"), names("requirements-light.txt")
    assert light.items() <= full.items()
    without = {name for name in full.keys() - light.keys() if name.startswith(("hazm", "numpy", "scikit", "gensim"))}
    assert {"hazm"} <= {name[:4] for name in without}
    assert not any(name.startswith(("hazm", "gensim", "numpy")) for name in light)


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, env=variables, timeout=100)
