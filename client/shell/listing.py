"""SCAN and KEYS: the store in order, a page of the store's at a time, and what is shown of it.

Rules: the next page is asked for when it is wanted; a page is one revision, pages are not. It
prints nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from fnmatch import translate
from typing import TypeAlias, cast

from kvrmi.access.store import Store
from kvrmi.operations.interface import SCAN_ITEMS, Value

from ..grammar.arguments import Like
from ..grammar.making import Command
from ..render import Printer, encoded
from . import answers

__all__ = ["Listing", "Page", "found", "pages"]

Page: TypeAlias = "list[tuple[str, Value]]"
_LEAST = 20
"""Columns that a value gets however narrow the window is."""


class Listing:
    """The pairs that one SCAN or KEYS asks for."""

    def __init__(self, store: Store, printer: Printer, command: Command) -> None:
        """Ask nothing yet."""
        self.like, start, limit = cast("tuple[Like, str | None, int | None]", command.args)
        self.count = 0
        self.seconds = 0.0
        """Keys so far, and how long the store took for them."""
        self._found = found(store, self.like, start, limit)
        self._printer = printer
        self._command = command

    def values(self) -> list[object]:
        """Return all that JSON shows: keys, or [key, value]. Raises a KVError."""
        named = self._command.name == "keys"
        pairs = (pair for page in self._pages() for pair in page)
        return [key if named else [key, encoded(value)] for key, value in pairs]

    def lines(self) -> Iterator[str]:
        """Yield a line for each key; a page is fetched as its first line is taken."""
        for page in self._pages():
            yield from self._keys(page) if self._command.name == "keys" else self._pairs(page)

    def _pages(self) -> Iterator[Page]:
        began = time.monotonic()
        for page in self._found:
            self.seconds += time.monotonic() - began
            self.count += len(page)
            yield page
            began = time.monotonic()
        self.seconds += time.monotonic() - began

    def _keys(self, page: Page) -> list[str]:
        return [self._printer.shown(key) for key, _ in page]

    def _pairs(self, page: Page) -> list[str]:
        """Write keys and values; on a terminal a line each, unless all of a value is wanted."""
        keys, columns = self._keys(page), None
        if not self._command.output.full:
            columns = max(self._printer.columns - answers.key_columns(keys) - 2, _LEAST)
        values = (self._printer.shown(value, columns) for _, value in page)
        pairs = list(zip(keys, values, strict=True))
        if self._printer.terminal:
            return answers.columns(pairs)
        return [f"{key}\t{value}" for key, value in pairs]


def found(store: Store, like: Like, start: str | None, limit: int | None) -> Iterator[Page]:
    """Yield pages of what is like that, `limit` pairs in all; a page may be empty."""
    if not like.pattern:
        yield from pages(store, like.prefix, start, limit)
        return
    fits = re.compile(translate(like.pattern.replace("[^", "[!"))).match
    for page in pages(store, like.prefix, start, None):
        yield (fitting := [pair for pair in page if fits(pair[0])][:limit])
        if limit is not None and (limit := limit - len(fitting)) <= 0:
            return


def pages(store: Store, prefix: str, start: str | None, limit: int | None) -> Iterator[Page]:
    """Yield pages of (key, value), after `start`, `limit` pairs in all. Raises a KVError."""
    while limit is None or limit > 0:
        most = SCAN_ITEMS if limit is None else min(limit, SCAN_ITEMS)
        page = cast("list[list[object]]", store.call("scan", prefix, start, most)["value"])
        if not page:
            return
        yield [(cast(str, key), cast(Value, value)) for key, value in page]
        start = cast(str, page[-1][0])
        limit = None if limit is None else limit - len(page)
