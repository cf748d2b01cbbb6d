"""Where the messages of a step go once its records are durable: own roles, requests, answers.

Rule: a request is answered by the step that handles it, once, unless it is declared to be answered
later. It does not know what messages mean.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..roles.contract import Address, Effects, Message
from .call import Call
from .interface import Process
from .network import Network

__all__ = ["leave"]


def leave(
    process: Process,
    network: Network,
    name: str,
    ids: Sequence[int],
    effects: Effects,
    call: Call | None,
) -> None:
    """Let the messages of a step of role `name` go; `call` is the request that it handled.

    `ids` are the messages' numbers in traces.
    """
    declared, answers = process.world.declared, 0
    for id, sent in zip(ids, effects.messages, strict=True):
        to, message = sent.to, sent.message
        if to.replica == process.me:
            process.post(process.address(name), to.role, message, id)
        elif type(message) in network.late:
            network.answer_late(to, message, id)
        elif type(message) in declared.requests:
            network.ask(process, name, to, message, id)
        else:
            _require_asked(process, call, to, message)
            network.answer(call, message, id)
            answers += 1
    if call is not None:
        owed = 0 if declared.defers(call.message) else 1
        process.world.require(answers == owed, f"{answers} answers to {call.message}")


def _require_asked(process: Process, call: Call | None, to: Address, message: Message) -> None:
    asked = call is not None and to == call.asker
    process.world.require(asked, f"{message} for {to} answers nothing")
