"""The terminal: the message as readable text."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from alerts.digest import digest_text
from alerts.lines import QUOTES
from alerts.message import notice_text, text
from didban.alert import AnyDraft, DigestDraft, NoticeDraft
from didban.errors import SendError

_BOLD = ("\x1b[1m", "\x1b[22m")


@dataclass(frozen=True, slots=True)
class ConsoleChannel:
    """Prints on standard output; the evidence is bold on a terminal and quoted elsewhere."""

    name: str
    source_names: Mapping[str, str] = field(repr=False)
    deadline: ClassVar[float] = 5.0

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        match draft:
            case NoticeDraft():
                return (notice_text(draft, names=self.source_names),)
            case DigestDraft():
                return (digest_text(draft, names=self.source_names, mark=_BOLD),)
        return (text(draft, names=self.source_names, mark=_BOLD),)

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:  # noqa: ARG002 - nothing to tell twice
        # The part is closed once and may be printed by another process: only here do we know whether to a terminal.
        out = sys.stdout
        try:
            if not out.isatty():
                for bold, quote in zip(_BOLD, QUOTES, strict=True):
                    part = part.replace(bold, quote)
            out.write(f"{part}\n\n")
            out.flush()
        except (OSError, ValueError) as error:  # ValueError: closed, or an encoding without Persian letters
            raise SendError(
                self.name, f"cannot print ({type(error).__name__}); is the terminal's encoding UTF-8?"
            ) from None
