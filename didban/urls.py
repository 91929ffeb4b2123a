"""Addresses: which two are one, and what a page's href means. Nothing here raises: what is no web address is None."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, quote, unquote_to_bytes, urljoin, urlsplit

_TRACKING = re.compile(
    r"utm_.*|(?:fb|gc|dc|ms|y|tw)lid|(?:fb|g|dc|ms|y|tw)clid|[gw]braid|mc_[ce]id|_ga|_gl", re.IGNORECASE
)
_LABEL = r"[\w\-\N{ZERO WIDTH NON-JOINER}]+"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST = 2_500
"""Bytes of an address that a link may have: an index of PostgreSQL takes 2,704, and longer ones are markup gone wrong."""
# Six digits at least, and no date (13980912): else all that another site published in a day were one article.
_NASTOOH = re.compile(r"news/(?!(?:1[34]|20)\d\d[01]\d[0-3]\d/)(\d{6,})/[^/]*", re.ASCII)


def canonical(url: str) -> str | None:
    """What identifies an address: `irna.ir/news/83714160`, `ostan-lr.ir/news?id=4`. None when it is no web address.

    Dropped: scheme, `www.`, default ports, fragment, tracking parameters, the slug after a Nastooh id, slashes doubled
    or last. The host in lower case, all of it decoded to NFC, so that `%D8%AE` and `خ` are one; parameters sorted.
    An address printed without its scheme means the same, and so does this form of it: canonical of itself is itself.
    """
    text = _clean(url)
    bare = "://" not in text
    parts = _split(f"//{text.removeprefix('//')}" if bare else text)
    host = _host(parts, shown=True)
    if parts is None or host is None or parts.scheme not in {"", "http", "https"}:
        return None
    if bare and ("@" in parts.netloc or "." not in host):  # mailto:, or no address at all
        return None
    port = "" if parts.port in {None, 80, 443} else f":{parts.port}"
    names = [part for part in parts.path.split("/") if part]
    path = _without_slug("/".join(names)) or "/".join(_decoded(part, "%/?#") for part in names)
    path = _without_slug(path) or path
    query = "&".join(sorted(_decoded(part.replace("+", " "), "%&#+") for part in parts.query.split("&") if _kept(part)))
    return host.removeprefix("www.") + port + (f"/{path}" if path else "") + (f"?{query}" if query else "")


def _without_slug(path: str) -> str | None:
    """`news/83714160` of what a Nastooh site serves under that; to decode the slug first takes longer than all the rest."""
    found = _NASTOOH.fullmatch(path)
    return f"news/{found[1]}" if found else None


def host_of(url: str) -> str | None:
    """The host of an http or https address in lower case, `www.` kept, without port; None for anything else."""
    parts = _split(_clean(url))
    return _host(parts) if parts is not None and parts.scheme in {"http", "https"} else None


def absolute(base: str, href: str) -> str | None:
    """`href` as a page at `base` means it, its letters and escapes as listed.

    None when it leads nowhere else (empty, `#…`) or not to http or https (`javascript:`, `mailto:`, damage), or has no end.
    """
    href = _clean(href)
    if not href or href.startswith("#"):
        return None
    try:
        url = urljoin(_clean(base), href)
    except ValueError:
        return None
    return None if host_of(url) is None or len(url.encode(errors="replace")) > _LONGEST else url


def _clean(url: str) -> str:
    url = url.strip()
    if "\n" in url or "\t" in url or "\r" in url:  # few have one, and to look is a tenth of the work
        url = re.sub(r"[\t\r\n]", "", url)  # as browsers do: markup breaks a long address over lines
    return url


def _split(url: str) -> SplitResult | None:
    try:
        url.encode()  # a lone surrogate is no letter of an address
        parts = urlsplit(url)
        _ = parts.port  # asked for its ValueError
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult | None, *, shown: bool = False) -> str | None:
    host = unicodedata.normalize("NFC", (parts and parts.hostname) or "")
    if not _HOST.fullmatch(host):
        return None
    return ".".join(map(_unicode, host.rstrip(".").split("."))) if shown else host


def _unicode(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label


def _kept(parameter: str) -> bool:
    return bool(parameter) and not _TRACKING.fullmatch(parameter.partition("=")[0])


def _decoded(text: str, reserved: str) -> str:
    """Percent escapes as letters, apart from those that would change the address's meaning, or are no UTF-8."""
    try:
        letters = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return re.sub(r"%[0-9a-f]{2}", lambda escape: escape[0].upper(), text)
    letters = unicodedata.normalize("NFC", letters)
    if letters.isprintable() and not any(char in letters for char in f" {reserved}"):
        return letters  # nearly all are so, and to look at each letter takes ten times as long
    return "".join(quote(char, safe="") if char in reserved or _unseen(char) else char for char in letters)


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Zs", "Zl", "Zp"}  # controls and spaces; a joiner is part of a word
