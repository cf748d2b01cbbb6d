"""Names and ports that scripts in other languages rely on, as written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.cluster import naming

ROLES = ("proposer", "acceptor", "learner")
NAMES = ["client", *ROLES, "admin"]


def test_names() -> None:
    assert naming.kvstore(1) == "kvrmi.replica1"
    assert naming.role(3, "acceptor") == "kvrmi.replica3.acceptor"
    assert naming.admin(5) == "kvrmi.replica5.admin"
    assert naming.COORDINATOR == "kvrmi.coordinator"


def test_tags() -> None:
    expected = {"kvrmi.replica", "kvrmi.cluster:blue", "kvrmi.engine:paxos"}
    assert naming.tags("blue", "paxos") == expected


def test_default_ports() -> None:
    ports = naming.default_ports(5, ROLES)
    assert [five["client"] for five in ports] == [1111, 2222, 3333, 4444, 5555]
    assert list(ports[0].items()) == list(zip(NAMES, range(1111, 1116), strict=True))
    assert (naming.NAMESERVER_PORT, naming.COORDINATOR_PORT) == (9090, 9091)


def test_default_ports_end_at_eight_replicas() -> None:
    assert naming.default_ports(8)[-1]["client"] == 8888
    for count in (0, 9):
        with pytest.raises(ValueError, match="--base-port"):
            naming.default_ports(count)


def test_based_ports() -> None:
    first, second = naming.based_ports(20_000, 2, ROLES)
    assert list(first) == NAMES
    assert list(first.values()) == [20_000, 20_002, 20_003, 20_004, 20_005]
    assert list(second.values()) == [20_001, 20_006, 20_007, 20_008, 20_009]
    assert naming.shared_ports(20_000, 2, ROLES) == (20_010, 20_011)
    assert naming.shared_ports(None, 2, ROLES) == (9090, 9091)


@pytest.mark.parametrize("roles", [(), ("store",)])
def test_what_all_replicas_have_keeps_its_port_where_there_are_fewer_roles(
    roles: tuple[str, ...],
) -> None:
    (only,) = naming.based_ports(20_000, 1, roles)
    assert only == {"client": 20_000, **dict.fromkeys(roles, 20_001), "admin": 20_004}
    assert naming.shared_ports(20_000, 1, roles) == (20_005, 20_006)
    assert naming.default_ports(1, roles)[0]["admin"] == 1115


def test_more_roles_take_more_ports() -> None:
    first, second = naming.based_ports(20_000, 2, ("a", "b", "c", "d"))
    assert list(first.values()) == [20_000, *range(20_002, 20_007)]
    assert second["admin"] == 20_011
    assert naming.shared_ports(20_000, 2, ("a", "b", "c", "d")) == (20_012, 20_013)


@given(base=st.integers(1, 60_000), count=st.integers(1, 100))
def test_based_ports_fill_a_block_below_name_server_and_coordinator(base: int, count: int) -> None:
    ports = [port for five in naming.based_ports(base, count, ROLES) for port in five.values()]
    assert sorted(ports) == list(range(base, base + 5 * count))


@pytest.mark.parametrize(("base", "count"), [(65_530, 1), (0, 5), (65_000, 200), (20_000, 0)])
def test_based_ports_must_fit(base: int, count: int) -> None:
    with pytest.raises(ValueError, match="room"):
        naming.based_ports(base, count)


def test_based_ports_may_end_at_the_last_port() -> None:
    assert naming.based_ports(65_529, 1)[0]["admin"] == 65_533


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:9090", ("127.0.0.1", 9090)),
        ("host.example:1", ("host.example", 1)),
        ("[::1]:65535", ("::1", 65_535)),
    ],
)
def test_split_address(address: str, expected: tuple[str, int]) -> None:
    assert naming.split_address(address) == expected
    assert naming.split_address(address, 1111) == expected


@pytest.mark.parametrize(
    ("address", "host"),
    [("host", "host"), ("10.0.0.1", "10.0.0.1"), ("::1", "::1"), ("[::1]", "::1")],
)
def test_split_address_of_a_host_alone(address: str, host: str) -> None:
    assert naming.split_address(address, 1111) == (host, 1111)
    with pytest.raises(ValueError, match="host:port"):
        naming.split_address(address)


@pytest.mark.parametrize(
    "address", ["", "host", ":1", "host:", "h:0", "h:65536", "h:x", "a b:1", "a:1:2"]
)
def test_split_address_refuses(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        naming.split_address(address)


@pytest.mark.parametrize("name", ["a", "my-client-one", "A.b_c-9", "x" * 30])
def test_names_of_clients(name: str) -> None:
    assert naming.is_client(name)


@pytest.mark.parametrize(
    "name", ["", "x" * 31, "a b", "a\n", "ä", "a:b", "[red]", "\x1b[2J", 5, None]
)
def test_what_no_client_may_be_called(name: object) -> None:
    assert not naming.is_client(name)
