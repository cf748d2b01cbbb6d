"""A role host: records before messages, one at a time, and never an old incarnation."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pytest

from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.messages import Accepted, Learn, Release
from kvrmi.roles.contract import NOTHING, Address, Effects, Envelope, Message
from kvrmi.roles.invariants import InvariantBroken, require
from kvrmi.storage.interface import Put, Record, StorageFailed
from server.rolehost import Fenced, RoleHost

from .stubs import ME, PEER, Daemon, Fatal, Outside, StubRole, host_of, until

BALLOT = Ballot(1, 2)
ASK = Release(BALLOT)
ANSWER = Accepted(BALLOT, 1, 1, 1)
LEARN = Learn(BALLOT, 1, ())
RECORD = Put("accepted", 1, b"x")
LEARNER = Address(ME, "learner")


class SlowDisk:
    """Notes the order of things; blocks in `write` while told to."""

    turn = 0

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.writing = threading.Event()
        self.written: list[tuple[Record, ...]] = []
        self.error: Exception | None = None

    def begin(self, turn: int, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        def run() -> None:
            self.write(turn, records)
            done()

        threading.Thread(target=run, daemon=True).start()

    def write(self, turn: int, records: tuple[Record, ...]) -> bool:
        self.writing.set()
        self.free.wait(5)
        if self.error:
            raise self.error
        self.written.append(records)
        return True

    def fence(self) -> bool:
        return self.free.is_set()


def answering(sender: Address, message: Message) -> Effects:
    return Effects((RECORD,), (Envelope(sender, ANSWER), Envelope(LEARNER, LEARN)))


def test_the_answer_comes_back_and_the_rest_is_posted() -> None:
    outside, disk = Outside(), SlowDisk()
    host = host_of(lambda: StubRole(answering), outside, disk=disk)
    assert host.deliver(PEER, ASK) == (Envelope(PEER, ANSWER),)
    assert outside.posted == [(host.address, Envelope(LEARNER, LEARN))]
    assert disk.written == [(RECORD,)]


def test_nothing_leaves_before_it_is_durable() -> None:
    outside, disk = Outside(), SlowDisk()
    host = host_of(lambda: StubRole(answering), outside, disk=disk)
    disk.free.clear()
    thread = threading.Thread(target=host.deliver, args=(PEER, ASK))
    thread.start()
    assert disk.writing.wait(60)
    assert outside.posted == []
    disk.free.set()
    thread.join(60)
    assert len(outside.posted) == 1


def test_a_failed_role_answers_nobody_and_its_old_self_is_fenced() -> None:
    host = host_of(StubRole)
    first = host.incarnation
    assert host.fail("test")
    assert host.state == "down"
    with pytest.raises(Fenced):
        host.deliver(PEER, ASK)
    with pytest.raises(Fenced, match=r"^replica \d: (\w+) is down .*; RESTART \d \1 starts it$"):
        host.ask(lambda role, now: None)
    host.start()
    assert host.incarnation == first + 1
    assert host.deliver(PEER, ASK) == ()


def test_a_restart_makes_a_new_object_and_forgets_the_inbox() -> None:
    roles: list[StubRole] = []

    def make() -> StubRole:
        roles.append(StubRole())
        return roles[-1]

    host = host_of(make)
    assert host.put(PEER, ASK)
    host.fail("test")
    assert not host.put(PEER, ASK)
    host.start()
    host.work()
    assert len(roles) == 2
    assert [role.seen for role in roles] == [[], []]


def test_the_inbox_keeps_the_order() -> None:
    role = StubRole()
    host = host_of(lambda: role)
    asks = [Release(Ballot(i, 2)) for i in range(5)]
    for ask in asks:
        host.put(PEER, ask)
    assert host.work()
    assert not host.work()
    assert [message for _, message in role.seen] == asks


def test_who_finds_the_role_taken_leaves_the_work_to_its_holder() -> None:
    disk = SlowDisk()
    role = StubRole(answering)
    host = host_of(lambda: role, disk=disk)
    disk.free.clear()
    thread = threading.Thread(target=host.deliver, args=(PEER, ASK))
    thread.start()
    assert disk.writing.wait(60)
    host.put(PEER, ASK)
    assert not host.work()
    disk.free.set()
    thread.join(60)
    assert host.work()
    assert len(role.seen) == 2


def test_a_last_step_is_written_before_the_role_is_down() -> None:
    outside, disk = Outside(), SlowDisk()
    host = host_of(StubRole, outside, disk=disk, behind=True)
    host.stop(lambda role, now: Effects((RECORD,), (Envelope(LEARNER, LEARN),)))
    assert host.state == "down"
    until(lambda: outside.posted == [(host.address, Envelope(LEARNER, LEARN))])
    assert disk.written == [(RECORD,)]
    host.stop(lambda role, now: Effects((RECORD,)))
    assert disk.written == [(RECORD,)]


def test_a_role_whose_disk_writes_handles_nothing_and_holds_nobody_up() -> None:
    """But who brought another replica's request, and that one for a second at most."""
    outside, disk = Outside(), SlowDisk()
    role = StubRole(answering)
    host = host_of(lambda: role, outside, disk=disk)
    disk.free.clear()
    assert host.put(PEER, ASK)
    assert host.put(PEER, ASK)
    assert host.work(), "it returns while the disk writes"
    assert disk.writing.wait(60)
    assert not host.work()
    assert len(role.seen) == 1
    assert host.ask(lambda *_: "status") == "status"
    with pytest.raises(Fenced, match="waits for its disk"):
        host.deliver(PEER, ASK)
    assert (outside.posted, outside.sent, len(role.seen)) == ([], [], 1)
    disk.free.set()
    until(lambda: outside.sent and outside.posted)
    assert outside.sent == [(host.address, 1, (Envelope(PEER, ANSWER),))]
    assert outside.posted == [(host.address, Envelope(LEARNER, LEARN))]
    until(host.work)
    until(lambda: len(outside.sent) == 2)
    assert len(role.seen) == 2


def test_what_a_role_was_writing_when_it_failed_leaves_nothing() -> None:
    outside, disk, role = Outside(), SlowDisk(), StubRole(answering)
    host = host_of(lambda: role, outside, disk=disk)
    disk.free.clear()
    host.put(PEER, ASK)
    assert host.work()
    assert disk.writing.wait(60)
    assert host.fail("test"), "it waits for no disk"
    with pytest.raises(Fenced, match="when its disk has written"):
        host.start()
    assert host.state == "restarting"
    disk.free.set()
    host.start()
    until(lambda: disk.written)
    assert (outside.posted, outside.sent) == ([], [])
    assert host.deliver(PEER, ASK) == (Envelope(PEER, ANSWER),)


def test_a_step_is_noted_when_it_is_durable() -> None:
    noted: list[Effects] = []
    disk, role = SlowDisk(), StubRole(answering)
    host = host_of(
        lambda: role, disk=disk, note=lambda sender, message, effects: noted.append(effects)
    )
    disk.free.clear()
    host.put(PEER, ASK)
    assert host.work()
    assert disk.writing.wait(60)
    assert not noted
    disk.free.set()
    until(lambda: noted)


def test_a_vital_role_that_breaks_ends_the_process() -> None:
    disk, fatal = SlowDisk(), Fatal()
    disk.error = OSError("no space")
    host = host_of(lambda: StubRole(answering), disk=disk, vital=True, fatal=fatal)
    with pytest.raises(Fenced):
        host.deliver(PEER, ASK)
    assert [part for part, _ in fatal.errors] == ["acceptor"]


def broken(*_: object) -> Effects:
    raise ValueError("a bug")


def broken_invariant(*_: object) -> Effects:
    require(False, "slot 7 was chosen twice")
    return NOTHING


class BrokenRole(StubRole):
    """Breaks an invariant whatever it is asked to do."""

    def __init__(self) -> None:
        super().__init__(broken_invariant)

    def wake(self, now: float) -> Effects:
        return broken_invariant()


def woken(host: RoleHost[StubRole]) -> bool:
    host.wake_if_due(1e9)
    return host.work()


@pytest.mark.parametrize("way", ["deliver", "inbox", "wake", "ask", "act", "stop"])
def test_an_invariant_that_breaks_ends_the_process_whatever_the_role(way: str) -> None:
    fatal = Fatal()
    host = host_of(BrokenRole, role="learner", fatal=fatal)
    steps: dict[str, Callable[[], object]] = {
        "deliver": lambda: host.deliver(PEER, ASK),
        "inbox": lambda: (host.put(PEER, ASK), host.work()),
        "wake": lambda: woken(host),
        "ask": lambda: host.ask(broken_invariant),
        "act": lambda: host.act(lambda *_: (None, broken_invariant())),
        "stop": lambda: host.stop(broken_invariant),
    }
    with contextlib.suppress(Fenced):
        steps[way]()
    assert [(part, type(error)) for part, error in fatal.errors] == [("learner", InvariantBroken)]
    assert host.state == "down"
    host.supervise()
    assert host.incarnation == 1


@pytest.mark.parametrize("error", [InvariantBroken("bug"), StorageFailed("read error")])
def test_what_no_restart_mends_ends_the_process_at_a_restart(error: Exception) -> None:
    fatal = Fatal()
    errors: list[Exception] = []

    def make() -> StubRole:
        if errors:
            raise errors[0]
        return StubRole()

    host = host_of(make, role="learner", fatal=fatal)
    host.fail("test", 0.0)
    errors.append(error)
    host.supervise()
    assert fatal.errors == [("learner", error)]


def test_another_role_that_breaks_is_started_again() -> None:
    now = [0.0]

    def breaking(sender: Address, message: Message) -> Effects:
        raise RuntimeError("bug")

    host = host_of(lambda: StubRole(breaking), clock=lambda: now[0])
    host.put(PEER, ASK)
    host.work()
    assert host.state == "restarting"
    host.supervise()
    assert host.state == "restarting"
    now[0] = 1.0
    host.supervise()
    assert (host.state, host.incarnation) == ("up", 2)


def test_a_dead_request_loop_is_noticed_and_the_role_comes_back() -> None:
    now = [0.0]
    host = host_of(StubRole, clock=lambda: now[0])
    host.daemon = daemon = Daemon()
    daemon.open()
    daemon.alive = False
    host.supervise()
    assert host.state == "restarting"
    now[0] = 1.0
    host.supervise()
    assert (host.state, host.incarnation, daemon.opened) == ("up", 2, 2)


def test_what_must_be_done_before_a_restart_is_done_before_it() -> None:
    order: list[str] = []

    def make() -> StubRole:
        order.append("made")
        return StubRole()

    host = host_of(make)
    host.before_restart = lambda: order.append("before")
    host.fail("test")
    host.start()
    assert order == ["made", "before", "made"]


def test_failing_what_is_failed_leaves_the_first_order_alone() -> None:
    now = [0.0]
    host = host_of(StubRole, clock=lambda: now[0])
    assert host.fail("first", 3.0)
    assert not host.fail("second, for good")
    assert not host.fail("third, for longer", 60.0)
    now[0] = 3.1
    host.supervise()
    assert host.state == "up"
    assert host.fail("for good")
    assert not host.fail("for a moment", 0.0)
    now[0] = 1e6
    host.supervise()
    assert host.state == "down"


def test_a_role_that_broke_by_itself_can_be_failed_on_purpose() -> None:
    now = [0.0]
    host = host_of(lambda: StubRole(broken), role="learner", clock=lambda: now[0])
    with pytest.raises(Fenced):
        host.deliver(PEER, ASK)
    assert host.state == "restarting"
    assert not host.fail("stay down")
    now[0] = 1e6
    host.supervise()
    assert host.state == "down"


def test_failed_on_purpose_stays_down_until_told_or_until_its_time() -> None:
    now = [0.0]
    host = host_of(StubRole, clock=lambda: now[0])
    host.fail("test")
    now[0] = 1e6
    host.supervise()
    assert host.state == "down"
    host.start()
    host.fail("test", 3.0)
    now[0] += 2.9
    host.supervise()
    assert host.state == "restarting"
    now[0] += 0.2
    host.supervise()
    assert host.state == "up"


def test_it_is_woken_once_when_due() -> None:
    now = [0.0]
    role = StubRole(lambda sender, message: Effects(wake_at=5.0))
    host = host_of(lambda: role, clock=lambda: now[0])
    host.wake_if_due(0.0)
    host.work()
    assert role.woken == 1  # once at the start
    host.deliver(PEER, ASK)
    host.wake_if_due(4.9)
    host.work()
    assert role.woken == 1
    host.wake_if_due(5.0)
    host.wake_if_due(5.1)
    host.work()
    assert role.woken == 2
