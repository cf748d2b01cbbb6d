"""The name server as a plain Pyro5 program sees it, and what it refuses to strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import Pyro5.api
import Pyro5.core
import Pyro5.errors
import pytest

from kvrmi.cluster.naming import NAMESERVER, split_address, tags
from kvrmi.remote.identity import Caller, Credentials
from kvrmi.remote.names import register
from kvrmi.remote.proxy import connect
from nameserver.service import NAME_CHARS_MAX, NAMES_MAX, TAGS_MAX, NameServer

STORE = "PYRO:kvrmi.replica1@127.0.0.1:1111"
TAGS = tags("blue", "paxos")


@pytest.fixture
def plain(address: str) -> Iterator[Any]:
    """What any Pyro5 program gets with locate_ns."""
    host, port = split_address(address)
    with Pyro5.core.locate_ns(host, port) as proxy:
        yield proxy


@pytest.fixture
def member(address: str, credentials: Callable[[int], Credentials]) -> Iterator[Any]:
    """A proxy of replica 1."""
    host, port = split_address(address)
    with connect(host, port, NAMESERVER, timeout=30.0, credentials=credentials(1)) as proxy:
        yield proxy


@pytest.fixture
def filled(address: str, credentials: Callable[[int], Credentials]) -> None:
    names = {"kvrmi.replica1": (STORE, TAGS), "kvrmi.replica1.admin": (STORE, ())}
    register(address, names, credentials(1), 5.0)


@pytest.mark.usefixtures("filled")
def test_a_plain_pyro_program_finds_what_a_replica_registered(plain: Any, address: str) -> None:
    plain.ping()
    uri = plain.lookup("kvrmi.replica1")
    assert (type(uri), str(uri)) == (Pyro5.core.URI, STORE)
    assert plain.lookup("kvrmi.replica1", return_metadata=True)[1] == TAGS
    assert plain.list(prefix="kvrmi.replica1.") == {"kvrmi.replica1.admin": STORE}
    assert set(plain.list()) == {NAMESERVER, "kvrmi.replica1", "kvrmi.replica1.admin"}
    assert plain.count() == 3
    assert str(Pyro5.core.resolve(f"PYRONAME:kvrmi.replica1@{address}")) == STORE
    assert str(plain.lookup(NAMESERVER)) == f"PYRO:{NAMESERVER}@{address}"


@pytest.mark.usefixtures("filled")
def test_names_are_found_by_their_tags(plain: Any, address: str) -> None:
    found = plain.yplookup(meta_all=["kvrmi.replica", "kvrmi.engine:paxos"])
    assert {name: (uri, set(meta)) for name, (uri, meta) in found.items()} == {
        "kvrmi.replica1": (STORE, set(TAGS))
    }
    either = plain.yplookup(meta_any={"kvrmi.cluster:blue", "other"}, return_metadata=False)
    assert either == {"kvrmi.replica1": STORE}
    assert plain.yplookup(meta_all=["kvrmi.replica", "other"]) == {}
    assert plain.yplookup() == {}
    resolved = Pyro5.core.resolve(f"PYROMETA:kvrmi.cluster:blue@{address}")
    assert str(resolved) == STORE


def test_unknown_names(plain: Any) -> None:
    with pytest.raises(Pyro5.errors.NamingError, match="unknown name"):
        plain.lookup("kvrmi.replica9")
    assert plain.list(prefix="kvrmi.") == {}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("register", ("kvrmi.replica1", "PYRO:evil@127.0.0.1:6666")),
        ("register", ("new", STORE)),
        ("set_metadata", ("kvrmi.replica1", ["evil"])),
        ("remove", ("kvrmi.replica1",)),
        ("remove", (None, "kvrmi.")),
    ],
)
def test_strangers_write_nothing(plain: Any, method: str, args: tuple[object, ...]) -> None:
    before = plain.list(return_metadata=True)
    with pytest.raises(Pyro5.errors.NamingError, match="secret"):
        getattr(plain, method)(*args)
    assert plain.list(return_metadata=True) == before
    assert str(plain.lookup("kvrmi.replica1")) == STORE


def test_members_write(member: Any, plain: Any) -> None:
    member.register("kvrmi.replica1", STORE, metadata=["a"])
    with pytest.raises(Pyro5.errors.NamingError, match="already registered"):
        member.register("kvrmi.replica1", STORE, safe=True)
    member.set_metadata("kvrmi.replica1", ["b"])
    assert plain.lookup("kvrmi.replica1", return_metadata=True)[1] == {"b"}
    assert member.remove("kvrmi.replica1") == 1
    assert member.remove("kvrmi.replica1") == 0
    assert plain.count() == 1


@pytest.mark.parametrize("name", ["kvrmi.replica2", "kvrmi.replica10", "kvrmi.coordinator"])
def test_a_replica_writes_its_own_names_only(member: Any, name: str) -> None:
    with pytest.raises(Pyro5.errors.NamingError, match="its own names only"):
        member.register(name, STORE)
    with pytest.raises(Pyro5.errors.NamingError, match="its own names only"):
        member.remove(name)


def test_a_replica_removes_by_its_own_prefix_only(member: Any) -> None:
    member.register("kvrmi.replica1.admin", STORE)
    with pytest.raises(Pyro5.errors.NamingError, match="its own names only"):
        member.remove(prefix="kvrmi.replica")
    assert member.remove(prefix="kvrmi.replica1") == 1


def test_the_coordinator_writes_any_name_but_the_servers(
    address: str, credentials: Callable[[int], Credentials], plain: Any
) -> None:
    host, port = split_address(address)
    with connect(host, port, NAMESERVER, timeout=30.0, credentials=credentials(0)) as proxy:
        proxy.register("kvrmi.coordinator", STORE)
        with pytest.raises(Pyro5.errors.NamingError, match="own name"):
            proxy.register(NAMESERVER, STORE)
        with pytest.raises(Pyro5.errors.NamingError, match="own name"):
            proxy.remove(NAMESERVER)
        assert proxy.remove(prefix="kvrmi") == 1
    assert plain.count() == 1


@pytest.mark.usefixtures("filled")
def test_patterns_that_are_prefixes_list_names(plain: Any) -> None:
    found = plain.list(regex=r"kvrmi\.replica1", return_metadata=True)
    assert {name: set(tags) for name, (_, tags) in found.items()} == {
        "kvrmi.replica1": set(TAGS),
        "kvrmi.replica1.admin": set(),
    }
    assert plain.list(regex="^kvrmi.replica1$") == {"kvrmi.replica1": STORE}
    assert plain.list(regex=r"http\.") == {}
    assert plain.list(regex="") == plain.list(regex=".*") == plain.list()


def test_other_patterns_are_refused_to_everybody(plain: Any, member: Any) -> None:
    for pattern in ("(a+)+$", "[^k]", "a*", 7, "x" * 201):
        with pytest.raises(Pyro5.errors.NamingError, match="pattern"):
            plain.list(regex=pattern)
    with pytest.raises(Pyro5.errors.NamingError, match="patterns"):
        member.remove(regex=".*")
    with pytest.raises(Pyro5.errors.NamingError, match="not both"):
        plain.list("kvrmi", "kvrmi")


@pytest.mark.parametrize(
    "arguments",
    [
        ("", STORE),
        ("n" * (NAME_CHARS_MAX + 1), STORE),
        ("two\nlines", STORE),
        (7, STORE),
        (None, STORE),
        (["kvrmi.replica1"], STORE),
        ("kvrmi.replica1", 7),
        ("kvrmi.replica1", "no uri"),
        ("kvrmi.replica1", STORE + "0" * 300),
        ("kvrmi.replica1", STORE, False, "tag"),
        ("kvrmi.replica1", STORE, False, [7]),
        ("kvrmi.replica1", STORE, False, ["t" * 200]),
        ("kvrmi.replica1", STORE, False, [str(number) for number in range(TAGS_MAX + 1)]),
    ],
)
def test_odd_arguments_change_nothing(member: Any, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Pyro5.errors.PyroError):
        member.register(*arguments)
    assert member.count() == 1


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("lookup", (7,)),
        ("lookup", ({"a": 1},)),
        ("list", ([1],)),
        ("yplookup", ("tag",)),
        ("yplookup", ([1],)),
        ("yplookup", (["a"], ["b"])),
        ("set_metadata", ("kvrmi.replica1", "tag")),
        ("set_metadata", ("kvrmi.replica1", ["absent"])),
    ],
)
def test_odd_questions_are_refused(member: Any, method: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Pyro5.errors.NamingError):
        getattr(member, method)(*arguments)
    member.ping()


def test_names_are_bounded() -> None:
    names = NameServer("127.0.0.1:9090", lambda: Caller(0, "coordinator"))
    for number in range(NAMES_MAX - 1):
        names.register(f"name{number}", STORE)
    with pytest.raises(Pyro5.errors.NamingError, match="is full"):
        names.register("one more", STORE)
    names.register("name0", STORE)
    assert names.count() == NAMES_MAX


def test_nothing_else_is_exposed(plain: Any) -> None:
    plain._pyroBind()
    assert plain._pyroMethods == {
        "count", "list", "lookup", "ping", "register", "remove", "set_metadata", "yplookup",
    }  # fmt: skip
    assert not plain._pyroAttrs
