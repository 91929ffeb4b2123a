"""`didban db pages`: what the stored pages take; `--pack` looks after them now, `--check` holds each against its digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from didban.dates import iso_utc, jalali_iso
from didban.errors import StoreError
from didban.settings import Settings
from flows.owner import Owner
from flows.upkeep import keeping_of, steps
from flows.workshop import now
from storage.store import Store
from storage.upkeep import Held

HEADERS = ("source", "kind", "pages", "unread", "as served", "as kept", "share", "no dictionary", "oldest")
_UNITS = ("B", "KB", "MB", "GB", "TB")


def pack(settings: Settings, store: Store, *, show: Callable[[str, int, int], None] | None = None) -> Counter[str]:
    """All that waits to be done to the pages, now; how many were `packed` and `dropped`, how many dictionaries `trained`.

    Raises StoreError where another process is at it.
    """
    counts, total = Counter[str](), sum(held.plain for held in store.upkeep.held())
    settings.var.mkdir(parents=True, exist_ok=True)
    with Owner(settings.var / "owners") as owner:
        store.sources.release(owner.dead(store.sources.owners()))
        work = steps(store, keeping_of(settings.pages), owner=owner.name, now=now, daily=timedelta(0))
        with closing(work):
            for step in work:
                counts[step.what] += step.count
                if show is not None:
                    show("pages", counts["packed"], total)
    if "packed" not in counts:
        raise StoreError("another process is looking after the pages now; try again in a minute")
    return counts


def as_json(held: Sequence[Held], database: int) -> dict[str, Any]:
    """`didban db pages --json`: bytes throughout."""
    pages = [asdict(one) | {"oldest": iso_utc(one.oldest)} for one in held]
    return {"database": database, "pages": pages}


def as_rows(held: Sequence[Held]) -> list[tuple[str, ...]]:
    """A row of HEADERS for each source and kind."""
    return [
        (
            one.source,
            one.kind,
            str(one.pages),
            str(one.unread),
            said(one.size),
            said(one.packed),
            f"{one.packed / max(one.size, 1):.0%}",
            str(one.plain),
            jalali_iso(one.oldest, with_time=False) or "-",
        )
        for one in held
    ]


def summary(held: Sequence[Held], database: int) -> str:
    """All of it in one line."""
    pages, size, packed = (sum(getattr(one, name) for one in held) for name in ("pages", "size", "packed"))
    return f"{pages} pages: {said(size)} as served, {said(packed)} as kept, in a database of {said(database)}"


def said(size: float) -> str:
    """Bytes for people: `812 B`, `7.3 KB`, `1.2 GB`."""
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"
