"""A store that carries out operations when the test says so, in whatever order it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import Result, check
from kvrmi.state.keyvalue import KeyValues
from server.gateways.cursors import Cursors
from server.gateways.definition import Ask, Conversation
from server.gateways.dialogue import Dialogue

Done = Callable[[Result], None]


class Open(NamedTuple):
    """An operation that is not answered yet."""

    ask: Ask
    done: Done


class LateStore:
    """Keys and values; `submit` is a gateway's."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.store = KeyValues()
        self.open: list[Open] = []
        self.asked: list[Ask] = []
        self.revision = 0
        self.at_once = at_once
        self.fail: Mapping[str, Result] = {}

    def submit(self, ask: Ask, done: Done) -> None:
        self.asked.append(ask)
        if self.at_once:
            done(self.carry_out(ask))
        else:
            self.open.append(Open(ask, done))

    def answer(self, place: int = 0) -> None:
        """Carry out and answer one of those that are open."""
        ask, done = self.open.pop(place % len(self.open))
        done(self.carry_out(ask))

    def answer_all(self) -> None:
        while self.open:
            self.answer()

    def carry_out(self, ask: Ask) -> Result:
        if ask.name in self.fail:
            return self.fail[ask.name]
        try:
            known = check(ask.name, ask.args)
        except InvalidRequest as error:
            return result(str(error), code="INVALID")
        method = getattr(self.store, ask.name)
        if known.reads:
            return result(method(*known.args))
        self.revision += 1
        return result(method(self.revision, *known.args))


def result(value: object, code: str = "OK") -> Result:
    return Result(code, value, 0, 1, 1, False)


def conversation() -> Conversation:
    return Conversation(1, "127.0.0.1:1", Cursors(), lambda: {"kvrmi_version": "x", "replica": 1})


def dialogue(store: LateStore) -> Dialogue:
    return Dialogue(conversation(), store.submit)


def said(line: bytes, store: LateStore | None = None) -> bytes:
    """Answer one line that is typed, at once."""
    made = dialogue(store or LateStore(at_once=True))
    made.feed(line + b"\n")
    return made.take_output()
