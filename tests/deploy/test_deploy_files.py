"""What lies in deploy/: units that systemd takes, a compose file that hangs together, an image that holds all of us."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
import yaml
from psycopg import sql
from sqlalchemy.engine import make_url

from flows.cli import cli
from tests.support_postgres import STRANGER, Server

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])
SERVICES = [path for path in UNITS if path.suffix == ".service"]
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
ROLES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, role in ROLES.items() if "DIDBAN" in role["image"]]


def unit(path: Path) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=True, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    read.optionxform = lambda optionstr: optionstr  # systemd heeds case
    read.read_string(path.read_text("utf-8"))
    return read


def is_command(words: list[str]) -> bool:
    """Is `didban …` a command of ours, with options that it has?"""
    at: click.Command = cli
    rest = words[1:]
    while isinstance(at, click.Group) and rest and rest[0] in at.commands:
        at, rest = at.commands[rest[0]], rest[1:]
    options = {name for option in at.params for name in option.opts}
    return at is not cli and all(word in options for word in rest if word.startswith("-"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_unit(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here; the unit is only parsed, below")
    for each in UNITS:  # a timer is looked at together with its service; only the program is not where it would be
        there = each.read_text("utf-8").replace("/srv/didban/.venv/bin/didban", "/bin/true")
        (tmp_path / each.name).write_text(there)
    asked = ["systemd-analyze", "verify", "--man=no", str(tmp_path / path.name)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_runs_a_command_of_ours_as_somebody_who_may_do_little(path: Path) -> None:
    service = unit(path)["Service"]
    words = service["ExecStart"].split()
    assert words[0].endswith("/bin/didban")
    assert is_command(words), service["ExecStart"]
    wanted = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes", "StateDirectory": "didban"}
    assert wanted.items() <= dict(service).items()
    assert (service["User"], service["CapabilityBoundingSet"]) == ("didban", "")
    assert "DIDBAN_VAR=/var/lib/didban" in service["Environment"]


def test_every_service_is_held_alike_and_every_timer_has_one() -> None:
    hardened = {
        path.read_text("utf-8").partition("# It may write")[2].partition("\n[Install]")[0].strip() for path in SERVICES
    }
    assert len(hardened) == 1
    timers = [path for path in UNITS if path.suffix == ".timer"]
    assert len(timers) == 2
    for path in timers:
        assert path.with_suffix(".service") in SERVICES
        assert unit(path)["Install"]["WantedBy"] == "timers.target"


# ── compose ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_variable_has_a_value_and_no_registry_is_named() -> None:
    text = re.sub(r"(?m)^\s*#.*$", "", (DEPLOY / "compose.yaml").read_text("utf-8"))
    for name, rest in re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", text):
        assert rest.startswith(":-"), name
    for role in ROLES.values():
        assert re.match(r"\$\{(REGISTRY:-\}\w+|DIDBAN_IMAGE:-didban\}):", role["image"]), role["image"]


@pytest.mark.parametrize("name", ROLES)
def test_what_a_role_names_is_there(name: str) -> None:
    role = ROLES[name]
    for other, how in role.get("depends_on", {}).items():
        assert other in ROLES
        assert how["condition"] in {"service_healthy", "service_completed_successfully"}
        if how["condition"] == "service_healthy":
            assert "healthcheck" in ROLES[other], f"{name} would wait for {other} for ever"
        else:
            assert ROLES[other]["restart"] != "unless-stopped", f"{other} would never be complete"
    for secret in role.get("secrets", ()):
        assert COMPOSE["secrets"][secret]["file"].startswith("./secrets/")
    for mount in role.get("volumes", ()):
        source = mount.partition(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    for port in role.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "nothing is open to others unless somebody says so"
    assert name == "deploy" or "healthcheck" in role


@pytest.mark.parametrize("name", OURS)
def test_a_role_of_ours_is_a_command_and_may_do_little(name: str) -> None:
    role = ROLES[name]
    said = [part.strip() for part in role["command"][2].split("&&")] if role["command"][0] == "sh" else []
    for words in [part.removeprefix("exec ").split() for part in said] or [role["command"]]:
        assert words[:3] == ["python", "-m", "prefect"] or is_command(words), words
    assert (role["read_only"], role["cap_drop"], "user" in role) == (True, ["ALL"], False)
    if name != "server":
        assert role["environment"]["DIDBAN_DATABASE_URL"] == "postgresql://didban@postgres/didban", "no password in it"
        assert role["volumes"] == ["var:/var/lib/didban"]


def test_no_secret_is_in_the_repository() -> None:
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "password" not in re.sub(
        r"postgres_password|POSTGRES_PASSWORD_FILE|#.*", "", (DEPLOY / "compose.yaml").read_text("utf-8")
    )


def compose() -> list[str] | None:
    """Docker's own reader of such files, the plugin or the program before it, where there is one."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(words[0])
            and not subprocess.run([*words, "version"], capture_output=True, check=False).returncode
        ):
            return words
    return None


@pytest.mark.parametrize("profile", [[], ["--profile", "web"]], ids=["without the page", "with it"])
def test_docker_takes_the_compose_file(profile: list[str]) -> None:
    words = compose()
    if words is None:
        pytest.skip("no docker compose here; the file is checked above")
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    if words == ["docker-compose"]:  # 1.29 knows the whole of the format but a project's name
        text = text.replace("\nname: didban\n", "\n")
    asked = [*words, "--project-name", "didban", "--project-directory", str(DEPLOY), "-f", "-", *profile, "config"]
    done = subprocess.run(asked, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)["services"]
    assert {"postgres", "server", "deploy", "worker", "metrics"} <= set(resolved)
    assert resolved["worker"]["environment"]["PREFECT_API_URL"] == "http://server:4200/api"
    assert resolved["server"]["image"] == "didban:0.1.0"
    assert resolved["postgres"]["image"] == "postgres:17"


# ── the image ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_image_holds_every_package_and_all_that_is_copied_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1] if word[0] != "-"]
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packages["packages"]) <= set(copied)
    assert "prefect.yaml" in copied
    for name in copied:
        assert (ROOT / name).exists() or "[" in name, name
    (begin,) = [line for line in lines if line.startswith("FROM")]
    assert begin == "FROM ${PYTHON_IMAGE}"


def test_what_the_image_is_made_of_runs(tmp_path: Path) -> None:
    """Its COPY lines and what follows them, in a folder instead of an image, with the packages that are installed here."""
    env = {
        "PATH": f"{tmp_path}/usr/local/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    for line in lines[lines.index("COPY prefect.yaml /app/") :]:
        words = line.split()
        if line.startswith("COPY"):
            *_, source, target = words
            to = tmp_path / target.strip("/")
            (to if target.endswith("/") else to.parent).mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, to / source if target.endswith("/") else to)
                assert "--chmod=755" in words or target.endswith("/")
        elif line.startswith("ENV"):
            given = (word.partition("=") for word in words[1:])
            env |= {name: f"{tmp_path}{value}" if value.startswith("/") else value for name, _, value in given}
        elif line.startswith("RUN"):
            subprocess.run([*words[1:-1], str(tmp_path / "app")], check=True, env=env, timeout=60)
    entrypoint = tmp_path / "usr/local/bin/entrypoint"
    for words in (["didban", "db", "upgrade"], ["didban", "status"]):
        done = subprocess.run(
            [entrypoint, *words], check=False, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), done
    assert (tmp_path / "var/lib/didban/didban.db").exists(), "all that is written is under the volume"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app", "usr", "var"]


@pytest.mark.parametrize("script", ["entrypoint.sh", "didban.sh"])
def test_a_script_is_one_that_a_shell_reads(script: str) -> None:
    assert subprocess.run(["sh", "-n", DEPLOY / script], check=False).returncode == 0
    assert (DEPLOY / script).stat().st_mode & stat.S_IXUSR


@pytest.fixture
def guarded(postgres: Server, empty_postgres_url: str) -> Iterator[tuple[str, str]]:
    """A database that wants a password with everything in it that a file of passwords may stumble over."""
    name, password = sql.Identifier(STRANGER), r"a:b\c' d#e"
    postgres.say(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
    yield make_url(empty_postgres_url).set(username=STRANGER).render_as_string(), password
    postgres.say(sql.SQL("DROP ROLE {}").format(name))


def test_the_password_goes_from_its_file_to_the_database_and_stands_nowhere(
    guarded: tuple[str, str], tmp_path: Path
) -> None:
    url, password = guarded
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    secret = tmp_path / "postgres_password"
    secret.write_text(password + "\n")
    program = "import os, psycopg, sys; psycopg.connect(sys.argv[1]).close(); print(os.environ['PGPASSFILE'])"
    env = {
        "PATH": os.environ["PATH"],
        "PGUSER": STRANGER,
        "POSTGRES_PASSWORD_FILE": str(secret),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [DEPLOY / "entrypoint.sh", sys.executable, "-c", program, url],
        env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = Path(done.stdout.strip())
    assert made.parent == tmp_path
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
