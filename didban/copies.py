"""When two articles are one: keys that spacing, joiners and the variants of a letter do not change."""

from __future__ import annotations

from hashlib import sha256

from didban.article import Article
from didban.text import fold, squash


def content_key(title: str, text: str) -> str:
    """What identifies an article without id or address: 32 hex digits, over letters and digits alone.

    A seed that lost its joiners, spaces or paragraph breaks has the key of its page.
    """
    return _key(squash(title), squash(text))


def folded_key(article: Article) -> str:
    """What makes a revision: 32 hex digits over kicker, title, lead and text, folded and without whitespace.

    A changed word, number or mark is an edit; another spelling of a letter, a joiner or a space is none.
    """
    return _key(*("".join(fold(part).split()) for part in (article.kicker, article.title, article.lead, article.text)))


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
