"""What the coordinator does for each replica, without processes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kvrmi.errors import to_builtin
from server.coordinator.upkeep import ReplicaUpkeep


class Answers:
    """Admin objects that answer."""

    def examine(self, replica: int) -> dict[str, Any]:
        return {"state": "starting", "roles": {}, "voter": "acceptor"}


@pytest.mark.parametrize("name", ["python -m kvrmi.server", "python -m server"])
def test_why_a_replica_ended_has_the_programs_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text(f"{name}: port 1 is taken\n")
    nothing: Any = None
    launcher: Any = SimpleNamespace(data=tmp_path, output=lambda replica: tmp_path / "out")
    upkeep = ReplicaUpkeep(1, launcher, nothing, nothing, nothing, lambda: False)
    ended = upkeep.ended(77, 1)
    assert ended.reason == "ended with exit status 1 (kvrmi-server: port 1 is taken)"


@pytest.mark.parametrize(("code", "due"), [("UNSUPPORTED", False), ("UNAVAILABLE", True)])
def test_what_an_engine_cannot_restore_is_not_asked_for_again(code: str, due: bool) -> None:
    asked = []

    def restore(replica: int) -> dict[str, Any]:
        asked.append(replica)
        raise to_builtin(code, "no restore")

    nothing: Any = None
    admins: Any = Answers()
    upkeep = ReplicaUpkeep(1, nothing, admins, nothing, restore, lambda: False)
    upkeep.restore_due = True
    upkeep.probe()
    assert asked == [1]
    assert upkeep.restore_due is due
