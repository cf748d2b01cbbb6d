"""What must hold of commands that are sent a second time, and of the rule that allows it.

Rules: a front that sends a command without a session again has declared that no earlier sending was
or will be chosen; and no ballot puts clients' commands of its own into a slot beyond the first own
slot of a newer one. Both are checked as messages leave, from nothing but these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ...operations.commands import command_id
from ...paxos.ballot import NO_BALLOT, Ballot
from ...paxos.messages import Forward, Heartbeat, Propose
from ...roles.contract import Message
from ...state.log import unpack_batch

__all__ = ["Sendings"]

PLAIN = 3
"""Parts of the id of a command without a session; the first is the replica that made it."""


class Sendings:
    """Commands by when they left the front that made their ids, and where ballots begin."""

    def __init__(self, require: Callable[[bool, str], None]) -> None:
        """`require` stops the run with what it is given, unless its condition holds."""
        self._require = require
        self._sent: dict[bytes, Ballot] = {}
        """The highest ballot that each command was sent for."""
        self._void: dict[bytes, Ballot] = {}
        """Sendings for lower ballots were declared void."""
        self._chosen: set[bytes] = set()
        self._own: dict[Ballot, int] = {}
        self._last: dict[Ballot, int] = {}
        """The last slot into which each ballot put commands that no older one had there."""

    def left(self, replica: int, message: Message) -> None:
        """Look at what leaves a front or a proposer."""
        if isinstance(message, Heartbeat) and message.own:
            self._begins(message.ballot, message.own)
        for command in _commands(message):
            id = command_id(command)
            if isinstance(message, Forward | Propose) and len(id) == PLAIN and id[0] == replica:
                self._leaves(command, message.ballot)

    def _leaves(self, command: bytes, ballot: Ballot) -> None:
        before = self._sent.get(command)
        if before is not None:
            self._require(
                command not in self._chosen, f"{command!r} is sent again, and is in the log"
            )
            self._void[command] = ballot
        self._sent[command] = max(before or NO_BALLOT, ballot)

    def _begins(self, ballot: Ballot, slot: int) -> None:
        self._own[ballot] = slot
        for older, last in self._last.items():
            self._check_order(older, last, ballot, slot)

    def proposed(
        self, slot: int, ballot: Ballot, value: bytes, before: Mapping[Ballot, bytes]
    ) -> None:
        """Look at a proposal; `before` are those made for that slot until now."""
        adopted = any(older < ballot and known == value for older, known in before.items())
        if adopted or not unpack_batch(value):
            return
        self._last[ballot] = max(self._last.get(ballot, 0), slot)
        for newer, own in self._own.items():
            self._check_order(ballot, slot, newer, own)

    def _check_order(self, older: Ballot, last: int, newer: Ballot, own: int) -> None:
        self._require(
            older >= newer or last <= own,
            f"{older} put commands into slot {last}, beyond {own}, where {newer} began",
        )

    def chosen(self, slot: int, value: bytes, proposed: Mapping[Ballot, bytes]) -> None:
        """Look at a chosen value; `proposed` are all proposals for its slot."""
        first = min((b for b, known in proposed.items() if known == value), default=NO_BALLOT)
        for command in unpack_batch(value):
            void = self._void.get(command, NO_BALLOT)
            self._require(
                first >= void,
                f"{command!r} is chosen in slot {slot} as {first} proposed it, "
                f"and was sent again for {void}",
            )
            self._chosen.add(command)


def _commands(message: Message) -> Iterator[bytes]:
    if isinstance(message, Forward):
        yield from (request.payload for request in message.requests if not request.reads)
    elif isinstance(message, Propose):
        yield from message.commands
