"""Each command of the gateways, typed."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.wire.replies import Failure, Replies, Reply
from server.gateways import data
from server.gateways.cursors import KEPT, Cursors
from server.gateways.glob import matcher, prefix
from server.gateways.table import COMMANDS

from .stubs import LateStore, dialogue, said


def replies(output: bytes) -> list[Reply]:
    read, found = Replies(), []
    read.feed(output)
    while (one := read.take()) is not None:
        found.append(one[0])
    return found


@pytest.fixture
def store() -> LateStore:
    return LateStore(at_once=True)


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        ("PUT a 1|GET a", b"$1\r\n1\r\n"),
        ("set a 1|get a", b"$1\r\n1\r\n"),
        ("GET a", b"$-1\r\n"),
        ("SET a 1 NX", b"+OK\r\n"),
        ("SET a 1|SET a 2 nx", b"$-1\r\n"),
        ("SETNX a 1", b":1\r\n"),
        ("SETNX a 1|SETNX a 2", b":0\r\n"),
        ("SET a 1|CAS a 1 2", b":1\r\n"),
        ("SET a 1|CAS a 2 3", b":0\r\n"),
        ("CAS a 2 3", b":0\r\n"),
        ("SET a 1|CAS a 1 2|GET a", b"$1\r\n2\r\n"),
        ("SET a 1|DEL a b a", b":1\r\n"),
        ("SET a 1|DELETE a|GET a", b"$-1\r\n"),
        ("SET a 1|EXISTS a b a", b":2\r\n"),
        ("MSET a 1 b 2|MGET b c a", b"*3\r\n$1\r\n2\r\n$-1\r\n$1\r\n1\r\n"),
        ("INCR n|INCR n", b":2\r\n"),
        ("SET n -1|INCR n", b":0\r\n"),
        ("INCRBY n 5|DECR n|DECRBY n 10|INCRBY n -1", b":-7\r\n"),
        ("MSET a 1 b 2|DBSIZE", b":2\r\n"),
        ("MSET a 1 b 2 ab 3|KEYS a*", b"*2\r\n$1\r\na\r\n$2\r\nab\r\n"),
        ("PING", b"+PONG\r\n"),
        ("PING hello", b"$5\r\nhello\r\n"),
        ("ECHO hello", b"$5\r\nhello\r\n"),
        ("SELECT 0", b"+OK\r\n"),
        ("CONFIG GET save", b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        ("CLIENT GETNAME", b"$-1\r\n"),
        ("CLIENT SETNAME ann|CLIENT GETNAME", b"$3\r\nann\r\n"),
        ("CLIENT ID", b":1\r\n"),
        ("CLIENT SETINFO LIB-NAME x", b"+OK\r\n"),
        ("QUIT", b"+OK\r\n"),
        ('SET a "\\xff\\x00"|GET a', b"$2\r\n\xff\x00\r\n"),
    ],
)
def test_what_a_command_answers(lines: str, reply: bytes, store: LateStore) -> None:
    made, output = dialogue(store), b""
    for line in lines.split("|"):
        made.feed(line.encode() + b"\n")
        output = made.take_output()
    assert output == reply


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("GET", "usage: GET key"),
        ("GET a b", "usage: GET key"),
        ("CAS a 1", "usage: CAS key expected value"),
        ("SET a", "usage: SET key value"),
        ("SET a 1 EX 10", "SET knows NX and no other option"),
        ("MSET a 1 b", "usage: MSET"),
        ("SET n x|INCR n", "not an integer"),
        ("SET n 9223372036854775807|INCR n", "over 64 bits"),
        ("INCRBY n x", "not an integer"),
        ("DECRBY n -9223372036854775808", "over 64 bits"),
        ("SELECT 1", "one database"),
        ("HELLO 3", "RESP2"),
        ("HELLO 2 AUTH a b", "RESP2"),
        ("CONFIG SET save x", "CONFIG GET"),
        ("CLIENT SETNAME a\x01b", "a name has"),
        ("CLIENT KILL x", "usage: CLIENT"),
        ("SCAN x", "begin again with 0"),
        ("SCAN 17", "begin again with 0"),
        ("SCAN 0 COUNT 0", "usage: SCAN"),
        ("SCAN 0 MATCH", "usage: SCAN"),
        ("FLUSHALL", "no command 'FLUSHALL' here"),
        ('GET "\\xff"', "a key must be UTF-8"),
        ('GET ""', "the key must not be empty"),
        ("GET " + "k" * 1025, "over 1024 bytes"),
    ],
)
def test_what_a_command_refuses(line: str, why: str, store: LateStore) -> None:
    made = dialogue(store)
    for part in line.split("|"):
        made.take_output()
        made.feed(part.encode() + b"\n")
    [refusal] = replies(made.take_output())
    assert isinstance(refusal, Failure), refusal
    assert refusal.text.startswith("ERR INVALID: ")
    assert why in refusal.text


def test_values_that_are_text_are_stored_as_text_others_as_bytes(store: LateStore) -> None:
    said(b'SET a "\\xc3\\xa9"', store)
    said(b'SET b "\\xff"', store)
    assert (store.store.get("a"), store.store.get("b")) == ("é", b"\xff")


def test_a_counter_that_others_change_is_counted_from_what_they_made() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"INCR n\n")
    store.answer()
    store.store.put(1, "n", "41")
    store.answer_all()
    assert made.take_output() == b":42\r\n"


def test_a_counter_that_others_change_all_the_time_is_left_alone() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"INCR n\n")
    for number in range(data._TRIES):
        store.answer()
        store.store.put(1, "n", str(number))
        store.answer()
    assert made.take_output().startswith(b"-ERR UNAVAILABLE: other clients changed the value")


def test_scan_goes_through_all_keys_page_by_page(store: LateStore) -> None:
    names = [f"k{i:03}" for i in range(25)] + ["other"]
    for name in names:
        said(f"SET {name} 1".encode(), store)
    made, cursor, pages = dialogue(store), b"0", 0
    found: list[bytes] = []
    while pages == 0 or cursor != b"0":
        made.feed(b"SCAN %s MATCH k* COUNT 7\n" % cursor)
        page: Any = replies(made.take_output())[0]
        cursor = page[0]
        found += page[1]
        pages += 1
    assert found == [name.encode() for name in names[:-1]]
    assert pages == 5, "four pages and the end"


def test_a_gateway_knows_so_many_cursors() -> None:
    cursors = Cursors()
    first = cursors.after("first")
    second = cursors.after("second")
    assert cursors.start(first) == "first"
    for number in range(KEPT - 1):
        cursors.after(str(number))
    assert cursors.start(second) is None, "the one that was not asked for longest"
    assert cursors.start(first) == "first"


def test_keys_are_listed_up_to_a_limit(store: LateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_LISTED_BYTES", 20)
    said(b"MSET a 1 b 1", store)
    assert said(b"KEYS *", store) == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    said(b"MSET c 1", store)
    assert b"use SCAN" in said(b"KEYS *", store)


GLOBS = st.text("ab*?[]^-\\", max_size=8)


@given(st.text("ab*?", max_size=8), st.text("abc", max_size=8))
def test_patterns_match_as_they_do_elsewhere(pattern: str, key: str) -> None:
    assert bool(matcher(pattern)(key)) == fnmatchcase(key, pattern)


@given(GLOBS, st.text("ab*?[]^-\\", max_size=8))
def test_every_pattern_is_one_and_its_prefix_begins_what_matches(pattern: str, key: str) -> None:
    if matcher(pattern)(key):
        assert key.startswith(prefix(pattern))


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("h[ae]llo", "hallo", True),
        ("h[ae]llo", "hillo", False),
        ("h[^e]llo", "hello", False),
        ("h[a-c]", "hb", True),
        ("h[c-a]", "hb", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("[^]]", "x]", True),
        ("a[", "a[", True),
    ],
)
def test_patterns(pattern: str, key: str, matches: bool) -> None:
    assert bool(matcher(pattern)(key)) is matches


def test_no_pattern_takes_long() -> None:
    assert not matcher("a*" * 30 + "b")("a" * 1000)


def test_command_describes_every_command(store: LateStore) -> None:
    listed: Any = replies(said(b"COMMAND", store))[0]
    rows = {row[0]: row[1:] for row in listed}
    assert len(rows) == len(COMMANDS) == replies(said(b"COMMAND COUNT", store))[0]
    assert (rows[b"get"][0], rows[b"get"][2:]) == (2, [1, 1, 1])
    assert (rows[b"mset"][0], rows[b"mset"][2:]) == (-3, [1, -1, 2])
    assert rows[b"ping"][2:] == [0, 0, 0]
    docs: Any = replies(said(b"COMMAND DOCS get bla", store))[0]
    assert (docs[0], len(docs)) == (b"get", 2)


def test_help_and_info_are_for_people(store: LateStore) -> None:
    lines: Any = replies(said(b"HELP", store))[0]
    assert any("PUT key value" in line.text for line in lines)
    assert b"kvrmi_version:x\r\n" in said(b"INFO", store)
    assert b"proto" in said(b"HELLO 2", store)


def test_usages_name_their_command() -> None:
    for name, known in COMMANDS.items():
        assert known.usage.split()[0].encode() == name
        assert re.fullmatch(r"[A-Z]+", known.name)
