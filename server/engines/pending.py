"""What is under way at a replica: blocks only accepted, requests not answered yet.

Rules: a block is tentative while the acceptor has it and the learner has not applied its slot;
commands are read after the roles' locks were let go, as in the vocabulary `of`. It changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kvrmi.operations.commands import decode_question
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.front import Front
from kvrmi.paxos.submissions import Submission
from kvrmi.state.log import chain, unpack_batch

from ..hosts import Hosts
from ..rolehost import Fenced
from .blocks import BLOCKS, COMMANDS, ballot_shown, described, shortened
from .opened import Open

REQUESTS = 100
"""Requests of each kind that are listed."""

Accepted = tuple[int, tuple[int, int], bytes]
"""Slot, ballot, value."""


def tentative(hosts: Hosts, of: Vocabulary) -> dict[str, object]:
    """List the blocks after what is applied that the acceptor has; None where it is down.

    `hash` is the one that a block would have, None behind a gap. Raises Fenced without a learner.
    """
    accepted = _accepted(hosts)  # first: what is applied meanwhile is decided
    applied, hash = hosts["learner"].ask(lambda learner, _: (learner.applied, learner.log.hash))
    if accepted is None:
        return {"applied": applied, "blocks": None}
    return undecided(accepted, applied, hash, of)


def undecided(
    accepted: Sequence[Accepted], applied: int, hash: bytes, of: Vocabulary
) -> dict[str, object]:
    """Show the blocks after what is applied, whose chain ends with `hash`."""
    found: list[dict[str, object]] = []
    hashes = {applied: hash}
    for slot, ballot, value in [one for one in accepted if one[0] > applied][:BLOCKS]:
        previous = hashes.get(slot - 1)
        if previous is not None:
            hashes[slot] = chain(previous, slot, value)
        commands = unpack_batch(value)
        found.append(
            {
                "slot": slot,
                "ballot": ballot_shown(ballot),
                "previous": None if previous is None else previous.hex(),
                "hash": None if previous is None else hashes[slot].hex(),
                "count": len(commands),
                "commands": [described(command, of) for command in commands[:COMMANDS]],
            }
        )
    return {"applied": applied, "blocks": found}


def _accepted(hosts: Hosts) -> list[Accepted] | None:
    def accepted(acceptor: Acceptor, _: float) -> list[Accepted]:
        return [
            (slot, (ballot.round, ballot.replica), value)
            for slot, (ballot, value) in sorted(acceptor.accepted.items())
        ]

    try:
        return hosts["acceptor"].ask(accepted)
    except Fenced:
        return None


def queue(hosts: Hosts, of: Vocabulary) -> dict[str, object]:
    """List the requests that are not answered yet, by what they wait for. Raises Fenced.

    Each has the seconds that are left to it; `counts` has also those that are not listed.
    """

    def held(front: Front, now: float) -> tuple[float, dict[str, list[Submission]]]:
        kept = front.held
        away = set(map(id, kept.forwarded))
        flying = [one for one in (*kept.sent, *kept.confirming) if id(one) not in away]
        found = {"waiting": kept.waiting, "in_flight": flying, "forwarded": kept.forwarded}
        return now, {name: [one for one in ones if not one.answer] for name, ones in found.items()}

    now, found = hosts["front"].ask(held)
    return listed(found, now, of)


def listed(found: Mapping[str, Sequence[Open]], now: float, of: Vocabulary) -> dict[str, object]:
    """Show submissions by what they wait for, and how many there are of each kind."""
    shown = {name: list(_requests(ones, now, of)) for name, ones in found.items()}
    return {"counts": {name: len(ones) for name, ones in found.items()}, **shown}


def _requests(
    submissions: Sequence[Open], now: float, of: Vocabulary
) -> Iterator[dict[str, object]]:
    for one in submissions[:REQUESTS]:
        request = one.request
        show = _question if request.reads else described
        shown = show(request.payload, of)
        yield {**shown, "left": round(max(one.deadline - now, 0.0), 2)}


def _question(question: bytes, of: Vocabulary) -> dict[str, object]:
    try:
        name, args = decode_question(question, of)
    except ValueError:
        return {"op": "malformed", "args": [], "id": [], "bytes": len(question)}
    shown = [shortened(one) for one in args]
    return {"op": name, "args": shown, "id": [], "bytes": len(question)}
