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
Messages marked *local* pass between roles of one replica only and have no wire form; the tag of the
others is their number there: it never changes, and no other message ever gets it.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from msgspec import Meta

from ..operations.answers import is_answer
from ..operations.commands import Voter
from ..operations.interface import Answer, Request
from ..roles.contract import Message
from ..state.log import Entry
from ..storage.interface import Number
from .ballot import Ballot

__all__ = [
    "Accept", "Accepted", "AcceptedValue", "Applied", "Ask", "Behind", "CampaignNow", "Chosen",
    "Confirm", "Confirmed", "Copied", "Copy", "Durable", "Enter", "Entries", "Fetch",
    "FetchSnapshot", "Followed", "Forward", "Forwarded", "Heard", "Heartbeat", "Leading",
    "Learn", "Noted", "Offer", "Offered", "PreVote",
    "PreVoted", "Prepare", "Promise", "Propose", "Recall", "Recalled", "Refused", "Release",
    "Released", "Restore", "RolesUp", "SnapshotPage", "Transfer",
]  # fmt: skip

Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]


class AcceptedValue(NamedTuple):
    """What an acceptor last accepted in a slot."""

    slot: Number
    ballot: Ballot
    value: bytes


# --- proposer to acceptor, and back -----------------------------------------------------------


class PreVote(Message, frozen=True, tag=1):
    """Would you promise `ballot`? Nothing is promised by answering."""

    ballot: Ballot


class PreVoted(Message, frozen=True, tag=2):
    """Yes or no, and the highest ballot promised."""

    ballot: Ballot
    granted: bool
    promised: Ballot


class Prepare(Message, frozen=True, tag=3):
    """Phase 1a: promise `ballot` and report what you accepted from `slot` on.

    `seen` is how many `writes` are known of that acceptor: with fewer it has an older disk.
    """

    ballot: Ballot
    slot: Number
    seen: Number


class Promise(Message, frozen=True, tag=4):
    """Phase 1b, one page: accepted values from `slot` on; `more` is the next slot to ask, or 0.

    Nothing at or below `truncated` is remembered: it was chosen, and is in snapshots.
    `writes` counts the acceptor's durable writes and never falls.
    """

    ballot: Ballot
    epoch: Number
    writes: Number
    slot: Number
    accepted: tuple[AcceptedValue, ...]
    truncated: Number
    more: Number


class Accept(Message, frozen=True, tag=5):
    """Phase 2a: accept `value` in `slot`; every slot up to `chosen` is chosen.

    `traced` asks every replica to write this decision to its log in full.
    """

    ballot: Ballot
    slot: Number
    value: bytes
    chosen: Number
    traced: bool


class Accepted(Message, frozen=True, tag=6):
    """Phase 2b: durably accepted."""

    ballot: Ballot
    slot: Number
    epoch: Number
    writes: Number


class Refused(Message, frozen=True, tag=7):
    """No: ballot (`promised` is higher), lease, lease length, truncated, recovering, old disk."""

    ballot: Ballot
    promised: Ballot
    reason: str


class Heartbeat(Message, frozen=True, tag=8):
    """I still lead; `beat` numbers it, so that an answer is counted for this sending alone.

    `lease` in seconds is what an answer is taken to grant; an acceptor that grants another refuses.
    `own` is the first slot that `ballot` filled with a value of its own; 0: it did not yet.
    """

    ballot: Ballot
    beat: Number
    chosen: Number
    seen: Number
    lease: Seconds
    own: Number


class Heard(Message, frozen=True, tag=9):
    """My promise is exactly `ballot`, and I grant its owner `lease` seconds from receipt on."""

    ballot: Ballot
    beat: Number
    epoch: Number
    writes: Number
    lease: Seconds


class Release(Message, frozen=True, tag=10):
    """The owner of `ballot` gave it up for good: end a grant at exactly that ballot."""

    ballot: Ballot


class Released(Message, frozen=True, tag=11):
    """Done, or there was none."""

    ballot: Ballot


class Copy(Message, frozen=True, tag=12):
    """A recovering acceptor asks for everything accepted from `slot` on."""

    slot: Number


class Copied(Message, frozen=True, tag=13):
    """One page of it; fields as in Promise, `promised` the highest ballot promised."""

    promised: Ballot
    slot: Number
    accepted: tuple[AcceptedValue, ...]
    truncated: Number
    more: Number


class Recall(Message, frozen=True, tag=24):
    """How many writes of mine do you know? Asked of who finds too few on an acceptor's disk."""


class Recalled(Message, frozen=True, tag=25):
    """So many."""

    writes: Number


# --- learner to learner -------------------------------------------------------------------------


class Fetch(Message, frozen=True, tag=14):
    """Send me chosen entries from `slot` on."""

    slot: Number


class Entries(Message, frozen=True, tag=15):
    """At most a page of them; none below `first`: there a snapshot is needed."""

    slot: Number
    entries: tuple[Entry, ...]
    first: Number
    applied: Number


class FetchSnapshot(Message, frozen=True, tag=16):
    """Send me page `page` of your snapshot `name`; name "" opens a new one."""

    name: str
    page: Number


class SnapshotPage(Message, frozen=True, tag=17):
    """One page; `page` -1: no such snapshot any more, begin again. `last` ends it."""

    name: str
    page: Number
    data: bytes
    last: bool


# --- proposer to proposer, front to front -------------------------------------------------------


class Offer(Message, frozen=True, tag=18):
    """Leader to a replica of higher priority: could you lead, up to `chosen`."""

    ballot: Ballot
    chosen: Number


class Offered(Message, frozen=True, tag=19):
    """All roles up and caught up, or not."""

    ballot: Ballot
    ready: bool


class CampaignNow(Message, frozen=True, tag=20):
    """The leader gave `ballot` up for you: campaign at once."""

    ballot: Ballot


class Forward(Message, frozen=True, tag=22):
    """A front passes its clients' requests to the leader's; answered when all are settled.

    They may be proposed at `ballot`, and at no other.
    """

    number: Number
    ballot: Ballot
    requests: tuple[Request, ...]
    timeout: Seconds


class Forwarded(Message, frozen=True, tag=23):
    """Answers in order. Code "NOT_LEADER": it was not chosen by this Forward and never will be."""

    number: Number
    answers: tuple[Answer, ...]

    def __post_init__(self) -> None:
        """Check what the declared types of an answer leave open; raises ValueError."""
        for answer in self.answers:
            if not is_answer(answer):
                raise ValueError("an answer holds what no operation returns")


class Noted(Message, frozen=True, tag=21):
    """Answers CampaignNow: taken note of."""

    ballot: Ballot


# --- local ----------------------------------------------------------------------------------------


class Propose(Message, frozen=True):
    """Local, front to proposer: put these commands into the next slot, at `ballot` or never."""

    ballot: Ballot
    commands: tuple[bytes, ...]


class Leading(Message, frozen=True):
    """Local, proposer to front: who leads, and whether this replica takes the next batch.

    `ended` is for reports alone: why our own term has ended, or why nobody is followed any more.
    """

    leader: int
    ballot: Ballot
    ready: bool
    ended: str = ""


class Confirm(Message, frozen=True):
    """Local, front to proposer: read `number` needs a quorum to confirm that we lead."""

    number: int


class Confirmed(Message, frozen=True):
    """Local, proposer to front: reads up to `number` may be answered once `slot` is applied."""

    number: int
    slot: int


class Chosen(Message, frozen=True):
    """Local, proposer to learner: a quorum accepted this entry."""

    entry: Entry


class Learn(Message, frozen=True):
    """Local, acceptor to learner: all up to `chosen` is chosen, `entries` are ours of `ballot`."""

    ballot: Ballot
    chosen: int
    entries: tuple[Entry, ...]


class Applied(Message, frozen=True):
    """Local, learner to proposer and front: applied up to `slot`.

    `answers` are those of all commands in the slots beyond `after`. What lies between the last
    Applied and `after` was jumped over by a snapshot.
    """

    after: int
    slot: int
    answers: tuple[tuple[bytes, Answer], ...]
    voters: tuple[Voter, ...]


class Durable(Message, frozen=True):
    """Local, learner to acceptor: everything up to `slot` is durable in the learner's storage."""

    slot: int


class Followed(Message, frozen=True):
    """Local, acceptor to proposer and front: a heartbeat of `ballot` said this."""

    ballot: Ballot
    chosen: int
    own: int


class Ask(Message, frozen=True):
    """Local, any role to learner: answer with Applied, so that I know where you stand."""


class Behind(Message, frozen=True):
    """Local, proposer to learner: everything up to `slot` is chosen, `peer` has it; fetch it."""

    peer: int
    slot: int


class Restore(Message, frozen=True):
    """Local, operator to learner: catch up with `peer`, by its log or snapshot, before all else."""

    peer: int


class Enter(Message, frozen=True):
    """Local, any role to front: get this command of the cluster's own into the log."""

    opcode: int
    args: tuple[object, ...]


class RolesUp(Message, frozen=True):
    """Local, host to proposer: which other roles are up, and whether our acceptor may vote."""

    acceptor: bool
    learner: bool
    votes: bool = True

    @property
    def all(self) -> bool:
        """Nothing is missing: this replica could lead."""
        return self.acceptor and self.learner and self.votes


class Transfer(Message, frozen=True):
    """Local, operator to proposer: hand leadership to `successor` as soon as it is fit."""

    successor: int
