"""The plain prompt on a real terminal: editing, and a history across runs."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client.fake import Cluster

pytest.importorskip("readline")

UP = b"\x1b[A"
PATIENCE = 30.0


class Typist:
    """The client on a pseudo-terminal; types, and reads what is shown."""

    def __init__(self, address: str, state: Path) -> None:
        name, _, where = address.partition("@")
        self._fd, other = pty.openpty()
        argv = [sys.executable, "-m", "client", "--name", name, "--address", where]
        paths = os.pathsep.join(sys.path)
        environment = os.environ | {"PYTHONPATH": paths, "XDG_STATE_HOME": str(state)}
        environment |= {"TERM": "dumb"}
        self._process = subprocess.Popen(
            argv, stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True
        )
        os.close(other)

    def type(self, keys: bytes) -> None:
        while keys:
            keys = keys[os.write(self._fd, keys[:1000]) :]

    def see(self, wanted: bytes) -> None:
        seen, deadline = b"", time.monotonic() + PATIENCE
        while wanted not in seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted!r} did not come, but {seen[-500:]!r}"
            if select.select([self._fd], [], [], left)[0]:
                seen += os.read(self._fd, 65536)

    def end(self) -> int:
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._fd)


def test_lines_are_edited_and_remembered(cluster: Cluster, tmp_path: Path) -> None:
    address = cluster.addresses[0]
    first = Typist(address, tmp_path)
    first.see(b"kvrmi> ")
    first.type(b"PUTT k v\x1b[D\x1b[D\x1b[D\x1b[D\x7f\r")  # four to the left, then rub out
    first.see(b"OK revision 1\r\nkvrmi> ")
    first.type(b"EXIT\r")
    assert first.end() == 0
    history = tmp_path / "kvrmi" / "history"
    assert history.read_text() == "PUT k v\nEXIT\n"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    second = Typist(address, tmp_path)
    second.see(b"kvrmi> ")
    second.type(UP + UP + b"2\r")
    second.see(b"OK revision 2\r\nkvrmi> ")
    second.type(b"\x04")
    assert second.end() == 0
    assert cluster.contents.rows == {"k": "v2"}


def test_a_prompt_without_a_place_for_its_history(cluster: Cluster) -> None:
    typist = Typist(cluster.addresses[0], Path("/dev/null"))
    typist.see(b"kvrmi> ")
    typist.type(b"PUT k v\r")
    typist.see(b"OK revision 1\r\nkvrmi> ")
    typist.type(b"EXIT\r")
    assert typist.end() == 0
