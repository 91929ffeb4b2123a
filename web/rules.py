"""Rules for people who do not program: all of them, one as a form, tried on the last days before it is kept.

A draft that cannot be kept comes back as it was filled in, with a Persian sentence beside each field that is wrong. A trial writes
nothing. What is kept is a file of `rules.d` (flows/own_rules.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from alerts.rules import RuleSet
from didban.alert import Rule
from didban.errors import Overtaken, RulesError
from didban.text import squash
from flows import own_rules
from flows.labels import Judged, judged
from flows.look_back import Look, look_back
from flows.own_rules import Entry
from flows.rulebook import look
from flows.workshop import now
from storage.articles import Selection
from storage.labels import Count
from web import drafts
from web.acts import who
from web.drafts import Draft, Problems
from web.office import Office
from web.pages import shown
from web.security import form

SPANS: Final[Mapping[str, timedelta | None]] = {"30": timedelta(days=30), "365": timedelta(days=365), "all": None}
"""Over how many days a rule is tried, by what the form sends."""
MOST_ARTICLES: Final = 20_000
"""That a trial looks at: 0.2 ms each, some four seconds."""
MOST_SHOWN: Final = 200
"""Rules in the list of all."""
_LONG_AGO: Final = timedelta(days=365 * 100)
_SAMPLES: Final = 8
_SAMPLE: Final = 1000  # articles that are asked whether a phrase is too common
_MOST_BYTES: Final = 1 << 20  # of the form: a thousand phrases, six bytes a letter
_OVERTAKEN: Final = (
    "در این میان کس دیگری این موضوع را عوض کرده است. نوشتهٔ شما اینجاست و گم نشده؛ "
    "اگر باز ذخیره کنید، جای نوشتهٔ او را می\u200cگیرد."
)
_CHANGED: Final = (
    "در این میان کس دیگری این موضوع را عوض کرده است؛ آنچه اکنون هست اینجاست. اگر هنوز می\u200cخواهید، دوباره بزنید."
)
_DELETED: Final = (
    "در این میان کس دیگری این موضوع را حذف کرده است. نوشتهٔ شما اینجاست و گم نشده؛ "
    "اگر ذخیره کنید، موضوعی تازه می\u200cشود."
)
_BROKEN: Final = (
    "اکنون چیزی ذخیره نمی\u200cشود: پروندهٔ دیگری از قاعده\u200cها نادرست است و گرداننده باید درستش کند. "
    "نوشتهٔ شما اینجاست."
)
_LOCKED: Final = "این موضوع را گرداننده با دست نوشته است و از این صفحه عوض نمی\u200cشود."
_UNWRITABLE: Final = "ذخیره نشد: پوشهٔ قاعده\u200cها نوشتنی نیست. نوشتهٔ شما اینجاست؛ به گرداننده بگویید."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a draft finds in the articles from `since` (None: in all); `cut` when there were too many, and only newer ones read.

    `look` is None where no article of those days is stored.
    """

    since: datetime | None
    cut: bool
    read: int
    look: Look | None
    judged: Judged


def overview(request: Request) -> Response:
    """All rules: who wrote each, how urgent it is, how relevant its alerts were."""
    office: Office = request.app.state.office
    rules = office.rules()
    counts, asked = office.store.labels.counts(), request.query_params.get("q", "").strip()
    kept = request.query_params.get("kept", "")
    entries = [entry for entry in own_rules.entries(rules, office.settings) if _says(entry.rule, squash(asked))]
    entries.sort(key=lambda entry: entry.rule.id != kept)  # what was just kept is shown, however many there are
    return shown(
        request,
        "rules.html",
        entries=[(entry, counts.get(entry.rule.id, Count())) for entry in entries[:MOST_SHOWN]],
        more=len(entries[MOST_SHOWN:]),
        asked=asked,
        broken=_broken(office),
        mutes=office.store.mutes.all(now=now()),
        kept=kept,
    )


def opened(request: Request) -> Response:
    """One rule as a form, or an empty form."""
    office: Office = request.app.state.office
    entry = _asked(office.rules(), office, request)
    draft = drafts.of_rule(entry.rule, entry.version) if entry is not None else Draft()
    return _form(request, office, entry, draft, {})


async def sent(request: Request) -> Response:
    """The form comes back: tried, kept, or taken back."""
    given = await form(request, most=_MOST_BYTES)
    return await run_in_threadpool(_sent, request, given)


def _sent(request: Request, given: Mapping[str, list[str]]) -> Response:
    office: Office = request.app.state.office
    rules = office.rules()
    draft, does = drafts.of_form(given), given.get("do", [""])[0]
    if draft.seen and does != "back" and _entry(rules, office, request.path_params.get("key", "")) is None:
        return _deleted(request, office, draft)
    entry = _asked(rules, office, request)
    if does == "back" and entry is not None:
        return _taken_back(request, office, entry, draft)
    if does not in {"try", "keep", "keep-anyway"} or draft.days not in SPANS:
        raise HTTPException(400)
    base = entry.rule if entry is not None else None
    problems = drafts.mistakes(draft, base, rules, office.settings.channels)
    if problems:
        return _form(request, office, entry, draft, problems)
    rule = drafts.drafted(draft, base)
    doubts = drafts.doubts(rule, office.store.evidence.sample(_SAMPLE), slight=does == "try")
    if does == "try":
        return _form(request, office, entry, draft, {}, doubts=doubts, trial=_tried(office, rule, rules, draft.days))
    if doubts and does == "keep":
        return _form(request, office, entry, draft, {}, doubts=doubts, anyway=True)
    return _kept(request, office, entry, draft, rule)


def _kept(request: Request, office: Office, entry: Entry | None, draft: Draft, rule: Rule) -> Response:
    rule = rule if entry is not None else replace(rule, id=own_rules.new_id())
    try:
        own_rules.keep(office.settings, rule, seen=draft.seen, by=who(request), now=now())
    except Overtaken:
        if entry is None:
            return _form(request, office, None, draft, {"title": [drafts.TAKEN.format(rule.title)]}, status=409)
        theirs = _entry(office.rules(), office, rule.id)
        if theirs is None:
            return _deleted(request, office, draft)
        again = replace(draft, seen=theirs.version)
        return _form(request, office, theirs, again, {"form": [_OVERTAKEN]}, theirs=theirs, status=409)
    except RulesError:
        problem = _LOCKED if entry is not None and entry.locked else _BROKEN
        return _form(request, office, entry, draft, {"form": [problem]}, status=409)
    except OSError:
        return _form(request, office, entry, draft, {"form": [_UNWRITABLE]}, status=503)
    return RedirectResponse(f"/rules?kept={rule.id}#r-{rule.id}", 303)


def _deleted(request: Request, office: Office, draft: Draft) -> Response:
    """What somebody wrote in a rule that is gone by now: as a new one."""
    return _form(request, office, None, replace(draft, seen=""), {"form": [_DELETED]}, status=409)


def _taken_back(request: Request, office: Office, entry: Entry, draft: Draft) -> Response:
    try:
        own_rules.take_back(office.settings, entry.rule.id, seen=draft.seen, now=now())
    except (Overtaken, RulesError, OSError) as error:
        problem = {Overtaken: _CHANGED, RulesError: _BROKEN}.get(type(error), _UNWRITABLE)
        again = replace(drafts.of_rule(entry.rule, entry.version), days=draft.days)
        return _form(request, office, entry, again, {"form": [problem]}, status=409)
    return RedirectResponse("/rules", 303)


def _tried(office: Office, rule: Rule, rules: RuleSet, days: str) -> Trial:
    """What this rule finds in the articles of the last days, against the one in force. Nothing is written."""
    store, span, at = office.store, SPANS[days], now()
    selection = Selection(since=at - span) if span is not None else Selection()
    total = store.evidence.count(selection)
    far, near = selection.since or at - _LONG_AGO, at
    if cut := total > MOST_ARTICLES:  # the newest of them, wherever in these days they lie
        while not 0.9 * MOST_ARTICLES < total <= MOST_ARTICLES and near - far > timedelta(minutes=1):
            middle = far + (near - far) / 2
            total = store.evidence.count(Selection(since=middle))
            far, near = (middle, near) if total > MOST_ARTICLES else (far, middle)
        selection = Selection(since=near)
        total = store.evidence.count(selection)
    found = None
    if total:
        alone = RuleSet((rule,), "", "", ())
        report = look_back(store, alone, selection, against=rules, home=office.settings.home, samples=_SAMPLES)
        found = report.looks[rule.id]
    return Trial(since=selection.since, cut=cut, read=total, look=found, judged=judged(store, rule))


def _form(
    request: Request,
    office: Office,
    entry: Entry | None,
    draft: Draft,
    problems: Problems,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - what a template is given
) -> Response:
    defaults = {"doubts": {}, "anyway": False, "trial": None, "theirs": None}
    return shown(
        request,
        "rule.html",
        action=f"/rules/{entry.rule.id}" if entry is not None else "/rules/NEW",
        status=400 if problems and status == 200 else status,
        entry=entry,
        draft=draft,
        problems=problems,
        broken=_broken(office),
        channels=tuple(office.settings.channels),
        **defaults | values,
    )


def _asked(rules: RuleSet, office: Office, request: Request) -> Entry | None:
    """The rule that an address names; None for a new one. Raises HTTPException where there is none."""
    key = request.path_params.get("key")
    entry = _entry(rules, office, key) if key is not None else None
    if key is not None and entry is None:
        raise HTTPException(404)
    return entry


def _entry(rules: RuleSet, office: Office, key: str) -> Entry | None:
    return next((entry for entry in own_rules.entries(rules, office.settings) if entry.rule.id == key), None)


def _says(rule: Rule, asked: str) -> bool:
    """Does its name or a phrase of it hold these letters?"""
    return any(
        asked in squash(text) for text in (rule.title, *rule.any, *(term for near in rule.near for term in near.terms))
    )


def _broken(office: Office) -> RulesError | None:
    """What is wrong with the rules files, so that the last good rules are in force."""
    found = look(office.settings).found
    return found if isinstance(found, RulesError) else None
