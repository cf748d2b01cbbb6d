"""Every message of the protocol, on one screen.

    client    front F        proposer P        acceptors A (own, then peers)      learners L
      | put     |               |                       |                            |
      |-------->| Propose       |                       |                            |
      |         |-------------->| Accept(b, s, v)       |                            |
      |         |               |---------------------->| durable                    |
      |         |               |<---------- Accepted --|                            |
      |         |               | quorum: Chosen ------------------------------------>| own: apply
      |<-answer-|<------------------------------------------------ Applied ----------|
      |         |               | next Accept or Heartbeat (b, chosen up to s)       |
      |         |               |---------------------->| Learn(values of b) ------->| others: apply

Between replicas every message is a request or its one answer; an answer quotes what it answers.
Messages marked *local* pass between roles of one replica only and have no wire form.
"""

from __future__ import annotations

from typing import NamedTuple

from ..operations.commands import Voter
from ..operations.interface import Answer, Request
from ..state.log import Entry
from .ballot import Ballot

__all__ = [
    "Accept", "Accepted", "AcceptedValue", "Applied", "Ask", "Behind", "CampaignNow", "Chosen",
    "Confirm", "Confirmed", "Copied", "Copy", "Durable", "Enrol", "Entries", "Fetch",
    "FetchSnapshot", "Followed", "Forward", "Forwarded", "Heard", "Heartbeat", "Leading",
    "Learn", "Noted", "Offer", "Offered", "PreVote",
    "PreVoted", "Prepare", "Promise", "Propose", "Recall", "Recalled", "Refused", "Release",
    "Released", "Restore", "RolesUp", "SnapshotPage", "Transfer",
]  # fmt: skip


class AcceptedValue(NamedTuple):
    """What an acceptor last accepted in a slot."""

    slot: int
    ballot: Ballot
    value: bytes


# --- proposer to acceptor, and back -----------------------------------------------------------


class PreVote(NamedTuple):
    """Would you promise `ballot`? Nothing is promised by answering."""

    ballot: Ballot


class PreVoted(NamedTuple):
    """Yes or no, and the highest ballot promised."""

    ballot: Ballot
    granted: bool
    promised: Ballot


class Prepare(NamedTuple):
    """Phase 1a: promise `ballot` and report what you accepted from `slot` on.

    `seen` is how many `writes` are known of that acceptor: with fewer it has an older disk.
    """

    ballot: Ballot
    slot: int
    seen: int


class Promise(NamedTuple):
    """Phase 1b, one page: accepted values from `slot` on; `more` is the next slot to ask, or 0.

    Nothing at or below `truncated` is remembered: it was chosen, and is in snapshots.
    `writes` counts the acceptor's durable writes and never falls.
    """

    ballot: Ballot
    epoch: int
    writes: int
    slot: int
    accepted: tuple[AcceptedValue, ...]
    truncated: int
    more: int


class Accept(NamedTuple):
    """Phase 2a: accept `value` in `slot`; every slot up to `chosen` is chosen.

    `traced` asks every replica to write this decision to its log in full.
    """

    ballot: Ballot
    slot: int
    value: bytes
    chosen: int
    traced: bool


class Accepted(NamedTuple):
    """Phase 2b: durably accepted."""

    ballot: Ballot
    slot: int
    epoch: int
    writes: int


class Refused(NamedTuple):
    """No: `promised` is higher, or `reason` ("ballot", "lease", "lease length", "recovering")."""

    ballot: Ballot
    promised: Ballot
    reason: str


class Heartbeat(NamedTuple):
    """I still lead; `beat` numbers it, so that an answer is counted for this sending alone.

    `lease` in seconds is what an answer is taken to grant; an acceptor that grants another refuses.
    `own` is the first slot that `ballot` filled with a value of its own; 0: it did not yet.
    """

    ballot: Ballot
    beat: int
    chosen: int
    seen: int
    lease: float
    own: int


class Heard(NamedTuple):
    """My promise is exactly `ballot`, and I grant its owner `lease` seconds from receipt on."""

    ballot: Ballot
    beat: int
    epoch: int
    writes: int
    lease: float


class Release(NamedTuple):
    """The owner of `ballot` gave it up for good: end a grant at exactly that ballot."""

    ballot: Ballot


class Released(NamedTuple):
    """Done, or there was none."""

    ballot: Ballot


class Copy(NamedTuple):
    """A recovering acceptor asks for everything accepted from `slot` on."""

    slot: int


class Copied(NamedTuple):
    """One page of it; fields as in Promise, `promised` the highest ballot promised."""

    promised: Ballot
    slot: int
    accepted: tuple[AcceptedValue, ...]
    truncated: int
    more: int


class Recall(NamedTuple):
    """How many writes of mine do you know? Asked of who finds too few on an acceptor's disk."""


class Recalled(NamedTuple):
    """So many."""

    writes: int


# --- learner to learner -------------------------------------------------------------------------


class Fetch(NamedTuple):
    """Send me chosen entries from `slot` on."""

    slot: int


class Entries(NamedTuple):
    """At most a page of them; none below `first`: there a snapshot is needed."""

    slot: int
    entries: tuple[Entry, ...]
    first: int
    applied: int


class FetchSnapshot(NamedTuple):
    """Send me page `page` of your snapshot `name`; name "" opens a new one."""

    name: str
    page: int


class SnapshotPage(NamedTuple):
    """One page; `page` -1: no such snapshot any more, begin again. `last` ends it."""

    name: str
    page: int
    data: bytes
    last: bool


# --- proposer to proposer, front to front -------------------------------------------------------


class Offer(NamedTuple):
    """Leader to a replica of higher priority: could you lead, up to `chosen`."""

    ballot: Ballot
    chosen: int


class Offered(NamedTuple):
    """All roles up and caught up, or not."""

    ballot: Ballot
    ready: bool


class CampaignNow(NamedTuple):
    """The leader gave `ballot` up for you: campaign at once."""

    ballot: Ballot


class Forward(NamedTuple):
    """A front passes its clients' requests to the leader's; answered when all are settled.

    They may be proposed at `ballot`, and at no other.
    """

    number: int
    ballot: Ballot
    requests: tuple[Request, ...]
    timeout: float


class Forwarded(NamedTuple):
    """Answers in order. Code "NOT_LEADER": it was not chosen by this Forward and never will be."""

    number: int
    answers: tuple[Answer, ...]


class Noted(NamedTuple):
    """Answers CampaignNow: taken note of."""

    ballot: Ballot


# --- local ----------------------------------------------------------------------------------------


class Propose(NamedTuple):
    """Local, front to proposer: put these commands into the next slot, at `ballot` or never."""

    ballot: Ballot
    commands: tuple[bytes, ...]


class Leading(NamedTuple):
    """Local, proposer to front: who leads, and whether this replica takes the next batch."""

    leader: int
    ballot: Ballot
    ready: bool


class Confirm(NamedTuple):
    """Local, front to proposer: read `number` needs a quorum to confirm that we lead."""

    number: int


class Confirmed(NamedTuple):
    """Local, proposer to front: reads up to `number` may be answered once `slot` is applied."""

    number: int
    slot: int


class Chosen(NamedTuple):
    """Local, proposer to learner: a quorum accepted this entry."""

    entry: Entry


class Learn(NamedTuple):
    """Local, acceptor to learner: all up to `chosen` is chosen, `entries` are ours of `ballot`."""

    ballot: Ballot
    chosen: int
    entries: tuple[Entry, ...]


class Applied(NamedTuple):
    """Local, learner to proposer and front: applied up to `slot`.

    `answers` are those of all commands in the slots beyond `after`.
    """

    after: int
    slot: int
    answers: tuple[tuple[bytes, Answer], ...]
    voters: tuple[Voter, ...]


class Durable(NamedTuple):
    """Local, learner to acceptor: everything up to `slot` is durable in the learner's storage."""

    slot: int


class Followed(NamedTuple):
    """Local, acceptor to proposer and front: a heartbeat of `ballot` said this."""

    ballot: Ballot
    chosen: int
    own: int


class Ask(NamedTuple):
    """Local, any role to learner: answer with Applied, so that I know where you stand."""


class Behind(NamedTuple):
    """Local, proposer to learner: everything up to `slot` is chosen, `peer` has it; fetch it."""

    peer: int
    slot: int


class Restore(NamedTuple):
    """Local, operator to learner: pull the snapshot of `peer` before anything else."""

    peer: int


class Enrol(NamedTuple):
    """Local, recovering acceptor to front: get this voter into the log."""

    voter: Voter


class RolesUp(NamedTuple):
    """Local, host to proposer: which other roles are up, and whether our acceptor may vote."""

    acceptor: bool
    learner: bool
    votes: bool = True


class Transfer(NamedTuple):
    """Local, operator to proposer: hand leadership to `successor` as soon as it is fit."""

    successor: int
