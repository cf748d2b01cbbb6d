"""replica.log: the lines of one decision, in full when it is traced and silent when it is not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from kvrmi.operations.commands import encode_command
from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.events import Observer
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    Applied,
    Chosen,
    FetchSnapshot,
    Forward,
    Learn,
    Prepare,
    Promise,
    Refused,
    SnapshotPage,
)
from kvrmi.roles.contract import Address, Effects, Envelope, Message
from kvrmi.state.log import Entry, pack_batch
from server.journal import Journal
from server.logfile import start_log

BALLOT = Ballot(7, 2)
A = encode_command("put", ("a/" + "x" * 50, "1"), ("ana", 17))
B = encode_command("put_many", ((("k", "1"), ("l", b"2")),), (3, b"12345678", 9))
BATCH = pack_batch([A, B])
NAMED = f'put "a/{"x" * 38}.." id=ana/17, put_many "k" (2) id=3/313233343536../9'
ME, PEER = 1, 2


class Notes:
    """A journal, and what takes the steps of each role."""

    def __init__(self) -> None:
        self.journal = Journal(Observer, ME, 2, lambda: 0.0)
        roles = ("acceptor", "proposer", "learner", "front")
        self.acceptor, self.proposer, self.learner, self.front = (
            self.journal.of(role).step for role in roles
        )


def make() -> Notes:
    return Notes()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"[{r.name.rpartition('.')[2]}] {r.getMessage()}" for r in caplog.records]


def sends(role: str, *messages: Message) -> Effects:
    return Effects(messages=tuple(Envelope(Address(PEER, role), m) for m in messages))


def decide(notes: Notes, *, traced: bool) -> None:
    accept = Accept(BALLOT, 41, BATCH, 40, traced)
    entry = Entry(41, BALLOT, (1, 2, 3), BATCH)
    mine, peer = Address(ME, "acceptor"), Address(PEER, "acceptor")
    notes.proposer(mine, None, sends("acceptor", accept))
    notes.acceptor(peer, accept, sends("proposer", Accepted(BALLOT, 41, 1, 1)))
    notes.proposer(mine, Accepted(BALLOT, 41, 1, 1), Effects())
    notes.proposer(peer, Accepted(BALLOT, 41, 1, 1), sends("learner", Chosen(entry)))
    done = Applied(0, 41, ((A, Answer("OK", 1, 76)), (B, Answer("OK", 1, 77))), ())
    notes.learner(mine, Chosen(entry), sends("front", done))
    notes.proposer(mine, None, sends("acceptor", Accept(BALLOT, 42, BATCH, 41, False)))


def test_a_traced_decision_can_be_followed_from_proposal_to_commit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    decide(make(), traced=True)
    assert said(caplog) == [
        f"[proposer] propose slot=41 ballot=7.2 commands=2: {NAMED}",
        f"[acceptor] accept slot=41 ballot=7.2 bytes={len(BATCH)} durable",
        "[proposer] accepted slot=41 by=1 (1 of 2)",
        "[proposer] accepted slot=41 by=2 (2 of 2)",
        "[proposer] chosen slot=41 ballot=7.2 acceptors=1,2,3",
        f"[learner] commit slot=41 commands=2 revision=77: {NAMED}",
        "[proposer] learners informed slot=41 with next accept",
    ]


def test_under_load_decisions_are_not_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    decide(make(), traced=False)
    assert said(caplog) == []


def test_what_is_not_written_is_counted_all_the_same() -> None:
    notes = make()
    for _ in range(3):
        decide(notes, traced=False)
    counts = notes.journal.counts
    assert (counts.batches, counts.batch_bytes, counts.commands) == (3, 3 * len(BATCH), 6)


def test_refusals_and_forwards_are_counted_each() -> None:
    notes, peer = make(), Address(PEER, "proposer")
    accept, refused = Accept(BALLOT, 41, BATCH, 40, False), Refused(BALLOT, BALLOT, "recovering")
    for asked in (accept, accept, Prepare(BALLOT, 3, 0)):
        notes.acceptor(peer, asked, sends("proposer", refused))
    forward = Forward(1, BALLOT, (Request(False, A), Request(False, B)), 1.0)
    notes.front(Address(PEER, "front"), forward, Effects())
    for _ in range(2):
        notes.front(Address(ME, "host"), None, sends("front", forward))
    counts = notes.journal.counts
    assert (counts.refusals, counts.forwarded, counts.forwards) == (3, 2, 4)


def test_a_learner_that_is_informed_later_says_so_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notes = make()
    notes.acceptor(Address(PEER, "proposer"), Accept(BALLOT, 41, BATCH, 40, True), Effects())
    entry = Entry(41, BALLOT, (), BATCH)
    later = (b"of slot 42", Answer("OK", 1, 79))
    done = Applied(0, 42, ((A, Answer("OK", 1, 76)), (B, Answer("OK", 1, 77)), later), ())
    notes.learner(Address(ME, "acceptor"), Learn(BALLOT, 41, (entry,)), sends("front", done))
    assert said(caplog)[-1] == f"[learner] commit slot=41 commands=2 revision=77: {NAMED}"


def test_a_snapshot_is_written_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notes, peer = make(), Address(PEER, "learner")
    for page, last in ((0, False), (1, True)):
        ask = Effects(messages=(Envelope(peer, FetchSnapshot("s" * page, page)),))
        notes.learner(Address(ME, "learner"), None, ask)
        done = sends("front", *([Applied(0, 2403, (), ())] if last else []))
        notes.learner(peer, SnapshotPage("s", page, b"", last), done)
    notes.learner(peer, SnapshotPage("s", 2, b"", True), Effects())
    notes.learner(peer, SnapshotPage("s", -1, b"", False), Effects())
    assert said(caplog) == [
        "[learner] snapshot from=2 begins",
        "[learner] snapshot from=2 installed pages=2 applied=2403",
        "[learner] snapshot from=2 not used: nothing newer in it",
        "[learner] snapshot from=2 is gone there, begins again",
    ]


def test_a_promise_is_always_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    promise = Promise(BALLOT, 1, 5, 3, (), 0, 0)
    notes = make()
    notes.acceptor(Address(PEER, "proposer"), Prepare(BALLOT, 3, 0), sends("proposer", promise))
    assert said(caplog) == ["[acceptor] promise ballot=7.2 to=2 accepted=0"]


def test_a_refusal_is_written_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notes = make()
    for slot in (41, 42, 43):
        accept = Accept(BALLOT, slot, BATCH, 40, False)
        refused = Refused(BALLOT, BALLOT, "recovering")
        notes.acceptor(Address(PEER, "proposer"), accept, sends("proposer", refused))
    assert said(caplog) == ["[acceptor] refuse slot=41 ballot=7.2 promised=7.2 reason=recovering"]


def test_a_line_has_the_time_the_part_and_the_level_when_it_matters(tmp_path: Path) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        start_log(tmp_path / "replica.log", console=False)
        logging.getLogger("kvrmi.server.acceptor").info("promise ballot=7.2")
        logging.getLogger("kvrmi.server.acceptor").error("broken")
        for handler in root.handlers:
            handler.close()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    first, second = (tmp_path / "replica.log").read_text().splitlines()
    assert first[4] == "-"
    assert first[19] == "."
    assert first[23:] == " [acceptor] promise ballot=7.2"
    assert second.endswith(" [acceptor] ERROR broken")
