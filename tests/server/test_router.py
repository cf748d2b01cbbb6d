"""The router: order kept between own roles, NotSent for what never left, late answers found."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from kvrmi.operations.interface import Request
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.messages import Ask, Behind, Confirm, Durable, Forward, Forwarded, Offer, Propose
from kvrmi.roles.contract import Address, Effects, Envelope, Message, NotSent
from server.rolehost import RoleHost
from server.router import OVERDUE_SECONDS, Router

from .stubs import LOG, ME, Fatal, StubRole

OFFER = Offer(Ballot(1, ME), 3)
PEER = Address(2, "proposer")


class Wire:
    """A transport that refuses or takes."""

    def __init__(self, *, takes: bool) -> None:
        self.takes = takes
        self.sent: list[tuple[Address, int, Address, Message]] = []

    def send(
        self, sender: Address, incarnation: int, envelopes: Iterable[Envelope]
    ) -> list[Envelope]:
        envelopes = list(envelopes)
        self.sent += [(sender, incarnation, one.to, one.message) for one in envelopes]
        return [] if self.takes else envelopes


def made(role: StubRole, now: float, incarnation: int) -> StubRole:
    return role


def world(wire: Wire, **roles: StubRole) -> tuple[Router, dict[str, RoleHost[StubRole]]]:
    router = Router(PAXOS, ME)
    hosts: dict[str, RoleHost[StubRole]] = {}
    for name, role in roles.items():
        hosts[name] = RoleHost(
            Address(ME, name),
            functools.partial(made, role),
            router,
            clock=lambda: 0.0,
            fatal=Fatal(),
            log=LOG,
        )
    router.connect(hosts.values(), wire, lambda at: None, lambda: None)
    for host in hosts.values():
        host.start()
    return router, hosts


def to_learner(*messages: Message) -> Effects:
    return Effects(messages=tuple(Envelope(Address(ME, "learner"), m) for m in messages))


def test_messages_between_own_roles_arrive_in_order() -> None:
    behind = [Behind(2, slot) for slot in range(4)]
    proposer = StubRole(lambda sender, message: to_learner(*behind))
    learner = StubRole()
    router, hosts = world(Wire(takes=True), learner=learner, proposer=proposer)
    hosts["proposer"].put(PEER, Ask())
    router.run()
    assert [message for _, message in learner.seen] == behind
    assert learner.seen[0][0] == Address(ME, "proposer")


def test_what_never_left_comes_back_as_not_sent() -> None:
    def script(sender: Address, message: Message) -> Effects:
        return Effects(messages=() if isinstance(message, NotSent) else (Envelope(PEER, OFFER),))

    proposer, wire = StubRole(script), Wire(takes=False)
    router, hosts = world(wire, proposer=proposer)
    hosts["proposer"].put(PEER, Ask())
    router.run()
    assert wire.sent == [(Address(ME, "proposer"), 1, PEER, OFFER)]
    assert repr(proposer.seen[-1]) == repr((PEER, NotSent(2, OFFER)))


def test_a_role_that_is_down_loses_messages_but_the_front_hears_of_its_requests() -> None:
    propose, confirm = Propose(Ballot(1, ME), (b"x",)), Confirm(1)
    front = StubRole()
    router, hosts = world(Wire(takes=True), front=front, proposer=StubRole(), acceptor=StubRole())
    hosts["proposer"].fail("test")
    hosts["acceptor"].fail("test")
    sender, proposer = Address(ME, "front"), Address(ME, "proposer")
    router.post(sender, Envelope(proposer, propose))
    router.post(sender, Envelope(proposer, confirm))
    router.post(sender, Envelope(Address(ME, "acceptor"), Durable(1)))
    router.run()
    expected = [(proposer, NotSent(ME, propose)), (proposer, NotSent(ME, confirm))]
    assert repr(front.seen) == repr(expected)


def test_a_late_answer_finds_who_waits_for_it() -> None:
    forward = Forward(7, Ballot(1, ME), (Request(True, b"q"),), 1.0)
    answer = Forwarded(7, ())
    sender = Address(2, "front")
    front = StubRole(lambda who, message: Effects(messages=(Envelope(who, answer),)))
    wire = Wire(takes=True)
    router, hosts = world(wire, front=front)
    answers: list[Message | None] = []
    router.expect(2, 7, 1.0, answers.append)
    hosts["front"].post(sender, forward)
    assert answers == [answer]
    assert wire.sent == []
    hosts["front"].post(sender, forward)
    assert answers == [answer]  # whoever asked has it


def test_what_is_never_answered_is_given_up() -> None:
    router, _ = world(Wire(takes=True))
    answers: list[Message | None] = []
    router.expect(2, 7, 1.0, answers.append)
    router.expect(2, 8, 1.0 + OVERDUE_SECONDS, answers.append)
    assert answers == []
    router.expect(3, 7, 1.1 + OVERDUE_SECONDS, answers.append)
    assert answers == [None]
    router.forget(2, 8)
    router.expect(3, 8, 99.0, answers.append)
    assert answers == [None, None]
