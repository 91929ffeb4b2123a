"""Bad documents, rules, settings and databases: one typed line on stderr, a non-zero exit, nothing lost."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flows import cli
from tests.conftest import SEEDS
from tests.flows.support_processes import command

Didban = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Didban:
    """Run a command in this process, in a folder of its own: exit code, stdout, the lines of stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environment: str) -> tuple[int, str, list[str]]:
        with monkeypatch.context() as patch:
            patch.setenv("DIDBAN_VAR", str(tmp_path / "var"))
            for key, value in environment.items():
                patch.setenv(key, value)
            try:
                cli.main(arguments)
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    return run


# ── documents ─────────────────────────────────────────────────────────────────────────────────────────────────────────

DOCUMENTS = {
    "empty.txt": (b"", "empty"),
    "blank.txt": (b"\n \n\t\n", "empty"),
    "binary.txt": (bytes(range(256)) * 8, ""),
    "nul.txt": (b"\0" * 100, ""),
    "missing.txt": ('{"onTitr": "", "titr": "تیتر", "text": "متن"}'.encode(), "describe"),
    "list.txt": (b"[1, 2]", ""),
    "broken.txt": ('{"onTitr": "", "titr": "تی'.encode(), "JSON"),
    "numbers.txt": (b'{"onTitr": 1, "titr": 2, "describe": 3, "text": 4}', "'onTitr' must be a string"),
    "deep.txt": (b'{"onTitr": ' + b"[" * 100_000, ""),
    "prose.txt": ("این هیچ کدام از سه شکل نیست.\n\nنه این.\n".encode(), ""),
    "esfand.txt": (
        "۳۰ اسفند ۱۴۰۲، ۱۷:۵۴\n\nلرستان:\n\nتیتر خبر\n\nبه گزارش خبرگزاری مهر: متن خبر است.\n\nپایان.\n".encode(),
        "۳۰ اسفند ۱۴۰۲",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_bad_document_is_refused_by_name_and_the_good_ones_go_in(name: str, didban: Didban, tmp_path: Path) -> None:
    content, says = DOCUMENTS[name]
    (tmp_path / name).write_bytes(content)
    code, out, err = didban("import", name, str(SEEDS), "--json")
    assert code == 1
    counts = json.loads(out)
    assert (counts["refused"], counts["new"]) == (1, 5)
    assert len(err) == 1
    assert err[0].startswith(f"didban: {name}: ")
    assert says in err[0]
    assert (tmp_path / name).read_bytes() == content


def test_each_bad_json_line_is_named_and_the_rest_go_in(didban: Didban, tmp_path: Path) -> None:
    good = {"source": "irna", "title": "تیتر", "text": "متنی که خوانده می‌شود"}
    bad: list[object] = [
        {"source": "irna"},
        {**good, "titel": "x"},
        {**good, "tags": "x"},
        {**good, "published": "30 اسفند 1402"},
        {**good, "published": "2024-02-30T00:00:00Z"},
        {**good, "revision": 0},
        {**good, "revision": 2**31},
        {**good, "text": "نیم\0"},
        {**good, "tags": ["\ud800"]},
        [],
        5,
    ]
    lines = [json.dumps(good).encode(), *(json.dumps(one).encode() for one in bad), b"{", b"\xff\xfe", b"[" * 100_000]
    (tmp_path / "lines.jsonl").write_bytes(b"\n".join(lines))
    code, out, err = didban("import", "lines.jsonl", "--json")
    assert code == 1
    assert json.loads(out)["new"] == 1
    assert [line.split(": ")[1] for line in err] == [f"lines.jsonl:{number}" for number in range(2, len(lines) + 1)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "absent.txt"),
        ("export", "-o", "absent/folder/file.jsonl"),
        ("export", "--since", "30 اسفند 1402"),
        ("export", "--format", "seed"),
        ("export", "--format", "seed", "-o", "a-file"),
        ("export", "--original"),
        ("backfill", "irna", "--since", "1402-12-30", "--until", "1403-01-02"),
        ("backfill", "irna", "--since", "1403-01-02", "--until", "1403-01-01"),
        ("backfill", "irnaa", "--since", "1403-01-01", "--until", "1403-01-02"),
        ("watch", "irnaa"),
        ("parse", "a-file", "--source", "irnaa"),
        ("parse", "absent.html", "--source", "irna"),
        ("show", "12"),
        ("show", "irna:12"),
        ("show", "۱۲"),
        ("show", "99999999999999999999999"),
        ("sources", "check", "irnaa"),
        ("match", "--rules", "absent.toml"),
        ("match", "--rules", "."),
        ("rules", "check", "absent.toml"),
        ("up", "--every", "soon"),
        ("nothing",),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_one_line_that_says_so(arguments: tuple[str, ...], didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("x")
    code, out, err = didban(*arguments)
    assert code in (1, 2)
    assert out == ""
    said = [line for line in err if not line.startswith(("Usage: ", "Try ")) and line]
    assert len(said) == 1, err
    assert said[0].startswith(("didban: ", "Error: "))


def test_unknown_names_come_with_the_nearest_known(didban: Didban) -> None:
    for arguments, nearest in (
        (("watch", "irnaa"), "irna"),
        (("parse", "x", "--source", "mher"), "mehr"),
    ):
        assert f"did you mean {nearest!r}?" in didban(*arguments)[2][0]


# ── rules and settings ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[rules.a]\ntitle = "الف"\nany = ["x"]\npriorty = "urgent"\n', ":4: ", ),
        ('[rules.a]\ntitle = "الف"\nany = "x"\n', ":3: "),
        ('[rules.a]\ntitle = "الف"\nany = [\n', ":4: is not TOML"),
        ('\n\n[rulez.a]\ntitle = "الف"\n', ":3: "),
        ('[rules.a]\ntitle = "الف"\nany = ["x"]\npriority = "now"\n', ":4: "),
        ("", ""),
    ],
    ids=["unknown-key", "a-word-for-a-list", "cut", "unknown-table", "unknown-priority", "empty"],
)  # fmt: skip
def test_a_wrong_rules_file_is_named_with_its_line(text: str, says: str, didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text, "utf-8")
    for arguments, environment in (
        (("rules", "check", "own.toml"), {}),
        (("watch",), {"DIDBAN_RULES": "own.toml"}),
        (("import", str(SEEDS)), {"DIDBAN_RULES": "own.toml"}),
    ):
        code, out, err = didban(*arguments, **environment)
        assert (code, out) == (1, "")
        assert len(err) == 1
        assert f"own.toml{says}" in err[0]
    assert not (tmp_path / "var" / "didban.db").exists() or not didban("export")[1]


def test_an_unknown_key_of_a_rule_comes_with_a_suggestion(didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[rules.a]\ntitle = "الف"\nany = ["x"]\npriorty = "urgent"\n', "utf-8")
    assert "did you mean 'priority'?" in didban("rules", "check", "own.toml")[2][0]


def test_a_rule_that_names_a_channel_nobody_knows(didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[rules.a]\ntitle = "الف"\nany = ["x"]\nchannels = ["pager"]\n', "utf-8")
    for arguments in (("watch",), ("import", str(SEEDS))):
        code, out, err = didban(*arguments, DIDBAN_RULES="own.toml")
        assert (code, out) == (1, "")
        assert len(err) == 1
        assert "'pager'" in err[0]
        assert "'a'" in err[0]


@pytest.mark.parametrize(
    ("text", "environment", "says"),
    [
        ('aler_window = "72h"\n', {}, "didban.toml: unknown setting 'aler_window' (did you mean 'alert_window'?)"),
        ("rate = -1\n", {}, "didban.toml: rate: "),
        ('alert_window = "soon"\n', {}, "didban.toml: alert_window: "),
        ("rate = [\n", {}, "didban.toml: not TOML"),
        ("channels = 5\n", {}, "didban.toml: channels: "),
        ('channels = "console:"\n', {}, "didban.toml: channels: "),
        ('[channels]\nhook = 5\n', {}, "didban.toml: channels.hook: "),
        ('[channels]\nhook = "gopher://x"\n', {}, "channel hook: "),
        ('[fetch."www.irna.ir"]\nproxi = "x"\n', {}, "didban.toml: fetch.www.irna.ir.proxi: "),
        ("", {"DIDBAN_RAT": "1"}, "unknown environment variable DIDBAN_RAT (did you mean 'DIDBAN_RATE'?)"),
        ("", {"DIDBAN_RATE": "fast"}, "DIDBAN_RATE: "),
        ("", {"DIDBAN_RATE": "nan"}, "DIDBAN_RATE: "),
        ("", {"DIDBAN_ALERT_WINDOW": "soon"}, "DIDBAN_ALERT_WINDOW: "),
        ("", {"DIDBAN_HOSTS": "*=http://example.org:80"}, "DIDBAN_HOSTS: "),
        ("", {"DIDBAN_HOSTS": "*=http://127.0.0.1:99999"}, ""),
        ("", {"DIDBAN_HOSTS": "nonsense"}, "DIDBAN_HOSTS: "),
        ("", {"DIDBAN_CONFIG": "absent.toml"}, "absent.toml: cannot be read"),
        ("", {"DIDBAN_DATABASE_URL": "nonsense"}, "DIDBAN_DATABASE_URL"),
        ("", {"DIDBAN_DATABASE_URL": "nosuch://x/y"}, ""),
        ("", {"DIDBAN_SOURCES": "irna mher"}, "did you mean 'mehr'?"),
        ("", {"DIDBAN_VAR": "a-file/var"}, "a-file"),
        ("", {"DIDBAN_HOME": "lorestann"}, "DIDBAN_HOME"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(
    text: str, environment: dict[str, str], says: str, didban: Didban, tmp_path: Path
) -> None:
    (tmp_path / "didban.toml").write_text(text, "utf-8")
    (tmp_path / "a-file").write_text("x")
    code, out, err = didban("watch", **({"DIDBAN_HOSTS": "nowhere=http://127.0.0.1:9"} | environment))
    err = [line for line in err if "DIDBAN_HOSTS is on" not in line]
    assert (code, out) == (1, "")
    assert len(err) == 1, err
    assert err[0].startswith("didban: ")
    assert says in err[0]


def test_a_channels_secret_is_never_shown(didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "didban.toml").write_text(
        '[channels]\nhook = "gopher://user:SECRET@x"\nother = {a = "SECRET"}\n', "utf-8"
    )
    code, out, err = didban("watch")
    assert code == 1
    assert "SECRET" not in out + "".join(err)


# ── databases ─────────────────────────────────────────────────────────────────────────────────────────────────────────

COMMANDS = (("watch",), ("notify",), ("status",), ("import", str(SEEDS)), ("export",), ("alerts",), ("db", "upgrade"))


def test_a_database_from_the_future_is_refused_and_not_touched(didban: Didban, tmp_path: Path) -> None:
    assert didban("import", str(SEEDS))[0] == 0
    path = tmp_path / "var" / "didban.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    for arguments in COMMANDS:
        code, out, err = didban(*arguments)
        assert (code, out) == (1, "")
        assert len(err) == 1
        assert "later version" in err[0]
    assert didban("db", "check")[0] == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database\n" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_not_touched(content: bytes, didban: Didban, tmp_path: Path) -> None:
    path = tmp_path / "var" / "didban.db"
    path.parent.mkdir()
    path.write_bytes(content)
    for arguments in (*COMMANDS, ("db", "check")):
        code, out, err = didban(*arguments)
        assert (code, out) == (1, "")
        assert len(err) == 1
        assert "didban.db" in err[0]
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_refused(didban: Didban, tmp_path: Path) -> None:
    path = tmp_path / "var" / "didban.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    code, _, err = didban("watch")
    assert code == 1
    assert len(err) == 1
    assert "not Didban's" in err[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir(mode=0o500)
    code, _, err = didban("watch")
    assert code == 1
    assert len(err) == 1


# ── the world outside ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_host_that_cannot_be_reached_fails_in_one_line_a_source(tmp_path: Path) -> None:
    """As a person would start it: nobody listens on port 9 of loopback."""
    environment = {"DIDBAN_VAR": str(tmp_path), "DIDBAN_HOSTS": "*=http://127.0.0.1:9", "DIDBAN_RATE": "500"}
    # with a console channel: standard output must be the JSON's alone
    done = command("watch", "irna", "ostan_lr", "--json", environment=environment)
    assert done.returncode == 1
    tally = json.loads(done.stdout)
    assert tally["unreachable"] >= 2
    assert tally["new"] == 0
    errors = done.stderr.decode()
    assert "Traceback" not in errors
    assert "stamina" not in errors
    assert "https://www.irna.ir/robots.txt" in errors
    status = command("status", "--json", environment=environment)
    assert status.returncode == 1
    states = {one["source"]: one["state"] for one in json.loads(status.stdout)["sources"]}
    assert states == {"irna": "unreachable", "ostan_lr": "unreachable", "mehr": "new"}


def test_a_channel_that_cannot_be_reached_keeps_its_messages(tmp_path: Path) -> None:
    from demo.site import Site

    with Site() as site:
        environment = {
            "DIDBAN_VAR": str(tmp_path),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": "500",
            "DIDBAN_ALERT_WINDOW": "unlimited",
            "DIDBAN_CHANNEL_HOOK": "http://user:SECRET@127.0.0.1:9/hook",
            "DIDBAN_CHANNEL_LOG": "file:log.jsonl",
        }
        done = command("watch", "ostan_lr", "--json", environment=environment)
    assert done.returncode == 1
    assert b"SECRET" not in done.stderr + done.stdout
    assert json.loads(done.stdout)["unsent"] >= 1
    assert len((tmp_path / "log.jsonl").read_text("utf-8").splitlines()) == 1, "one channel held up the other"
    status = json.loads(command("status", "--json", environment=environment).stdout)
    assert status["messages"] == {"open": 1, "sent": 1, "waiting": 0}
