"""Everything that an installation takes from an index, as one file: `make bundle`, then `make install BUNDLE=FILE` where none is.

    python deploy/bundle.py [--lock requirements.txt] [--also NAME==VERSION] [--wheel FILE] [-o FOLDER]

The file is a tar of `requirements.txt` and `wheels/`, for this platform and this Python. What the lock names is fetched by pip and
checked against the lock's hashes. A package that has no wheel is built here, for the server may have no compiler, and the wheel's
hash is added to its line; so is the project's own wheel. `--also` (uv, by which it is installed) goes along without being locked.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lock", type=Path, default=Path("requirements.txt"))
    parser.add_argument("--also", default="", help="a package that is not locked: uv==0.13.9")
    parser.add_argument("--wheel", type=Path, help="the project's own wheel")
    parser.add_argument("-o", "--output", type=Path, default=Path("dist"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(bundle(asked.lock, asked.wheel, asked.also, asked.output, Path(folder)))


def bundle(lock: Path, own: Path | None, also: str, output: Path, folder: Path) -> Path:
    """The file's path. Raises CalledProcessError: pip has said why."""
    wheels = folder / "wheels"
    wheels.mkdir()
    pip("download", "--require-hashes", "--no-deps", "-r", str(lock), "-d", str(wheels))
    locked = lock.read_text("utf-8")
    for source in sorted(path for path in wheels.iterdir() if path.suffix != ".whl"):
        before = set(wheels.glob("*.whl"))
        pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(source))
        (built,) = set(wheels.glob("*.whl")) - before
        source.unlink()
        locked = with_hash(locked, built)
    if own is not None:
        (wheels / own.name).write_bytes(own.read_bytes())
        name, version = own.name.split("-")[:2]
        locked += f"{name}=={version} \\\n    --hash=sha256:{digest(own)}\n"
    if also:
        pip("download", "--no-deps", "--only-binary", ":all:", also, "-d", str(wheels))
    (folder / "requirements.txt").write_text(locked, "utf-8")

    output.mkdir(parents=True, exist_ok=True)
    what = "-light" if "light" in lock.stem else ""
    version = own.name.split("-")[1] if own else "0"
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    path = output / f"didban-{version}{what}-{python}-{sysconfig.get_platform()}.tar"
    draft = path.with_suffix(".part")
    with tarfile.open(draft, "w") as tar:  # wheels are compressed already
        for name in ("requirements.txt", "wheels"):
            tar.add(folder / name, name)
    return draft.replace(path)


def with_hash(locked: str, wheel: Path) -> str:
    """The lock with the hash of a wheel that was built from what it names."""
    name, version = wheel.name.split("-")[:2]
    pattern = rf"(?im)^({re.escape(name).replace('_', '[-_.]')}=={re.escape(version)}\b[^\n]*\\\n)"
    found, count = re.subn(pattern, rf"\1    --hash=sha256:{digest(wheel)} \\" + "\n", locked)
    if count != 1:
        raise SystemExit(f"bundle: {wheel.name} is locked {count} times")
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pip(*arguments: str) -> None:
    subprocess.run([*PIP, *arguments], check=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"bundle: pip ended with {error.returncode}")
