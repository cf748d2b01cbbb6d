"""The word that was perhaps meant.

Rule: it is only offered, never taken in place of what was typed.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["meant"]

_ELSEWHERE = {
    "SET": "PUT", "INSERT": "PUT", "ADD": "PUT", "WRITE": "PUT", "STORE": "PUT",
    "DEL": "DELETE", "RM": "DELETE", "REMOVE": "DELETE", "UNSET": "DELETE", "UNLINK": "DELETE",
    "UPDATE": "PUT", "SELECT": "GET", "READ": "GET", "FETCH": "GET", "CAT": "GET", "SHOW": "GET",
    "LS": "KEYS", "LIST": "KEYS", "DIR": "KEYS", "RANGE": "SCAN",
    "EXISTS": "CONTAINS", "HAS": "CONTAINS", "DBSIZE": "SIZE", "COUNT": "SIZE", "LEN": "SIZE",
    "MSET": "MPUT", "INFO": "STATUS", "PING": "HEALTH", "DUMP": "EXPORT", "LOAD": "IMPORT",
    "CLS": "CLEAR", "MAN": "HELP", "CONNECT": "RECONNECT", "BYE": "EXIT",
    "LEAVE": "EXIT", "FLUSHALL": "DELETE", "FLUSHDB": "DELETE",
}  # fmt: skip
"""What other shells call it."""
_LONGEST = 30
"""Characters; what is longer is no slip of the finger."""


def meant(typed: str, words: Iterable[str], likeness: float = 0.6) -> str:
    """Return "; did you mean WORD?" for the nearest of some words, in their case, or "".

    likeness: from 0 to 1 for equal words, how like it a word has to be.
    """
    known = {word.upper(): word for word in words}
    upper = typed[: _LONGEST + 1].upper()
    near = [_ELSEWHERE[upper]] if upper in _ELSEWHERE else []
    near += get_close_matches(upper, known, n=1, cutoff=likeness) if len(upper) <= _LONGEST else []
    found = next((known[word] for word in near if word in known), None)
    return f"; did you mean {found}?" if found else ""
