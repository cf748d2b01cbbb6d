"""What all programs have in common on their command lines."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import kvrmi
from kvrmi import cli
from kvrmi.paxos.declaration import PAXOS
from server.folder import format_folder
from server.ports import free_block

ROOT = Path(__file__).parents[1]
PROGRAMS = (
    ("-m", "client"),
    ("-m", "server"),
    ("-m", "nameserver"),
    ("-m", "server.coordinator"),
    ("run_cluster.py",),
    ("-m", "kvrmi.sim"),
)
LAUNCHER = ("-m", "server.coordinator")
"""Nobody starts it by this name."""
PARTS = (
    *(("-m", "client", part) for part in ("bench", "workload", "verify", "nemesis", "trace")),
    *(("run_cluster.py", part) for part in ("found", "recover", "stop")),
    ("-m", "server", "inspect"),
)


@cache
def run(*words: str, bare: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the interpreter, once for the same words; `bare`: without anything that was installed."""
    flags = ["-S"] if bare else []
    environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
    environment["COLUMNS"] = "80"
    return subprocess.run(
        [sys.executable, *flags, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def name(words: tuple[str, ...]) -> str:
    return " ".join(("python", *words) if words[0] == "-m" else words)


@pytest.mark.parametrize("words", PROGRAMS, ids=name)
def test_every_program_has_a_version_and_a_name(words: tuple[str, ...]) -> None:
    assert run(*words, "--version").stdout == f"kvrmi {kvrmi.__version__}\n"
    assert run(*words, "--help").stdout.startswith(f"usage: {name(words)} ")


@pytest.mark.parametrize("words", [*PROGRAMS, *PARTS], ids=name)
def test_help_fits_eighty_columns(words: tuple[str, ...]) -> None:
    _, _, shown = run(*words, "--help").stdout.partition("\n\n")  # after the usage, which is ragged
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("words", [*PROGRAMS, *PARTS], ids=name)
def test_a_wrong_flag_is_one_line_and_status_two(words: tuple[str, ...]) -> None:
    done = run(*words, "--no-such-flag")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name(words)}: ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


@pytest.mark.parametrize("words", [p for p in PROGRAMS if p != LAUNCHER], ids=name)
def test_outside_its_environment_a_program_says_what_to_install(words: tuple[str, ...]) -> None:
    done = run(*words, "--help", bare=True)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"{name(words)}: Pyro5, serpent, msgpack, msgspec, rich not installed"
    )
    assert "pip install ." in done.stderr
    assert "make run" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("last", "status"), [("signal.SIGINT", -2), ("None", 1)])
def test_ctrl_c_while_a_program_loads_is_no_traceback(last: str, status: int) -> None:
    done = run("-c", f"import os, signal, kvrmi.cli; os.kill(os.getpid(), {last}); input()")
    assert done.returncode == status
    assert ("Traceback" in done.stderr) == (status == 1)


@pytest.mark.parametrize("words", PROGRAMS[:-1], ids=name)
def test_ctrl_c_is_no_traceback_from_the_first_modules_on(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    stopped = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ninput()\n"
    (tmp_path / "argparse").with_suffix(".py").write_text(stopped)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (-2, "")


def test_nothing_is_loaded_before_ctrl_c_is_seen_to() -> None:
    look = (
        "import sys; before = set(sys.modules); import kvrmi.early; new = set(sys.modules) - before"
    )
    done = run("-c", f"{look}; print(*new)", bare=True)
    assert sorted(done.stdout.split()) == ["__future__", "kvrmi", "kvrmi.early", "kvrmi.errors"]


def test_a_name_is_shown_so_that_a_terminal_obeys_none_of_it() -> None:
    done = run("-m", "client", "verify", "no\x1b[31msuch")
    assert "no\\x1b[31msuch: No such file" in done.stderr
    assert done.stderr.isprintable() or "\x1b" not in done.stderr


def unheard(*words: str, cwd: Path) -> tuple[int, str]:
    """Run the interpreter with an output that nobody reads; status and standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=cwd,
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


def test_a_reader_that_has_gone_is_no_traceback(tmp_path: Path) -> None:
    launcher = str(ROOT / "run_cluster.py")
    assert unheard(launcher, "found", "--hosts", "a,b,c", "--data", "new", cwd=tmp_path) == (0, "")
    assert unheard(launcher, "stop", "--data", "new", cwd=tmp_path) == (0, "")
    format_folder(tmp_path / "one", PAXOS, "c0ffee", 1, recovering=False)
    assert unheard("-m", "server", "inspect", "one", cwd=tmp_path) == (0, "")
    status, said = unheard("-m", "nameserver", "--port", free_port(), cwd=tmp_path)
    assert status == 1
    assert said.endswith("python -m nameserver: whoever read its output has gone\n")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("-m client HELP >&-", 0),
        ("-m client --config /none/cluster.toml <&- 2>&-", 2),
        ("-m client BAD <&- >&- 2>&-", 2),
        ("-m client --version >&-", 0),
        ("-m server inspect /none >&- 2>&-", 1),
        ("run_cluster.py stop --data /none >&- 2>&-", 1),
        ("-m nameserver --port 1x <&- >&- 2>&-", 2),
    ],
)
def test_a_closed_stream_is_no_traceback(words: str, status: int) -> None:
    done = subprocess.run(
        f"{sys.executable} {words}", shell=True, cwd=ROOT, capture_output=True, timeout=120
    )
    assert done.returncode == status
    assert not done.stdout
    assert not done.stderr


def test_the_number_of_a_closed_stream_goes_to_nothing_else() -> None:
    look = "import os, kvrmi.cli; print([os.readlink(f'/proc/self/fd/{n}') for n in (0, 2)])"
    done = subprocess.run(
        [sys.executable, "-c", f"{look}; print(open('/dev/zero').fileno() > 2)"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        preexec_fn=_close_both,
    )
    assert done.stdout == "['/dev/null', '/dev/null']\nTrue\n"


def _close_both() -> None:
    os.close(0)
    os.close(2)


def free_port() -> str:
    return str(free_block("127.0.0.1", 1, random.Random()))


@pytest.mark.parametrize("words", [("1",), ("9", "--address", "h:1")], ids=" ".join)
def test_a_replica_that_is_not_said_which_is_a_usage_error(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "21", "1.5"])
def test_a_whole_number_says_its_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number from 1 to 20"):
        cli.whole(1, 20)(text)
    assert cli.whole(1, 20)("20") == 20


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "nan", "inf", "61"])
def test_a_number_says_its_unit_and_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number of minutes above 0 and"):
        cli.above_zero("minutes", 60)(text)
    assert cli.above_zero("minutes", 60)("0.5") == 0.5


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-m", "client", "--timeout", "x", "SIZE"), "a number of seconds above 0"),
        (("-m", "client", "bench", "--clients", "1,x"), "a whole number from 1 to 1000"),
        (("-m", "client", "verify", "--limit", "nan", "f"), "a number of seconds above 0"),
        (("-m", "client", "workload", "--keys", "0"), "a whole number from 1 to 10000"),
        (("-m", "nameserver", "--port", "99999"), "a whole number from 1 to 65535"),
    ],
)
def test_a_wrong_number_is_explained(words: tuple[str, ...], text: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"is not {text}" in done.stderr


def test_a_folder_need_not_be_there_and_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert cli.folder(str(tmp_path / "new")) == tmp_path / "new"
    assert cli.folder(str(tmp_path)) == tmp_path
    with pytest.raises(argparse.ArgumentTypeError, match="file is a file, not a folder"):
        cli.folder(str(tmp_path / "file"))
    with pytest.raises(argparse.ArgumentTypeError, match="file is a file, not a folder"):
        cli.folder(str(tmp_path / "file" / "new"))


def test_deploy_explains_itself() -> None:
    words = ["sh", str(ROOT / "deploy.sh"), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "./deploy.sh stop " in done.stdout


ENDS = """
import logging, signal, sys, threading
from kvrmi import cli
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
asked = threading.Event()
if "nohup" in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
cli.on_end(asked.set)
print("listening", flush=True)
sys.exit(0 if asked.wait(30) else 1)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("words", [[], ["nohup"]], ids=["", "nohup"])
def test_programs_end_when_asked_or_when_their_terminal_closes(
    number: signal.Signals, words: list[str]
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", ENDS, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "listening\n"
        program.send_signal(number)
        if number is signal.SIGHUP and words:
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(0.3)
            program.terminate()
            number = signal.SIGTERM
        assert program.wait(30) == 0
        assert program.stdout.read() == f"asked to end by {number.name}\n"


_ENDING = """
import os, signal, threading, time
import kvrmi.early

def interrupt():
    deadline = time.monotonic() + 5
    while threading.main_thread().is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)

threading.Thread(target=interrupt).start()
"""


def test_ctrl_c_while_python_ends_a_program_prints_no_traceback() -> None:
    assert run("-c", _ENDING).stderr == ""


def test_deploying_without_an_image_says_what_else_there_is(tmp_path: Path) -> None:
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\n[ "$1" != build ] || { echo "no such host" >&2; exit 125; }\n')
    engine.chmod(0o755)
    done = subprocess.run(
        ["sh", str(ROOT / "deploy.sh")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "the image was not built, so nothing was started: BASE=IMAGE" in done.stderr
    assert "started" not in done.stdout
