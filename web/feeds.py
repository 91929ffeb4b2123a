"""The alerts as Atom, for feed readers: of all, of each topic, of each province.

A reader cannot log in: where a password is set, an address holds a key of its own feed, which ends with the password.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from alerts.feed import Feed, atom
from flows.feeds import ALL, stories_of
from web.office import Office, office_of

TYPE = "application/atom+xml"
_PROVINCE = "province-"


def address(office: Office, *, rule: str = "", province: str = "") -> str:
    """Where a feed is: of a topic, else of a province, else of all."""
    path = f"/feeds/{rule or (_PROVINCE + province if province else ALL)}.atom"
    return f"{path}?key={key_of(path, office.secret)}" if office.secret else path


def key_of(path: str, secret: str) -> str:
    """What a feed's address has to hold."""
    return hmac.new(secret.encode(), f"feed:{path}".encode(), sha256).hexdigest()[:32]


def has_key(request: Request, secret: str) -> bool:
    """Whether a request is for a feed, and holds its key."""
    path, given = request.scope["path"], request.query_params.get("key", "")
    named = bool(secret) and path.startswith("/feeds/")
    return named and hmac.compare_digest(given.encode(), key_of(path, secret).encode())


def feed(request: Request) -> Response:
    """One of them; 304 where the reader has it as it is."""
    office, name = office_of(request), request.path_params["name"]
    known = {rule.id: Feed(rule=rule.id, title=rule.title) for rule in office.rules()}
    known |= {
        f"{_PROVINCE}{slug}": Feed(rule=None, province=slug, title=words) for slug, words in office.provinces.items()
    }
    chosen = Feed(rule=None, title="همهٔ هشدارها") if name == ALL else known.get(name)
    if chosen is None:
        raise HTTPException(404)
    body = atom(chosen, stories_of(office.store, chosen), names=office.sources)
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type=f"{TYPE}; charset=utf-8", headers={"ETag": tag})
