"""Marked text (`alerts/parts.py`) as safe HTML: a page of e-mail, or the few tags that messengers know. Pure.

Everything is escaped; a tag is only ever ours. Words of messages are written in `alerts/message.py` and `alerts/digest.py`, line by
line, a link alone on its line; here a block becomes a paragraph and a link something to press.

Mail programs know inline styles and tables and little else, and the one of Windows no `max-width` and no isolates: so direction and
alignment stand on the cells as attributes too, and every run of Latin letters or dashed figures is a `<bdi>`, which a program that
does not know it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from typing import Final
from urllib.parse import urlsplit

from alerts.lines import QUOTES, printable
from alerts.parts import MARK

_FSI, _PDI = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_URL: Final = re.compile(r"https?://\S+")
_ISOLATED: Final = re.compile(f"{_FSI}([^{_FSI}{_PDI}]*){_PDI}")
_LATIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ./:@_+&-]*[A-Za-z0-9+])?")
_MARKED: Final = re.compile(f"({MARK[0]}[^{MARK[1]}]*{MARK[1]})")
_SIGNS: Final = re.compile(f"[{MARK[0]}{MARK[1]}\N{RIGHT-TO-LEFT MARK}{_FSI}{_PDI}]")
_HEADLINE: Final = "\x01"
"""Before the line of the headline; as little in a page's text as the marks."""
_ANCHOR: Final = re.compile(r'<a href="([^"]*)">[^<]*</a>')
_TAG: Final = re.compile(r"</?b>")

_FONT: Final = "font-family:Vazirmatn,Tahoma,'Segoe UI',Arial,sans-serif;direction:rtl;text-align:right"
_BOLD: Final = '<b style="background-color:#fff3bf;color:#1b1b1b">'
_HEAD: Final = '<b style="font-size:20px;line-height:1.7">'
_BLOCK: Final = "margin:0 0 16px;font-size:16px;line-height:1.9"
_LINK: Final = "color:#1a56b0;font-size:13px;word-break:break-all"


def mail_html(marked: str, *, title: str, headline: str = "") -> str:
    """A whole page for mail programs. The first line that says nothing but `headline` stands out."""
    lines, wanted = marked.split("\n"), _bare(headline)
    told = next((number for number, line in enumerate(lines) if wanted and _bare(line) == wanted), None)
    if told is not None:
        lines[told] = f"{_HEADLINE}{lines[told]}"
    blocks = "\n".join(map(_paragraph, "\n".join(lines).split("\n\n")))
    return (
        '<!doctype html>\n<html dir="rtl" lang="fa"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title></head>\n<body dir="rtl" style="margin:0;padding:0">\n'
        '<table role="presentation" dir="rtl" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
        '<td align="center" style="padding:12px">\n'
        '<table role="presentation" dir="rtl" width="100%" cellpadding="0" cellspacing="0" border="0" '
        'style="max-width:640px"><tr>'
        f'<td dir="rtl" align="right" style="{_FONT}">\n{blocks}\n</td></tr></table>\n</td></tr></table>\n</body></html>\n'
    )


def messenger_html(marked: str) -> str:
    """Telegram's HTML: `<b>` and `<a>` alone. What is visible of it is never longer than `marked`."""
    return "\n".join(
        f'<a href="{escape(line)}">{escape(_place(line))}</a>' if _is_link(line) else _each(line, "<b>", escape)
        for line in marked.split("\n")
    )


def plain(html: str) -> str:
    """What `messenger_html` made, without tags: the evidence in quotes, a link as its address."""
    quoted = _TAG.sub(lambda tag: QUOTES[tag[0] == "</b>"], _ANCHOR.sub(r"\1", html))
    return unescape(quoted)


def _paragraph(block: str) -> str:
    lines = "<br>\n".join(_mail_line(line) for line in block.split("\n"))
    return f'<p dir="rtl" style="{_BLOCK}">{lines}</p>'


def _mail_line(line: str) -> str:
    if line.startswith(_HEADLINE):
        return f"{_HEAD}{_mail_line(line[1:])}</b>"
    if _is_link(line):
        return f'<a dir="ltr" href="{escape(line)}" style="{_LINK}">{escape(line)}</a>'
    return _each(line, _BOLD, lambda piece: "".join(_runs(piece)))


def _each(line: str, bold: str, write: Callable[[str], str]) -> str:
    return "".join(
        f"{bold}{write(piece[1:-1])}</b>" if number % 2 else write(piece)
        for number, piece in enumerate(_MARKED.split(line))
    )


def _runs(piece: str) -> Iterator[str]:
    """Isolates as `<bdi>`, and Latin between them too; half of a pair is dropped."""
    for number, words in enumerate(_ISOLATED.split(piece)):
        if number % 2:
            yield f"<bdi>{escape(words)}</bdi>"
        else:
            yield from _latin(words.replace(_FSI, "").replace(_PDI, ""))


def _latin(words: str) -> Iterator[str]:
    """Figures alone stand right as they are; `2026-11-22` behind a Persian letter would be turned around."""
    at = 0
    for run in _LATIN.finditer(words):
        if not run[0].isdecimal():
            yield f'{escape(words[at : run.start()])}<bdi dir="ltr">{escape(run[0])}</bdi>'
            at = run.end()
    yield escape(words[at:])


def _bare(line: str) -> str:
    """A line without marks and signs of direction."""
    return printable(_SIGNS.sub("", line)).strip()


def _place(url: str) -> str:
    try:
        return urlsplit(url).netloc or url
    except ValueError:  # http://[ is nobody's address, and an imported line may say so
        return url


def _is_link(line: str) -> bool:
    return _URL.fullmatch(line) is not None
