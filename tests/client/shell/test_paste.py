"""Pastes: told from keys, whole whatever is in them, and dropped when too large."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from client.shell.paste import LIMIT, Pastes

BEGIN, END = "\x1b[200~", "\x1b[201~"
ENTER = "\r"


class Editor:
    """What arrives behind a parser: keys by name, pastes as their text."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.dropped: list[int] = []
        self.pastes = Pastes(Vt100Parser(self._press), self.dropped.append)

    def read(self, reads: Iterable[str]) -> list[str]:
        for data in reads:
            self.pastes.feed(data)
        return self.keys

    def _press(self, press: KeyPress) -> None:
        paste = press.key == Keys.BracketedPaste
        self.keys.append(
            f"paste {press.data}" if paste else str(getattr(press.key, "value", press.key))
        )


def in_reads(data: str, size: int = 1024) -> list[str]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(
    before=st.sampled_from(["", "GET ", "\x1b[A", "\x1b[D\x1b[C"]),
    text=st.text(st.sampled_from("ab \r\n\x1b[20~\0\x03\udcff"), max_size=30),
    size=st.integers(1, 40),
)
def test_a_paste_is_one_text_however_it_is_read(before: str, text: str, size: int) -> None:
    reads = in_reads(before + BEGIN + text + END, size)
    assume(END not in text and "\x03" not in reads)
    plain = Editor().read([before])
    seen = Editor().read([*reads, "x"])
    assert seen == [*plain, *([f"paste {text}"] if text else []), "x"]


@pytest.mark.parametrize("length", [LIMIT, LIMIT + 1, 1_000_000])
def test_a_large_paste_is_dropped_and_reported(length: int) -> None:
    editor = Editor()
    began = time.process_time()
    keys = editor.read([*in_reads(BEGIN + "v" * length + END), "x"])
    assert time.process_time() - began < 5
    assert keys == (["x"] if length > LIMIT else ["paste " + "v" * length, "x"])
    assert editor.dropped == ([length] if length > LIMIT else [])


def test_control_c_ends_a_paste_without_an_end() -> None:
    assert Editor().read([BEGIN, "text", "\x03", "x"]) == ["c-c", "x"]


def test_typing_goes_through() -> None:
    keys = Editor().read(["G", "E", "T\r", "\x1b[A\x7f\x03", "\0"])
    assert keys == ["G", "E", "T", "c-m", "up", "c-h", "c-c", "c-@"]


def test_a_line_typed_by_a_program_is_run() -> None:
    line = "PUT k " + "v" * 3000 + ENTER
    assert Editor().read([*in_reads(line), "x"]) == ["paste " + line[:-1], "c-m", "x"]


def test_keys_held_down_are_no_paste() -> None:
    assert Editor().read(["\x1b[D" * 341]) == ["left"] * 341


def test_an_unmarked_paste_too_large_is_dropped_whole() -> None:
    editor = Editor()
    reads = in_reads("v" * 50_000) + in_reads("v" * 50_000, 700)  # the sender pauses for breath
    assert editor.read(reads) == []
    editor.pastes.flush()
    assert (editor.keys, editor.dropped) == ([], [100_000])
    assert editor.read(["x"]) == ["x"]


def test_a_burst_ends_when_nothing_follows() -> None:
    editor = Editor()
    editor.read(["v" * 1024])
    editor.pastes.flush()
    assert editor.read(["\x03"]) == ["paste " + "v" * 1024, "c-c"]


def test_control_c_is_heard_in_a_burst() -> None:
    assert Editor().read(["v" * 1024, "\x03", "\x03"]) == ["paste " + "v" * 1024, "c-c", "c-c"]


def test_what_no_key_sends_is_text() -> None:
    binary = "\x7fELF\x02\x01\x04\0\0\0\r\x04\x03"
    editor = Editor()
    editor.read([binary, "more\r"])
    editor.pastes.flush()
    assert editor.read(["\x04"]) == [f"paste {binary}more\r", "c-d"]


def test_lines_and_the_end_of_input_typed_ahead_are_keys() -> None:
    assert Editor().read(["\x1b[2;1RGET abcdef\r\0\0"])[-3:] == ["c-m", "c-@", "c-@"]
    assert Editor().read(["\x1b[2;1Rx\0\x7f"])[-3:] == ["x", "c-@", "c-h"]


def test_escape_alone_is_a_key() -> None:
    editor = Editor()
    assert editor.read(["\x1b"]) == []
    editor.pastes.flush()
    assert editor.keys == ["escape"]
