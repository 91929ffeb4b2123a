"""A local replay of the sites: IRNA, Mehr and the portal of Lorestan, in their own markup, over HTTP.

    articles.py   what they publish: the five seed documents and some forty articles of our own invention (articles.toml)
    pages.py      how they print it: articles, listings and feeds of two content systems, and a wall
    site.py       Site: one loopback server that answers for all three by the Host header, and grows

    with Site() as site:
        os.environ["DIDBAN_HOSTS"] = site.hosts
        site.grow()

or `python -m demo`. It knows nothing of how we read pages: markup and words are written from what the sites serve.
"""

from demo.articles import Piece
from demo.site import Site

__all__ = ["Piece", "Site"]
