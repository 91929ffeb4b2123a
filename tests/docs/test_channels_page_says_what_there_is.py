"""docs/channels.md: its kinds, keys and examples are the program's."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import OURS
from alerts.channels.webhook import signed
from didban.settings import ChannelSettings, load
from flows.deliver import TRIES
from flows.workshop import channels_of
from storage.outbox import AWAY, FEW

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/channels.md").read_text("utf-8")


def block(kind: str) -> str:
    (found,) = re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", PAGE)
    return found


@pytest.mark.parametrize("scheme", OURS)
def test_every_kind_has_its_row(scheme: str) -> None:
    assert re.search(rf"(?m)^\|.*`{scheme}:", PAGE)


def test_every_key_of_a_channels_table_has_its_row() -> None:
    table = PAGE.partition("## A channel's own table")[2].partition("\n## ")[0]
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", table)) == set(ChannelSettings.model_fields)


def test_the_example_opens(tmp_path: Path) -> None:
    path = tmp_path / "didban.toml"
    path.write_text(block("toml"), "utf-8")
    opened = channels_of(load({"DIDBAN_CONFIG": str(path)}))
    assert list(opened) == ["officer", "telegram", "bale", "mail", "sms", "office"]


def test_the_receivers_code_verifies_what_we_sign() -> None:
    made: dict[str, Any] = {}
    exec(compile(block("python"), "channels.md", "exec", dont_inherit=True), made)
    headers = signed(b"secret", "k-1", int(time.time()), b"{}")
    assert made["verified"](b"secret", headers, b"{}")
    assert not made["verified"](b"secret", headers, b"{ }")
    assert not made["verified"](b"secret", signed(b"secret", "k-1", int(time.time()) - 900, b"{}"), b"{}")


def test_its_numbers_are_the_programs() -> None:
    assert (TRIES, AWAY.total_seconds() / 3600, FEW) == (12, 6, 5)
    for said in ("after 12 tries", "for six hours and more than five stories"):
        assert said in PAGE
