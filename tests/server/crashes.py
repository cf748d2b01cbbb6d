"""Kills a function at each of its steps on the file system: `python -m tests.server.crashes`.

A step is a call that changes names or syncs. Each run is a process of its own that ends at once
before its step N, as a kill would end it; then the function runs again, to its end.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kvrmi.paxos.declaration import PAXOS
from server.coordinator import folders
from server.coordinator.founding import Wish, prepare
from server.folder import format_folder, open_folder

STEPS = ("fsync", "mkdir", "open", "rename", "replace", "rmdir", "unlink")
KILLED = 9


def kill_at(step: int, run: Callable[[], object]) -> bool:
    """Run in a child that is killed before its `step`-th step; whether it was."""
    child = os.fork()
    if child == 0:
        left = itertools.count(step, -1)
        for name in STEPS:
            setattr(os, name, _counted(getattr(os, name), left))
        run()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), code
    return code == KILLED


def _counted(function: Callable[..., Any], left: itertools.count[int]) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:
        if next(left) == 1:
            os._exit(KILLED)
        return function(*args, **kwargs)

    return step


def databases(data: Path) -> set[int]:
    """Every acceptor.db there is, whatever its folder is called now."""
    return {path.stat().st_ino for path in data.glob("replica*/acceptor.db")}


def found(root: Path) -> int:
    """Kill a founding at each step, found again; the steps there were."""
    for step in itertools.count(1):
        data = root / f"found{step}"
        wish = Wish(data, 2, ephemeral=True)
        killed = kill_at(step, lambda wish=wish: prepare(wish))  # type: ignore[misc]
        before = databases(data) if data.exists() else set()
        said: list[str] = []
        cluster, _ = prepare(wish, said.append)
        assert before <= databases(data), step
        assert not (data / "founding").exists(), step
        assert all(folders.loss(cluster, data, one) is None for one in cluster.ids), step
        aside = {path.name for path in data.glob("replica*.lost*")}
        assert all(any(name in line for line in said) for name in aside), step
        if not killed:
            return step
    raise AssertionError


def renew(root: Path) -> int:
    """Kill the renewal of a lost disk at each step, renew again; the steps there were."""
    cluster, _ = prepare(Wish(root / "whole", 2, ephemeral=True))
    (root / "whole" / "replica2" / "lock").touch()
    for step in itertools.count(1):
        data = root / f"renew{step}"
        shutil.copytree(root / "whole", data)
        before = databases(data)
        killed = kill_at(step, lambda data=data: folders.renew(cluster, data, 2))  # type: ignore[misc]
        if killed and folders.loss(cluster, data, 2) is not None:
            folders.renew(cluster, data, 2)
        assert before <= databases(data), step
        assert folders.loss(cluster, data, 2) is None, step
        if not killed:
            return step
    raise AssertionError


def format_alone(root: Path) -> int:
    """Kill the formatting of one folder at each step, format it again; the steps there were."""
    for step in itertools.count(1):
        folder = root / f"alone{step}"
        run = partial(format_folder, folder, PAXOS, "c", 1, recovering=False)
        killed = kill_at(step, run)
        if not (folder / "acceptor.db").exists():
            run()
        open_folder(folder, "c", 1, PAXOS).close()
        if not killed:
            return step
    raise AssertionError


if __name__ == "__main__":
    # In memory, where there is such a file system: thousands of syncs are made.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        print(found(Path(folder)), renew(Path(folder)), format_alone(Path(folder)))
