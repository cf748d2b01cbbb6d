"""What a script may expect of answers, in words, and how it is looked up, whatever the protocol.

Rule: a check looks and never touches; it answers whether it holds and what is the case instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..operations.interface import Answer
from .script_stage import Stage

__all__ = ["ANSWERS", "Check", "Found", "bound", "reported", "shown"]

Found: TypeAlias = tuple[bool, str]
Check: TypeAlias = Callable[[Stage], Found]


def _answered(stage: Stage) -> Found:
    done = stage.answered()
    return done, reported(stage.answer)


def reported(answer: Answer | None) -> str:
    """Describe an answer, or that there is none."""
    return "nothing" if answer is None else f"{answer.code}: {shown(answer.value)}"


def _code(stage: Stage, codes: str) -> Found:
    stage.answered()
    code = "none" if stage.answer is None else stage.answer.code
    return code in codes.split(" or "), reported(stage.answer)


def _value(stage: Stage, value: str) -> Found:
    answer = stage.answer
    return answer is not None and shown(answer.value) == value, reported(stage.answer)


def shown(value: object) -> str:
    """Write a value as scenarios do."""
    return "none" if value is None else str(value)


def _revision(stage: Stage, revision: str) -> Found:
    answer = stage.answer
    found = -1 if answer is None else answer.revision
    return found == int(revision), f"revision {found}"


def bound(check: Callable[..., Found]) -> Callable[..., Check]:
    """Make what takes a condition's words, and makes its check of a stage."""
    return lambda *words: lambda stage: check(stage, *words)


ANSWERS: dict[str, Callable[..., Check]] = {
    "answered": bound(_answered),
    "answer CODE [or CODE]": bound(_code),
    "value VALUE": bound(_value),
    "revision N": bound(_revision),
}
"""What makes the check of a condition's words."""
