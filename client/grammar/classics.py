"""The commands of the classic systems' servers, as a client gives them to any server.

Rule: each does what the same words do at a server's own console; where a command of this store does
the same, its name stands beside that one. It runs nothing.
"""

from __future__ import annotations

from . import making
from .form import form
from .making import direct

__all__ = ["CLASSICS"]

CLASSICS = (
    form(
        "FAILLINK id id [both] [--force]",
        "stop the messages from one replica to another, or both ways as CUT does",
        making.link("fail_link"),
        "failLink(1,2)",
        "nothing passes from replica 1 to 2 until fixLink(1,2)",
        more="--force: also where the quorum would be lost.",
    ),
    form(
        "FIXLINK id id [both]",
        "let them pass again",
        making.link("fix_link"),
        "fixLink(1,2)",
        "the link 1>2 is fixed",
    ),
    form(
        "SERVER id RECONNECT [id ...]",
        "have a replica connect anew to all others but these",
        making.server,
        "server 3 reconnect 1 2",
        "connected to other servers: 4, 5",
    ),
    form(
        "LINKS",
        "show how the replicas are connected, and which links are cut",
        direct("answer", "links"),
        "links",
    ),
    form(
        "PRINTBLOCKCHAIN [id] [--last n]",
        "show the log with tentative blocks: of the leader, or of a replica",
        making.blockchain,
        "printBlockchain 2 --last 1",
        more="A block a line: decided where it is known to be chosen, tentative where the replica "
        "has only accepted it. The first line is the anchor: slot and hash of what went before.",
    ),
    form(
        "PRINTKVSTORE [id]",
        "show the keys and values that the leader, or a replica, has applied",
        making.of_one("printkvstore"),
        "printKVStore 2",
        "x  1",
        "1 key at replica 2, revision 1",
        more="What a replica has applied may be old; SCAN asks the store.",
    ),
    form(
        "PRINTQUEUE [id]",
        "show the requests that the leader, or a replica, has not answered yet",
        making.of_one("printqueue"),
        "printQueue 2",
    ),
)
