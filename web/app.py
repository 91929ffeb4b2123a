"""The page as an ASGI application: `create(settings)`. Which address shows what, and what stands around all of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.lines import isolated
from didban.errors import InputError, RulesError, StoreError
from didban.settings import LOOPBACK, Settings
from flows.rulebook import in_force
from flows.workshop import sources_of
from storage.store import open_store
from web import acts, feeds, pages, render, rules, security, trends
from web.archive import archive, calendar, calendars
from web.beside import Beside
from web.office import Office, is_home

STATIC = Path(__file__).with_name("static")
SESSION_SECONDS = 14 * 24 * 3600
_SAID: Mapping[int, str] = {
    400: "این درخواست پذیرفتنی نیست.",
    403: "این درخواست از این صفحه فرستاده نشده بود. صفحه را تازه کنید و دوباره بفرستید.",
    404: "چنین صفحه\u200cای نیست.",
    405: "این درخواست پذیرفتنی نیست.",
    413: "آنچه فرستادید بیش از اندازه بلند است.",
    503: "پایگاه داده در دسترس نیست. چیزی گم نشده است؛ کمی دیگر دوباره بکوشید.",
}


def create(settings: Settings) -> Starlette:
    """The application over the settings' store, opened when it starts. Raises SettingsError, RulesError, StoreError."""
    web = settings.web
    password = web.password.get_secret_value()
    session_key = security.session_key(settings.var / "web.key")
    secret = session_key + security.admission(password) if password or web.trusted_header else ""

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncGenerator[None]:
        store = open_store(settings.store_url)
        registry = sources_of(settings)
        app.state.office = Office(
            settings=settings,
            store=store,
            templates=render.environment(),
            sources=_home_first(
                {source.key: source.name for source in registry.known()},
                lambda key: is_home(settings, key),
            ),
            provinces=_home_first(render.PROVINCE_NAMES, lambda slug: slug == settings.home),
            rules=lambda: in_force(settings),
            secret=secret,
            calendars=Beside(lambda: calendars(settings)),
            rising=Beside(lambda: trends.rising(settings)),
        )
        try:
            yield
        finally:
            store.close()

    guarded = Middleware(
        security.Guarded,
        password=password,
        trusted_header=web.trusted_header,
        proxies=web.proxies,
        open_paths=("/login", "/static/"),
        has_key=lambda request: feeds.has_key(request, secret),
    )
    return Starlette(
        routes=[
            Route("/", pages.today),
            Route("/alerts", pages.alerts),
            Route("/story/{key:str}", pages.story),
            Route("/rules", rules.overview),
            Route("/rules/NEW", rules.opened),
            Route("/rules/NEW", rules.sent, methods=["POST"]),
            Route("/rules/{key:str}", rules.opened),
            Route("/rules/{key:str}", rules.sent, methods=["POST"]),
            Route("/search", pages.search),
            Route("/sources", pages.sources),
            Route("/trends", trends.trends),
            Route("/archive", archive),
            Route("/archive/{key:str}.svg", calendar),
            Route("/feeds/{name:str}.atom", feeds.feed),
            Route("/bulletin", pages.bulletin),
            Route("/cite/{number:int}.{form:str}", pages.cite),
            Route("/export.{shape:str}", pages.export),
            Route("/seen", acts.seen, methods=["POST"]),
            Route("/label", acts.label, methods=["POST"]),
            Route("/mute", acts.mute, methods=["POST"]),
            Route("/login", _Login(password), methods=["GET", "POST"]),
            Route("/logout", _logout, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(settings), www_redirect=False),
            Middleware(
                SessionMiddleware,
                secret_key=session_key,
                session_cookie="didban",
                max_age=SESSION_SECONDS,
                same_site="strict",
                https_only=web.https,
            ),
            guarded,
        ],
        exception_handlers={
            HTTPException: _failed,
            RulesError: _unruled,
            InputError: _refused,
            StoreError: _unavailable,
        },
        lifespan=life,
    )


def _home_first(names: Mapping[str, str], is_home: Callable[[str], bool]) -> dict[str, str]:
    return {key: names[key] for key in sorted(names, key=lambda key: not is_home(key))}


def _hosts(settings: Settings) -> list[str]:
    """The names that the page answers to: loopback's, and those that the operator gave it."""
    return [*(name.strip("[]") for name in LOOPBACK), *LOOPBACK, *settings.web.hosts]


async def _failed(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return pages.said(request, _SAID.get(status, "کاری که خواستید انجام نشد."), status=status)


async def _refused(request: Request, error: Exception) -> Response:
    return pages.said(request, f"{_SAID[400]} ({isolated(str(error))})", status=400)  # the detail is for the operator


async def _unruled(request: Request, error: Exception) -> Response:
    return pages.said(request, render.broken(error) if isinstance(error, RulesError) else _SAID[503], status=503)


async def _unavailable(request: Request, _error: Exception) -> Response:
    return pages.said(request, _SAID[503], status=503)


class _Login:
    """The form that asks for the password. One answer for every wrong one, and none for who guesses."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._guesses = security.Guesses()

    async def __call__(self, scope, receive, send) -> None:  # noqa: ANN001 - an ASGI application
        request = Request(scope, receive)
        answer = await self._post(request) if request.method == "POST" else pages.login(request)
        await answer(scope, receive, send)

    async def _post(self, request: Request) -> Response:
        given = await security.form(request)
        address, wanted = request.client.host if request.client else "", given.get("next", ["/"])[0]
        if self._guesses.waits(address):
            return pages.login(
                request, "کوشش\u200cهای نادرست زیاد بود. یک ربع دیگر دوباره بیایید.", wanted=wanted, status=429
            )
        if not self._password or not security.is_password(given.get("password", [""])[0], self._password):
            self._guesses.wrong(address)
            return pages.login(request, "گذرواژه درست نیست.", wanted=wanted, status=403)
        self._guesses.right(address)
        request.session.clear()  # what was known before the log-in is worth nothing after it
        request.session["in"] = security.admission(self._password)
        return RedirectResponse(wanted if wanted.startswith("/") and wanted[1:2] not in {"/", "\\"} else "/", 303)


async def _logout(request: Request) -> Response:
    await security.form(request)
    request.session.clear()
    return RedirectResponse("/login", 303)
