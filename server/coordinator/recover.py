"""`kvrmi-cluster recover`: a new cluster from copies of one that lost its majority.

Rules: it says what may be lost and asks first; the copies do not change; the new folder appears
under its name only when it is whole. The new cluster has an id, a secret and disks of its own, so
that no replica of the old one can ever join it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from kvrmi.cli import USAGE, Parser, complain, folder, paragraph, reason, whole
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.storage.durable import sync_folder
from kvrmi.storage.interface import Corrupt, StorageFailed

from ..folder import FolderRefused
from ..offline.plant import ENGINE, make_learner, plant
from ..offline.stopped import Caught, Stopped, catch_up, open_stopped, spans
from . import founding
from .founding import Impossible, Refused, Wish

COMMAND = "recover"
_REPLICAS = 5
"""Of a new cluster, where no copy says how many there were."""


def main(argv: Sequence[str]) -> int:
    """Say what the copies give, ask, and make the new cluster; returns the exit status."""
    given, status = _parser().parse_args(argv), 1
    try:
        return _recover(given)
    except Impossible as error:
        problem, status = str(error), USAGE
    except (ConfigError, FolderRefused, Refused) as error:
        problem = str(error)
    except (Corrupt, StorageFailed) as error:
        problem = f"the disk failed: {error}"
    except OSError as error:
        problem = reason(error)
    complain(f"{problem}; nothing was made", COMMAND)
    return status


def _recover(given: argparse.Namespace) -> int:
    _refuse_filled(given.data)
    with ExitStack() as stack:
        copies = [stack.enter_context(open_stopped(folder)) for folder in _distinct(given.copies)]
        print(*(f"{copy.path}: {_contents(copy)}" for copy in copies), sep="\n")
        caught = catch_up(copies)
        replicas = given.replicas or _replicas(copies)
        print(*_findings(caught), *_warnings(given.data, replicas), sep="\n", flush=True)
        if not given.yes and not _agreed():
            raise Refused("not confirmed")
        make(given.data, replicas, given.base_port, caught)
    print(f"{given.data} is made. Start the new cluster with: kvrmi-cluster --data {given.data}")
    return 0


def make(data: Path, replicas: int, base_port: int | None, caught: Caught) -> Cluster:
    """Make a cluster of `replicas` in `data` that begins with what the copies gave.

    Raises ConfigError, Impossible, FolderRefused, StorageFailed, OSError; then there is nothing at
    `data`.
    """
    wish = Wish(data, base_port=base_port, engine=ENGINE)
    with founding.asked_for():
        addresses = founding.addresses_for(wish, replicas)
    parent = data.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{data.name}.", suffix=".new", dir=parent))
    try:
        with tempfile.TemporaryDirectory(dir=draft) as scratch:
            learner = Path(scratch) / "learner.db"
            make_learner(learner, caught.learned)
            slot = caught.learned.state.applied
            cluster = founding.make(
                draft, addresses, ENGINE, lambda folder: plant(folder, learner, slot)
            )
        draft.replace(data)
    except BaseException:
        shutil.rmtree(draft)  # nobody has ever voted there
        raise
    sync_folder(parent)
    return cluster


def _refuse_filled(data: Path) -> None:
    if data.exists() and (not data.is_dir() or os.listdir(data)):
        raise Refused(f"{data} is not empty: choose another folder for the new cluster with --data")


def _distinct(folders: Sequence[Path]) -> list[Path]:
    """Leave out a folder that is named again, whatever by."""
    return [*{folder.resolve(): folder for folder in reversed(folders)}.values()][::-1]


def _replicas(copies: Sequence[Stopped]) -> int:
    known = (len(copy.voter.identity.members) for copy in copies if copy.voter is not None)
    return max(known, default=0) or _REPLICAS


def _findings(caught: Caught) -> Iterator[str]:
    """Say what the copies hold together, and what of it is not sure."""
    state, tail = caught.learned.state, caught.tail
    yield (
        f"Together they give slot {state.applied}, revision {state.revision}: "
        f"{state.keys} key{'s' * (state.keys != 1)}, digest {state.digest[:12]}."
    )
    unsure = [entry.slot for entry in tail.entries[tail.sure :]]
    if unsure:
        yield f"  Included, although it is not sure that they were chosen: {spans(unsure)}."
    if tail.beyond:
        yield f"  Not included, as no copy has a slot before them: {spans(tail.beyond)}."


def _contents(copy: Stopped) -> str:
    parts = list(copy.damage)
    if copy.voter is not None:
        parts.insert(0, f"replica {copy.voter.identity.replica}")
    if copy.learned is not None:
        parts.append(f"slot {copy.learned.state.applied} applied")
    if copy.voter is not None and copy.voter.votes.accepted:
        parts.append(f"accepted up to slot {max(copy.voter.votes.accepted)}")
    return ", ".join(parts)


def _warnings(data: Path, replicas: int) -> Iterator[str]:
    yield ""
    yield paragraph(
        "What may be lost: every write that was acknowledged without these copies. Nobody can know "
        "how many; give every folder that is left with --from, they fill each other's gaps. The "
        "old cluster must stay stopped: the new one knows nothing of it, and clients of the old "
        "one could go on writing there."
    )
    own = "an id, a secret and a disk" if replicas == 1 else "an id, a secret and disks"
    count = f"{replicas} replica{'s' * (replicas > 1)}"
    yield paragraph(
        f"{data} gets {count}, with {own} of {'its' if replicas == 1 else 'their'} own."
    )


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on: give --yes if you mean it")
    try:
        return input("Make it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _parser() -> Parser:
    parser = Parser(
        "Make a new cluster from what is left of one that lost its majority.", command=COMMAND
    )
    add = parser.add_argument
    add("--from", dest="copies", action="append", required=True, type=Path, metavar="FOLDER",
        help="a replica's folder that is left; give it once for each")  # fmt: skip
    add("--data", type=folder, required=True, metavar="NEW", help="folder of the new cluster")
    add("--yes", action="store_true", help="do not ask")
    add(
        "--replicas",
        type=whole(1, 99),
        metavar="N",
        help="how many replicas (as many as the old cluster had)",
    )
    add(
        "--base-port",
        type=whole(1, 65_535),
        metavar="P",
        help="client ports from P on, the rest above",
    )
    return parser
