"""The line editor fed with anything: no key, and nothing that looks like one, may break it."""

from __future__ import annotations

import contextlib
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from client.shell.editor import Editor
from client.shell.known import Known
from kvrmi.access.store import Store
from kvrmi.errors import ConnectionFailed

PIECES = [
    *"aG 19;:?<>[]OMm~'\"\\@#\t\0\x01\x05\x0b\x0c\x12\x13\x16\x17\x18\x19\x1f\x7f",
    "\x1b", "\x1b[", "\x1b[<", "\x1b[31m", "\x1b[M", "\x1b[1;5", "\x1b[200~", "\x1b[201~", "\x1bOP",
    "GET ", "PUT k @", "é", "\udcff", "x" * 1024,
]  # fmt: skip


def refuse() -> Store:
    raise ConnectionFailed("nobody is there")


def failures(text: str) -> list[str]:
    """What goes wrong in the editor with these keys, the end of input after them."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("kvrmi.client")
    log.addHandler(handler)
    try:
        with create_pipe_input() as keys, create_app_session(keys, DummyOutput()):
            editor = Editor(Known(refuse), None, "> ", lambda line: None)
            keys.send_bytes(text.encode("utf-8", "surrogateescape"))
            keys.close()
            with contextlib.suppress(KeyboardInterrupt, EOFError):
                editor.read()
    finally:
        log.removeHandler(handler)
    return found


@pytest.fixture(autouse=True)
def _no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")


@pytest.mark.parametrize("text", ["PUT k \x1b[31m", "\x1b[<1m", "\x1b[M!!!", "\x1b[0;1;2M"])
def test_a_colour_in_the_input_is_no_mouse(text: str) -> None:
    assert failures(text) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_keys_break_it(text: str) -> None:
    assert failures(text) == []
