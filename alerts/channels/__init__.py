"""Ways to tell someone. A channel is a name for a URL; its scheme says what kind it is.

    console:                     the terminal
    file:PATH, file:///PATH      JSON lines, appended
    http://…, https://…          a webhook: one JSON object, posted
    smtp://…, smtps://…          e-mail
    telegram://, bale://, eitaa://   messengers
    first_of:A,B                 the first of these channels that takes it
    whatever Apprise speaks      kavenegar://…, ntfy://…

A URL may hold a secret: it is never printed, logged or stored. Errors name the channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from alerts.channels.base import Channel, Options, Receipt, Steps, Stepwise
from alerts.channels.console import ConsoleChannel
from alerts.channels.file import FileChannel, file_path
from alerts.channels.first_of import FirstOf, members
from didban.errors import SettingsError

__all__ = ["OURS", "Channel", "Options", "Receipt", "Steps", "Stepwise", "members", "open_channel", "open_channels"]

OURS: Final = (
    "console", "file", "http", "https", "smtp", "smtps", "telegram", "tgram", "bale", "eitaa", "first_of",
)  # fmt: skip
_NONE: Final = Options()


def open_channels(
    urls: Mapping[str, str], *, base: Path, source_names: Mapping[str, str], options: Mapping[str, Options]
) -> dict[str, Channel]:
    """The channels by name, in their order. Raises SettingsError as `open_channel`, and where a `first_of:` names no channel or
    another `first_of:`."""
    opened: dict[str, Channel] = {
        name: open_channel(name, url, base=base, source_names=source_names, options=options.get(name, _NONE))
        for name, url in urls.items()
        if not url.lower().startswith("first_of:")
    }
    return {name: opened[name] if name in opened else _first_of(name, url, opened) for name, url in urls.items()}


def _first_of(name: str, url: str, opened: Mapping[str, Channel]) -> FirstOf:
    names = members(url)
    if not names:
        raise SettingsError(f"channel {name}: write first_of:NAME,NAME with the names of other channels")
    for member in names:
        if member not in opened:
            close = get_close_matches(member, list(opened), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(opened)}"
            raise SettingsError(f"channel {name}: {member!r} is no channel that first_of can try; {hint}")
    return FirstOf(name, tuple(opened[member] for member in names))


def open_channel(
    name: str, url: str, *, base: Path, source_names: Mapping[str, str], options: Options = _NONE
) -> Channel:
    """The channel `name`. A relative file lies under `base`; `source_names` gives a source's Persian name by its key.

    Raises SettingsError when the URL is of no kind we know or is malformed; opening touches neither disk nor network.
    """
    # Each imports what it needs when it is used: a command that prints to the console waits for no httpx.
    match url.partition(":")[0].lower():
        case "console":
            return ConsoleChannel(name, source_names)
        case "file":
            return FileChannel(name, file_path(name, url, base=base), source_names)
        case "http" | "https":
            from alerts.channels.webhook import webhook  # noqa: PLC0415

            return webhook(name, url, source_names, options)
        case "smtp" | "smtps":
            from alerts.channels.mail import mail  # noqa: PLC0415

            return mail(name, url, source_names, options)
        case "telegram" | "tgram" | "bale" | "eitaa":
            from alerts.channels.messenger import messenger  # noqa: PLC0415

            return messenger(name, url, source_names, options)
    from alerts.channels.other import other  # noqa: PLC0415

    return other(name, url, source_names, options, ours=OURS)
