"""run_client.sh as users of the classic systems start it: line by line, and what it refuses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from client.classic import PROMPT
from tests.terminal import Terminal

from .cluster import ROOT, LiveCluster, given_by, wait_for

pytestmark = pytest.mark.live

SCRIPT = str(ROOT / "run_client.sh")
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def run(*words: str, config: Path, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words],
        cwd=cwd,
        env={**os.environ, "PATH": PATH, "KVRMI_CONFIG": str(config)},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_session_from_another_folder(live: LiveCluster, tmp_path: Path) -> None:
    server = live.followers()[0]

    def undisturbed() -> subprocess.CompletedProcess[str] | None:
        """The session; None if another server had to answer: an election came in between."""
        done = run(
            "my-client-one", "RPC", "1099", str(server), config=live.config, cwd=tmp_path,
            text="put k 'a b'\nGET k\nEXIT\n",
        )  # fmt: skip
        return None if "; still trying\n" in done.stderr else done

    done = given_by(undisturbed, "a session with one server")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    nameserver = live.cluster.nameserver
    assert lines[:2] == [
        f"port 1099 is mapped to the name server {nameserver} ({live.config})",
        f"name server {nameserver}: 5 servers are registered",
    ]
    for number, line in enumerate(lines[2:7], 1):
        expected = rf"checking word for server {number}: kvrmi\.replica{number} at \S+ is up, \w+"
        assert re.fullmatch(expected, line), line
    assert lines[7] == f"my-client-one is connected to server {server}"
    assert lines[8].startswith("pre-populated classic/1 to classic/5: ")
    for number, line in enumerate(lines[9:24], 1):
        word = ("PUT", "GET", "DELETE")[(number - 1) // 5]
        key = f"classic/my-client-one/{(number - 1) % 5 + 1}"
        expected = rf"{number:2}  {word} {key} .+  server {server} +\d+\.\d ms"
        assert re.fullmatch(expected, line), line
    assert lines[24] == f"{PROMPT}put k 'a b'"
    assert lines[25].startswith("OK revision ")
    assert lines[26:] == [f"{PROMPT}GET k", "a b", f"{PROMPT}EXIT"]
    log = live.data / "clients" / "my-client-one.log"
    assert " my-client-one 15  DELETE classic/my-client-one/5 " in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("protocol", ["TCP", "udp"])
def test_a_session_over_a_gateway(live: LiveCluster, tmp_path: Path, protocol: str) -> None:
    done = run("my-client", "1111", protocol, "2", config=live.config, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, connected, filled, *requests, prompt = done.stdout.splitlines()
    port = live.cluster.gateways_of(2)._asdict()[protocol.lower()]
    assert first.startswith(f"port 1111 is mapped to {port}, the {protocol.lower()} gateway of")
    assert connected == f"my-client is connected over {protocol.lower()}"
    assert filled.startswith("pre-populated classic/1 to classic/5: ")
    assert len(requests) == 15
    assert re.match(r" 6  GET classic/my-client/1 +one +\d+\.\d ms$", requests[5])
    assert prompt == PROMPT.rstrip("\n")


def test_a_session_on_a_terminal_stays_until_exit(live: LiveCluster, tmp_path: Path) -> None:
    environment = {
        "PATH": PATH, "KVRMI_CONFIG": str(live.config), "XDG_STATE_HOME": str(tmp_path),
    }  # fmt: skip
    with Terminal(SCRIPT, "my-client", "1099", "rpc", environment=environment) as terminal:
        terminal.see(r"^15  DELETE classic/my-client/5 .* ms$")
        terminal.see(f"^{re.escape(PROMPT.strip())}$")
        terminal.keys("GET classic/1\r")
        terminal.see(r"^one  \(")
        terminal.keys("STATUS\r")
        terminal.see(r"^clients: .*\bmy-client \(replica")
        terminal.resize(34)  # no room beside the prompt
        terminal.keys("GET classic/5")
        terminal.see(r"^Enter command .*\n.* EXIT\):\n> GET classic/5$")
        terminal.keys("\r")
        terminal.see("^five ")
        terminal.keys("EXIT\r")
        assert terminal.end() == 0


def test_the_servers_log_the_name_with_the_decisions_that_they_write_out(
    live: LiveCluster, tmp_path: Path
) -> None:
    def logged() -> bool:
        run("my-client-two", "RPC", "1099", "2", config=live.config, cwd=tmp_path)
        logs = [path.read_text(encoding="utf-8") for path in live.data.glob("replica*/replica.log")]
        line = r'"classic/my-client-two/\d" id=my-client-two:'
        return any(re.search(line, log) for log in logs)

    wait_for(logged, "a decision that is written out: five a second are, of all clients")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("", "usage: ./run_client.sh NAME RPC 1099 SERVER, or "),
        ("c", "usage: "),
        ("c rpc 1099 1 1", "usage: "),
        ("c rpc x", "'x' is no port; usage: "),
        ("c 1111 RPC", "port 1111 is not supported with RPC: use 1099, which is mapped to the "),
        ("c http 80 1", "'http' is no protocol: use rpc, tcp, udp"),
        ("c RPC 9090 one", "'one' is no server number; usage: "),
        ("c RPC 9090 100", "'100' is not a whole number from 1 to 99"),
        ("-/c RPC 9090 1", "'-/c' is no name: take 1 to 30 letters"),
        ("c RPC 9090 6", "there is no replica 6, only 1, 2, 3, 4, 5; nothing was done"),
    ],
)
def test_what_is_wrong_is_one_line(shared: LiveCluster, words: str, text: str) -> None:
    port = shared.cluster.nameserver.rpartition(":")[2]
    done = run(*words.replace("9090", port).split(), config=shared.config, cwd=shared.data)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert "python -m" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_where_there_is_no_environment_the_installed_client_is_used(tmp_path: Path) -> None:
    script = shutil.copy(SCRIPT, tmp_path)
    words = [script, "my-client", "80", "HTTP"]
    system = os.pathsep.join(["/usr/bin", "/bin"])
    for path, said in (
        (f"{Path(sys.executable).parent}{os.pathsep}{system}", "kvrmi-client: error: argument"),
        (system, f"run_client.sh: the client is not installed: run 'make run' in {tmp_path} once"),
    ):
        done = subprocess.run(
            words, env={"PATH": path}, cwd="/", capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(said)
        assert done.stderr.count("\n") == 1


def test_help_is_no_error(tmp_path: Path) -> None:
    done = run("--help", config=tmp_path / "none", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ./run_client.sh NAME RPC 1099 SERVER, or ")


def test_the_script_is_sound_and_may_be_run() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT], timeout=60).returncode == 0
    assert os.access(SCRIPT, os.X_OK)
