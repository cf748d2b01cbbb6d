"""A cluster of the lab's own, for who has none: five replicas in a temporary folder.

Rules: it is started only where the user named no cluster and none is found; it ends with the lab,
however that ends, and its folder with it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvrmi.cluster.status import NOBODY
from kvrmi.errors import KVError

from ...nemesis.subject import Subject
from ...options import Options

__all__ = ["clustered"]

REPLICAS = 5


@contextmanager
def clustered(options: Options) -> Iterator[tuple[Options, str]]:
    """Give options that name a cluster, and a sentence on where it comes from.

    Raises NotStarted.
    """
    if options.config or options.named or options.replica or _runs(options):
        yield options, ""
        return
    folder = Path(tempfile.mkdtemp(prefix="kvrmi-lab-"))
    subject = Subject(folder / "data")
    try:
        subject.start("--replicas", str(REPLICAS))
        said = "no cluster runs here, so the lab started one of its own, which ends with it"
        yield options._replace(config=str(subject.config)), f"{said}: {subject.config}"
    finally:
        subject.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _runs(options: Options) -> bool:
    try:
        with options.connect() as store:
            return store.status()["health"] != NOBODY
    except KVError:
        return False
