"""What is offered at the cursor."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from client.grammar.lexer import split
from client.shell.completion import Completions
from client.shell.known import Known, Seen
from kvrmi.access.store import Store
from kvrmi.errors import ConnectionFailed

KEYS = ["user:1", "user:2", "a key", "it's", "--x", "new\nline", "é\x1b[2J"]


class Offline(Known):
    """Knows keys and replicas, and has nobody to ask."""

    def __init__(self) -> None:
        super().__init__(self._refuse, keys=False)
        self.use(reversed(KEYS))

    @property
    def replicas(self) -> tuple[int, ...]:
        return (1, 2, 12)

    @property
    def seen(self) -> Seen:
        return Seen(replica=1, leader=2, at=0.0)

    def _refuse(self) -> Store:
        raise ConnectionFailed("nobody is there")


def offered(text: str, asked: bool = False) -> list[str]:
    """The lines that completions of `text` would make."""
    document = Document(text)
    event = CompleteEvent(completion_requested=asked)
    found = Completions(Offline()).get_completions(document, event)
    return [text[: len(text) + one.start_position] + one.text for one in found]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("co", ["contains"]),
        ("Co", ["CONTAINS"]),
        ("GET us", ["GET user:1", "GET user:2"]),
        ('GET "us', ["GET user:1", "GET user:2"]),
        ("GET 'a ", ['GET "a key"']),
        ("GET --x", []),  # an option is being typed
        ('GET "--', ['GET "--x"']),
        ("GET ne", ['GET "new\\nline"']),
        ("GET é", ['GET "é\\x1b[2J"']),
        ("PUT x us", []),  # a value
        ("MPUT user:1 x user:", ["MPUT user:1 x user:1", "MPUT user:1 x user:2"]),
        ("SIZE\nGET user:1\nGET user:2", ["SIZE\nGET user:1\nGET user:2"]),
        ("PUT 'a\nGET us", []),
        ("FAIL 1", ["FAIL 1", "FAIL 12"]),
        ("fail 1 Le", ["fail 1 learner"]),
        ("KEYS --", ["KEYS --start", "KEYS --limit"]),
        ("KEYS --start x --", ["KEYS --start x --limit"]),
        ("GET k ", []),
        ("HELP pu", ["HELP put", "HELP put_many"]),
        ("NOPE us", []),
        ("Operation(get, us", ["Operation(get, user:1", "Operation(get, user:2"]),
    ],
)
def test_what_is_offered(text: str, lines: list[str]) -> None:
    assert offered(text) == lines


def test_all_commands_and_options_on_request() -> None:
    assert {"PUT", "EXIT", "STATUS"} <= set(offered("", asked=True))
    assert "GET k --raw" in offered("GET k ", asked=True)


def test_what_is_offered_can_be_run() -> None:
    keys = [split(line)[1].text for line in offered("GET ")]
    assert keys == KEYS


@given(text=st.text("GETPU 'k\"\\\n@>-(),é\udcff", max_size=40), asked=st.booleans())
def test_it_never_raises(text: str, asked: bool) -> None:
    offered(text, asked)


def test_files_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some notes.txt").touch()
    (tmp_path / "some.json").touch()

    async def found(text: str) -> list[str]:
        every = Completions(Offline()).get_completions_async(
            Document(text), CompleteEvent(completion_requested=True)
        )
        return [text[: len(text) + one.start_position] + one.text async for one in every]

    lines = ['PUT k @"some notes.txt"', "PUT k @some.json"]
    assert sorted(asyncio.run(found("PUT k @so"))) == lines
    assert asyncio.run(found("GET k > some.")) == ["GET k > some.json"]
    assert asyncio.run(found("IMPORT nothing")) == []


def test_the_time_for_a_line_grows_with_its_length_and_no_faster() -> None:
    """Half a second of CPU on a quiet machine; with the square it would be minutes."""
    began = time.process_time()
    offered("MPUT " + "k v " * 16_000)
    assert time.process_time() - began < 15
