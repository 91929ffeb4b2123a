"""A draft as the one line of JSON that files hold and webhooks receive."""

from __future__ import annotations

import json
from collections.abc import Mapping

from alerts.message import notice_payload, payload
from didban.alert import Draft, NoticeDraft


def json_part(draft: Draft | NoticeDraft, names: Mapping[str, str]) -> str:
    """One line, Persian as itself. A lone surrogate, which no bytes can hold, becomes `?`."""
    said = notice_payload(draft, names=names) if isinstance(draft, NoticeDraft) else payload(draft, names=names)
    return json.dumps(said, ensure_ascii=False).encode(errors="replace").decode()
