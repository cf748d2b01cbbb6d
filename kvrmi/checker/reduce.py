"""Reduces what clients may ask to the few questions that the checks know.

A page of a scan is a question for the values of all keys that it passed over: those it does not
show were absent. The size is a question about every key that the history writes. A local read may
be as old as anything: it is a read that was called before time began, so that it has a place
wherever its value was there, but none after its return.
Rule: the reduced history is right if and only if the other is, given that its pages are pages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice, takewhile
from math import inf

from ..operations.interface import LOCAL, PAGE_BYTES
from ..operations.table import WRITES
from .history import OK, Operation
from .model import keys_of, written
from .show import line

__all__ = ["REDUCED", "no_pages", "reduced"]

REDUCED = frozenset({"scan"})
"""Operations that no check meets after `reduced`."""

Page = tuple[tuple[str, str | bytes], ...]


def reduced(history: Iterable[Operation]) -> list[Operation]:
    """Give the operations with each scan, size and local read replaced."""
    operations = list(history)
    if not any(op.op in ("scan", "size") or LOCAL in op.args[1:] for op in operations):
        return operations
    writes = [op for op in operations if op.op in WRITES]
    keys = {key for op in writes for key in keys_of(op)}
    keys |= {key for op in operations if op.op == "scan" for key, _ in op.value or ()}
    ordered = sorted(keys)
    longest = max((_size(pair) for op in writes for pair in written(op)), default=0)
    return [_reduced(op, ordered, longest) for op in operations]


def _reduced(operation: Operation, keys: list[str], longest: int) -> Operation:
    if operation.op == "size":
        return operation._replace(args=(tuple(keys),))
    if operation.op == "scan":
        page: Page = operation.value or ()
        begin = bisect_left(keys, operation.args[0])
        some = takewhile(lambda key: key.startswith(operation.args[0]), islice(keys, begin, None))
        passed = tuple(key for key in some if _passed(operation, page, key, longest))
        values = tuple(map(dict(page).get, passed)) if operation.outcome == OK else None
        return operation._replace(op="get_many", args=(passed,), value=values)
    if operation.op == "get" and LOCAL in operation.args[1:]:
        return operation._replace(args=operation.args[:1], call=-inf)
    return operation


def _passed(scan: Operation, page: Page, key: str, longest: int) -> bool:
    """Return whether a key with its prefix would have been on a page, had it been there."""
    _, start, limit = scan.args
    if start is not None and key <= start:
        return False
    cut = len(page) >= limit or sum(map(_size, page)) + longest > PAGE_BYTES
    return not (cut and page) or key <= page[-1][0]


def _size(pair: tuple[str, str | bytes | None]) -> int:
    parts = (part.encode() if isinstance(part, str) else part for part in pair if part)
    return sum(map(len, parts))


def no_pages(history: Iterable[Operation]) -> list[str]:
    """Find scans answered with what is no page: too long, out of order, or of other keys."""
    findings = []
    for operation in history:
        if operation.op == "scan" and operation.outcome == OK:
            prefix, start, limit = operation.args
            keys = [key for key, _ in operation.value]
            fits = all(key.startswith(prefix) and (start is None or key > start) for key in keys)
            if not fits or len(keys) > limit or keys != sorted(set(keys)):
                findings.append(f"no page of what was asked for: {line(operation).strip()}")
    return findings
