"""The line editor on a real terminal: what a person types, sees, and gets."""

from __future__ import annotations

import os
import signal
import stat
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import Pyro5.api
import pytest

from client.shell.paste import LIMIT
from tests.client.fake import Cluster
from tests.terminal import Terminal

UP, LEFT, RUB_OUT, TAB, ESCAPE = "\x1b[A", "\x1b[D", "\x7f", "\t", "\x1b"
BREAK, END_OF_INPUT = "\x03", "\x04"
CLEAR = "\x0c"
PROMPT = "^kvrmi>$"
Rows: TypeAlias = dict[str, str | bytes]
SOON = 20.0
"""Seconds that anything may take that is to be at once, on a very busy machine; who waits for what
does not come waits longer."""


def shell(cluster: Cluster, state: Path, *flags: str, columns: int = 80, **also: str) -> Terminal:
    name, _, where = cluster.addresses[0].partition("@")
    argv = ("-m", "client", "--object", name, "--address", where, *flags)
    environment = {"XDG_STATE_HOME": str(state), **also}
    return Terminal.python(*argv, environment=environment, columns=columns)


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", True)  # as the servers do
        cluster = Cluster(1)
        yield cluster
        cluster.close()


@pytest.fixture(scope="module")
def prompt(shared: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with shell(shared, tmp_path_factory.mktemp("state")) as terminal:
        terminal.see("replica 1 · leader 1$")
        yield terminal


@pytest.fixture
def store(shared: Cluster) -> Rows:
    """The contents behind `typing`, some keys."""
    rows = shared.contents.rows
    rows.clear()
    rows |= {f"user:{name}": name for name in ("ann", "bob", "cy")} | {"a key": "spaced"}
    return rows


@pytest.fixture
def typing(prompt: Terminal, store: Rows) -> Iterator[Terminal]:
    """A shell at its prompt, on an empty screen."""
    yield prompt
    prompt.keys(BREAK)
    prompt.see(r"^kvrmi>\n+HELP.*\Z")
    prompt.forget()  # what has left at the top: the next key clears the screen, and not that
    prompt.keys(CLEAR)
    prompt.see(r"\A\n*kvrmi>\n+HELP.*\Z")


def paste(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


def test_lines_are_edited_and_remembered(cluster: Cluster, tmp_path: Path) -> None:
    with shell(cluster, tmp_path) as first:
        first.see("^kvrmi .*PUT key value, GET key, DELETE key, EXIT")
        first.see(PROMPT)
        first.keys("PUTT k v" + 4 * LEFT + RUB_OUT + "\r")
        first.see("^OK revision 1")
        first.see(PROMPT)
        first.keys("EXIT\r")
        assert first.end() == 0
    history = tmp_path / "kvrmi" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    with shell(cluster, tmp_path) as second:
        second.see(PROMPT)
        second.keys(UP + UP)
        second.see("^kvrmi> PUT k v$")
        second.keys("2\r" + END_OF_INPUT)  # the second while the command runs
        second.see("^OK revision 2")
        assert second.end() == 0
    assert cluster.contents.rows == {"k": "v2"}


def test_a_prompt_without_a_place_for_its_history(cluster: Cluster) -> None:
    with shell(cluster, Path("/dev/null")) as terminal:
        terminal.see(PROMPT)
        terminal.keys("PUT k v\r")
        terminal.see("^OK revision 1")
        terminal.keys("EXIT\r")
        assert terminal.end() == 0


def test_the_usage_and_the_cluster_stand_below(typing: Terminal) -> None:
    typing.see("HELP lists the commands +replica 1 · leader 1$")
    typing.keys("PUT ")
    typing.see("^PUT key value +replica 1 · leader 1$")
    assert typing.bold == "key"
    typing.keys("k ")
    typing.see("^kvrmi> PUT k$")
    assert typing.bold == "value"
    typing.keys(BREAK + "PTU x")
    typing.see("^unknown command 'PTU'; did you mean PUT?")


def test_commands_and_keys_are_completed(typing: Terminal) -> None:
    typing.keys("del" + TAB)
    typing.see("^kvrmi> delete$")
    typing.see("^ +user:cy$")  # the store's keys are offered
    typing.keys("us" + TAB)
    typing.see("^kvrmi> delete user:$")
    typing.keys("b" + TAB + "\r")  # followed at once by another key
    typing.see("^kvrmi> delete user:bob$")
    typing.see("^OK revision")
    typing.keys("get a")
    typing.see('^ +"a key"$')
    typing.keys(TAB + "\r")
    typing.see('^kvrmi> get "a key"$')
    typing.see("^spaced")


def test_options_roles_and_replicas_are_completed(typing: Terminal) -> None:
    typing.keys("SCAN --l" + TAB + BREAK)
    typing.see("^kvrmi> SCAN --limit$")
    typing.see(PROMPT)
    typing.keys("FAIL 1 acc" + TAB + BREAK)
    typing.see("^kvrmi> FAIL 1 acceptor$")
    typing.see(PROMPT)
    typing.keys("KILL ")
    typing.see("^ +1 +leader$")


def test_typing_does_not_wait_for_keys(typing: Terminal, shared: Cluster) -> None:
    gate = threading.Event()
    shared.servant(1).faults += [lambda when: closed(gate) for _ in range(5)]
    began = time.monotonic()
    for number, sign in enumerate("GET users", start=1):
        typing.keys(sign)
        typing.see(f"^kvrmi> {'GET users'[:number].rstrip()}$")
    assert time.monotonic() - began < SOON
    shared.servant(1).faults.clear()
    gate.set()


def closed(gate: threading.Event) -> None:
    gate.wait(3 * SOON)


def test_a_half_typed_line_is_dropped(typing: Terminal, store: Rows) -> None:
    typing.keys("PUT gone 'x" + BREAK)
    typing.see(PROMPT)
    typing.keys("PUT k 'a\rb'\r")
    typing.see("^ +... b'$")
    typing.see("^OK revision")
    assert store["k"] == "a\nb"
    assert "gone" not in store


def test_what_was_typed_before_is_suggested_and_found(typing: Terminal) -> None:
    typing.keys("GET user:ann\r")
    typing.see("^ann")
    typing.see(PROMPT)
    typing.keys("G")
    typing.see("^kvrmi> GET user:ann$(.*\n)+kvrmi> GET user:ann$")
    typing.keys("\x05\r")  # to the end of the line
    typing.see("^ann(.*\n)+ann")
    typing.see(r"^kvrmi>\n+HELP.*\Z")
    typing.keys("\x12user:a")  # searched for
    typing.see("^kvrmi> GET user:ann\n(.*\n)*.*search.*: user:a$")
    typing.keys("\r")
    typing.see("^ann(.*\n)+ann(.*\n)+ann")
    typing.keys("\x12nowhere")
    typing.see("^not found; Ctrl-C ends the search$")


def test_up_goes_to_the_history_though_a_menu_is_shown(typing: Terminal) -> None:
    typing.keys("GET user:ann\r")
    typing.see("^ann")
    typing.see(r"^kvrmi>\n+HELP.*\Z")
    typing.keys("GET user:")
    typing.see("^ +user:cy$")
    typing.keys(UP + "\r")
    typing.see("^ann(.*\n)+ann")


def test_escape_closes_the_menu(typing: Terminal) -> None:
    typing.keys("GET user:")
    typing.see("^ +user:cy$")
    typing.keys(ESCAPE)
    typing.see_no_more("^ +user:cy$")
    typing.keys("bob\r")
    typing.see("^bob")


def test_nul_at_an_empty_prompt_is_the_end_of_input(cluster: Cluster, tmp_path: Path) -> None:
    """As such a Ctrl-D arrives that was typed while a command ran."""
    with shell(cluster, tmp_path) as terminal:
        terminal.see(PROMPT)
        terminal.keys("x\0")  # none in a line
        terminal.see("^kvrmi> x$")
        terminal.keys(RUB_OUT)
        terminal.see_no_more("^kvrmi> x$")
        terminal.keys("\0")
        assert terminal.end() == 0


def test_a_pasted_block_runs_up_to_the_first_failure(typing: Terminal, store: Rows) -> None:
    typing.keys(paste('PUT a 1\rPUT b "x\ny"\rGET none\rGTE a\rPUT c 3\n'))
    typing.see("^ +... PUT c 3$")
    typing.see("^Enter runs 5 commands, Ctrl-C drops them")
    assert "a" not in store  # nothing runs before Enter
    typing.keys("\r")
    typing.see('^> PUT a 1\nOK revision.*\n> PUT b "x.ny"\nOK revision.*\n> GET none\n.*none')
    typing.see("^> GTE a\n.*mean GET(.*\n)+stopped here, 1 more line was not run$")
    assert (store["b"], "c" in store) == ("x\ny", False)
    typing.see(PROMPT)
    typing.keys(UP)
    typing.see("^kvrmi> PUT a 1$")  # one entry


@pytest.mark.parametrize("marked", [True, False])
def test_a_large_paste_is_kept_out(marked: bool, typing: Terminal, store: Rows) -> None:
    text = "PUT k " + "\0x\x04\x7f\x1b"[: 5 if marked else 2] * 200_000
    began = time.monotonic()
    typing.keys(paste(text) if marked else text)
    typing.see("not taken.*PUT key|Save it in a")
    assert time.monotonic() - began < 2 * SOON
    typing.keys("SIZE\r")
    typing.see("^4")
    assert len(text) > LIMIT


def test_a_binary_paste_does_no_harm(typing: Terminal, store: Rows) -> None:
    typing.keys(paste("PUT k \0\x03\x04\x1a\x1b[2J\x7f\x9b") + "\r")
    typing.see("^OK revision")
    assert store["k"] == "\0\x03\x04\x1a\x1b[2J\x7f\x9b"


def test_the_end_of_the_cluster_is_not_the_end_of_typing(cluster: Cluster, tmp_path: Path) -> None:
    with shell(cluster, tmp_path, "--timeout", "60") as terminal:
        terminal.see("replica 1 · leader 1$")
        terminal.keys("GET user:")
        for node in cluster.nodes:
            node.kill()
        terminal.see("no replica answers")
        began = time.monotonic()
        terminal.keys("ann")
        terminal.see("^kvrmi> GET user:ann$")
        terminal.keys(BREAK + "EXIT\r")
        assert terminal.end() == 0
        assert time.monotonic() - began < 2 * SOON


def test_a_narrow_window_without_colours(cluster: Cluster, tmp_path: Path) -> None:
    with shell(cluster, tmp_path, "--name", "me", columns=30, NO_COLOR="1") as terminal:
        terminal.see("^me>$")
        terminal.see("^ *replica 1 · leader 1$")
        terminal.keys("SCAN --limit ")
        terminal.see(r"^… .*\[--limit n\]( …)?$")
        terminal.keys("9" + BREAK + "PUT key 'a long value in a narrow window'\r")
        terminal.see("^OK revision 1")
        terminal.resize(60)
        terminal.see("^HELP lists the commands +replica 1 · leader 1$")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_move_its_cursor(
    term: str, cluster: Cluster, tmp_path: Path
) -> None:
    with shell(cluster, tmp_path, TERM=term) as terminal:
        terminal.see(PROMPT)
        terminal.keys("PUT k 'a\n")
        terminal.see(r"\.\.\.$")
        terminal.keys("b'\n")
        terminal.see("OK revision 1.*\n(.*\n)*kvrmi>$")
        terminal.keys("GET half" + BREAK)
        terminal.see("^kvrmi>\n(.*\n)*kvrmi>$")
        terminal.keys("PUT cut " + "v" * 5000 + "\n")
        terminal.see("nothing was run: the terminal cuts lines(.*\n)*kvrmi>$")
        terminal.keys("PUT whole " + "v" * 4084 + "\n")
        terminal.see("OK revision 2.*\n(.*\n)*kvrmi>$")
        terminal.keys(END_OF_INPUT)
        assert terminal.end() == 0
    assert cluster.contents.rows == {"k": "a\nb", "whole": "v" * 4084}


def test_a_person_whose_output_goes_into_a_file_has_a_prompt(
    cluster: Cluster, tmp_path: Path
) -> None:
    name, _, where = cluster.addresses[0].partition("@")
    client = (sys.executable, "-m", "client", "--object", name, "--address", where)
    with Terminal("sh", "-c", f'exec "$@" > {tmp_path}/out', "sh", *client) as terminal:
        terminal.see("^kvrmi .*PUT key value, GET key")
        terminal.see(PROMPT)
        terminal.keys("PUT k 'a\n")
        terminal.see(r"^kvrmi> \.\.\.$")
        terminal.keys("b'\n")
        terminal.see(r"^kvrmi> \.\.\. kvrmi>$")
        terminal.keys("GET half" + BREAK)
        terminal.see(r"\.\.\. kvrmi>\nkvrmi>$")
        terminal.keys("GET k\n" + END_OF_INPUT)
        assert terminal.end() == 0
    assert (tmp_path / "out").read_text(encoding="utf-8") == "OK revision 1\na\nb\n"


def test_a_signal_leaves_the_terminal_as_it_was(cluster: Cluster, tmp_path: Path) -> None:
    with shell(cluster, tmp_path) as terminal:
        terminal.see(PROMPT)
        assert not is_line_mode(terminal)
        os.kill(terminal.child.pid, signal.SIGTERM)
        assert terminal.end() == 128 + signal.SIGTERM
        assert is_line_mode(terminal)


def is_line_mode(terminal: Terminal) -> bool:
    return bool(termios.tcgetattr(terminal.child.child_fd)[3] & termios.ICANON)


def test_a_closed_terminal_ends_the_client(cluster: Cluster, tmp_path: Path) -> None:
    with shell(cluster, tmp_path) as terminal:
        terminal.see(PROMPT)
        assert terminal.hang_up() == -signal.SIGHUP
