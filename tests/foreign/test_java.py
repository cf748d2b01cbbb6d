"""A client in Java is served: errors, characters of all planes, bytes in both forms, oneway."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .example_store import STORE, served

PROGRAM = Path(__file__).with_name("Probe.java")
JAVA = shutil.which("java") if shutil.which("javac") else None


@pytest.mark.live
@pytest.mark.skipif(JAVA is None, reason="no Java development kit (java and javac) on this machine")
def test_a_java_client_reads_what_it_is_answered() -> None:
    """See Probe.java for what it is, and what not."""
    with served() as where:
        host, _, port = where.store.rpartition(":")
        command = [str(JAVA), "-Xshare:auto", str(PROGRAM), host, port, STORE]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (said.stdout, said.returncode) == ("ok\n", 0), said.stderr
