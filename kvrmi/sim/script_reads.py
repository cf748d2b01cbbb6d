"""What reads of a script may return, by what was written and acknowledged before them.

Rules: a write may take effect from when it is asked; once it is acknowledged, older values may not
be returned any more. A write whose answer nobody waited for, or that has none, stays possible for
ever. Of keys that are written by cas, or by requests that may be sent again, nothing is said: such
a write may change nothing. It knows neither stage nor protocol.
"""

from __future__ import annotations

from ..operations.interface import Answer

__all__ = ["Reads"]


class Reads:
    """Remembers, of each key, the values that a read may return now."""

    def __init__(self) -> None:
        """Begin with what nobody knows."""
        self._possible: dict[object, set[object]] = {}
        self._open: dict[object, set[object]] = {}
        """What was written without an answer: it may take effect at any time."""
        self._unjudged: set[object] = set()
        """Keys of which nothing is said."""

    def asked(self, op: str, args: tuple[object, ...], *, again: bool) -> None:
        """Take note that a write may take effect from now on; `again`: it may be sent again."""
        key = args[0]
        if op == "cas" or (again and op != "get"):
            self._unjudged.add(key)
        elif op in ("put", "delete"):
            self._possible.setdefault(key, {None}).add(_written(op, args))
            self._open.setdefault(key, set()).add(_written(op, args))

    def answered(self, op: str, args: tuple[object, ...], answer: Answer | None) -> str:
        """Take an answer that was waited for; what is wrong with it, or nothing."""
        key = args[0]
        if key in self._unjudged or answer is None or answer.code != "OK":
            return ""
        value = answer.value if op == "get" else _written(op, args)
        possible = self._possible.get(key)
        if op != "get":
            self._open[key].discard(value)
        if possible is None:
            return ""
        self._possible[key] = {value} | self._open.get(key, set())
        if value in possible:
            return ""
        newer = ", ".join(map(str, possible))
        return f"a read of {key} returned {value}; acknowledged before it was {newer}"


def _written(op: str, args: tuple[object, ...]) -> object:
    return args[1] if op == "put" else None
