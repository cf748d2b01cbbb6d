"""How operations and stretches of a history are shown to people: short lines, one an operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .history import OK, UNKNOWN, Operation

__all__ = ["line", "lines"]

_LONG = 40


def line(operation: Operation, mark: str = " ") -> str:
    """Show one operation: when, who, what, and what came of it. Times are in seconds."""
    end = "..." if operation.outcome == UNKNOWN else f"{operation.returned:.6f}"
    words = f"{mark} {operation.call:>12.6f} {end:>12}  {operation.client:<10} {_asked(operation)}"
    if operation.outcome == OK:
        words += f" -> {_short(operation.value)}"
    else:
        words += f" -> {operation.outcome}"
    if operation.revision is not None:
        words += f" @{operation.revision}"
    return words


def lines(operations: Iterable[Operation], mark: str = " ") -> list[str]:
    """Show operations in the order given."""
    return [line(operation, mark) for operation in operations]


def _asked(operation: Operation) -> str:
    return f"{operation.op}({', '.join(map(_short, operation.args))})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."
