"""Where connect() finds the replicas."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import Pyro5.api
import Pyro5.nameserver
import pytest

from kvrmi.access.lookup import Endpoint, look_up
from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import dump
from kvrmi.cluster.members import members
from kvrmi.cluster.timing import Timing
from kvrmi.errors import ConnectionFailed, InvalidRequest

FIRST = Endpoint(1, "127.0.0.1", 12000, "kvrmi.replica1")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
    monkeypatch.setattr("kvrmi.access.lookup.NAME_SERVER", "127.0.0.1:9")


def _write(path: Path, base_port: int) -> str:
    replicas = members(3, "127.0.0.1", base_port)
    cluster = Cluster("c", "id", "paxos", "127.0.0.1:1", "127.0.0.1:2", replicas, Timing(), None)
    path.parent.mkdir(exist_ok=True)
    path.write_text(dump(cluster))
    return str(path)


def test_argument_beats_environment_beats_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConnectionFailed, match="no cluster file"):
        look_up()
    _write(tmp_path / ".kvrmi" / "cluster.toml", 12000)
    found = look_up()
    assert found.endpoints[0] == FIRST
    assert len(found.endpoints) == 3
    assert (found.cluster, found.engine) == ("c", "paxos")
    monkeypatch.setenv("KVRMI_CONFIG", _write(tmp_path / "b.toml", 13000))
    assert look_up().endpoints[0].port == 13000
    assert look_up(config=Path(_write(tmp_path / "c.toml", 14000))).endpoints[0].port == 14000


def test_a_bad_cluster_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"nothing\.toml"):
        look_up(config="nothing.toml")
    (tmp_path / "bad.toml").write_text("[")
    with pytest.raises(InvalidRequest, match=r"bad\.toml"):
        look_up(config="bad.toml")


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("127.0.0.1:12000", Endpoint(0, "127.0.0.1", 12000, "")),
        ("kvrmi.replica1@127.0.0.1:12000", FIRST),
        ("PYRO:kvrmi.replica1@127.0.0.1:12000", FIRST),
        ("other@[::1]:12000", Endpoint(0, "::1", 12000, "other")),
        ("localhost", Endpoint(0, "localhost", 1111, "")),
        ("::1", Endpoint(0, "::1", 1111, "")),
        ("[::1]", Endpoint(0, "::1", 1111, "")),
        ("kvrmi.replica3@host", Endpoint(3, "host", 3333, "kvrmi.replica3")),
        ("kvrmi.replica12@host", Endpoint(12, "host", 1111, "kvrmi.replica12")),
        ("other@host", Endpoint(0, "host", 1111, "other")),
    ],
)
def test_addresses(address: str, endpoint: Endpoint) -> None:
    assert look_up(addresses=[address]).endpoints == (endpoint,)
    assert look_up(addresses=address).endpoints == (endpoint,)


@pytest.mark.parametrize("address", ["h:", ":5", "h:0", "h:65536", "h:x", "a@"])
def test_bad_addresses(address: str) -> None:
    with pytest.raises(InvalidRequest):
        look_up(addresses=["127.0.0.1:1", address])


def test_a_name_server_without_a_port_has_the_default_one() -> None:
    with pytest.raises(ConnectionFailed, match=r"found: no name server answers at no\.such\.host"):
        look_up(nameserver="no.such.host.invalid")


def test_one_way_at_a_time() -> None:
    with pytest.raises(InvalidRequest, match="one of"):
        look_up(config="x", addresses=["h:1"])
    with pytest.raises(InvalidRequest, match="empty"):
        look_up(addresses=[])


@pytest.fixture
def nameserver() -> Iterator[str]:
    uri, daemon, broadcast = Pyro5.nameserver.start_ns("127.0.0.1", 0, enableBroadcast=False)
    assert broadcast is None

    def serve() -> None:
        with contextlib.suppress(AttributeError):  # Pyro's shutdown takes the socket from its loop
            daemon.requestLoop()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield uri.location
    daemon.shutdown()
    thread.join(60)


def test_name_server(nameserver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionFailed, match="knows no replica"):
        look_up(nameserver=nameserver)
    tags = naming.tags("c", "2pc")
    with Pyro5.api.Proxy(f"PYRO:{naming.NAMESERVER}@{nameserver}") as proxy:
        for name in ("kvrmi.replica2", "kvrmi.replica1", "kvrmi.replica1.acceptor", "stranger"):
            proxy.register(name, f"PYRO:{name}@127.0.0.1:12000", metadata=tags)
    found = look_up(nameserver=nameserver)
    assert [endpoint.replica for endpoint in found.endpoints] == [1, 2]
    assert (found.cluster, found.engine) == ("c", "2pc")
    assert look_up(addresses=f"PYRONAME:kvrmi.replica1@{nameserver}").endpoints == (FIRST,)
    monkeypatch.setattr("kvrmi.access.lookup.NAME_SERVER", nameserver)
    assert look_up() == found
    assert look_up(addresses="kvrmi.replica1").endpoints == (FIRST,)
    assert look_up(addresses="PYRONAME:kvrmi.replica1").endpoints == (FIRST,)
    assert look_up(addresses="PYRONAME:stranger").endpoints[0].name == "stranger"
    for nobody in ("kvrmi.nobody", "PYRONAME:nobody"):
        with pytest.raises(ConnectionFailed, match="nobody"):
            look_up(addresses=nobody)
