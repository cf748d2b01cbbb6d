"""What the replicas of a fake cluster share: one dictionary, so that they cannot disagree.

It keeps sessions like the real machine, in a few lines, and a trace of what took effect.
"""

from __future__ import annotations

import threading
from typing import Any

from kvrmi.errors import to_builtin
from kvrmi.operations.interface import WINDOW, Operation, Value


class Contents:
    """Rows, sessions, and who leads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rows: dict[str, Value] = {}
        self.sessions: dict[str, dict[int, Any]] = {}
        self.revision = 0
        self.leader = 1
        self.applied: list[tuple[str, tuple[str, int] | None]] = []

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Any:
        with self.lock:
            if operation.reads or request is None:
                return self._apply(operation, request)
            client, sequence = request
            answers = self._session(client, sequence)
            if sequence not in answers:
                answers[sequence] = self._apply(operation, request)
            return answers[sequence]

    def _session(self, client: str, sequence: int) -> dict[int, Any]:
        answers = self.sessions.get(client)
        if answers is None and sequence == 1:
            return self.sessions.setdefault(client, {})
        if answers is None or sequence <= max(answers, default=0) - WINDOW:
            raise to_builtin("UNKNOWN_OUTCOME", "session expired")
        return answers

    def _apply(self, operation: Operation, request: tuple[str, int] | None) -> Any:
        if not operation.reads:
            self.applied.append((operation.name, request))
        return getattr(self, f"_{operation.name}")(*operation.args)

    def _put(self, key: str, value: Value) -> int:
        return self._put_many([[key, value]])

    def _put_many(self, pairs: list[list[Any]]) -> int:
        self.rows.update({key: value for key, value in pairs})
        self.revision += 1
        return self.revision

    def _delete(self, key: str) -> bool:
        self.revision += 1
        return self.rows.pop(key, None) is not None

    def _cas(self, key: str, expected: Value | None, value: Value) -> bool:
        swapped = self.rows.get(key) == expected
        if swapped:
            self._put(key, value)
        else:
            self.revision += 1
        return swapped

    def _get(self, key: str) -> Value | None:
        return self.rows.get(key)

    def _contains(self, key: str) -> bool:
        return key in self.rows

    def _size(self) -> int:
        return len(self.rows)

    def _get_many(self, keys: list[str]) -> list[Value | None]:
        return [self.rows.get(key) for key in keys]

    def _scan(self, prefix: str, start: str | None, limit: int) -> list[list[Any]]:
        found = sorted(key for key in self.rows if key.startswith(prefix) and key > (start or ""))
        return [[key, self.rows[key]] for key in found[:limit]]
