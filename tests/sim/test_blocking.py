"""One death, two protocols: who coordinates a write dies when all have voted for it.

Two-phase commit stays blocked until it is back; Multi-Paxos chooses another leader, which finishes
the write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos.front import Front
from kvrmi.paxos.messages import Accepted
from kvrmi.roles.contract import Address, Effects, Message
from kvrmi.sim.paxos import parts as paxos
from kvrmi.sim.twophase import parts as twophase
from kvrmi.sim.world import World
from kvrmi.twophase.manager import Manager
from kvrmi.twophase.messages import Votes

OTHER = 2
"""Who is asked after the death of replica 1."""


class Asked:
    """What was submitted to the role of a replica that serves clients, and its answer."""

    def __init__(self, world: World, at: int, role: type[Any], op: str, *args: object) -> None:
        self._submission: Any = None
        self._direct: Answer | None = None
        self._request = (op, args)
        name = "front" if role is Front else "manager"
        world.replicas[at].act(name, self._submit)

    def _submit(self, role: Any, now: float) -> Effects:
        op, args = self._request
        reads = op == "get"
        payload = encode_question(op, args) if reads else encode_command(op, args, role.next_id())
        request = Request(reads, payload)
        if isinstance(role, Manager):
            self._submission = role.submission(now, request)
            return role.take(now, (self._submission,))
        self._direct = role.read(now, payload) if reads else None
        self._submission, effects = role.submit(now, request, repeatable=False)
        return effects  # type: ignore[no-any-return]

    @property
    def answer(self) -> Answer | None:
        return self._direct or self._submission.answer

    def wait(self, world: World) -> Answer:
        assert world.run(3.5, until=lambda: self.answer is not None)
        assert self.answer is not None
        return self.answer


def die_after(world: World, votes: type[Message]) -> None:
    """Kill replica 1 when the first vote of another is about to reach it: all have voted then."""

    def catch(sender: Address, to: Address, message: Message, arrive: Callable[[], None]) -> str:
        if not isinstance(message, votes) or to.replica != 1 or sender.replica == 1:
            return ""
        world.after(0.05, world.replicas[1].crash)
        return "lost"

    world.network.catch = catch


def test_two_phase_commit_is_blocked_until_the_manager_is_back() -> None:
    world = twophase.make_world("blocking", 5, twophase.Parts())
    assert Asked(world, 1, Manager, "put", "k", "before").wait(world).code == "OK"
    die_after(world, Votes)
    Asked(world, 1, Manager, "put", "k", "after")
    world.run(1.0)
    assert not world.replicas[1].up
    for _ in range(3):  # however long: nobody knows
        assert Asked(world, OTHER, Manager, "get", "k").wait(world).code == "UNAVAILABLE"
        assert Asked(world, OTHER, Manager, "put", "k", "mine").wait(world).code == "ABORTED"
    assert Asked(world, OTHER, Manager, "get", "other").wait(world).code == "OK"
    world.network.catch = lambda *_: ""
    world.replicas[1].start()
    world.run(3.0)
    assert Asked(world, OTHER, Manager, "get", "k").wait(world).value == "before", "never decided"
    assert Asked(world, OTHER, Manager, "put", "k", "mine").wait(world).code == "OK"


def test_paxos_goes_on_without_the_leader() -> None:
    world = paxos.make_world("blocking", 5)

    world.run(3.0)
    assert Asked(world, 1, Front, "put", "k", "before").wait(world).code == "OK"
    die_after(world, Accepted)
    Asked(world, 1, Front, "put", "k", "after")
    world.run(3.0)
    assert not world.replicas[1].up
    world.network.catch = lambda *_: ""
    assert Asked(world, OTHER, Front, "get", "k").wait(world).value == "after", "it was finished"
    assert Asked(world, OTHER, Front, "put", "k", "mine").wait(world).code == "OK"
    assert Asked(world, OTHER, Front, "get", "k").wait(world).value == "mine"
