"""Where the messages of a step go once its records are durable: own roles, requests, answers.

Rule: a request is answered by the step that handles it, once, unless it is declared to be answered
later. It does not know what messages mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..roles.contract import Address, Effects, Message
from .call import Call

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["leave"]


def leave(replica: Replica, name: str, effects: Effects, call: Call | None) -> None:
    """Let the messages of a step of role `name` go; `call` is the request that it handled."""
    world, network = replica.world, replica.world.network
    ids = world.tracing.left(replica, name, effects)  # first: what breaks a rule is to be seen
    world.monitor.left(replica, name, effects.messages)
    answers = 0
    for id, sent in zip(ids, effects.messages, strict=True):
        to, message = sent.to, sent.message
        if to.replica == replica.me:
            replica.post(replica.address(name), to.role, message, id)
        elif type(message) in network.late:
            network.answer_late(to, message, id)
        elif type(message) in world.declared.requests:
            network.ask(replica, name, to, message, id)
        else:
            answers += _answer(replica, call, to, message, id)
    if call is not None:
        owed = 0 if world.declared.defers(call.message) else 1
        world.require(answers == owed, f"{answers} answers to {call.message}")


def _answer(replica: Replica, call: Call | None, to: Address, message: Message, id: int) -> int:
    replica.world.require(
        call is not None and to == call.asker, f"{message} for {to} answers nothing"
    )
    if call is not None:
        replica.world.network.answer(call, message, id)
    return 1
