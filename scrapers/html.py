"""HTML: bytes → text → tree → the words on it, with selectors that complain by name.

lexbor (selectolax) reads a page, finds the nodes, and its own nodes become the body's paragraphs. Markup that comes in a
string (a feed's summary, a post's excerpt in JSON) goes to BeautifulSoup, a tenth as fast. Both are slow on hostile markup
(lexbor quadratically in depth and in a tag's attributes), so size, depth and tags are capped before either sees it.

**Verbatim.** Inside a text node every character stays as its author typed it, two spaces and no-break spaces included;
a run of white space that holds a line break or a tab is the markup's indentation and becomes one space. The ends of a
paragraph are trimmed. Nothing is joined, split or respaced beyond that.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from didban.article import Page
from didban.errors import LayoutChanged, Unreadable

if TYPE_CHECKING:
    from bs4 import PageElement

MAX_BYTES = 8_000_000
MAX_DEPTH = 5_000
"""Tags never closed count too: a page of old, careless markup has hundreds."""
MAX_TAGS = 100_000
"""Opening and closing ones. BeautifulSoup takes 20 µs and 800 bytes for each: a body of a million is 25 s and a gigabyte."""

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_LONG_TAG = 4000  # letters from one `<` to the next: 500 attributes need as many
_CROWDED_TAG = re.compile(  # by HTML's own grammar of attributes; nothing is tried twice
    r"""</?[a-zA-Z][^\s/>]*+(?:[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+){500}+"""
)
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_HTML = re.compile(rb"<html[\s>]", re.IGNORECASE)
_HTML_END = re.compile(rb"</html\s*>", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = bytes({*range(1, 0x20)} - {*b"\t\n\v\f\r\x1b"})
_META_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_TEXT_CODECS = re.compile(r"utf|cp\d|iso8859|latin|ascii|mac|koi8", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_INDENT = re.compile(r"(?<! ) *[\t\n\r\f][ \t\n\r\f]*")  # looked for only where blanks begin: linear


# ── bytes → text ──────────────────────────────────────────────────────────────────────────────────────────────────────


def decode(body: bytes, declared: str = "") -> str:
    """The text of a page, whatever it says of itself; `declared` is its Content-Type header or a charset's name.

    A byte order mark wins, then strict UTF-8, which no Persian page passes by chance; then of the declared charsets,
    windows-1256 and damaged UTF-8 the one that makes the most Persian letters out of what is not ASCII. NUL, lone
    surrogates and the byte order mark are dropped.
    """
    text, _ = _decode(body, declared)
    return text


def _decode(body: bytes, declared: str) -> tuple[str, bool]:
    """The text, and whether these very bytes are its UTF-8, so that a parser may have them as they are."""
    marked = next((codec for mark, codec in _BOMS if body.startswith(mark)), None)
    plain = marked is None and b"\0" not in body
    try:
        text = body.decode(marked or "utf-8", "replace" if marked else "strict")
    except UnicodeDecodeError:
        plain = False
        text = max((body.decode(codec, "replace") for codec in _codecs(body, declared)), key=_persian_share)
        text = _SURROGATE.sub("", text)  # UTF-8 and UTF-16 never decode to one
    return (text if plain else text.replace("\0", "").removeprefix("\ufeff")), plain


def page_text(page: Page) -> str:
    """The text of a page that may be parsed. Raises Unreadable: empty, binary or beyond the size cap."""
    text, _ = _page_text(page)
    return text


def _page_text(page: Page) -> tuple[str, bool]:
    if not page.body.strip():
        raise Unreadable(page.url, "the page is empty")
    if len(page.body) > MAX_BYTES:
        raise Unreadable(page.url, f"{len(page.body)} bytes are more than a page has ({MAX_BYTES})")
    head = page.body[:4096]
    if (
        not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        and len(head) - len(head.translate(None, _CONTROLS)) > len(head) // 100
    ):
        raise Unreadable(page.url, "this is binary, not text")
    return _decode(page.body, page.headers.get("content-type", ""))


def _codecs(body: bytes, declared: str) -> Iterator[str]:
    named = [name.decode("ascii") for name in _META_CHARSET.findall(body[:4096])]
    for name in (declared, *_HEADER_CHARSET.findall(declared), *named):
        try:
            codec = codecs.lookup(name).name
        except LookupError:
            continue
        if _TEXT_CODECS.match(codec):
            yield codec
    yield "utf-8"
    yield "windows-1256"


def _persian_share(text: str) -> float:
    foreign = [char for char in text[:200_000] if char > "\x7f" and not char.isspace()]
    return sum("\u0620" <= char <= "\u06ff" or "\u200b" <= char <= "\u200f" for char in foreign) / (len(foreign) or 1)


# ── text → tree ───────────────────────────────────────────────────────────────────────────────────────────────────────


def parse_whole(page: Page) -> LexborHTMLParser:
    """As `parse`, where half of a page is worse than none: it may not break off before its end."""
    if breaks_off(page):
        raise Unreadable(page.url, "the page breaks off before its end")
    return parse(page)


def parse(page: Page) -> LexborHTMLParser:
    """The page's tree. Raises Unreadable: empty, binary, no markup, too large, too deep."""
    text, plain = _page_text(page)
    tags = count_tags(page.url, text)
    if not tags:
        raise Unreadable(page.url, "there is no markup in it")
    if any(_CROWDED_TAG.match(text, at) for at in _long_tags(text)):
        raise Unreadable(page.url, "a tag has 500 attributes or more")
    # No page is deeper than it has tags, and few have so many: they are counted before they are followed.
    if tags > MAX_DEPTH and tags - text.count("</") > MAX_DEPTH and (found := depth(text)) > MAX_DEPTH:
        raise Unreadable(page.url, f"tags nested {found} deep (at most {MAX_DEPTH})")
    return LexborHTMLParser(page.body if plain else text)


def _long_tags(text: str) -> Iterator[int]:
    """Where a `<` is followed by _LONG_TAG letters and more without another; from window to window, not letter by letter."""
    at = text.find("<")
    while at >= 0:
        last = text.rfind("<", at + 1, at + 1 + _LONG_TAG)
        if last < 0:
            yield at
            last = text.find("<", at + 1 + _LONG_TAG)
        at = last


def count_tags(url: str, *texts: str, most: int = MAX_TAGS) -> int:
    """How many tags there are in these texts of one page. Raises Unreadable for more than `most`."""
    if (tags := sum(text.count("<") for text in texts)) > most:
        raise Unreadable(url, f"{tags} tags are more than a page has ({most})")
    return tags


def breaks_off(page: Page) -> bool:
    """Does the page begin with `<html` and never reach its end? A server that closed early may not have said so."""
    body = page.body
    return bool(_HTML.search(body)) and not (_HTML_END.search(body, max(0, len(body) - 1024)) or _HTML_END.search(body))


def depth(text: str) -> int:
    """The most tags open at once, void ones aside, where a closing tag closes only a tag of its own name."""
    unclosed: Counter[str] = Counter()
    now = most = 0
    for closing, name in _TAG.findall(text):
        tag = name.lower()
        if closing:
            if unclosed[tag]:
                unclosed[tag] -= 1
                now -= 1
        elif tag not in _VOID:  # in HTML `<div/>` opens a div
            unclosed[tag] += 1
            now += 1
            most = max(most, now)
    return most


# ── tree → words ──────────────────────────────────────────────────────────────────────────────────────────────────────


def first(tree: LexborHTMLParser | LexborNode, *selectors: str) -> LexborNode | None:
    """The first node of the first selector that matches any."""
    for selector in selectors:
        if (node := tree.css_first(selector)) is not None:
            return node
    return None


def need(tree: LexborHTMLParser | LexborNode, url: str, *selectors: str) -> LexborNode:
    """As `first`, where a page without it is not what we think it is. Raises LayoutChanged."""
    if (node := first(tree, *selectors)) is None:
        raise LayoutChanged(url, ", ".join(selectors), 0)
    return node


def only(tree: LexborHTMLParser | LexborNode, url: str, *selectors: str) -> LexborNode:
    """The one node of the first selector that matches. Raises LayoutChanged when it matches more, or none does."""
    for selector in selectors:
        if len(nodes := tree.css(selector)) == 1:
            return nodes[0]
        if nodes:
            raise LayoutChanged(url, selector, len(nodes))
    raise LayoutChanged(url, ", ".join(selectors), 0)


def inside(tree: LexborHTMLParser | LexborNode, places: str, selector: str) -> set[int]:
    """The `mem_id` of each node of `selector` that stands in one of `places`.

    (`:is(a, b) c` would say it in one, and finds nothing in lexbor once c lies deep.) A place in another one is not searched
    again: a thousand in each other would cost a hostile page its square.
    """
    found: set[int] = set()
    nested: set[int] = set()
    for place in tree.css(places):
        if place.mem_id not in nested:
            nested.update(inner.mem_id for inner in place.css(places))
            found.update(node.mem_id for node in place.css(selector))
    return found


def words(node: LexborNode | None) -> str:
    """A node's text as one line, by the rule of verbatim; `""` without a node."""
    return "" if node is None else line(node.text())


def first_words(tree: LexborHTMLParser | LexborNode, *selectors: str) -> str:
    """The words of the first node that has any: an empty kicker gives way to the next selector."""
    return next((found for selector in selectors for node in tree.css(selector) if (found := words(node))), "")


def all_words(tree: LexborHTMLParser | LexborNode, selector: str) -> tuple[str, ...]:
    """The words of each node that has any, in order, each once."""
    return tuple(dict.fromkeys(found for node in tree.css(selector) if (found := words(node))))


def attribute(node: LexborNode | None, name: str) -> str:
    """An attribute's value, stripped; `""` when there is no node or no attribute."""
    value = None if node is None else node.attributes.get(name)
    return "" if value is None else value.strip()


def meta(tree: LexborHTMLParser, *names: str) -> str:
    """The content of the first `<meta>` whose `property`, `name` or `itemprop` is one of `names`; else `""`."""
    for name in names:
        for key in ("property", "name", "itemprop"):
            if content := attribute(tree.css_first(f'meta[{key}="{name}"]'), "content"):
                return content
    return ""


def json_ld(tree: LexborHTMLParser, key: str) -> str:
    """The first string under `key` among a page's JSON-LD objects, `@graph` included; else `""`."""
    return said(json_ld_objects(tree), key)


def said(objects: Iterable[Mapping[str, Any]], key: str) -> str:
    """The first string under `key` that is not blank; else `""`."""
    return next((found.strip() for one in objects if isinstance(found := one.get(key), str) and found.strip()), "")


def json_ld_objects(tree: LexborHTMLParser) -> list[dict[str, Any]]:
    """A page's JSON-LD objects, those of a `@graph` after the one that has it; damaged ones are passed over."""
    objects: list[dict[str, Any]] = []
    for script in tree.css('script[type="application/ld+json"]'):
        try:
            objects += _objects(read_json(script.text()))
        except (ValueError, RecursionError):
            continue
    return objects


def read_json(text: str) -> Any:  # noqa: ANN401 - JSON values
    """The value of a page's JSON, line breaks in strings allowed. Its escapes may spell what no text holds: NUL and halves of
    letters are dropped, as `decode` does. Raises ValueError, RecursionError."""
    value = json.loads(text, strict=False)
    return _spelt(value) if "\\u0000" in text or "\\ud" in text or "\\uD" in text else value


def _spelt(value: Any) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, str):
        return _SURROGATE.sub("", value.replace("\0", ""))
    if isinstance(value, list):
        return [_spelt(one) for one in value]
    return {_spelt(key): _spelt(one) for key, one in value.items()} if isinstance(value, dict) else value


def _objects(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON values
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
            yield from _objects(item.get("@graph"))


def line(text: str) -> str:
    """Text as one line, by the rule of verbatim."""
    if "\n" in text or "\t" in text or "\r" in text or "\f" in text:  # few have one, and to look is a tenth of the work
        text = _INDENT.sub(" ", text)
    return text.strip()


# ── a tree → paragraphs ───────────────────────────────────────────────────────────────────────────────────────────────

_NO_TEXT = frozenset({
    "script", "style", "template", "noscript", "iframe", "object", "form", "button", "select", "textarea", "video",
    "audio", "figure", "figcaption", "svg", "rt", "rp",
})  # fmt: skip
"""What holds no text in any body; a platform adds its own by selector."""

_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
"""What ends a paragraph, where it begins and where it ends."""

Node = TypeVar("Node")
Part = str | tuple[Iterator[Node], bool] | None
"""What a node is to a body: its text; or the nodes in it, and whether its edges end a paragraph; or nothing."""


def body_paragraphs(body: LexborNode, *, drop: Sequence[str] = ()) -> tuple[str, ...]:
    """The paragraphs of a page's node, without what the selectors of `drop` match; the tree stays as it is."""
    dropped = {junk.mem_id for junk in body.css(", ".join(drop))} if drop else frozenset[int]()

    def part(node: LexborNode) -> Part[LexborNode]:
        if (name := node.tag or "") == "-text":
            return node.text_content
        if not node.is_element_node or node.mem_id in dropped or _holds_no_text(name, node.attributes):
            return None
        return node.iter(include_text=True), name in _BLOCKS

    return _paragraphs(body, part)


def paragraphs(fragment: str, *, drop: Sequence[str] = ()) -> tuple[str, ...]:
    """The paragraphs of markup that came in a string: a feed's, a listing's; by the same rule."""
    from bs4 import BeautifulSoup, NavigableString, Tag  # noqa: PLC0415 - a tenth of the start of a run that reads no feed

    soup = BeautifulSoup(fragment, "lxml", multi_valued_attributes=None)
    for junk in soup.select(", ".join(drop)) if drop else ():
        junk.decompose()

    def part(node: PageElement) -> Part[PageElement]:
        if isinstance(node, Tag):
            return None if _holds_no_text(node.name, node.attrs) else (iter(node.contents), node.name in _BLOCKS)
        return node if type(node) is NavigableString else None  # its subclasses are comments, doctypes and the like

    return _paragraphs(soup, part)


def _paragraphs(root: Node, part: Callable[[Node], Part[Node]]) -> tuple[str, ...]:
    """The paragraphs of a tree, in order, none empty.

    A block's edge and a `<br>` end a paragraph; inline tags do not. A table's cells are paragraphs of their own.
    """
    texts: list[list[str]] = [[]]
    within = [(iter((root,)), False)]  # the nodes we stand in: what is left of each, and whether it is a block
    while within:
        left, is_block = within[-1]
        for node in left:
            found = part(node)
            if isinstance(found, str):
                texts[-1].append(found)
            elif found is not None:
                within.append(found)
                is_block = found[1]
                break
        else:
            within.pop()
        if is_block:
            texts.append([])
    return tuple(text for pieces in texts if (text := line("".join(pieces))))


def _holds_no_text(name: str, attributes: Mapping[str, Any]) -> bool:
    """(Asked of every tag: a selector would take ten times as long.)"""
    return (
        name in _NO_TEXT or "hidden" in attributes or "display:none" in (attributes.get("style") or "").replace(" ", "")
    )
