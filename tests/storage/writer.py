"""A process that writes until it is killed, or until its disk fails.

Usage: python -m tests.storage.writer sqlite|append FILE [LARGEST FILE IN BYTES]

Prints a line after each durable write: its number, so that the reader knows what was confirmed.
When a write fails it prints `failed`, tries once more, and prints what that led to.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

from kvrmi.storage.append import AppendStorage
from kvrmi.storage.interface import Put, Storage, StorageFailed, Tables
from kvrmi.storage.sqlite import SqliteStorage

TABLES: Tables = {"slots": int, "names": str}
KINDS: dict[str, Callable[[str, Tables], Storage]] = {
    "sqlite": SqliteStorage,
    "append": AppendStorage,
}


def main(kind: str, path: str, largest: int | None) -> None:
    storage = KINDS[kind](path, TABLES)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    start = sum(1 for _ in storage.scan("slots"))
    for number in range(start, start + 100_000):
        records = (
            Put("slots", number, number.to_bytes(200, "big")),
            Put("names", "last", b"%d" % number),
        )
        try:
            storage.write(records)
        except StorageFailed:
            print("failed", flush=True)
            break
        print(number, flush=True)
    try:
        storage.write((Put("names", "late", b""),))
        print("written", flush=True)
    except StorageFailed:
        print("unusable", flush=True)
    storage.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
