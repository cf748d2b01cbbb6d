"""Names as replicas register them: written once, and again when a name server has lost them."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvrmi.cluster.naming import NAMESERVER, split_address
from kvrmi.errors import ConnectionFailed
from kvrmi.remote import names as names_module
from kvrmi.remote.daemon import Daemon, caller
from kvrmi.remote.identity import Credentials, make_secret
from kvrmi.remote.names import Registration, lookup, register
from kvrmi.remote.proxy import connect
from nameserver.gate import Gate
from nameserver.service import NameServer
from server.ports import free_block

from .conftest import CLUSTER

STORE = "PYRO:kvrmi.replica1@127.0.0.1:1111"
NAMES = {
    "kvrmi.replica1": (STORE, frozenset({"kvrmi.replica", "kvrmi.engine:paxos"})),
    "kvrmi.replica1.admin": ("PYRO:kvrmi.replica1.admin@127.0.0.1:1115", frozenset[str]()),
}


@pytest.fixture
def mute() -> Iterator[str]:
    """An address that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def dead() -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{free_block('127.0.0.1', 1, random.Random())}"


def test_only_what_is_not_there_is_written(
    address: str, credentials: Callable[[int], Credentials]
) -> None:
    assert register(address, NAMES, credentials(1), 5.0) == 2
    assert register(address, NAMES, credentials(1), 5.0) == 0
    moved = NAMES | {"kvrmi.replica1": (STORE.replace("1111", "1116"), ["kvrmi.replica"])}
    assert register(address, moved, credentials(1), 5.0) == 1
    assert lookup(address, "kvrmi.replica1", 5.0) == STORE.replace("1111", "1116")


def test_other_tags_are_written(address: str, credentials: Callable[[int], Credentials]) -> None:
    register(address, NAMES, credentials(1), 5.0)
    retagged = NAMES | {"kvrmi.replica1": (STORE, {"kvrmi.replica"})}
    assert register(address, retagged, credentials(1), 5.0) == 1


@pytest.mark.parametrize(
    "names", [{}, {"one": (STORE, ())}, {"one": (STORE, ()), "two": (STORE, ())}]
)
def test_any_set_of_names(
    address: str,
    credentials: Callable[[int], Credentials],
    names: dict[str, tuple[str, tuple[str, ...]]],
) -> None:
    assert register(address, names, credentials(0), 5.0) == len(names)
    assert register(address, names, credentials(0), 5.0) == 0


def test_an_empty_name_server_is_filled_again(
    daemon: Daemon, address: str, credentials: Callable[[int], Credentials]
) -> None:
    register(address, NAMES, credentials(1), 5.0)
    daemon.register(NameServer(address, caller), NAMESERVER, force=True)
    assert lookup(address, "kvrmi.replica1", 5.0) is None
    assert register(address, NAMES, credentials(1), 5.0) == 2
    assert lookup(address, "kvrmi.replica1", 5.0) == STORE


def test_while_its_connection_stands_nothing_is_asked(
    daemon: Daemon,
    address: str,
    credentials: Callable[[int], Credentials],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Save once in a while: somebody may have removed a name."""
    registration = Registration(address, NAMES, credentials(1), 5.0)
    assert registration.renew() == 2
    daemon.register(NameServer(address, caller), NAMESERVER, force=True)
    assert registration.renew() == 0  # one that asked would see that nothing is there
    registration.close()
    monkeypatch.setattr(names_module, "LOOK_SECONDS", 0.0)
    assert registration.renew() == 2
    daemon.register(NameServer(address, caller), NAMESERVER, force=True)
    assert registration.renew() == 2
    registration.close()


def test_a_name_server_that_was_started_again_is_filled_at_the_next_look(
    daemon: Daemon, address: str, credentials: Callable[[int], Credentials], tmp_path: Path
) -> None:
    registration = Registration(address, NAMES, credentials(1), 5.0)
    assert registration.renew() == 2
    daemon.cut()
    with pytest.raises(ConnectionFailed, match=address):
        registration.renew()
    admit = Gate(tmp_path / "secret", CLUSTER).admit
    again = Daemon("127.0.0.1", daemon.port, admit=admit, pool=5, max_message=1 << 20, idle=60.0)
    again.register(NameServer(address, caller), NAMESERVER)
    again.start()
    assert registration.renew() == 2
    registration.close()
    again.cut()


def test_unknown_names_are_none(address: str, credentials: Callable[[int], Credentials]) -> None:
    register(address, NAMES, credentials(1), 5.0)
    assert lookup(address, "kvrmi.replica", 5.0) is None


def test_a_refused_write_names_the_server(
    address: str, credentials: Callable[[int], Credentials]
) -> None:
    with pytest.raises(ConnectionFailed, match=f"{address}.*its own names only"):
        register(address, NAMES, credentials(2), 5.0)


def test_a_wrong_secret_is_refused(address: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make_secret(tmp_path_factory.mktemp("other") / "secret")
    with pytest.raises(ConnectionFailed, match=address):
        register(address, NAMES, Credentials("c1", 1, "replica", other), 5.0)


def test_nobody_there(dead: str, credentials: Callable[[int], Credentials]) -> None:
    with pytest.raises(ConnectionFailed, match=dead):
        register(dead, NAMES, credentials(1), 1.0)
    with pytest.raises(ConnectionFailed, match=dead):
        lookup(dead, "kvrmi.replica1", 1.0)


def test_a_mute_server_costs_the_time_given_at_most(
    mute: str, credentials: Callable[[int], Credentials]
) -> None:
    began = time.monotonic()
    with pytest.raises(ConnectionFailed, match=mute):
        register(mute, NAMES, credentials(1), 0.2)
    assert time.monotonic() - began < 8.0


def test_an_impostor_without_the_secret_gets_no_call(
    credentials: Callable[[int], Credentials],
) -> None:
    impostor = Daemon("127.0.0.1", 0, admit=None, pool=5, max_message=1 << 20, idle=60.0)
    impostor.register(NameServer(impostor.locationStr, caller), NAMESERVER)
    impostor.start()
    try:
        with pytest.raises(ConnectionFailed, match="secret"):
            register(impostor.locationStr, NAMES, credentials(1), 5.0)
        assert lookup(impostor.locationStr, "kvrmi.replica1", 5.0) is None
    finally:
        impostor.cut()


@pytest.mark.parametrize("address", ["", "here", "127.0.0.1:0"])
def test_an_address_that_is_none(address: str, credentials: Callable[[int], Credentials]) -> None:
    with pytest.raises(ConnectionFailed, match="host:port"):
        register(address, NAMES, credentials(1), 1.0)


def test_a_connection_is_let_go_after_each_call(
    daemon: Daemon, address: str, credentials: Callable[[int], Credentials]
) -> None:
    for _ in range(30):  # more than the pool holds
        register(address, NAMES, credentials(1), 5.0)
    host, port = split_address(address)
    with connect(host, port, NAMESERVER, timeout=30.0) as proxy:
        assert proxy.count() == 3
    assert daemon.connections <= 20
