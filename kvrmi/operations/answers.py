"""What an answer from another replica may hold; no declared type can express it.

Rule: it is what some operation returns, of numbers that 64 bits store; nothing nests deeper.
"""

from __future__ import annotations

from .interface import Answer

__all__ = ["is_answer"]

_BEYOND = 1 << 63


def is_answer(answer: Answer) -> bool:
    """Return whether its value is a scalar, a list of them, or a list of such lists."""
    if not 0 <= answer.revision < _BEYOND:
        return False
    value = answer.value
    return all(map(_is_item, value)) if isinstance(value, list | tuple) else _is_scalar(value)


def _is_item(value: object) -> bool:
    return all(map(_is_scalar, value)) if isinstance(value, list | tuple) else _is_scalar(value)


def _is_scalar(value: object) -> bool:
    if type(value) is int:
        return -1 <= value < _BEYOND
    return value is None or type(value) in (bool, str, bytes)
