"""The robots.txt texts."""

from __future__ import annotations

from datetime import timedelta

from storage.store import Store
from tests.support import NOW


def test_the_last_text_of_each_origin_is_kept(store: Store) -> None:
    assert store.robots.recall("https://a.ir/") is None
    store.robots.remember("https://a.ir/", "Disallow: /", NOW)
    store.robots.remember("https://a.ir/", "", NOW + timedelta(hours=1))
    assert store.robots.recall("https://a.ir/") == ("", NOW + timedelta(hours=1))
