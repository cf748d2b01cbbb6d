"""What SCAN and KEYS show on a terminal, and how much they ask for."""

from __future__ import annotations

import io

import pytest

from client.grammar.arguments import Like
from client.grammar.commands import parse
from client.grammar.lexer import split
from client.render import Printer
from client.shell.listing import Listing, found, pages
from kvrmi.access.store import connect
from tests.client.fake import Cluster
from tests.client.test_render import Terminal


def shown(cluster: Cluster, line: str) -> list[str]:
    with connect(addresses=cluster.addresses) as store:
        printer = Printer(as_json=False, out=Terminal(), err=io.StringIO())
        return list(Listing(store, printer, parse(split(line))).lines())


def test_values_take_a_line_each(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    cluster.contents.rows |= {"a b": "x" * 300, "c": "\x1b[2J", "d": b"\0"}
    lines = shown(cluster, "SCAN")
    assert lines[0].startswith('"a b"  xxx')
    assert lines[0].endswith("x (300 bytes)")
    assert len(lines[0]) <= 60
    assert lines[1:] == [r'c      "\x1b[2J"', r'd      b"\x00"']
    assert shown(cluster, "SCAN a --full") == [f'"a b"  {"x" * 300}']
    assert shown(cluster, "KEYS") == ['"a b"', "c", "d"]


def test_a_long_key_shifts_its_own_line_only(cluster: Cluster) -> None:
    cluster.contents.rows |= {"a": "1", "b" * 40: "2"}
    assert shown(cluster, "SCAN") == ["a  1", f"{'b' * 40}  2"]


def test_asks_for_what_is_wanted(cluster: Cluster) -> None:
    cluster.contents.rows |= {f"{number:04}": "v" for number in range(2500)}
    with connect(addresses=cluster.addresses) as store:
        assert [len(page) for page in pages(store, "", None, None)] == [1000, 1000, 500]
        assert [len(page) for page in pages(store, "", "0010", 1200)] == [1000, 200]
        calls = cluster.servant(1).calls
        calls.clear()
        assert next(iter(pages(store, "", None, None)))[0] == ("0000", "v")
        assert calls == ["scan"], "the next page is asked for when it is wanted"


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("user:*", ["user:1", "user:12", "user:x"]),
        ("user:?", ["user:1", "user:x"]),
        ("*1*", ["order:1", "user:1", "user:12"]),
        ("?ser:[0-9]*", ["user:1", "user:12"]),
        ("user:[^0-9]*", ["user:x"]),
        ("*:1 --start order:1", ["user:1"]),
        ("*:* --limit 3", ["order:1", "order:2", "user:1"]),
        ("'user:*'", []),
        ("User:?", []),
        ("*[*", []),
    ],
)
def test_keys_like_a_pattern(cluster: Cluster, pattern: str, keys: list[str]) -> None:
    known = ("order:1", "order:2", "user:1", "user:12", "user:x", "x")
    cluster.contents.rows |= dict.fromkeys(known, "v")
    assert shown(cluster, f"KEYS {pattern}") == keys
    assert shown(cluster, f"SCAN {pattern}") == shown(cluster, f"SCAN {pattern} --full")
    assert len(shown(cluster, f"SCAN {pattern}")) == len(keys)


def test_a_pattern_reads_only_what_begins_like_it(cluster: Cluster) -> None:
    cluster.contents.rows |= {f"{number:04}": "v" for number in range(2500)}
    with connect(addresses=cluster.addresses) as store:
        found_pages = list(found(store, Like("00", "00?5"), None, None))
        assert [[key for key, _ in page] for page in found_pages] == [
            [f"00{number}5" for number in range(10)]
        ]
        calls = cluster.servant(1).calls
        calls.clear()
        first = next(iter(found(store, Like("", "*1"), None, 3)))
        assert [key for key, _ in first] == ["0001", "0011", "0021"]
        assert calls == ["scan"], "no page beyond the limit"
