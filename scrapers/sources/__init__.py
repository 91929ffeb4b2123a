"""The table of sources: the one place that knows them all."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from didban.errors import InputError
from scrapers.base import Source
from scrapers.sources.irna import IRNA
from scrapers.sources.mehr import MEHR
from scrapers.sources.ostan_lr import OSTAN_LR

SOURCES: Mapping[str, Source] = MappingProxyType({source.key: source for source in (IRNA, MEHR, OSTAN_LR)})


def all_sources() -> tuple[Source, ...]:
    """Every source, in the order of the table."""
    return tuple(SOURCES.values())


def get(key: str) -> Source:
    """The source of that key. Raises InputError with the nearest key we know."""
    try:
        return SOURCES[key]
    except KeyError:
        near = difflib.get_close_matches(key, SOURCES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(SOURCES)}"
        raise InputError(f"no source {key!r} ({hint})") from None
