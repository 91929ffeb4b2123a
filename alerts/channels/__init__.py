"""Ways to tell someone. A channel is a name for a URL; its scheme says what kind it is.

    console:                  the terminal
    file:PATH, file:///PATH   JSON lines, appended
    http://…, https://…       a webhook: one JSON object, posted

A URL may hold a secret: it is never printed, logged or stored. Errors name the channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alerts.channels.base import Channel
from alerts.channels.console import ConsoleChannel
from alerts.channels.file import FileChannel, file_path
from alerts.channels.webhook import WebhookChannel
from didban.errors import SettingsError

__all__ = ["Channel", "open_channel"]


def open_channel(name: str, url: str, *, base: Path, source_names: Mapping[str, str]) -> Channel:
    """The channel `name`. A relative file lies under `base`; `source_names` gives a source's Persian name by its key.

    Raises SettingsError when the URL is of no kind we know or is malformed; opening touches neither disk nor network.
    """
    match url.partition(":")[0].lower():
        case "console":
            return ConsoleChannel(name, source_names)
        case "file":
            return FileChannel(name, file_path(name, url, base=base), source_names)
        case "http" | "https":
            return WebhookChannel(name, url, source_names)
    raise SettingsError(f"channel {name}: its URL must begin with console:, file:, http:// or https://")
