"""Many questions at the same time, of which none is waited for beyond a deadline.

Rule: what has not answered by then is left behind in its thread, which keeps no program from
ending: a disk or a process may hang. It does not know what is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from kvrmi.errors import KVError

__all__ = ["Answers", "Question", "ask"]

Question: TypeAlias = tuple[str, Any]
"""What is asked, and of whom."""

_LATE = "no answer in time"


class Answers(NamedTuple):
    """What was answered, and why the rest was not."""

    given: Mapping[Question, Any]
    missing: Mapping[Question, str]

    def of(self, what: str) -> dict[Any, Any]:
        """Return the answers to one question, by who was asked."""
        return {who: answer for (asked, who), answer in self.given.items() if asked == what}

    def lacking(self, what: str) -> dict[Any, str]:
        """Return why there are no others."""
        return {who: why for (asked, who), why in self.missing.items() if asked == what}

    def one(self, what: str, default: Any = None) -> Any:
        """Return the answer to what is asked of one alone."""
        return next(iter(self.of(what).values()), default)


def ask(questions: Mapping[Question, Callable[[], Any]], seconds: float) -> Answers:
    """Ask all, each in a thread of its own, and wait so long at most.

    A question may raise KVError, OSError or ValueError.
    """
    given: dict[Question, Any] = {}
    failures: dict[Question, str] = {}

    def run(question: Question) -> None:
        try:
            given[question] = questions[question]()
        except (KVError, OSError, ValueError) as error:
            failures[question] = str(error).partition("\n")[0] or type(error).__name__

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in questions]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    came = dict(given)
    there = {one: came[one] for one in questions if one in came}
    return Answers(there, {one: failures.get(one, _LATE) for one in questions if one not in came})
