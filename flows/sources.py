"""`didban sources add` and `opml`: new sources without code."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from didban.errors import DidbanError, InputError, SettingsError
from didban.settings import Settings
from flows.workshop import fetching, sources_of
from scrapers.detect import propose
from scrapers.opml import read_opml


def add(
    settings: Settings, target: str, path: Path, *, key: str | None, write: bool, say: Callable[[str], None]
) -> bool:
    """Try the site at an address, or every feed of an OPML file, and append what to watch to the settings file at `path`.

    Says what was found. Nothing is written where no article could be read, for a key that is known, or without `write`. True
    when every site was read. Raises InputError (no web address, no OPML), SettingsError (the file cannot take it).
    """
    if key is not None and not key.isidentifier():
        raise InputError(f"--key {key}: a source's key is letters, digits and `_`, and begins with none of the digits")
    known = {source.key for source in sources_of(settings).known()}

    async def all_of_them() -> bool:
        well = True
        async with fetching(settings) as fetcher:
            for url in _targets(target):
                say(url)
                try:
                    found = await propose(fetcher.fetch, url, key=key)
                except DidbanError as error:
                    say(f"  ✗ {error}")
                    well = False
                    continue
                for line in found.findings:
                    say(f"  {line}")
                say(found.toml.rstrip())
                well &= found.article is not None
                if found.source.key in known:
                    say(f"  {found.source.key} is there already; `--key NAME` gives another name")
                elif write and found.article is not None:
                    _append(path, found.toml)
                    known.add(found.source.key)
                    say(f"  written to {path}")
                    if settings.sources.watch:
                        say(
                            f"  it is watched once `watch` under [sources] (or DIDBAN_SOURCES) names {found.source.key}"
                        )
        return well

    return asyncio.run(all_of_them())


def _targets(target: str) -> Sequence[str]:
    """The addresses meant: one, or those of an OPML file."""
    file = Path(target)
    if file.suffix.lower() not in {".opml", ".xml"} or "://" in target:
        return [target]
    try:
        outlines = read_opml(file.read_bytes())
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or 'cannot be read'}") from None
    return [outline.home or outline.feed for outline in outlines]


def _append(path: Path, table: str) -> None:
    """Append a table to a TOML file, which stays valid or stays as it was."""
    before = path.read_text("utf-8") if path.exists() else ""
    after = f"{before.rstrip()}\n\n{table.strip()}\n".lstrip()
    try:
        tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{path} cannot take the table ({error}); where it says sources = [...], write [sources] with watch = [...]"
        ) from None
    draft = path.with_name(path.name + ".part")
    draft.write_text(after, "utf-8")
    draft.replace(path)
