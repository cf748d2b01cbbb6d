"""The lock files of a cluster's data folder: who runs there, also without its cluster file.

Rule: a lock is looked for under the names that the coordinator's processes have, and no other.
It takes no lock and ends nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

from .. import pidlock
from ..folder import LOCK
from . import folders

COORDINATOR = "coordinator.lock"
NAMESERVER = "nameserver.lock"
_NUMBERED = re.compile(r"([a-z]+)([0-9]+)(\.lock)?")


def of_replica(data: Path, replica: int) -> tuple[Path, Path]:
    """Name the lock that a replica has from its coordinator, and the one it takes itself."""
    return data / f"replica{replica}.lock", folders.of(data, replica) / LOCK


def there(data: Path) -> dict[str, tuple[Path, ...]]:
    """Name whoever has run in a folder, with their locks; in the order in which to name them."""
    found = [one for file in data.glob("*") if (one := _NUMBERED.fullmatch(file.name))]
    replicas = sorted({int(one[2]) for one in found if one[1] == "replica"})
    beside = sorted((one[1], int(one[2])) for one in found if one[1] != "replica" and one[3])
    return {
        "coordinator": (data / COORDINATOR,),
        **{f"replica {one}": of_replica(data, one) for one in replicas},
        "name server": (data / NAMESERVER,),
        **{f"{kind}{one}": (data / f"{kind}{one}.lock",) for kind, one in beside},
    }


def running(data: Path) -> list[str]:
    """Name who holds a lock in a folder, also processes that cannot be seen. Raises OSError."""
    return [name for name, paths in there(data).items() if any(map(_is_held, paths))]


def _is_held(path: Path) -> bool:
    with pidlock.shared(path) as free:
        return not free
