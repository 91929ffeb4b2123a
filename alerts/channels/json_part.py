"""A draft as lines of JSON, which files hold and webhooks receive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from alerts.digest import digest_payloads
from alerts.message import notice_payload, payload
from didban.alert import AnyDraft, DigestDraft, NoticeDraft


def json_parts(draft: AnyDraft, names: Mapping[str, str]) -> tuple[str, ...]:
    """One line, or several of a long digest. Persian as itself; a lone surrogate, which no bytes can hold, becomes `?`."""
    match draft:
        case NoticeDraft():
            return (_line(notice_payload(draft, names=names)),)
        case DigestDraft():
            return tuple(map(_line, digest_payloads(draft, names=names)))
    return (_line(payload(draft, names=names)),)


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False).encode(errors="replace").decode()
