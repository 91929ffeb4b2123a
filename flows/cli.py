"""The `didban` command. Each command imports what it needs when it runs, so that a plain one answers in about a second.

Exit code 0 only on success; an error is one line on stderr that says what to do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, redirect_stdout
from datetime import date, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from didban import __version__
from didban.dates import day_bounds, jalali_long, parse_day, parse_span
from didban.errors import DateError, DidbanError, InputError, RulesError

if TYPE_CHECKING:
    from alerts.rules import RuleSet
    from didban.article import Article
    from didban.outcome import Tally
    from didban.settings import Settings
    from flows.archive import Range
    from storage.articles import Selection
    from storage.store import Store


class Day(click.ParamType[date]):
    """A civil day: Jalali or Gregorian, Persian digits too."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ANN401
        try:
            return value if isinstance(value, date) else parse_day(value)
        except DateError as error:
            self.fail(str(error), param, ctx)


class Span(click.ParamType[timedelta]):
    """A stretch of time: 15m, 72h, 30d."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ANN401
        try:
            return value if isinstance(value, timedelta) else parse_span(value)
        except DateError as error:
            self.fail(str(error), param, ctx)


class Group(click.Group):
    """Shows the commands in the order of a day's work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def cli() -> None:
    """Didban (دیده‌بان) watches Iranian public-sector news and tells people when a tracked topic appears."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: an expected error becomes one line and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        cli.main(arguments, prog_name="didban", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):  # click makes the one of the other
        click.echo("didban: stopped; what is left is done by the next run", err=True)
        sys.exit(130)
    except DidbanError as error:
        _warn(str(error))
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        click.echo(f"didban: {error.filename or 'the system says'}: {error.strerror or error}", err=True)
        sys.exit(1)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


# ── the main job ─────────────────────────────────────────────────────────────────────────────────────────────────────


@cli.command(epilog="Example: didban demo")
@click.option("--serve", is_flag=True, help="Keep serving the local sites until Ctrl-C afterwards.")
def demo(*, serve: bool) -> None:
    """The whole job on a local replay of the sites: no internet, own folder, own settings."""
    from flows.demo import run

    run(_settings(), say=click.echo, serve=serve)


@cli.command(epilog="Example: didban watch irna mehr")
@click.argument("sources", nargs=-1)
@as_json
def watch(sources: tuple[str, ...], *, as_json: bool) -> None:
    """One pass over the sources now: list, fetch, read, save, match, deliver."""
    from flows.workshop import chosen

    settings = _settings()
    chosen(settings, sources)  # an unknown name fails before anything starts
    tally = _as_flow(settings, "watch", sources=list(sources) or None, minutes=0)
    if tally is None:
        from flows import shift

        with _aside(as_json=as_json):
            tally = shift.run(settings, sources=sources, report=click.echo)
    _finish(tally, as_json=as_json, settings=settings)


@cli.command(epilog="Example: didban notify --test officer")
@click.option("--test", "tested", multiple=True, metavar="CHANNEL", help="Only send this channel a test message, now.")
@as_json
def notify(*, tested: tuple[str, ...], as_json: bool) -> None:
    """Deliver what is due."""
    settings = _settings()
    if tested:
        from flows.try_channel import try_channels

        with _aside(as_json=as_json):
            tried = try_channels(settings, tested)
        for one in tried:
            click.echo(json.dumps(one.as_json(), ensure_ascii=False) if as_json else one.line)
        sys.exit(0 if all(one.taken for one in tried) else 1)
    tally = _as_flow(settings, "notify")
    if tally is None:
        from flows import deliver

        with _aside(as_json=as_json):
            tally = deliver.run(settings)
    _finish(tally, as_json=as_json, settings=settings)


@cli.command(epilog="Example: didban up --every 15m")
@click.option("--every", type=Span(), default="15m", show_default=True, help="How often a shift is scheduled.")
@click.option("--shift", type=Span(), default=None, help="How long a shift watches; default: as long as EVERY.")
def up(every: timedelta, shift: timedelta | None) -> None:
    """Server, deployments and worker together, until Ctrl-C."""
    from flows.up import supervise

    sys.exit(supervise(_settings(), every=every, shift=every if shift is None else shift))


@cli.command(epilog="Example: didban deploy --every 15m")
@click.option("--every", type=Span(), default="15m", show_default=True, help="How often a shift is scheduled.")
@click.option("--shift", type=Span(), default=None, help="How long a shift watches; default: as long as EVERY.")
def deploy(every: timedelta, shift: timedelta | None) -> None:
    """Work pool and deployments onto the server that PREFECT_API_URL names; `didban up` does so by itself."""
    from flows.up import deploy as put

    put(_settings(), every=every, shift=every if shift is None else shift)


@cli.command(epilog="Example: didban backfill mehr --since 1397-07-01 --until 1397-07-30")
@click.argument("source", required=False)
@click.option("--since", type=Day(), default=None, help="First day, Jalali or Gregorian.")
@click.option("--until", type=Day(), default=None, help="Last day, included; default: today.")
@click.option("--last", type=Span(), default=None, help="In place of days: so long back from today: 30d.")
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest day; without it, with the newest.")
@click.option(
    "--way",
    "ways",
    multiple=True,
    help="How the archive is read, where there is a choice: day, sitemap; give both for a cross-check.",
)
@click.option("--notify", is_flag=True, help="Also tell what is found, as digests, when all is done.")
@click.option(
    "--limit-rate",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="Requests a second at most, beside the host's own pace.",
)
@click.option(
    "--wait",
    "patience",
    type=Span(),
    default=None,
    help="How long to wait for a site that gives nothing; default: as long as it takes.",
)
@click.option("--dry-run", is_flag=True, help="Ask nobody; say how many days, about how many articles, how long.")
@click.option(
    "--status",
    is_flag=True,
    help="Is the archive complete? Day by day; of all sources that have been backfilled when none is named.",
)
@click.option(
    "--calendar",
    type=click.Path(path_type=Path),
    default=None,
    help="With --status: the same as a picture, an SVG file.",
)
@click.option("--retry", type=click.Choice(["refused"]), default=None, help="Try once more what was refused.")
@as_json
def backfill(
    source: str | None,
    since: date | None,
    until: date | None,
    *,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - each as its option above says
) -> None:
    """Collect a source's archive; goes on where an earlier run stopped, and shares the work with runs beside it."""
    from didban.outcome import Tally

    if options["status"]:
        _backfill_status(source, since, until, options["calendar"], as_json=as_json)
        return
    if options["calendar"]:
        raise click.UsageError("--calendar goes with --status")
    from flows import archive
    from flows.workshop import chosen

    settings = _settings()
    if source is not None:
        chosen(settings, [source])
    elif not options["retry"]:
        raise click.UsageError("which source? `didban sources` prints them")
    if options["retry"] and options["notify"]:
        raise click.UsageError("--notify tells what days hold: leave --retry out")
    order: Any = "oldest" if options["oldest_first"] else "newest"
    asked = None
    if not options["retry"] or options["last"]:
        days = {"since": since, "until": until, "last": options["last"]}
        asked = archive.range_of(source or "", **days, order=order, ways=options["ways"])
        since, until = asked.since, asked.until
    if options["dry_run"]:
        if asked is None or options["retry"]:
            raise click.UsageError("--dry-run says what days would bring: leave --retry out")
        found = archive.forecast(settings, asked, limit=options["limit_rate"])
        click.echo(json.dumps(found.as_json()) if as_json else str(found))
        return
    if asked is not None and not options["retry"]:
        archive.checked(settings, asked)
    total = Tally()
    for key in [source] if source else archive.refused(settings):
        total.add(_backfill(settings, key, since, until, asked, options, order=order, as_json=as_json))
    _finish(total, as_json=as_json)


def _backfill(
    settings: Settings,
    source: str,
    since: date | None,
    until: date | None,
    asked: Range | None,
    options: Mapping[str, Any],
    *,
    order: str,
    as_json: bool,
) -> Tally:
    """One source, as a flow where a server is there."""
    patience: timedelta | None = options["patience"]
    tally = _as_flow(
        settings,
        "backfill",
        source=source,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        order=order,
        ways=list(options["ways"]) or None,
        notify=options["notify"],
        limit_rate=options["limit_rate"],
        wait=f"{patience.total_seconds():.0f}s" if patience is not None else None,
        retry_refused=bool(options["retry"]),
    )
    if tally is not None:
        return tally
    from flows import archive
    from flows.progress import shown

    with _aside(as_json=as_json), shown(click.echo) as (report, show):
        said: Any = {"limit": options["limit_rate"], "patience": patience, "report": report, "show": show}
        if options["retry"] or asked is None:
            return archive.retry(settings, source, since=since, until=until, **said)
        return archive.run(settings, asked, notify=options["notify"], **said)


def _backfill_status(
    source: str | None, since: date | None, until: date | None, calendar: Path | None, *, as_json: bool
) -> None:
    from flows import coverage

    found = coverage.report(_settings(), source, since, until)
    if calendar is not None:
        calendar.write_text(coverage.calendar_svg(found), encoding="utf-8")
        click.echo(f"{calendar}: written", err=True)
    for one in found:
        if as_json:
            click.echo(json.dumps(coverage.as_json(one), ensure_ascii=False))
        else:
            click.echo(coverage.summary(one))
            _table(coverage.HEADERS, coverage.as_rows(one))
    if not found and not as_json:
        click.echo("nothing has been backfilled yet")


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────


@cli.command("import", epilog="Example: didban import tests/seeds")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", default=None, help="The source of seed documents that do not say it.")
@as_json
def import_(paths: tuple[Path, ...], source: str | None, *, as_json: bool) -> None:
    """Bring seed documents or JSON lines into the store; a folder means all of its files.

    A line that says it is newer than the article in the store (by `fetched`, `modified` or `revision`) is an edit of it.
    """
    from flows.documents import import_paths
    from flows.workshop import now, opened, rulebook_of, sources_of

    settings = _settings()
    if source is not None:
        sources_of(settings).get(source)
    with opened(settings) as store, _progress() as show:
        judge = rulebook_of(settings, store)
        if judge.problem:
            _warn(judge.problem)
        tally = import_paths(store, judge, paths, source=source, now=now(), warn=_warn, show=show)
    if as_json:
        click.echo(json.dumps(tally.counts()))
    else:
        click.echo(
            f"{tally.new} new · {tally.changed + tally.completed} changed · {tally.same} known · {tally.refused} refused"
        )
    sys.exit(1 if tally.refused else 0)


@cli.command(epilog="Example: didban export --format csv --source mehr --since 1404-01-01 -o mehr.csv")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["seed", "jsonl", "csv", "parquet", "csl", "bibtex", "ris", "warc"]),
    default="jsonl",
    show_default=True,
)
@click.option("--original", is_flag=True, help="Seed documents exactly as they were imported.")
@click.option("--source", default=None, help="Only this source.")
@click.option("--since", type=Day(), default=None, help="First day, Jalali or Gregorian.")
@click.option("--until", type=Day(), default=None, help="Last day, included.")
@click.option("--province", default=None, help="Only of this province, by its Persian name or its slug: lorestan.")
@click.option("--rule", default=None, help="Only where this rule finds evidence.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    help="A folder for seeds, else a file (.gz packs it); a manifest is written beside it. Without it, standard output.",
)
def export(
    shape: str,
    source: str | None,
    since: date | None,
    until: date | None,
    province: str | None,
    rule: str | None,
    output: Path | None,
    *,
    original: bool,
) -> None:
    """Write articles: seed documents, JSON lines, CSV, Parquet, citations; or their pages as served, as WARC."""
    from flows.exports import BINARY, Export, Query
    from flows.workshop import opened, sources_of

    if original and shape != "seed":
        raise click.UsageError("--original goes with --format seed")
    if output is None and (shape == "seed" or shape in BINARY):
        raise click.UsageError(f"--format {shape} needs -o {'FOLDER' if shape == 'seed' else 'FILE'}")
    _selection(source, since, until)  # complains of days in the wrong order
    settings = _settings()
    query = Query(source=source, since=since, until=until, province=_province(province), rule=_rule(settings, rule))
    with opened(settings) as store:
        task = Export(store, sources_of(settings), query)
        if output is None:
            sys.stdout.flush()
            task.to_stream(shape, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        elif shape == "seed":
            count = task.to_folder(output, original=original, warn=_warn)
            click.echo(f"{count} documents in {output}", err=True)
        else:
            count = task.to_file(shape, output)
            click.echo(f"{count} articles in {output}", err=True)


@cli.command(epilog="Example: didban cite mehr:1326881 --format bibtex")
@click.argument("numbers", metavar="ID …", nargs=-1, required=True)
@click.option("--format", "shape", type=click.Choice(["csl", "bibtex", "ris"]), default="csl", show_default=True)
def cite(numbers: tuple[str, ...], shape: str) -> None:
    """Articles as citations: CSL-JSON, BibTeX or RIS. ID is a number, or SOURCE:ID with the site's own id."""
    from flows.cite import outlet
    from flows.formats import cited
    from flows.workshop import opened, sources_of

    settings = _settings()
    sites = sources_of(settings).sources
    with opened(settings) as store:
        found = [_article(store, number) for number in numbers]
    click.echo("".join(cited(found, lambda key: outlet(sites, key), form=shape)), nl=False)


@cli.command(epilog="Example: didban parse page.html --source mehr --url https://www.mehrnews.com/news/1326881/")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", "key", required=True, help="The source whose reader to use.")
@click.option("--url", default=None, help="The page's address, where the page does not say it.")
def parse(files: tuple[Path, ...], key: str, url: str | None) -> None:
    """Read saved pages: each becomes an article as one JSON line."""
    from dataclasses import replace

    from didban.article import Page, to_json
    from flows.workshop import now, sources_of

    source = sources_of(_settings()).get(key)
    failed = False
    for path in files:
        try:
            page = Page(url=url or f"file:{path.name}", body=_bytes(path), fetched=now())
            read = replace(source.article(page), fetched=None)  # when it was fetched nobody knows
            click.echo(json.dumps(to_json(read), ensure_ascii=False))
        except DidbanError as error:
            failed = True
            _warn(f"{path}: {error}")
    sys.exit(1 if failed else 0)


@cli.command("match", epilog='Example: echo \'{"id":1,"title":"دولت الکترونیک"}\' | didban match')
@click.option(
    "--rules", "path", type=click.Path(path_type=Path), default=None, help="A rules file; default: the rules in force."
)
def match_(path: Path | None) -> None:
    """Match JSON lines {"id","title","lead","text"} from stdin; one JSON line of matches each."""
    from alerts.match import Matcher
    from flows.lines import match_line

    matcher = Matcher(_rules(path))
    failed = False
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            click.echo(json.dumps(match_line(matcher, line), ensure_ascii=False))
        except InputError as error:
            failed = True
            _warn(f"line {number}: {error}")
    sys.exit(1 if failed else 0)


@cli.command(
    epilog="Example: didban search 'دفاتر \"دولت الکترونیک\" -روزنامه' --since 1404-01-01",
    context_settings={"ignore_unknown_options": True},  # a query may begin with -
)
@click.argument("query")
@click.option("--source", default=None, help="Only this source.")
@click.option("--province", default=None, help="Only of this province, by its Persian name or its slug: lorestan.")
@click.option("--rule", default=None, help="Only where this rule finds evidence.")
@click.option("--since", type=Day(), default=None, help="Published on or after this day, Jalali or Gregorian.")
@click.option("--until", type=Day(), default=None, help="Last day, included.")
@click.option(
    "--lemmas",
    is_flag=True,
    help="Other forms of a word, too, as hazm knows them (می‌رود: رفت, نرفته); takes 10 seconds.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many to show.")
@click.option("--offset", type=click.IntRange(0, 100_000), default=0, help="How many to leave out first.")
@as_json
def search(query: str, *, lemmas: bool, limit: int, offset: int, as_json: bool, **where: Any) -> None:  # noqa: ANN401 - each as its option says
    """Articles by their words: all of them, a "phrase", -without, title: lead: text: one field.

    Those with all of it in the title come first, then in title and lead, then the rest; each the newest first.
    """
    from dataclasses import replace

    from didban.query import read_query
    from flows import search as searching
    from flows.workshop import opened, sources_of

    settings = _settings()
    selection = replace(
        _selection(where["source"], where["since"], where["until"]),
        province=_province(where["province"]),
        rule=_rule(settings, where["rule"]),
    )
    asked = read_query(query, forms=_forms if lemmas else None)
    with opened(settings) as store:
        found = store.search.find(asked, selection, limit=limit, offset=offset)
        if not found and selection.source and selection.source not in store.articles.counts():
            sources_of(settings).get(selection.source)  # complains of a name that nobody knows
    if as_json:
        for one in found:
            click.echo(json.dumps(searching.as_json(one, asked), ensure_ascii=False))
        return
    mark = {"mark": searching.COLOUR} if _coloured() else {}
    for one in found:
        for line in searching.as_lines(one, asked, **mark):
            click.echo(line)
    click.echo(f"didban: {searching.counted(found, limit=limit, offset=offset)}", err=True)


@cli.command(epilog="Example: didban show 12")
@click.argument("number", metavar="ID")
@click.option("--history", is_flag=True, help="Every revision, oldest first: [-what went-] and {+what came+}.")
@click.option("--reading", is_flag=True, help="In the reading form: the ZWNJ that a text lost, put back.")
@as_json
def show(number: str, *, history: bool, reading: bool, as_json: bool) -> None:
    """One article: ID is its number, or SOURCE:ID with the site's own id; and who else carries its story."""
    from alerts.message import carrier_json
    from didban.article import to_json
    from flows.lines import carrier_text
    from flows.workshop import opened

    with opened(_settings()) as store:
        found, article = _article(store, number)
        carriers = store.articles.carriers(found)
        if as_json:
            shown = to_json(article) | {"carriers": [carrier_json(one) for one in carriers]}
            if reading:
                shown["reading"] = {
                    name: _reading(getattr(article, name)) for name in ("kicker", "title", "lead", "text")
                }
            if history:
                from flows.history import as_json as revisions

                shown["revisions"] = revisions(store.articles.revisions(found))
            click.echo(json.dumps(shown, ensure_ascii=False))
            return
        form = _reading if reading else str
        when = jalali_long(article.published, with_time=article.has_time) if article.published else "تاریخ نامعلوم"
        click.echo(_harmless(f"{article.source} · {when} · {article.url or ''}".rstrip(" ·")))
        for text in (article.kicker, article.title, article.lead, article.text):
            if text:
                click.echo(f"\n{_harmless(form(text))}")
        if len(carriers) > 1:
            click.echo("\ncarried by")
            for one in carriers:
                click.echo(_harmless(f"  {carrier_text(one)}"))
        if history:
            from flows.history import lines

            for line in lines(store.articles.revisions(found), coloured=_coloured()):
                click.echo(line)


@cli.command(epilog="Example: didban trends --weeks 8 --province لرستان")
@click.option("--weeks", type=click.IntRange(1, 104), default=4, show_default=True, help="Weeks to compare with.")
@click.option("--until", type=Day(), default=None, help="A day of the week that is looked at; default: today.")
@click.option("--source", default=None, help="Only this source.")
@click.option("--province", default=None, help="Only of this province, by its Persian name or its slug: lorestan.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many terms to show.")
@click.option("--no-lemmas", is_flag=True, help="Without hazm: the forms of a verb are counted apart; faster.")
@as_json
def trends(
    weeks: int,
    until: date | None,
    source: str | None,
    province: str | None,
    limit: int,
    *,
    no_lemmas: bool,
    as_json: bool,
) -> None:
    """The terms that rise this week against the weeks before it, and each rule's stories by week; weeks begin on Saturday."""
    from flows import trends as looking

    settings = _settings()
    where = {"source": source, "province": _province(province)}
    with _progress() as show:
        found = looking.trends(
            settings, day=until, weeks=weeks, limit=limit, lemmas=not no_lemmas, show=show or _counted, **where
        )
    if as_json:
        click.echo(json.dumps(looking.as_json(found), ensure_ascii=False))
        return
    _table(looking.TERMS, looking.term_rows(found))
    _table(looking.rule_headers(found), looking.rule_rows(found))
    click.echo(looking.summary(found))
    for line in looking.advice(found):
        _warn(line)


# ── alerts and rules ─────────────────────────────────────────────────────────────────────────────────────────────────


@cli.group(cls=Group, invoke_without_command=True, epilog="Example: didban alerts --since 1405-08-01 --rule egov")
@click.option("--since", type=Day(), default=None, help="Raised on or after this day.")
@click.option("--rule", default=None, help="Only this rule.")
@as_json
@click.pass_context
def alerts(ctx: click.Context, since: date | None, rule: str | None, *, as_json: bool) -> None:
    """What was raised, newest first, with the evidence."""
    if ctx.invoked_subcommand:
        return
    from flows.lines import told_json, told_text
    from flows.workshop import opened

    start = day_bounds(since)[0] if since else None
    settings, none = _settings(), True
    with opened(settings) as store:
        for told in store.outbox.alerts(since=start, rule=rule):
            none = False
            click.echo(json.dumps(told_json(told), ensure_ascii=False) if as_json else told_text(told))
    if none:
        _rule(settings, rule)  # one that is in force no more may have alerts; one that nobody knows has none


@alerts.command(epilog="Example: didban alerts ack 12 15 --by reza")
@click.argument("numbers", metavar="[ID …]", type=int, nargs=-1)
@click.option("--all", "all_of_them", is_flag=True, help="Every alert that was told and that nobody has acknowledged.")
@click.option("--by", default=None, help="Who has seen them; default: the user of this machine.")
def ack(numbers: tuple[int, ...], *, all_of_them: bool, by: str | None) -> None:
    """Somebody has seen the stories of these alerts: the next channel is not told of them any more."""
    from flows.workshop import now, opened

    if all_of_them == bool(numbers):
        raise click.UsageError("name alerts by their numbers, which `didban alerts` shows, or give --all")
    with opened(_settings()) as store:
        count = store.outbox.acknowledge(None if all_of_them else numbers, by=by or _user(), now=now())
    click.echo(f"{count} alerts acknowledged")


@alerts.command(epilog="Example: didban alerts retry")
def retry() -> None:
    """Send dead letters again, with as many tries as new ones."""
    from flows.workshop import now, opened

    with opened(_settings()) as store:
        count = store.outbox.revive(now=now())
    click.echo(f"{count} messages are due again; `didban notify` sends them now")


@cli.command(epilog="Example: didban mute post-bank --for 3d")
@click.argument("rule")
@click.option("--for", "span", type=Span(), default=None, help="For so long: 3d, 12h.")
@click.option("--until", type=Day(), default=None, help="Through this day, Jalali or Gregorian.")
@click.option("--off", is_flag=True, help="Tell it again.")
@click.option("--by", default=None, help="Who wants silence; default: the user of this machine.")
def mute(rule: str, *, span: timedelta | None, until: date | None, off: bool, by: str | None) -> None:
    """What a rule finds is raised and kept, and told to nobody: until you say --off, or for a while."""
    from flows.lines import mute_text
    from flows.workshop import now, opened

    settings = _settings()
    if [span is not None, until is not None, off].count(True) > 1:
        raise click.UsageError("give one of --for, --until and --off")
    moment = now()
    end = day_bounds(until)[1] if until else None if span in (None, timedelta.max) else moment + span
    if end is not None and end <= moment:
        raise InputError(f"{jalali_long(end, with_time=False)} is over; name a time to come")
    with opened(settings) as store:
        if off:
            ended = store.mutes.end(rule)
            click.echo(f"{rule} is told again" if ended else f"{rule} was not muted")
            return
        _rule(settings, rule)
        count = store.mutes.mute(rule, until=end, by=by or _user(), now=moment)
        click.echo(mute_text(store.mutes.all(now=moment)[rule]))
        if count:
            click.echo(f"{count} notifications that waited are not sent; `didban alerts --rule {rule}` shows them")


@cli.command(epilog="Example: didban feeds -o feeds")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="A folder; default: VAR/feeds.")
def feeds(output: Path | None) -> None:
    """The alerts as Atom feeds, one of all and one of each rule; a shift writes them at its end, too."""
    from flows.feeds import write
    from flows.rulebook import in_force
    from flows.workshop import opened, source_names

    settings = _settings()
    with opened(settings) as store:
        folder = output or settings.var / "feeds"
        paths = write(store, in_force(settings), folder, names=source_names(settings))
    click.echo(f"{len(paths)} feeds in {folder}")


@cli.group(cls=Group, invoke_without_command=True, epilog="Example: didban rules check my-rules.toml")
@as_json
@click.pass_context
def rules(ctx: click.Context, *, as_json: bool) -> None:
    """The rules in force."""
    if ctx.invoked_subcommand:
        return
    from flows.lines import mute_json, mute_until
    from flows.rulebook import in_force, look
    from flows.workshop import now, opened

    settings = _settings()
    loaded = in_force(settings)
    if not isinstance(found := look(settings).found, type(loaded)):
        _warn(f"{found}; the last good rules are in force")
    with opened(settings) as store:
        muted = store.mutes.all(now=now())
    if as_json:
        said = [
            {"id": rule.id, "title": rule.title, "priority": rule.priority, "muted": mute_json(muted.get(rule.id))}
            for rule in loaded
        ]
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    _table(
        ("rule", "title", "priority", "muted"),
        [(rule.id, rule.title, rule.priority, mute_until(muted.get(rule.id))) for rule in loaded],
    )


@rules.command("check", epilog="Example: didban rules check my-rules.toml")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit code 1 for doubts, too.")
@as_json
def check_rules(path: Path | None, *, strict: bool, as_json: bool) -> None:
    """Read a rules file: a mistake is named by line, with a suggestion, and so is what is doubtful.

    Doubtful are terms that find nothing, nearly everything or what others find, also by the articles that are stored; rules that
    others cover; exclusions that change nothing; names that nobody knows.
    """
    from flows import rules_check

    settings = _settings()
    try:
        found = rules_check.check(settings, path)
    except RulesError as error:
        if as_json:
            click.echo(json.dumps(rules_check.mistake_json(error), ensure_ascii=False))
        raise
    if as_json:
        click.echo(json.dumps(rules_check.as_json(found), ensure_ascii=False))
    for line in found.lines if not as_json else ():
        _warn(line)
    if not as_json:
        click.echo(rules_check.summary(found))
    sys.exit(1 if strict and found.remarks else 0)


@rules.command("test", epilog="Example: didban rules test my-rules.toml")
@click.argument("path", required=False, type=click.Path(path_type=Path))
def test_rules(path: Path | None) -> None:
    """Run every rule's own examples."""
    from alerts.rules import check_examples

    loaded = _rules(path)
    failures = check_examples(loaded)
    for failure in failures:
        _warn(str(failure))
    examples = sum(len(rule.match_examples) + len(rule.not_examples) for rule in loaded.rules)
    click.echo(f"{loaded.path}: {examples - len(failures)} of {examples} examples hold")
    sys.exit(1 if failures else 0)


@rules.command("labels", epilog="Example: didban rules labels --rule egov")
@click.option("--rule", "only", default=None, help="Only this rule.")
@as_json
def rules_labels(only: str | None, *, as_json: bool) -> None:
    """How relevant each rule's alerts were, by what officers said of them on the page.

    `still` counts alerts that were not relevant and that today's rule would find again, `lost` relevant ones that it would not.
    """
    from flows import labels
    from flows.rulebook import in_force
    from flows.workshop import opened

    settings = _settings()
    name = _rule(settings, only)
    with opened(settings) as store:
        found = labels.judge_all(store, [rule for rule in in_force(settings) if name in {None, rule.id}])
    if as_json:
        click.echo(json.dumps(labels.as_json(found), ensure_ascii=False))
        return
    _table(labels.HEADERS, labels.as_rows(found))
    for one in found:
        for _, article, match in one.still:
            click.echo(_harmless(f"{one.rule.id}: «{match.text}» is found, and was not relevant: {article.title}"))


@rules.command("try", epilog="Example: didban rules try my-rules.toml --since 1404-01-01 --rule egov")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--since", type=Day(), default=None, help="Published on or after this day, Jalali or Gregorian.")
@click.option("--until", type=Day(), default=None, help="Last day, included.")
@click.option("--source", default=None, help="Only this source.")
@click.option("--rule", "only", multiple=True, help="Only this rule of the file; may be given again.")
@click.option("--samples", type=click.IntRange(0, 100), default=3, show_default=True, help="Examples of each rule.")
@as_json
def try_rules(
    path: Path,
    since: date | None,
    until: date | None,
    source: str | None,
    only: tuple[str, ...],
    samples: int,
    *,
    as_json: bool,
) -> None:
    """What a rules file would have found in the stored articles, and what changes against the rules in force. Writes nothing."""
    from flows import look_back

    selection = _selection(source, since, until)
    with _progress() as show:
        report = look_back.try_rules(_settings(), path, selection, only=only, samples=samples, show=show or _counted)
    if as_json:
        click.echo(json.dumps(look_back.as_json(report, compared=True), ensure_ascii=False))
        return
    _table(look_back.TRIED, look_back.tried_rows(report))
    for look in report.looks.values():
        for line in look_back.sample_lines(look):
            click.echo(line)
    click.echo(f"{report.matched} of {report.read} articles match; nothing was written")
    for line in look_back.advice(report):
        click.echo(line)


@rules.command("apply", epilog="Example: didban rules apply --since 1404-01-01 --dry-run")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--since", type=Day(), default=None, help="Published on or after this day, Jalali or Gregorian.")
@click.option("--until", type=Day(), default=None, help="Last day, included.")
@click.option("--source", default=None, help="Only this source.")
@click.option("--dry-run", is_flag=True, help="Say what would be kept; write nothing.")
@as_json
def apply_rules(
    path: Path | None,
    since: date | None,
    until: date | None,
    source: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Keep what the rules (FILE, or those in force) find in the stored articles, as archived alerts. Nothing is sent."""
    from flows import look_back

    selection = _selection(source, since, until)
    with _progress() as show:
        report = look_back.apply_rules(_settings(), path, selection, dry_run=dry_run, show=show or _counted)
    if as_json:
        said = {"dry_run": dry_run} | look_back.as_json(report, compared=False)
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    _table(look_back.APPLIED, look_back.applied_rows(report))
    would = "would be " if dry_run else ""
    click.echo(
        f"{report.matched} of {report.read} articles match: {report.alerts} archived alerts {would}raised, evidence "
        f"{would}kept {report.evidence} times; nothing is sent"
    )
    for line in look_back.advice(report):
        click.echo(line)


# ── looking after it ─────────────────────────────────────────────────────────────────────────────────────────────────


@cli.group(cls=Group, invoke_without_command=True, epilog="Example: didban sources check irna")
@as_json
@click.pass_context
def sources(ctx: click.Context, *, as_json: bool) -> None:
    """The sources there are."""
    if ctx.invoked_subcommand:
        return
    from flows.workshop import chosen, sources_of

    settings = _settings()
    watched = {one.key for one in chosen(settings)}
    rows = [
        (
            one.key,
            one.name,
            one.home or "—",
            f"{one.every.total_seconds() / 60:g} min",
            "yes" if one.key in watched else "",
        )
        for one in sources_of(settings).known()
    ]
    if as_json:
        click.echo(
            json.dumps(
                [dict(zip(("key", "name", "home", "every", "watched"), row, strict=True)) for row in rows],
                ensure_ascii=False,
            )
        )
        return
    _table(("source", "name", "home", "polled every", "watched"), rows)


@sources.command("check", epilog="Example: didban sources check irna")
@click.argument("keys", nargs=-1)
@as_json
def check_sources(keys: tuple[str, ...], *, as_json: bool) -> None:
    """Try the live sites step by step, and say what to do about each failure. Saves nothing."""
    from dataclasses import asdict
    from itertools import groupby

    from flows.check import HEADERS, check

    found = []
    for _, steps in groupby(check(_settings(), keys), lambda step: step.source):
        found += (those := list(steps))
        if not as_json:
            _table(HEADERS, [step.row for step in those])
    if as_json:
        click.echo(json.dumps([asdict(step) for step in found], ensure_ascii=False))
    sys.exit(1 if any(step.state == "✗" for step in found) else 0)


@sources.command("add", epilog="Example: didban sources add https://www.isna.ir/")
@click.argument("target", metavar="URL")
@click.option("--key", default=None, help="The source's name in commands; default: made from its address.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
def add_source(target: str, key: str | None, *, dry_run: bool) -> None:
    """Try a site (or every feed of an .opml file) and write how to watch it into didban.toml."""
    from didban.settings import config_path
    from flows.sources import add

    sys.exit(0 if add(_settings(), target, config_path(), key=key, write=not dry_run, say=click.echo) else 1)


@sources.command("opml", epilog="Example: didban sources opml > didban.opml")
def opml() -> None:
    """The watched sources' feeds as OPML, for a feed reader."""
    from flows.workshop import chosen
    from scrapers.opml import write_opml

    click.echo(write_opml(chosen(_settings())), nl=False)


@cli.command(epilog="Example: didban accept irna https://www.irna.ir/news/83714160/خبر -o pages/")
@click.argument("source")
@click.argument("urls", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="A folder; default: VAR/accepted.")
def accept(source: str, urls: tuple[str, ...], output: Path | None) -> None:
    """Save live pages, and what today's reader makes of them, for review."""
    from flows.accept import accept as accept_pages

    settings = _settings()
    well = accept_pages(settings, source, urls, output or settings.var / "accepted", say=click.echo)
    sys.exit(0 if well else 1)


@cli.command(epilog="Example: didban reread --source mehr --since 1405-08-01 --dry-run")
@click.option("--source", default=None, help="Only this source.")
@click.option("--since", type=Day(), default=None, help="Published on or after this day.")
@click.option("--until", type=Day(), default=None, help="Last day, included.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@as_json
def reread(source: str | None, since: date | None, until: date | None, *, dry_run: bool, as_json: bool) -> None:
    """Stored pages through today's readers, no network: unread ones first, then the rest."""
    from flows import reread as rereading

    report = rereading.run(_settings(), _selection(source, since, until), dry_run=dry_run)
    if as_json:
        said = {
            "dry_run": dry_run,
            "counts": {kind: report.counts[kind] for kind in rereading.KINDS},
            "fields": dict(report.fields),
            "examples": report.examples,
            "alerts": report.alerts,
            "archived": report.archived,
        }
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        for kind, meaning in rereading.KINDS.items():
            if report.counts[kind]:
                click.echo(f"{report.counts[kind]} {kind}: {meaning}")
            for example in report.examples.get(kind, ()):
                click.echo(f"    {example}")
        differs = " · ".join(f"{name} {count}" for name, count in report.fields.most_common())
        click.echo(f"fields: {differs}" if differs else "nothing differs")
        if report.alerts or report.archived:
            click.echo(f"{report.alerts} alerts raised, `didban notify` sends them; {report.archived} archived")
    sys.exit(1 if report.counts["lost"] else 0)


@cli.command(epilog="Example: didban status --all")
@click.option("--all", "whole", is_flag=True, help="Every source as a row of a table, not only those in trouble.")
@as_json
def status(*, whole: bool, as_json: bool) -> None:
    """Is all well? Exit code 1 when something needs a look."""
    from flows import server
    from flows import status as looking

    settings = _settings()
    found = looking.status(settings)
    if as_json:
        click.echo(json.dumps(looking.as_json(found), ensure_ascii=False))
    else:
        if whole:
            _table(looking.HEADERS, looking.as_rows(found))
        else:
            for line in looking.as_lines(found):
                click.echo(line)
        click.echo(looking.summary(found))
        click.echo(looking.in_force(found))
        click.echo(looking.running(server.read(settings.var)))
    sys.exit(0 if found.well else 1)


@cli.command(epilog="Example: didban web --port 8130")
@click.option("--host", metavar="ADDRESS", help="Listen here; loopback unless [web] says otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), help="At this port; 8130 unless [web] says otherwise.")
@click.option("--hash-password", is_flag=True, help="Ask for a password and print what [web] password is to hold.")
def web(*, host: str | None, port: int | None, hash_password: bool) -> None:
    """The officer's page, until Ctrl-C."""
    from web import serve

    if hash_password:
        click.echo(serve.hashed(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)))
        return
    serve.run(_settings(), host=host, port=port, say=lambda address: _warn(f"the page is at {address}"))


@cli.command(epilog="Example: didban metrics --once")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Listen there; default: as `metrics` says.")
@click.option("--once", is_flag=True, help="Print the metrics and end, for a file that a monitor reads.")
def metrics(*, port: int | None, once: bool) -> None:
    """/health and /metrics for a monitor, until Ctrl-C; `didban up` serves them by itself."""
    from didban.settings import load
    from flows import metrics as measuring

    settings = _settings()
    if not once:
        measuring.serve(settings, load, port=port, say=click.echo)
        return
    found = measuring.gather(load)
    click.echo(measuring.metrics(found), nl=False)
    if found.error:
        _warn(found.error)
    sys.exit(1 if found.error else 0)


@cli.group(cls=Group)
def db() -> None:
    """The database."""


@db.command(epilog="Example: didban db upgrade")
def upgrade() -> None:
    """Bring the schema up to date."""
    from storage.database import HEAD, Database

    with closing(Database(_settings().store_url)) as database:
        before = database.upgrade()
    click.echo(f"schema {HEAD}" + ("" if before == HEAD else f" (was {before or 'empty'})"))


@db.command("check", epilog="Example: didban db check --json")
@as_json
def check_db(*, as_json: bool) -> None:
    """Is the database whole, its schema up to date? Changes nothing; exit code 1 when it is not."""
    from dataclasses import asdict

    from storage.checking import check
    from storage.database import Database

    with closing(Database(_settings().store_url, create=False)) as database:
        found = check(database)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"well": found.well}, ensure_ascii=False))
    else:
        _table(("table", "rows"), [(name, str(count)) for name, count in found.rows.items()])
        click.echo(f"{found.database}: schema {found.revision or 'empty'}, newest {found.newest}")
        for problem in found.problems:
            _warn(problem)
    sys.exit(0 if found.well else 1)


@db.command(epilog="Example: didban db reindex")
def reindex() -> None:
    """Make the index of words anew from the articles."""
    from flows.workshop import opened

    with opened(_settings()) as store:
        click.echo(f"{store.reindex()} articles indexed")


@db.command("pages", epilog="Example: didban db pages --pack")
@click.option(
    "--pack", is_flag=True, help="Train dictionaries, pack with them, and drop what [pages] keeps no longer, now."
)
@click.option(
    "--check", is_flag=True, help="Unpack every page and hold it against its digest; exit code 1 when one differs."
)
@as_json
def db_pages(*, pack: bool, check: bool, as_json: bool) -> None:
    """What the stored pages take, by source. Runs pack them by themselves, a little at a time."""
    from flows import pages
    from flows.workshop import opened

    settings, damaged = _settings(), 0
    with opened(settings) as store:
        if pack:
            with _progress() as show:
                counts = pages.pack(settings, store, show=show)
            _warn(
                f"{counts['trained']} dictionaries trained, {counts['packed']} pages packed, {counts['dropped']} dropped"
            )
        if check:
            for problem in filter(None, store.upkeep.damaged()):
                damaged += 1
                _warn(problem)
        held, size = store.upkeep.held(), store.database.size()
    if as_json:
        said = pages.as_json(held, size) | ({"damaged": damaged} if check else {})
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        _table(pages.HEADERS, pages.as_rows(held))
        click.echo(pages.summary(held, size))
    sys.exit(1 if damaged else 0)


@db.command("copy", epilog="Example: didban db copy sqlite:///var/didban.db postgresql://didban@localhost/didban")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy_db(source: str, target: str) -> None:
    """Everything in one database into another, empty one, by their URLs; either may be SQLite or PostgreSQL.

    Stop `didban up` first. A password need not stand in a URL: PGPASSWORD and ~/.pgpass are read, too.
    """
    from storage.copying import copy
    from storage.database import Database

    with closing(Database(source, create=False)) as first, closing(Database(target)) as second:
        with _progress() as progress:
            counts = copy(first, second, progress=progress)
        click.echo(f"{counts['article']} articles, {sum(counts.values())} rows in {second.name}")


@db.command("backup", epilog="Example: didban db backup --keep 7")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), default=None, help="Remove all but the newest so many beside it.")
@as_json
def backup_db(path: Path | None, *, keep: int | None, as_json: bool) -> None:
    """The whole database as one file, also while `didban up` runs; PATH is a file or a folder, by itself VAR/backups.

    From SQLite and PostgreSQL alike; the file is checked before it has its name.
    """
    from flows import backups
    from flows.workshop import now

    with _progress() as progress:
        made, found = backups.make(_settings(), path, now=now(), keep=keep, progress=progress)
    if as_json:
        said = {"path": made.path, "bytes": made.bytes, "schema": found.revision, "rows": found.rows}
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        click.echo(f"{made.path}: {found.rows['article']} articles, {made.bytes} bytes, schema {found.revision}")


@db.command("restore", epilog="Example: didban db restore var/backups/didban-20261122T040149Z.db")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Also where articles are: what was there is kept in VAR/backups.")
def restore_db(path: Path, *, force: bool) -> None:
    """Put a backup in the place of the database, on SQLite or PostgreSQL. Stop `didban up` first."""
    from flows import backups
    from flows.workshop import now

    with _progress() as progress:
        found, kept = backups.put_back(_settings(), path, now=now(), force=force, progress=progress)
    click.echo(f"{found.rows['article']} articles are back, schema {found.newest}")
    if kept is not None:
        click.echo(f"what was there is kept as {kept}")


# ── small things the commands share ──────────────────────────────────────────────────────────────────────────────────


def _settings() -> Settings:
    from didban.settings import load

    settings = load()
    if settings.hosts:
        mapped = ", ".join(f"{name} → {target}" for name, target in settings.hosts.items())
        click.echo(f"didban: DIDBAN_HOSTS is on: {mapped}", err=True)
    return settings


def _as_flow(settings: Settings, name: str, **parameters: object) -> Tally | None:
    """Run as a Prefect flow when a server is there; None when none is."""
    from flows.server import join

    if join(settings) is None:
        return None
    from flows.deployed import run_as_flow

    return run_as_flow(name, **parameters)


def _aside(*, as_json: bool) -> AbstractContextManager[object]:
    """With --json, standard output is the JSON's alone: reports and a console channel's messages go beside it."""
    return redirect_stdout(sys.stderr) if as_json else nullcontext()


def _finish(tally: Tally, *, as_json: bool, settings: Settings | None = None) -> None:
    """Print a run's tally and, with `settings`, what waits to be told. A run whose every source was out of reach, or that could
    not deliver, has not succeeded."""
    if as_json:
        click.echo(json.dumps(tally.counts() | {"problems": tally.problems}, ensure_ascii=False))
    else:
        said = " · ".join(f"{count} {name}" for name, count in tally.counts().items() if count)
        click.echo(said or "nothing new")
        if settings is not None:
            _say_what_waits(settings)
        for problem in tally.problems:
            _warn(problem)
    sys.exit(1 if tally.problems else 0)


def _say_what_waits(settings: Settings) -> None:
    """At night and on days off an alert is raised and nobody is told: that is no mistake, and until when is said."""
    from didban.dates import jalali_iso
    from flows.workshop import now, opened

    with opened(settings) as store:
        count, first = store.outbox.ahead(now=now())
    if first is not None:
        click.echo(f"{count} notifications wait ([delivery]), the first until {jalali_iso(first, with_time=True)}")


def _selection(source: str | None, since: date | None, until: date | None) -> Selection:
    if since and until and since > until:
        raise InputError(f"the first day, {since}, is after the last, {until}")
    from storage.articles import Selection

    return Selection(
        source=source,
        since=day_bounds(since)[0] if since else None,
        until=day_bounds(until)[1] if until else None,
    )


def _article(store: Store, number: str) -> tuple[int, Article]:
    """An article by its number, or as SOURCE:ID. Raises InputError when there is none."""
    key, _, site_id = number.partition(":")
    found = store.articles.find(key, site_id) if site_id else int(key) if key.isdecimal() and len(key) < 19 else None
    article = store.articles.get(found) if found is not None else None
    if article is None or found is None:
        raise InputError(f"there is no article {number}; `didban alerts` and `didban export` show the ones there are")
    return found, article


def _province(name: str | None) -> str | None:
    from didban.provinces import by_name

    if name is None:
        return None
    if (found := by_name(name)) is None:
        raise InputError(f"there is no province {name!r}; `docs/sources.md` names the 31")
    return found.slug


def _rule(settings: Settings, name: str | None) -> str | None:
    from flows.rulebook import in_force

    if name is not None and name not in (known := [rule.id for rule in in_force(settings)]):
        raise InputError(f"there is no rule {name!r}; the rules in force are: {', '.join(known)}")
    return name


def _rules(path: Path | None) -> RuleSet:
    from alerts.rules import load

    settings = _settings()
    return load(settings.rules, settings.rules_folder) if path is None else load(path)


def _user() -> str:
    """Who runs this command, as the system knows them."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"


def _reading(text: str) -> str:
    from didban.reading import reading

    return reading(text)


def _forms(word: str) -> tuple[str, ...]:
    from didban.reading import forms

    return forms(word)


def _coloured() -> bool:
    """Colours are for a terminal, and for whoever did not say NO_COLOR."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(error.strerror or "cannot be read") from None


def _warn(line: str) -> None:
    click.echo(_harmless(f"didban: {line}"), err=True)


def _harmless(text: str) -> str:
    """What a site says may hold anything: no control character of it reaches a terminal."""
    from alerts.lines import printable

    return "\n".join(map(printable, text.split("\n")))


@contextmanager
def _progress() -> Generator[Callable[[str, int, int], None] | None]:
    """A bar on a terminal, told (what, done, of how many); None otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=escape(what), completed=done, total=total)


def _counted(what: str, done: int, total: int) -> None:
    """Progress where no bar can be: a line for each ten thousand."""
    if done % 10_000 == 0:
        _warn(f"{done} of {total} {what}")


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines otherwise."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(map(_harmless, row)))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            *(Text(_harmless(cell)) for cell in row)
        )  # as it is: a string's [brackets] would be taken for markup
    Console().print(table)


if __name__ == "__main__":
    main()
