"""What clients were answered, so that a request sent twice takes effect once.

Rules: everything here follows from the order of the log alone, never from a clock, and is the same
after a reload; a kept answer is never changed.
It does not know what a command does; it sees an id, a fingerprint and an answer.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any, TypeAlias

import msgpack
from msgspec.msgpack import encode

from ..operations.interface import WINDOW, Answer
from ..storage.interface import Corrupt, Put, Readable, Record, Remove

__all__ = [
    "APPLIED", "FORGOTTEN", "NEVER", "OPEN", "SESSION_LIMIT", "TABLE", "ClientTable", "fingerprint",
]  # fmt: skip

SESSION_LIMIT = 10_000
"""Sessions that are remembered; the one whose last new command lies furthest back leaves."""

APPLIED, NEVER, OPEN, FORGOTTEN = "applied", "never", "open", "forgotten"
"""What became of a request."""

_SETTLED = bytes(16)
"""In the place of a fingerprint: no command has this id, and none will."""
_NEVER_TEXT = "it was settled that this request never takes effect"
_FORMAT = 1
TABLE = "sessions"


_Kept: TypeAlias = tuple[bytes, Answer]
"""A command's fingerprint, and what it was answered."""


class _Session:
    """Answers by sequence, of the highest sequence and those at most WINDOW below it."""

    __slots__ = ("answers", "highest")

    def __init__(self) -> None:
        self.answers: dict[int, _Kept] = {}
        self.highest = 0

    def keep(self, sequence: int, kept: _Kept) -> None:
        self.answers[sequence] = kept
        if sequence > self.highest:
            outdated = range(self.highest - WINDOW, min(sequence - WINDOW, self.highest + 1))
            for old in outdated:
                self.answers.pop(old, None)
            self.highest = sequence

    def last_revision(self) -> int:
        """Return the revision of its latest new command, which is always among the kept ones."""
        return max(answer.revision for _, answer in self.answers.values())


def fingerprint(command: bytes) -> bytes:
    """Distinguish commands: 16 bytes of SHA-256."""
    return hashlib.sha256(command).digest()[:16]


class ClientTable:
    """All sessions, the longest idle in log order first."""

    def __init__(self, limit: int = SESSION_LIMIT) -> None:
        """Begin with none."""
        self._limit = limit
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        """Count the sessions remembered."""
        return len(self._sessions)

    def remembered(self) -> dict[str, tuple[int, dict[int, Answer]]]:
        """Return of each session the highest sequence, and the answers kept by sequence."""
        return {
            client: (one.highest, {at: answer for at, (_, answer) in one.answers.items()})
            for client, one in self._sessions.items()
        }

    def find(self, client: str, sequence: int, mark: bytes, revision: int) -> Answer | None:
        """Give the answer to a command that must not be executed; None if it is new.

        `revision` goes into the answers that are errors.
        """
        session = self._sessions.get(client)
        if session is None:
            return None if sequence == 1 else _expired(revision)
        kept = session.answers.get(sequence)
        if kept is None:
            return _expired(revision) if sequence < session.highest - WINDOW else None
        known, answer = kept
        if known not in (mark, _SETTLED):
            return Answer("INVALID", "the request id was used for another command", revision)
        return answer

    def outcome(self, client: str, sequence: int) -> tuple[str, Answer | None]:
        """Say what became of a request, and what it was answered if it was applied.

        OPEN: it was not applied yet, and may still be. FORGOTTEN: whether it was is no longer
        known; it never will be from now on.
        """
        session = self._sessions.get(client)
        if session is None:
            return (OPEN if sequence == 1 else FORGOTTEN), None
        kept = session.answers.get(sequence)
        if kept is None:
            return (FORGOTTEN if sequence < session.highest - WINDOW else OPEN), None
        mark, answer = kept
        return (NEVER, None) if mark == _SETTLED else (APPLIED, answer)

    def report(self, client: str, sequence: int) -> list[object]:
        """Return what `outcome` and `settle` answer: state, and revision and answer if applied."""
        state, answer = self.outcome(client, sequence)
        return [state, answer.revision, answer.value] if answer else [state, None, None]

    def settle(self, client: str, sequence: int, revision: int) -> None:
        """Let an open request never take effect: its id is used up, by what made `revision`."""
        self.keep(client, sequence, _SETTLED, Answer("INVALID", _NEVER_TEXT, revision))

    def keep(self, client: str, sequence: int, mark: bytes, answer: Answer) -> None:
        """Remember the answer to a new command; `answer.revision` is its own, no other's."""
        session = self._sessions.get(client)
        if session is None:
            session = self._sessions[client] = _Session()
            self._evict()
        else:
            self._sessions.move_to_end(client)
        session.keep(sequence, (mark, answer))
        self._changed[client] = None

    def _evict(self) -> None:
        while len(self._sessions) > self._limit:
            client, _ = self._sessions.popitem(last=False)
            self._changed[client] = None

    def take_records(self) -> list[Record]:
        """Return what changed since the last call, and forget that it did."""
        records: list[Record] = []
        for client in self._changed:
            session = self._sessions.get(client)
            if session is None:
                records.append(Remove(TABLE, client))
            else:
                records.append(Put(TABLE, client, _pack(session)))
        self._changed.clear()
        return records

    def replace(self) -> None:
        """Count all of them as changed: what is stored so far is no part of this."""
        self._changed = dict.fromkeys(self._sessions)

    @classmethod
    def load(cls, disk: Readable, limit: int = SESSION_LIMIT) -> ClientTable:
        """Read them back, in the order of their last new commands; raises Corrupt."""
        loaded = [(str(client), _unpack(client, value)) for client, value in disk.scan(TABLE)]
        loaded.sort(key=lambda pair: pair[1].last_revision())
        sessions = cls(limit)
        sessions._sessions.update(loaded)
        return sessions


def _expired(revision: int) -> Answer:
    return Answer("UNKNOWN_OUTCOME", "session expired", revision)


def _pack(session: _Session) -> bytes:
    answers = [(sequence, mark, *answer) for sequence, (mark, answer) in session.answers.items()]
    return encode((_FORMAT, session.highest, answers))


def _unpack(client: Any, value: bytes) -> _Session:
    session = _Session()
    try:
        form, highest, answers = msgpack.unpackb(value, use_list=False)
        if form != _FORMAT or not answers or type(highest) is not int:
            raise ValueError(f"format {form}")
        for sequence, mark, code, result, revision in answers:
            if tuple(map(type, (sequence, mark, code, revision))) != (int, bytes, str, int):
                raise ValueError("an answer of other types")
            session.answers[sequence] = mark, Answer(code, result, revision)
    except (ValueError, TypeError) as error:
        raise Corrupt(f"the stored session of {client!r} is malformed") from error
    session.highest = highest
    return session
