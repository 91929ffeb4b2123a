"""What is said, in as many parts as fit: text for people cut where it hurts least, and one line for those who have only that. Pure.

Evidence is between the two characters of `MARK`. No page's text holds them (`alerts/lines.py` strips all control characters), so
whatever a channel makes of them, `<b>` or quotes, marks what we marked and nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from alerts.digest import digest_text
from alerts.lines import QUOTES, printable
from alerts.message import notice_text, ranked, text
from didban.alert import AnyDraft, DigestDraft, Draft, NoticeDraft
from didban.provinces import PROVINCES

MARK: Final = ("\x02", "\x03")
SMS: Final = 134
"""Two short messages of Persian letters, 67 in each."""
_BREAKS: Final = ("\n\n", "\n", " ")
_INVISIBLE: Final = re.compile("[\N{RIGHT-TO-LEFT MARK}\N{LEFT-TO-RIGHT MARK}\u202a-\u202e\u2066-\u2069]")
_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"
_ZWJ: Final = "\N{ZERO WIDTH JOINER}"


def words(draft: AnyDraft, *, names: Mapping[str, str], mark: tuple[str, str] = QUOTES) -> str:
    """Any draft as lines of readable Persian, the evidence between the two strings of `mark`."""
    match draft:
        case NoticeDraft():
            return notice_text(draft, names=names)
        case DigestDraft():
            return digest_text(draft, names=names, mark=mark)
    return text(draft, names=names, mark=mark)


def short(draft: AnyDraft, *, names: Mapping[str, str], limit: int) -> str:
    """The draft as one line of at most `limit` UTF-16 units, for a short message or a subject: how urgent, where, the title."""
    if isinstance(draft, Draft):
        article = draft.article
        said = [
            "🔴 فوری" if any(alert.priority == "urgent" for alert in ranked(draft)) else "",
            "پیگیری" if draft.follow_up else "",
            next((province.name for province in PROVINCES if province.slug == article.province), ""),
            article.title or article.kicker or f"بی{_ZWNJ}تیتر",
        ]
        line = " · ".join(filter(None, said))
    else:
        line = words(draft, names=names).partition("\n")[0]
    line = " ".join(_INVISIBLE.sub("", printable(line)).split())
    if units(line) <= limit:
        return line
    cut = _cut(line, limit - 1, (" ",))
    return f"{line[:cut].rstrip(' ·،؛:.')}…"


def split(marked: str, limit: int) -> tuple[str, ...]:
    """`marked` in parts of at most `limit` UTF-16 units: cut between blocks, else between lines, else between words, and within a
    word only where it alone is longer than a part. What was marked across a cut is marked on both sides."""
    return tuple(_marks_closed(_pieces(marked, limit - 2)))


def units(line: str) -> int:
    """UTF-16 code units, in which Telegram and the networks of phones count."""
    return len(line.encode("utf-16-le", "surrogatepass")) // 2


def _pieces(rest: str, limit: int) -> Iterator[str]:
    while units(rest) > limit:
        cut = _cut(rest, limit, _BREAKS)
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    yield rest


def _cut(line: str, limit: int, breaks: tuple[str, ...]) -> int:
    """Where to cut: behind the last break of the first kind that leaves something in front of it."""
    most = room = 0
    for letter in line:
        room += 2 if letter > "\uffff" else 1
        if room > limit:
            break
        most += 1
    for kind in breaks:
        if (found := line.rfind(kind, 1, most + 1)) > 0 and line[:found].strip():
            return found
    at = most
    while at > 1 and (unicodedata.combining(line[at]) or line[at] in (_ZWNJ, _ZWJ) or line[at - 1] == _ZWJ):
        at -= 1  # a letter keeps its marks
    return at if at > 1 else most


def _marks_closed(pieces: Iterator[str]) -> Iterator[str]:
    opened = False
    for piece in pieces:
        whole = (MARK[0] if opened else "") + piece
        opened = whole.rfind(MARK[0]) > whole.rfind(MARK[1])
        yield whole + (MARK[1] if opened else "")
