"""Exports: what is written is read back, and whatever happened to a file in between is noticed."""

from __future__ import annotations

import json
import random
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvrmi.dump import Damaged, Page, Reader, Summary, save
from kvrmi.operations.commands import encode_command
from kvrmi.operations.interface import Value
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated

PAIRS: list[tuple[str, Value]] = [
    ("\0", ""),
    ("a\nb", "line\u2028one\r\n\x85"),
    ("bytes", b"\xff\0\n"),
    ("ten", "10"),
    ("\u00fc", "\N{GRINNING FACE}"),
]


def pages() -> Iterator[Page]:
    yield Page(7, PAIRS[:2])
    yield Page(9, PAIRS[2:])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save(tmp_path / "f", "c", pages())
    return tmp_path / "f"


def read(path: Path) -> tuple[list[tuple[str, Value]], Summary | None]:
    with path.open("rb") as file:
        reader = Reader(file)
        return list(reader), reader.summary


def test_what_was_written_is_read_back_with_its_types(file: Path) -> None:
    pairs, summary = read(file)
    assert pairs == PAIRS
    assert summary is not None
    assert summary[:4] == ("c", 7, 9, 5)


def test_the_digest_is_the_stores_own(file: Path) -> None:
    machine = Replicated(KeyValues)
    machine.apply(encode_command("put_many", ([list(pair) for pair in PAIRS],), (1, b"b", 1)))
    summary = read(file)[1]
    assert summary is not None
    assert summary.digest == machine.digest


def test_lines_are_json_for_other_programs(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert lines[0] == {"kind": "kvrmi export", "format": 1, "cluster": "c", "revision": 7}
    assert lines[3] == {"key": "bytes", "value": "/wAK", "encoding": "base64"}
    assert (lines[-1]["end"], lines[-1]["revision"]) == (5, 9)


def test_an_empty_store_has_an_export(tmp_path: Path) -> None:
    save(tmp_path / "f", "", iter([Page(0, [])]))
    pairs, summary = read(tmp_path / "f")
    assert (pairs, summary) == ([], Summary("", 0, 0, 0, "0" * 64))


def test_every_cut_is_noticed(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            read(file)


@pytest.mark.parametrize("seed", range(200))
def test_every_changed_byte_is_noticed(file: Path, seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(file.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    with pytest.raises(Damaged):
        read(file)


def _doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[1:]]


def _without_one(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _twice(lines: list[bytes]) -> list[bytes]:
    return lines + lines


@pytest.mark.parametrize("change", [_doubled, _without_one, _swapped, _twice])
def test_lines_moved_lost_or_added_are_noticed(
    file: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(change(lines)))
    with pytest.raises(Damaged):
        read(file)


@pytest.mark.parametrize(
    "text", [b"", b"{}\n", b"[]\n", b"[" * 100_000, b"hello\n", b'{"kind": "kvrmi export"}\n']
)
def test_what_is_no_export_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(text)
    with pytest.raises(Damaged):
        read(tmp_path / "f")


def test_a_failure_leaves_what_was_there(file: Path) -> None:
    before = file.read_bytes()

    def broken() -> Iterator[Page]:
        yield Page(1, PAIRS)
        raise RuntimeError("the store went away")

    with pytest.raises(RuntimeError):
        save(file, "c", broken())
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir()] == ["f"]


def test_only_its_owner_may_read_it(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
