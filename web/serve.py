"""`didban web`: the page behind uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from pydantic import ValidationError

from didban.errors import SettingsError
from didban.settings import Settings, WebSettings
from web.app import create
from web.security import hashed

__all__ = ["hashed", "run"]


def run(settings: Settings, *, host: str | None, port: int | None, say: Callable[[str], None]) -> None:
    """Serve until interrupted; `say` is told the address once it listens. Raises SettingsError, RulesError, StoreError."""
    asked = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        web = WebSettings.model_validate(settings.web.model_dump() | asked)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise SettingsError(f"web: {said.removeprefix('Value error, ')}") from None
    app = create(settings.model_copy(update={"web": web}))
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    # named as TCP, or asyncio lets a small answer wait for its reader's delayed acknowledgement: 40 ms a page
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((web.host, web.port))
        except OSError as error:
            raise SettingsError(
                f"web: cannot listen at {web.host}:{web.port}: {error.strerror}; --port N is another"
            ) from None
        where = f"[{web.host}]" if ":" in web.host else web.host
        say(f"http://{where}:{listening.getsockname()[1]}/")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, lifespan="on"
        )
        uvicorn.Server(config).run(sockets=[listening])
