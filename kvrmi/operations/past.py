"""What can be asked of the past, of keys and of requests; what replicates a machine carries it out.

Rules: these are operations like the table's, of every vocabulary; whatever they answer about a
revision or a request that is settled holds for ever. It says what may be asked, and not what that
does (state/past.py).
"""

from __future__ import annotations

from typing import Any

from .arguments import CHANGES, CLIENT, CONSISTENCY, KEY, REVISION, SEQUENCE, UPTO
from .definition import Touched, define

__all__ = ["GET_AT", "HISTORY", "OUTCOME", "PAST", "SETTLE"]


def _request(args: tuple[Any, ...]) -> frozenset[Touched]:
    client, sequence = args
    return frozenset({(client, sequence)})


HISTORY = define(
    "history",
    10,
    (KEY, UPTO, CHANGES, CONSISTENCY),
    "changes of the key up to a revision, the newest first, each as "
    "[revision, value or None, slot, client, sequence]; slot 0: no older ones are kept",
    reads=True,
    long=True,
)
GET_AT = define(
    "get_at",
    11,
    (KEY, REVISION, CONSISTENCY),
    "the value that the key had at a revision, or None",
    reads=True,
    long=True,
)
OUTCOME = define(
    "outcome",
    12,
    (CLIENT, SEQUENCE),
    "what became of a request, as [state, revision, answer]: `applied`, `never`, `open`, or "
    "`forgotten`",
    reads=True,
    touches=_request,
)
SETTLE = define(
    "settle",
    13,
    (CLIENT, SEQUENCE),
    "as outcome; an open request will never take effect from then on",
    of_clients=False,
    touches=_request,
)
PAST = (HISTORY, GET_AT, OUTCOME, SETTLE)
