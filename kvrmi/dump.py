"""A store's contents as a file of JSON lines: a header, a line a pair, a last one to check it by.

Rules: a file appears under its name only when it is whole and synced; who has read one to its end
knows that it was not cut or changed; neither side holds more than a page.
It knows no cluster: pages come from whoever has the pairs, pairs go to whoever wants them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .errors import InvalidRequest
from .operations.interface import Value, check
from .state.rows import row_hash
from .whole import replacing

__all__ = ["Damaged", "Page", "Reader", "Summary", "save"]

_KIND = "kvrmi export"
_FORMAT = 1
_LINE_BYTES = 8 << 20
"""No line of ours is longer: a value of 1 MiB, each character escaped, takes six."""
_DIGEST_SPACE = 1 << 256


class Damaged(ValueError):
    """The file is no whole export; the text is one line that says what is wrong."""


class Page(NamedTuple):
    """Pairs in ascending order of keys, all of one revision of the store."""

    revision: int
    pairs: Iterable[tuple[str, Value]]


class Summary(NamedTuple):
    """What a file holds of `cluster`, from its first page's revision to the last's.

    Equal revisions: it is one moment of the store. `digest` is the store's own of the same rows.
    """

    cluster: str
    first_revision: int
    revision: int
    keys: int
    digest: str


def save(path: Path, cluster: str, pages: Iterator[Page]) -> Summary:
    """Write a file of these pages, at least one, readable by its owner only. Raises OSError.

    When it raises, or `pages` does, what was at `path` before is still there; see whole.py.
    """
    with replacing(path, private=True) as file:
        return _write(file, cluster, pages)


def _write(file: BinaryIO, cluster: str, pages: Iterator[Page]) -> Summary:
    whole = hashlib.sha256()

    def line(fields: dict[str, object]) -> None:
        data = json.dumps(fields, ensure_ascii=False).encode() + b"\n"
        whole.update(data)
        file.write(data)

    total = keys = revision = 0
    first: int | None = None
    for revision, pairs in pages:
        if first is None:
            first = revision
            line({"kind": _KIND, "format": _FORMAT, "cluster": cluster, "revision": revision})
        for key, value in pairs:
            line({"key": key, **_coded(value)})
            total += row_hash(key, value)
            keys += 1
    digest = f"{total % _DIGEST_SPACE:064x}"
    end = {"end": keys, "revision": revision, "digest": digest}
    line({**end, "sha256": whole.hexdigest()})
    return Summary(cluster, first or 0, revision, keys, digest)


def _coded(value: Value) -> dict[str, object]:
    if isinstance(value, str):
        return {"value": value}
    return {"value": base64.b64encode(value).decode(), "encoding": "base64"}


class Reader:
    """The pairs of an open file, each checked; iterate to the end to know that it is whole.

    Begins at the file's start, so that it can be read again by another Reader.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the header. Raises Damaged and OSError."""
        file.seek(0)
        self._file = file
        self._whole = hashlib.sha256()
        self._number = 0
        header = self._line(self._take())
        if (header.get("kind"), header.get("format")) != (_KIND, _FORMAT):
            raise Damaged(f"this is not a {_KIND} of format {_FORMAT}")
        self._cluster = str(header.get("cluster"))
        self._revision = header.get("revision")
        self.summary: Summary | None = None
        """Set once the last line was read and found right."""

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        """Yield the pairs in order. Raises Damaged and OSError."""
        total = keys = 0
        while True:
            before = self._whole.hexdigest()
            fields = self._line(self._take())
            if "end" in fields:
                break
            key, value = self._pair(fields)
            total += row_hash(key, value)
            keys += 1
            yield key, value
        self._check_end(fields, before, keys, f"{total % _DIGEST_SPACE:064x}")

    def _take(self) -> bytes:
        data = self._file.readline(_LINE_BYTES)
        self._number += 1
        if not data:
            raise Damaged(f"it was cut off after line {self._number - 1}: its last line is missing")
        if not data.endswith(b"\n"):
            raise Damaged(f"it was cut off in line {self._number}, or that line is too long")
        self._whole.update(data)
        return data

    def _line(self, data: bytes) -> dict[str, Any]:
        try:
            fields = json.loads(data)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise Damaged(f"line {self._number} is no JSON object")
        return fields

    def _pair(self, fields: dict[str, Any]) -> tuple[str, Value]:
        coded = fields.get("value")
        if "encoding" in fields:
            coded = {"data": coded, "encoding": fields["encoding"]}
        try:
            key, value = check("put", (fields.get("key"), coded)).args
        except InvalidRequest as error:
            raise Damaged(f"line {self._number}: {error}") from error
        return key, value  # type: ignore[return-value]  # checked as put's arguments

    def _check_end(self, fields: dict[str, Any], sha256: str, keys: int, digest: str) -> None:
        if self._file.read(1):
            raise Damaged(f"something follows its last line, which is {self._number}")
        revision = fields.get("revision")
        wanted = {"end": keys, "revision": revision, "digest": digest, "sha256": sha256}
        if fields != wanted or type(revision) is not int or type(self._revision) is not int:
            raise Damaged("it was changed after it was written: count or digests do not agree")
        self.summary = Summary(self._cluster, self._revision, revision, keys, digest)
