"""What an officer may do: say that a story was seen, whether it was relevant, and silence a topic. An act is a form of ours, and
leads back to its page."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse

from didban.errors import InputError
from flows.workshop import now
from web.office import Office
from web.security import form, visitor

SPANS: dict[str, timedelta | None] = {
    "1": timedelta(days=1),
    "7": timedelta(days=7),
    "30": timedelta(days=30),
    "": None,
}
"""For how long a topic may be silent, by what the form sends; empty is until it is taken back."""
LABELS: dict[str, bool | None] = {"yes": True, "no": False, "off": None}


async def seen(request: Request) -> RedirectResponse:
    """These alerts' stories were seen: nobody else needs to be told of them."""
    office, given = _office(request), await form(request)
    numbers = given.get("alert", [])
    if not numbers or not all(number.isascii() and number.isdigit() and len(number) < 10 for number in numbers):
        raise HTTPException(400)
    await run_in_threadpool(
        office.store.outbox.acknowledge, [int(number) for number in numbers], by=who(request), now=now()
    )
    return _back(given)


async def label(request: Request) -> RedirectResponse:
    """An alert was relevant, was not, or nothing is said of it any more."""
    office, given = _office(request), await form(request)
    number, _, said = given.get("label", [""])[0].partition(":")
    if said not in LABELS or not (number.isascii() and number.isdigit() and len(number) < 10):
        raise HTTPException(400)
    say, by = office.store.labels.say, who(request)
    try:
        key = await run_in_threadpool(say, int(number), relevant=LABELS[said], by=by, now=now())
    except InputError:  # no alert has this number
        raise HTTPException(404) from None
    in_a_story = given.get("back", [""])[0].startswith("/story/")
    return _back(given, f"a-{number}" if in_a_story else f"s-{key}")


async def mute(request: Request) -> RedirectResponse:
    """A topic is told to nobody for a while, or again."""
    office, given = _office(request), await form(request)
    rule, span = given.get("rule", [""])[0], given.get("for", [""])[0]
    if rule not in {one.id for one in await run_in_threadpool(office.rules)}:
        raise HTTPException(404)
    if span == "off":
        await run_in_threadpool(office.store.mutes.end, rule)
    elif span in SPANS:
        length = SPANS[span]
        until = None if length is None else now() + length
        await run_in_threadpool(office.store.mutes.mute, rule, until=until, by=who(request), now=now())
    else:
        raise HTTPException(400)
    return _back(given)


def _office(request: Request) -> Office:
    return request.app.state.office


def who(request: Request) -> str:
    """The name that a trusted proxy gave, else only that it was done here."""
    header = _office(request).settings.web.trusted_header
    return visitor(request, header) if header else "web"


def _back(given: dict[str, list[str]], place: str = "") -> RedirectResponse:
    """To the page that the form was on: a path of ours, whatever was sent; there, to the element of the id `place`."""
    try:
        parts = urlsplit(given.get("back", ["/"])[0])
    except ValueError:  # http://[
        return RedirectResponse("/", 303)
    here = (
        not parts.scheme
        and not parts.netloc
        and parts.path.startswith("/")
        and not parts.path.startswith(("//", "/\\"))
    )
    query, fragment = f"?{parts.query}" if parts.query else "", f"#{place}" if place else ""
    return RedirectResponse(quote(parts.path + query, safe="/?&=%~+") + fragment if here else "/", 303)
