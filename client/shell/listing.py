"""The pairs of the store in order, a page of the store's at a time.

It prints nothing; a page is one revision, pages are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, cast

from kvrmi.interface import SCAN_ITEMS, Value
from kvrmi.session import Store

__all__ = ["Page", "pages"]

Page: TypeAlias = "list[tuple[str, Value]]"


def pages(store: Store, prefix: str, start: str | None, limit: int | None) -> Iterator[Page]:
    """Yield pages of (key, value), after `start`, `limit` pairs in all. Raises a KVError."""
    while limit is None or limit > 0:
        most = SCAN_ITEMS if limit is None else min(limit, SCAN_ITEMS)
        found = cast("list[list[object]]", store.call("scan", prefix, start, most)["value"])
        if not found:
            return
        yield [(cast(str, key), cast(Value, value)) for key, value in found]
        start = cast(str, found[-1][0])
        limit = None if limit is None else limit - len(found)
