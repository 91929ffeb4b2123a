"""A rule as TOML that a person can read, and that `alerts/rules.py` reads back as the same rule."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Final

from alerts.rules import KEYS
from didban.alert import Near, Rule

_DEFAULTS: Final = {part.name: part.default for part in fields(Rule)}
_SHORT: Final = 100
"""Letters that a list may have to stand on one line."""


def as_toml(rule: Rule) -> str:
    """The rule's table, its keys in the order in which they are explained; what is as usual is left out."""
    return "\n".join([f"[rules.{rule.id}]", *_lines(rule)]) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    for key in KEYS:
        value = getattr(rule, key)
        if value == _DEFAULTS[key] and key != "title":
            continue
        if isinstance(value, bool):
            yield f"{key} = {str(value).lower()}"
        elif isinstance(value, str):
            yield f"{key} = {_string(value)}"
        else:
            yield f"{key} = {_list([_near(one) if isinstance(one, Near) else _string(one) for one in value])}"


def _near(near: Near) -> str:
    return f"{{ terms = {_list([_string(term) for term in near.terms], short=True)}, within = {near.within} }}"


def _list(written: Sequence[str], *, short: bool = False) -> str:
    line = f"[{', '.join(written)}]"
    return line if short or len(line) <= _SHORT else "[\n" + "".join(f"  {one},\n" for one in written) + "]"


def _string(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, which wants DEL escaped, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
