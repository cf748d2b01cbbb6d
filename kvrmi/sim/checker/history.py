"""What clients asked, when, and what they were told: the record that all checks work on.

The file is JSON lines. The first is `{"format": "kvrmi-history", "version": 1}`, each other one an
operation: `{"client": "ana", "op": "put", "args": ["k", "v"], "call": 1.5, "return": 1.6,
"outcome": "ok", "value": null, "revision": 7, "replica": 2}`.

Rules: `call` is read before the request is sent and `return` after the answer came, from one
monotonic clock, in seconds; an operation is ok, fail (certainly never took effect) or unknown (may
take effect at any time after the call, or never; `return` is then null). A client has one operation
open at a time; after an unknown it goes on under a new name, unless a retry told it the answer.
It knows neither how a history came about nor what is right.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TextIO

__all__ = ["FAIL", "OK", "UNKNOWN", "BadHistory", "Operation", "read", "write_header", "write_line"]

OK = "ok"
FAIL = "fail"
UNKNOWN = "unknown"

_HEADER = {"format": "kvrmi-history", "version": 1}


class BadHistory(ValueError):
    """A line of a history is not what the format says; the message names the line."""


class Operation(NamedTuple):
    """One operation of one client.

    `op` and `args` are those of the remote object (`put`, `get`, `delete`, `contains`, `cas`,
    `put_many`, `get_many`), without request ids; pairs and lists are tuples, so that it is hashable.
    `returned` is infinite when the outcome is unknown. `value` is the answer: of get a value or
    None, of get_many a tuple of them, of delete, contains and cas a bool, of put and put_many None
    (their revision is the field). `revision` and `replica` are None where they were not told.
    """

    client: str
    op: str
    args: tuple[Any, ...]
    call: float
    returned: float
    outcome: str
    value: Any = None
    revision: int | None = None
    replica: int | None = None
