"""A draft as the one line of JSON that files hold and webhooks receive."""

from __future__ import annotations

import json
from collections.abc import Mapping

from alerts.message import payload
from didban.alert import Draft


def json_part(draft: Draft, names: Mapping[str, str]) -> str:
    """One line, Persian as itself. A lone surrogate, which no bytes can hold, becomes `?`."""
    return json.dumps(payload(draft, names=names), ensure_ascii=False).encode(errors="replace").decode()
