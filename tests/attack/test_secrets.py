"""Who cannot prove the secret gives no orders, casts no votes, and writes no names."""

from __future__ import annotations

import secrets as random_secrets
from typing import Any

import pytest

from kvrmi.cluster import naming
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.messages import PreVote, Release
from kvrmi.remote.frames import CONNECT_FAIL, CONNECT_OK
from kvrmi.remote.identity import Credentials, Refused, read_secret
from kvrmi.remote.payload import MSGPACK, load
from kvrmi.remote.proxy import connect
from kvrmi.roles.codec import Codec
from kvrmi.roles.contract import Address
from server.engines.kinds import kind_of
from tests.live.cluster import LiveCluster

from .calm import Calm
from .sockets import Daemon

CODEC = Codec(PAXOS)

pytestmark = pytest.mark.live

FALSE: list[object] = ["", 3, None, {}, "learner", True, ["replica"], 1 << 400]
GUARDED = ("proposer", "acceptor", "learner", "admin")


def credentials_of(fort: LiveCluster, replica: int, role: str = "replica") -> Credentials:
    secret, config = read_secret(fort.data / "secret"), kind_of("paxos").agreed(fort.cluster)
    return Credentials(fort.cluster.id, replica, role, secret, config)


def refused(daemon: Daemon, *shown: object) -> bool:
    """Show all of it, one after the other: it is refused, and nothing can be called then."""
    with daemon.knock() as raw:
        kinds = [raw.shake(one).kind for one in shown]
        raw.call("status")
        return kinds[-1] == CONNECT_FAIL and raw.is_closed()


def test_roles_and_admin_let_nobody_in_without_proof(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    guess = Credentials(fort.cluster.id, 2, "replica", random_secrets.token_hex(32).encode())
    foreign = Credentials("another", 2, "replica", read_secret(fort.data / "secret"))
    with Calm(fort):
        for name in GUARDED:
            daemon = ports[name]
            true = credentials_of(fort, 2).announce()
            junk: list[object] = ["hello", None, {}, [], "x" * 50_000, {"proof": "0" * 64}, true]
            for shown in junk:
                assert shown is true or refused(daemon, shown)
                assert refused(daemon, true, shown)
            assert refused(daemon, foreign.announce())
            with daemon.knock() as raw, pytest.raises(Refused):
                raw.enter(guess)
            for field in true:
                for value in FALSE:
                    if type(value) is not type(true[field]):
                        assert refused(daemon, {**true, field: value}), (name, field, value)
                assert refused(daemon, {k: v for k, v in true.items() if k != field})
            assert refused(daemon, {**true, "more": 1})


def test_before_the_proof_nothing_can_be_called(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    """Who has only announced itself was answered, and is not in."""
    with Calm(fort):
        for name in GUARDED:
            with ports[name].knock() as raw:
                raw.shaken(credentials_of(fort, 2).announce())
                raw.call("status")
                assert raw.is_closed()


def test_what_was_overheard_opens_no_daemon(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    """Both messages of a handshake that held are shown again, at its own daemon and at others."""
    with Calm(fort):
        for made_for in (ports["acceptor"], ports["admin"], ports["nameserver"]):
            credentials = credentials_of(fort, 2)
            announced = credentials.announce()
            with made_for.knock() as raw:
                first = raw.shake(announced)
                answer = load(first.serializer, first.payload)["handshake"]
                shown = credentials.prove(made_for.name, announced, answer)
                assert raw.shake(shown).kind == CONNECT_OK
            for name in (*GUARDED, "coordinator", "nameserver"):
                assert refused(ports[name], announced, shown), (made_for.name, name)


def test_a_replica_speaks_for_itself_only(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    """Votes in another's name, votes of nobody, and bytes that are no message get no answer."""
    daemon = ports["acceptor"]
    senders = [Address(replica, "proposer") for replica in (0, 1, 3, 9)]
    with Calm(fort), daemon.knock() as raw:
        raw.entered(credentials_of(fort, 2))

        def receive(*args: object) -> Any:
            raw.call("receive", *args, serializer=MSGPACK)
            return raw.answer()

        good = CODEC.encode(Address(2, "proposer"), Release(Ballot(1, 2)))
        assert CODEC.decode(receive(good))[0] == Address(1, "acceptor")
        for sender in senders:
            assert receive(CODEC.encode(sender, PreVote(Ballot(1, 2)))) == b""
        for junk in (b"", b"\x91", good[:-1], good + b"\0", "text", 5, None, [good], {"a": good}):
            assert receive(junk) == b""
        assert "__exception__" in receive()
        assert "__exception__" in receive(good, good)


@pytest.mark.parametrize(
    ("replica", "role"), [(0, "coordinator"), (0, "client"), (2, "client"), (9, "replica")]
)
def test_who_is_no_replica_has_no_vote(
    fort: LiveCluster, ports: dict[str, Daemon], replica: int, role: str
) -> None:
    """The coordinator knows the secret too, and so may a replica of a larger cluster."""
    with Calm(fort):
        for name in ("proposer", "acceptor", "learner"):
            daemon = ports[name]
            with daemon.knock() as raw:
                assert raw.enter(credentials_of(fort, replica, role)).kind == CONNECT_FAIL
                raw.call("receive", b"")
                assert raw.is_closed()


def test_orders_and_names_need_proof(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    with Calm(fort):
        with ports["coordinator"].knock() as raw:
            raw.shaken()
            assert raw.ask("status")["leader"] == 1
            for order in ("kill", "stop", "start", "restart", "restore"):
                assert "INVALID" in raw.ask(order, 2)["args"][0]
        names = ports["nameserver"]
        uri = raw_uri(fort)
        with names.knock() as raw:
            raw.shaken()
            own = naming.kvstore(1)
            writes: list[tuple[str, tuple[object, ...]]] = [
                ("register", (own, uri)), ("set_metadata", (own, [])), ("remove", (own,))
            ]  # fmt: skip
            for method, args in writes:
                assert raw.ask(method, *args)["__class__"] == "Pyro5.errors.NamingError"
            assert raw.ask("remove", None, "kvrmi")["__class__"] == "Pyro5.errors.NamingError"
        with names.knock() as raw:
            raw.entered(credentials_of(fort, 2))
            for name in (naming.kvstore(1), naming.COORDINATOR, naming.kvstore(22)):
                assert raw.ask("register", name, uri)["__class__"] == "Pyro5.errors.NamingError"


def raw_uri(fort: LiveCluster) -> str:
    return f"PYRO:stolen@{fort.cluster.nameserver}"


def test_a_restarted_role_has_cut_who_spoke_to_the_one_before(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    """An acceptor's stale incarnation answers nobody, however long the connection was held."""
    member = fort.cluster.member(3)
    daemon = Daemon(naming.role(3, "acceptor"), member.host, member.ports["acceptor"], False)
    message = CODEC.encode(Address(2, "proposer"), Release(Ballot(1, 2)))
    with Calm(fort), daemon.knock() as raw:
        raw.entered(credentials_of(fort, 2))
        raw.call("receive", message, serializer=MSGPACK)
        assert raw.answer() != b""
        with connect(
            member.host, member.admin, naming.admin(3), timeout=30.0, credentials=fort.credentials
        ) as admin:
            before = admin.status()["roles"]["acceptor"]["incarnation"]
            assert admin.restart_role("acceptor") > before
        raw.call("receive", message, serializer=MSGPACK)
        assert raw.is_closed()
