"""The program: its command line, its lines, its exit status."""

from __future__ import annotations

import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import Pyro5.core
import pytest

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import dump
from kvrmi.cluster.members import members
from kvrmi.cluster.naming import split_address
from kvrmi.cluster.timing import Timing
from kvrmi.remote.identity import Credentials, make_secret
from kvrmi.remote.names import lookup, register
from nameserver.__main__ import Options, options
from server.ports import free_block

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0
Start = Callable[..., subprocess.Popen[str]]


def free_port() -> int:
    return free_block("127.0.0.1", 1, random.Random())


def cluster_file(folder: Path, nameserver: str) -> Path:
    cluster = Cluster(
        "kvrmi", "c1", "paxos", nameserver, "127.0.0.1:9", members(1, "::1", 99), Timing(), None
    )
    path = folder / "cluster.toml"
    path.write_text(dump(cluster))
    return path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program in an empty folder; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nameserver", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], TIMEOUT)[0], "no ready line in time"
    line = process.stdout.readline()
    match = re.fullmatch(r"nameserver (\S+)\n", line)
    assert match, line or process.communicate()[1]
    return match[1]


def test_addresses_and_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    alone = Path(".kvrmi/secret")
    assert options([]) == Options("127.0.0.1", 9090, alone, None)
    assert options(["--host", "::1", "--port", "7"]) == Options("::1", 7, alone, None)
    given = options(["--cluster-secret", "s"])
    assert given == Options("127.0.0.1", 9090, Path("s"), None)
    file = cluster_file(tmp_path, "127.0.0.2:8")
    expected = Options("127.0.0.2", 8, tmp_path / "secret", "c1")
    assert options(["--config", str(file)]) == expected
    assert options(["--config", str(file), "--port", "9"]) == expected._replace(port=9)
    monkeypatch.setenv("KVRMI_CONFIG", str(file))
    assert options([]) == expected
    file.write_text(file.read_text().replace('listen = ""', 'listen = "0.0.0.0"'))
    assert options([]) == expected._replace(host="0.0.0.0", known="127.0.0.2")
    assert options(["--host", "::1"]) == expected._replace(host="::1")
    assert options(["--cluster-secret", "s"]).cluster is None


@pytest.mark.parametrize("bad", [["--port", "0"], ["--port", "x"], ["--broadcast"], ["x"]])
def test_bad_flags_are_usage_errors(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(bad)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_bad_cluster_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        options(["--config", str(tmp_path / "none.toml")])


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    address = f"127.0.0.1:{free_port()}"
    secret = make_secret(tmp_path / "secret")
    process = start("--config", str(cluster_file(tmp_path, address)))
    assert ready(process) == address
    credentials = Credentials("c1", 1, "replica", secret)
    register(address, {"kvrmi.replica1": ("PYRO:kvrmi.replica1@h:1", ["x"])}, credentials, 5.0)
    with Pyro5.core.locate_ns(*split_address(address)) as plain:
        assert str(plain.lookup("kvrmi.replica1")) == "PYRO:kvrmi.replica1@h:1"
        process.send_signal(number)
        assert process.wait(TIMEOUT) == 0
    assert process.communicate() == ("", "")


@pytest.mark.live
def test_a_new_one_takes_the_port_at_once_and_knows_nothing(start: Start, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    secret = make_secret(tmp_path / "secret")
    config = str(cluster_file(tmp_path, address))
    first = start("--config", config)
    ready(first)
    credentials = Credentials("c1", 1, "replica", secret)
    register(address, {"kvrmi.replica1": ("PYRO:kvrmi.replica1@h:1", ["x"])}, credentials, 5.0)
    first.kill()
    first.wait(TIMEOUT)
    ready(start("--config", config))
    assert lookup(address, "kvrmi.replica1", 5.0) is None


@pytest.mark.live
def test_a_taken_port_is_one_clear_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--port", str(port), "--cluster-secret", "none")
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert f"port {port} on 127.0.0.1 is already in use" in line
    assert "--port" in line


@pytest.mark.live
def test_without_a_cluster_it_serves_and_says_that_nothing_can_be_registered(start: Start) -> None:
    process = start("--port", str(free_port()))
    address = ready(process)
    assert lookup(address, "kvrmi.replica1", 5.0) is None
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert len(err.splitlines()) == 1
    assert "no secret in .kvrmi/secret" in err
