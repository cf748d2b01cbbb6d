"""What a replica reports of the clients that are connected to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kvrmi.remote.listener import Client
from server import status


def test_so_many_clients_are_listed_that_strangers_cannot_make_it_long() -> None:
    known = [
        Client(f"c{number}", "h:1", 1_700_000_000.9 + number)
        for number in range(status.CLIENTS + 5)
    ]
    replica: Any = SimpleNamespace(
        endpoints=[SimpleNamespace(clients=known[2:]), SimpleNamespace(clients=known[:2])]
    )
    listed = status._clients(replica)
    assert len(listed) == status.CLIENTS
    assert listed[0] == {"name": "c0", "address": "h:1", "since": "2023-11-14T22:13:20Z"}
