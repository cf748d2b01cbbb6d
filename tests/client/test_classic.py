"""The classic client session against fake servers: its lines, again and again, and its end."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from client.__main__ import main
from client.classic import PROMPT
from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from tests.client.conftest import Run
from tests.client.fake import Cluster, refuse
from tests.terminal import Terminal

Captured = pytest.CaptureFixture[str]
VALUES = ["one", "two", "three", "four", "five"]
REQUESTS = (
    [f"PUT classic/me/{n} {word}" for n, word in enumerate(VALUES, 1)]
    + [f"GET classic/me/{n}" for n in range(1, 6)]
    + [f"DELETE classic/me/{n}" for n in range(1, 6)]
)
ANSWER = r"(OK revision \d+|one|two|three|four|five) +server 1 +\d+\.\d ms"


@pytest.fixture(autouse=True)
def piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("GET classic/1\nexit\n"))


def test_every_line_of_a_session(cluster: Cluster, run: Run, capsys: Captured) -> None:
    assert run("--name", "me", "--session") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"checking word for server 1: kvrmi\.replica1 at [\d.:]+ is up, leader", lines[0]
    )
    assert lines[1:3] == [
        "me is connected to server 1",
        "pre-populated classic/1 to classic/5: 5 put, 0 were there",
    ]
    for number, (line, request) in enumerate(zip(lines[3:18], REQUESTS, strict=True), 1):
        assert re.fullmatch(rf"{number:2}  {request} +{ANSWER}", line), line
    assert lines[18:] == [f"{PROMPT}GET classic/1", "one", f"{PROMPT}exit"]


def test_a_person_whose_output_goes_into_a_file_has_the_prompt(
    cluster: Cluster, tmp_path: Path
) -> None:
    name, _, where = cluster.addresses[0].partition("@")
    client = (sys.executable, "-m", "client", "--object", name, "--address", where, "--session")
    with Terminal("sh", "-c", f'exec "$@" > {tmp_path}/out', "sh", *client) as terminal:
        terminal.see(f"^{re.escape(PROMPT.strip())}$")
        terminal.keys("GET classic/1\nEXIT\n")
        assert terminal.end() == 0
    assert (tmp_path / "out").read_text(encoding="utf-8").splitlines()[18:] == ["one"]


def test_a_narrow_window_breaks_its_lines_at_words(cluster: Cluster, tmp_path: Path) -> None:
    name, _, where = cluster.addresses[0].partition("@")
    argv = ("-m", "client", "--object", name, "--address", where, "--session", "--name", "me")
    state = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal.python(*argv, environment=state, columns=40) as terminal:
        terminal.see(r"^checking word for server 1:\nkvrmi\.replica1 at [\d.:]+ is up,\nleader$")
        terminal.see(r"^ 1  PUT classic/me/1 one +OK revision\n6 +server 1 +\d+\.\d ms$")


def test_a_second_session_changes_nothing(cluster: Cluster, run: Run, capsys: Captured) -> None:
    cluster.contents.rows |= {"classic/2": "somebody's own", "mine": "mine"}
    assert run("--name", "me", "--session") == 0
    after = dict(cluster.contents.rows)
    assert after["classic/2"] == "somebody's own"
    assert len(after) == 6
    capsys.readouterr()
    assert run("--session") == 0
    assert cluster.contents.rows == after
    assert "classic/5: 0 put, 5 were there" in capsys.readouterr().out


def test_a_value_that_somebody_else_put_is_shown_harmless(
    cluster: Cluster, run: Run, capsys: Captured
) -> None:
    def meddle(when: str) -> None:
        cluster.contents.rows["classic/me/1"] = "\x1b[2J"

    cluster.servant(1).faults = [lambda when: None] * 10 + [meddle]  # size, five cas, four puts
    assert run("--name", "me", "--session") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[8].startswith(" 6  GET classic/me/1")
    assert '  "\\x1b[2J"  ' in lines[8]


def test_the_first_request_that_fails_ends_it_and_the_prompt_follows(
    cluster: Cluster, run: Run, capsys: Captured
) -> None:
    servant = cluster.servant(1)
    servant.faults = [lambda when: None] * 8 + [refuse("INVALID")]  # size, five cas, two puts
    assert run("--name", "me", "--session") == 2
    out, err = capsys.readouterr()
    assert [line[:2] for line in out.splitlines() if re.match("[ 1][0-9]  ", line)] == [" 1", " 2"]
    assert out.endswith(f"{PROMPT}GET classic/1\none\n{PROMPT}exit\n")
    assert err.count("\n") == 1
    assert "the session ends here" in err


def test_ctrl_c_ends_it_and_what_it_left_goes_with_the_next(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Store.call

    def interrupted(store: Store, name: str, *args: object) -> object:
        if name == "get":
            raise KeyboardInterrupt
        return call(store, name, *args)

    monkeypatch.setattr(Store, "call", interrupted)
    assert run("--session") == INTERRUPTED
    out, err = capsys.readouterr()
    assert PROMPT not in out
    assert err.startswith("INTERRUPTED: the session ends here; its last request may or may not")
    assert len(cluster.contents.rows) == 10
    monkeypatch.setattr(Store, "call", call)
    assert run("--session") == 0
    assert len(cluster.contents.rows) == 5


def test_without_a_server_there_is_one_line_and_no_prompt(capsys: Captured) -> None:
    assert main(["--session", "--address", "127.0.0.1:9", "--object", "kvrmi.replica1"]) == 6
    out, err = capsys.readouterr()
    assert out == "checking word for server 1: kvrmi.replica1 at 127.0.0.1:9 is down\n"
    assert err == "UNAVAILABLE: no server answers; nothing was done. Start the cluster first\n"


def test_the_log_has_every_line_and_the_clients_name(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run("--name", "me", "--session", "--log", str(log))
    text = log.read_text(encoding="utf-8")
    for words in ("me checking word for server 1", "me 15  DELETE", "me GET classic/1 status=0"):
        assert words in text


@pytest.mark.parametrize(
    ("reported", "words"),
    [
        ({"state": "held", "role": None}, "is down until START 1"),
        ({"state": "recovering"}, "is recovering, leader"),
    ],
)
def test_a_server_that_does_not_work(
    cluster: Cluster, run: Run, capsys: Captured, reported: dict[str, object], words: str
) -> None:
    cluster.servant(1).reported = reported
    run("--session")
    assert capsys.readouterr().out.splitlines()[0].endswith(words)


@pytest.mark.parametrize("words", [["GET", "k"], ["--json"]], ids=" ".join)
def test_a_session_is_for_people(words: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as leave:
        main(["--session", *words])
    assert leave.value.code == 2
    assert "--session takes no command and prints no JSON" in capsys.readouterr().err
