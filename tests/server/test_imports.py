"""What programs of the server do not import before they need it: it costs starts and memory."""

from __future__ import annotations

import subprocess
import sys


def test_a_replica_imports_only_what_replicas_need() -> None:
    """Each module stays in memory, five times on one machine."""
    needless = {
        *("asyncio", "email", "http", "multiprocessing", "unittest", "xml"),
        *("etcd3gw", "hypothesis", "prompt_toolkit", "requests", "rich", "typer", "yaml"),
        *("client", "kvrmi.access", "kvrmi.checker", "kvrmi.sim", "server.console"),
        *("server.coordinator", "server.demo", "server.offline", "server.engines.etcd.engine"),
    }
    program = "import server.__main__, sys; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert needless & {*loaded.split()} == set()


def test_what_few_starts_need_no_start_imports() -> None:
    """A port for metrics, the versions of packages, a local etcd: each costs others' starts."""
    needless = {"prometheus_client", "importlib.metadata", "urllib.request"}
    program = "import server.__main__, server.coordinator, sys; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert needless & {*loaded.split()} == set()
