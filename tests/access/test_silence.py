"""connect() among replicas that take connections and answer nothing, as stopped processes do.

Most of it is played in the attempts alone, in a time of their own, with the times of a real
cluster; that sockets make of silence what is assumed there is the last tests' matter.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import Pyro5.api
import pytest

from kvrmi.access.attempts import STATUS, Ask, Attempts, Done, GiveUp, LookAt, Step, Take
from kvrmi.access.candidates import AVOID, Candidate, Candidates
from kvrmi.access.connections import CONNECT, Connections, look
from kvrmi.access.events import Answered, Asked, Event
from kvrmi.access.findings import Look, Lost, Unsent
from kvrmi.access.lookup import Endpoint
from kvrmi.access.request_ids import RequestId
from kvrmi.access.store import connect
from kvrmi.errors import ConnectionFailed, KVError, NoQuorum, UnknownOutcome, was_late
from kvrmi.operations.interface import check
from tests.client.fake import Cluster, refuse
from tests.conftest import Ending

WAITS = 2.5
"""Seconds after which a server reports that there is no quorum."""
TIMEOUT = 5.0
"""Seconds that are not enough to connect to three silent replicas, and hear of that too."""
LATE = 0.5
"""Seconds after its time-out by which an operation must have ended, on a busy machine."""
SOON = 0.2
"""Seconds in which what is silent does not answer; what is there answers at once."""
SILENT, AWAKE = (1, 2, 3), (4, 5)
ARGUMENTS = {"get": ("k",), "delete": ("k",), "put": ("k", "v")}


class Played:
    """Five replicas, of which three are silent and two lack a quorum; nobody ever met them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.known = [Candidate(Endpoint(id, "h", id, f"kvrmi.replica{id}")) for id in range(1, 6)]
        self.events: list[Event] = []
        self.candidates = Candidates(self.known, "the addresses given", self.events.append)
        self.silent = set(SILENT)
        self.gone: set[int] = set()
        """Whose port refuses connections."""
        self.leader: int | None = None
        self.connected: set[int] = set()
        """To whom there is a connection, which took the next request before they were silent."""
        self.looks = 0

    def asked(self) -> list[int]:
        """Whom a request has reached, perhaps."""
        return [event.replica for event in self.events if isinstance(event, Asked)]

    def go_on(self) -> None:
        self.silent.clear()
        self.leader = 1

    def stop(self) -> None:
        self.silent = set(SILENT)
        self.leader = None

    def put(self) -> int:
        """Put, which succeeds; returns who answered."""
        assert isinstance(self.ask("put"), dict)
        answered = self.events[-1]
        assert isinstance(answered, Answered)
        return answered.replica

    def refused(self, name: str, timeout: float = TIMEOUT) -> KVError:
        """Ask, and return the error, which is there in time."""
        began = self.now
        error = self.ask(name, timeout)
        assert isinstance(error, KVError)
        assert self.now - began < timeout + 0.01
        return error

    def ask(self, name: str, timeout: float = TIMEOUT) -> object:
        attempts = Attempts(self.candidates, check(name, ARGUMENTS[name]), timeout, self.now)
        step = attempts.begin(self.now)
        while not isinstance(step, (Done, GiveUp)):
            step = self._follow(attempts, step)
        return step.answer if isinstance(step, Done) else step.error

    def _follow(self, attempts: Attempts, step: Step) -> Step:
        if isinstance(step, Take):
            return attempts.took(RequestId("c", 1), self.now)
        if isinstance(step, Ask):
            answer = self._asked(step.candidate.endpoint.replica, step.seconds)
            if isinstance(answer, dict):
                return attempts.answered(answer)
            return attempts.failed(answer, self.now)
        if isinstance(step, LookAt):
            self.looks += 1
            looks = [self._looked(candidate.endpoint.replica) for candidate in step.candidates]
            self.now += step.seconds if any(map(_is_late, looks)) else 0.0
            return attempts.looked(looks, self.now)
        assert not isinstance(step, (Done, GiveUp))
        self.now += step.seconds
        return attempts.paused(self.now)

    def _asked(self, id: int, seconds: float) -> dict[str, object] | Unsent | Lost | KVError:
        if id in self.gone:
            return Unsent("Connection refused")
        if id in self.silent and id not in self.connected:
            self.now += min(seconds, CONNECT)
            return late(Unsent)
        self.events.append(Asked(id, f"h:{id}"))
        if id in self.silent:
            self.connected.discard(id)
            self.now += seconds
            return late(Lost)
        self.connected.add(id)
        if self.leader is None:
            self.now += min(seconds, WAITS)
            return NoQuorum("no majority") if seconds > WAITS else late(Lost)
        return {"value": 1, "revision": 1, "replica": id, "leader": self.leader, "stale": False}

    def _looked(self, id: int) -> Look:
        return late(Unsent) if id in self.silent else {"leader": self.leader}


def late(kind: type[Unsent] | type[Lost]) -> Unsent | Lost:
    error = kind("timed out")
    error.__cause__ = TimeoutError()
    return error


def _is_late(seen: Look) -> bool:
    return isinstance(seen, (Unsent, Lost))


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.mark.parametrize("name", ["get", "delete"])
def test_silent_replicas_leave_enough_time_for_a_certain_answer(played: Played, name: str) -> None:
    assert isinstance(played.refused(name), NoQuorum)
    assert set(played.asked()) <= set(AWAKE)


def test_the_next_command_does_not_begin_with_the_silent(played: Played) -> None:
    played.refused("put")
    played.leader = 4
    played.now += 2 * AVOID  # however much later it comes
    began = played.now
    assert played.put() in AWAKE
    assert played.now - began <= STATUS
    assert played.put() == 4, "who leads is asked at once"
    assert played.now - began <= STATUS


def test_the_preferred_one_is_looked_at_before_it_is_asked(played: Played) -> None:
    played.candidates.prefer(1)
    for _ in range(2):
        assert isinstance(played.refused("put"), NoQuorum)
        played.now += AVOID
    assert set(played.asked()) <= set(AWAKE)
    played.leader, began = 4, played.now
    assert played.put() in AWAKE
    assert played.now - began <= STATUS
    played.go_on()
    played.now += AVOID
    assert played.put() == 1


def test_the_silent_stay_last_when_another_dies(played: Played) -> None:
    played.refused("put")
    played.leader = 4
    while played.put() != 4:
        played.now += AVOID
    played.now += AVOID
    played.gone, played.leader = {4}, 5
    began, looks = played.now, played.looks
    assert played.put() == 5
    assert (played.now, played.looks) == (began, looks), "no time is lost with the others"


@pytest.mark.parametrize("preferred", [None, 1])
def test_one_that_comes_back_is_taken_up_again(played: Played, preferred: int | None) -> None:
    played.candidates.prefer(preferred)
    played.refused("put")
    played.go_on()
    played.put()
    played.now += AVOID
    assert played.put() == 1


def test_a_write_that_may_have_been_sent_is_never_reported_as_not_done(played: Played) -> None:
    played.go_on()
    assert played.put() == 1  # there is a connection to replica 1 now
    played.stop()
    assert isinstance(played.refused("put"), UnknownOutcome)
    assert isinstance(played.refused("put"), NoQuorum), "of this one not one byte left"


def test_a_read_of_which_a_silent_one_took_the_time_is_no_quorum(played: Played) -> None:
    played.go_on()
    played.put()
    played.stop()
    asked = len(played.asked())
    error = played.refused("get")
    assert isinstance(error, NoQuorum)
    assert "no replica leads as far as replicas 4 and 5 know (replica 1 at " in str(error)
    assert played.asked()[asked:] == [1]


def test_one_that_took_the_request_is_not_one_that_is_not_there(played: Played) -> None:
    played.silent = {1, 2, 3, 4, 5}
    began = played.now
    error = played.refused("get")
    assert isinstance(error, ConnectionFailed)
    assert "no replica of the addresses given answered (replica 1 at" in str(error)
    assert played.now - began <= CONNECT + STATUS, "nobody was ever there"
    played.connected = {2}  # it takes requests, and answers them too late
    played.candidates.awake(played.known[1])
    error = played.refused("get", 2.0)
    assert isinstance(error, ConnectionFailed)
    assert "no answer within 2 s (replica 2 at " in str(error)
    assert "Check that" not in str(error)


def test_healthy_replicas_are_not_looked_at(played: Played) -> None:
    played.go_on()
    began = played.now
    played.put()
    played.ask("get")
    assert (played.looks, played.asked(), played.now) == (0, [1, 1], began)


# --- what sockets make of it --------------------------------------------------------------------


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, ending: Ending) -> Iterator[Cluster]:
    """Five replicas, of which three are stopped; the others know it."""
    monkeypatch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", True)  # as the servers do
    monkeypatch.setattr("kvrmi.access.connections.CONNECT", SOON)
    cluster = Cluster(5)
    for id in SILENT:
        cluster.nodes[id - 1].stop()
    yield cluster
    ending(cluster.close)


def test_silence_is_late_and_says_whether_a_byte_left(cluster: Cluster) -> None:
    replica = Connections(Candidate(_endpoint(cluster, 1)))
    arguments = ("get", ["k", "linearizable"])
    with pytest.raises(Unsent) as unsent:
        replica.call("call", arguments, TIMEOUT)
    assert was_late(unsent.value)
    (seen,) = look([replica], SOON)
    assert isinstance(seen, (Unsent, Lost))
    assert was_late(seen)
    cluster.nodes[0].go_on()
    assert replica.call("call", arguments, TIMEOUT)["replica"] == 1
    cluster.nodes[0].stop()
    with pytest.raises(Lost) as lost:
        replica.call("call", arguments, SOON)
    assert was_late(lost.value)
    replica.close()


def test_a_look_at_many_takes_the_time_of_one(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvrmi.access.connections.CONNECT", 1.0)
    replicas = [Connections(Candidate(_endpoint(cluster, id))) for id in (*SILENT, *AWAKE)]
    began = time.monotonic()
    looks = look(replicas, 1.0)
    took = time.monotonic() - began
    assert [isinstance(seen, dict) for seen in looks] == [False, False, False, True, True]
    assert took < 1.0 * len(SILENT) - 0.1, "it would be that, one after the other"
    for replica in replicas:
        replica.close()


def test_one_that_comes_back_during_a_command_answers_it(cluster: Cluster) -> None:
    def come_back(when: str) -> None:
        if when == "before":
            for node in cluster.nodes:
                node.go_on()
        refuse("NO_QUORUM")(when)

    for id in AWAKE:
        cluster.servant(id).faults, cluster.servant(id).follows = [come_back], None
    with connect(addresses=cluster.addresses, timeout=TIMEOUT) as store:
        store.put("k", "v")
    assert len(cluster.contents.applied) == 1


def test_an_address_without_a_name_has_no_more_time(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its object is looked for by one question after the other."""
    daemon = cluster.nodes[3].daemon
    found = daemon.objectsById["Pyro.Daemon"]
    original = found.get_metadata

    @Pyro5.api.expose  # type: ignore[untyped-decorator]
    def get_metadata(name: str, *args: object) -> object:
        time.sleep(0.4)
        return original(name, *args)

    monkeypatch.setattr(found, "get_metadata", get_metadata)
    monkeypatch.setattr("kvrmi.access.connections.CONNECT", CONNECT)
    address = cluster.addresses[3].partition("@")[2]
    with connect(addresses=[address], timeout=0.5) as store:
        assert timed(lambda: store.put("k", "v")) < 0.5 + LATE


def test_a_host_with_several_addresses_has_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        full = [socket.socket() for _ in range(8)]
        for sock in full:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: [address] * 4)
        with connect(addresses=["kvrmi.replica1@many.invalid:9"], timeout=0.5) as store:
            assert timed(lambda: store.put("k", "v")) < 0.5 + LATE
        for sock in full:
            sock.close()


def timed(operation: Callable[[], object]) -> float:
    """Seconds until an operation has failed for want of a replica."""
    began = time.monotonic()
    with pytest.raises(ConnectionFailed):
        operation()
    return time.monotonic() - began


def _endpoint(cluster: Cluster, id: int) -> Endpoint:
    name, _, address = cluster.addresses[id - 1].partition("@")
    host, _, port = address.rpartition(":")
    return Endpoint(id, host, int(port), name)
