"""What people and files say: cluster files, addresses, typed commands, lock files."""

from __future__ import annotations

import contextlib
import fcntl
import string
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from client.grammar.commands import COMMANDS, Command, parse
from client.grammar.lexer import Usage, split
from kvrmi.access.lookup import look_up
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import dump, load
from kvrmi.cluster.members import members
from kvrmi.cluster.naming import join_address, split_address
from kvrmi.cluster.timing import Timing
from kvrmi.errors import ConnectionFailed, InvalidRequest
from server import pidlock

from .strategies import FUZZ, bytes_like

CLUSTER = Cluster(
    name="kvrmi",
    id="5f2e",
    engine="paxos",
    nameserver="127.0.0.1:9090",
    coordinator="127.0.0.1:9091",
    members=members(3, "127.0.0.1", None),
    timing=Timing(),
    folder=None,
)
LINES = dump(CLUSTER).splitlines()
VALUES = [
    "0", "-1", "1e400", "nan", "inf", "true", '""', '"x"', '"\\u0000"', "[]", "{}", "{a = 1}",
    "1979-05-27", "1979-05-27T07:32:00Z", "999999999999999999999", '"é"', '"a b:1"', "[[1]]",
    "1_000", "0x10", "'''x'''", "",
]  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw a cluster file with some lines changed, lost, or twice there."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[at].partition(" = ")
        new = f"{key}{equals}{draw(st.sampled_from(VALUES))}" if equals else lines[at]
        lines[at : at + 1] = draw(st.sampled_from([[new], [], [new, new], [lines[at], new]]))
    return "\n".join(lines).encode()


@FUZZ
@given(data=files() | bytes_like(st.just(dump(CLUSTER).encode())))
def test_a_cluster_file_is_a_cluster_or_one_line_of_complaint(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "cluster.toml"
    file.write_bytes(data)
    complaint = str(file)
    try:
        cluster = load(file)
    except ConfigError as error:
        complaint = str(error)
    else:
        assert cluster.ids == tuple(range(1, len(cluster.members) + 1))
        file.write_text(dump(cluster))
        assert load(file) == cluster
    assert complaint.startswith(str(file))
    assert "\n" not in complaint


@FUZZ
@given(st.text(max_size=20) | st.from_regex(r"\[?[a-z0-9.:]{0,8}\]?:[0-9٣]{0,6}", fullmatch=True))
def test_an_address_is_a_host_and_a_port_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        host, port = split_address(text)
        assert host
        assert 1 <= port <= 65_535
        assert split_address(join_address(host, port)) == (host, port)


@FUZZ
@given(st.text(max_size=20), st.sampled_from(["", "PYRO:x@", "PYRO:kvrmi.replica9@", "x@"]))
def test_addresses_for_connect_are_replicas_or_refused(text: str, head: str) -> None:
    with contextlib.suppress(InvalidRequest, ConnectionFailed):
        found = look_up(addresses=[head + text, "127.0.0.1:1"])
        assert len(found.endpoints) == 2


words = st.sampled_from([*COMMANDS, *(name.lower() for name in COMMANDS)]) | st.text(max_size=4)
options = st.sampled_from(
    [
        "--local",
        "--absent",
        "--start",
        "--limit",
        "--force",
        "--prefix",
        "--yes",
        "--",
        "-1",
        "0",
        "1",
        "1e9",
        "٣",
        "learner",
        ">",
        ">f",
        "@f",
        "@@f",
        "b''",
        'b"\\x0"',
        "operation(",
    ]
)
spaced = st.lists(words | options | st.text("'\"\\ #é\0\n", max_size=3), max_size=6).map(" ".join)


@FUZZ
@given(spaced | st.text(string.printable, max_size=20))
def test_what_is_typed_is_a_command_or_explained(line: str) -> None:
    with contextlib.suppress(Usage):
        typed = split(line)
        if typed:
            assert type(parse(typed)) is Command


@FUZZ
@given(data=st.binary(max_size=40) | st.from_regex(rb"\s?[0-9]{0,40}\s?", fullmatch=True))
def test_a_lock_file_names_its_holder_or_nobody(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "lock"
    path.write_bytes(data)
    assert pidlock.holder(path) is None
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found: Any = pidlock.holder(path)
        assert type(found) is int
        assert found >= 0
