"""What is printed, on a terminal and elsewhere."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from client.progress import progress
from client.render import Printer, encoded
from client.tables import table
from kvrmi.errors import InvalidRequest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _status(**changes: Any) -> dict[str, Any]:
    entry = {
        "id": 1, "state": "up", "pid": 7, "role": "leader", "ballot": [3, 1], "applied": 5,
        "chosen": 5, "revision": 4, "keys": 2, "digest": "0123456789", "address": "h:1",
        "roles": {"acceptor": {"state": "up"}, "learner": {"state": "down"}},
    }  # fmt: skip
    head = {"cluster": "c", "engine": "paxos", "leader": 1, "successor": None, "quorum": 1}
    return head | {"health": "serving", "replicas": [entry | changes]}


def test_values_cannot_move_the_cursor_of_a_terminal() -> None:
    evil = "a\x1b[2J\r[/x]\u202e"
    assert Printer(as_json=False, out=Terminal()).shown(evil) == r'"a\x1b[2J\r[/x]\u202e"'
    assert Printer(as_json=False, out=io.StringIO()).shown(evil) == evil


def test_lines_of_an_answer_break_at_words_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    row = '9     2.1     decided  put "k" "New York" by ana/7'
    broken = ['9     2.1     decided  put "k"', '    "New York" by ana/7']
    assert Printer(as_json=False, out=Terminal()).fitted([row, "", "short"]) == [
        *broken,
        "",
        "short",
    ]
    assert Printer(as_json=False, out=io.StringIO()).fitted([row]) == [row]


def test_bytes_are_shown_alike_everywhere() -> None:
    for out in (Terminal(), io.StringIO()):
        assert Printer(as_json=False, out=out).shown("Zürich\0".encode()) == r'b"Zürich\x00"'


def test_long_values_are_cut_on_a_terminal_only() -> None:
    value = "x" * 2000
    assert len(Printer(as_json=False, out=Terminal()).shown(value)) <= 500
    assert Printer(as_json=False, out=Terminal()).shown(value, None) == value
    assert Printer(as_json=False, out=io.StringIO()).shown(value) == value


def test_raw_bytes_and_nothing_else() -> None:
    out = io.TextIOWrapper(io.BytesIO())
    Printer(as_json=False, out=out).raw(b"\0\xff\x1b")
    assert out.buffer.getvalue() == b"\0\xff\x1b"


def test_raw_bytes_that_a_terminal_would_obey_are_refused_there() -> None:
    terminal = Terminal()
    Printer(as_json=False, out=terminal).raw("zwei\n\tZeilen é".encode())
    assert terminal.getvalue() == "zwei\n\tZeilen é\n", "the prompt begins a line of its own"
    with pytest.raises(InvalidRequest, match="terminal"):
        Printer(as_json=False, out=terminal).raw(b"\x1b[2J")
    assert terminal.getvalue() == "zwei\n\tZeilen é\n"


def test_what_matters_less_follows_the_last_line() -> None:
    out = Terminal()
    Printer(as_json=False, out=out).result(["[a]", "[/b]"], {}, "  (1 ms)")
    assert re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()) == "[a]\n[/b]  (1 ms)\n"


def test_what_has_no_room_beside_it_follows_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for length, between in ((31, "  "), (32, "\n"), (40, "  "), (73, "\n")):
        out = Terminal()
        Printer(as_json=False, out=out).result(["x" * length], {}, "  (1.5 s)")
        shown = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
        assert shown == f"{'x' * length}{between}(1.5 s)\n"


def test_status_is_plain_in_a_pipe() -> None:
    out = io.StringIO()
    Printer(as_json=False, out=out).status(_status())
    head, names, row, remark = out.getvalue().splitlines()
    assert head == "cluster c  engine paxos  leader 1  successor -  quorum 1  health serving"
    assert names.split()[:4] == ["id", "state", "role", "ballot"]
    assert row.split()[:4] == ["1", "up", "leader", "3.1"]
    assert "01234567 " in row
    assert remark == "replica 1: learner down"


def test_status_of_a_silent_replica() -> None:
    out = io.StringIO()
    silent: dict[str, Any] = dict.fromkeys(("role", "ballot", "digest", "roles", "pid", "keys"))
    silent["reason"] = "its process does not answer"
    Printer(as_json=False, out=out).status(_status(state="down", **silent))
    assert out.getvalue().splitlines()[2].split()[:4] == ["1", "down", "-", "-"]
    assert out.getvalue().splitlines()[3] == "replica 1: its process does not answer"


def test_status_shows_notes_and_cuts() -> None:
    out = io.StringIO()
    cuts = [[1, 3], [3, 1], [2, 1]]
    Printer(as_json=False, out=out).status(_status(cuts=cuts, roles={}, notes=["timing differs"]))
    assert out.getvalue().splitlines()[3:] == ["replica 1: timing differs", "cut links: 1-3, 2>1"]


def test_status_shows_what_several_replicas_note_once() -> None:
    out = io.StringIO()
    status = _status(roles={}, notes=["timing differs"])
    status["replicas"].append({**status["replicas"][0], "id": 2})
    Printer(as_json=False, out=out).status(status)
    assert out.getvalue().splitlines()[4:] == ["replicas 1, 2: timing differs"]


def test_status_says_how_far_a_snapshot_has_come() -> None:
    out = io.StringIO()
    progress = {"peer": 2, "keys": 500, "of": 2000, "bytes": 70000}
    Printer(as_json=False, out=out).status(_status(roles={}, restoring=progress))
    remark = "replica 1: restoring from replica 2, 500 of 2000 keys"
    assert out.getvalue().splitlines()[3:] == [remark]


def test_status_names_the_clients_that_are_connected() -> None:
    out = io.StringIO()
    clients = [{"name": name, "address": "h:1", "since": ""} for name in ("b", "a", "b")]
    status = _status(roles={}, clients=clients)
    status["replicas"].append({**status["replicas"][0], "id": 2, "clients": clients[:1]})
    Printer(as_json=False, out=out).status(status)
    line = out.getvalue().splitlines()[-1]
    assert line == "clients: a (replica 1), b (replicas 1, 2)"


def test_status_names_so_many_clients_only() -> None:
    out = io.StringIO()
    clients = [{"name": f"c{number:02}"} for number in range(12)]
    Printer(as_json=False, out=out).status(_status(roles={}, clients=clients))
    line = out.getvalue().splitlines()[-1]
    assert line.startswith("clients: c00 (replica 1), ")
    assert line.endswith("c09 (replica 1), 2 more")


@pytest.mark.parametrize("state", ["up", "not answering"])
@pytest.mark.parametrize("columns", [20, 40, 80, 100, 140])
def test_status_fits_its_terminal_and_grows_with_it(
    monkeypatch: pytest.MonkeyPatch, columns: int, state: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = Terminal()
    large: dict[str, Any] = {"applied": 12345678, "keys": 1234567, "pid": 4194303}
    large |= {"address": "127.0.0.1:26470", "ballot": [123, 1], "chosen": 12345678}
    why = "its process runs but does not answer, " * 5
    Printer(as_json=False, out=out).status(_status(**large, state=state, reason=why))
    shown = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()).splitlines()
    assert max(map(len, shown)) <= columns
    text = "\n".join(shown)
    names = next(line.split() for line in shown if line.startswith("id "))
    assert {"id", "state"} <= set(names)
    assert columns < 40 or ("pid" in names and "4194303" in text)
    assert columns <= 80 or "address" in names
    assert columns < 140 or {"chosen", "revision"} < set(names)
    words = text.partition("replica 1:")[2].split()
    assert words.count("process") == 5, "lines break between words"


def test_a_long_note_breaks_at_words_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = "replica 3 does not answer; replica 1 answers now"
    for err, lines in ((Terminal(), 2), (io.StringIO(), 1)):
        Printer(as_json=False, out=io.StringIO(), err=err).note(text)
        shown = err.getvalue().splitlines()
        assert len(shown) == lines
        assert " ".join(line.strip() for line in shown) == text


def test_an_interrupt_is_reported_over_the_terminals_own_mark() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for err in (terminal, pipe):
        Printer(as_json=False, err=err).error("INTERRUPTED", "nothing was changed")
    assert terminal.getvalue().startswith("\r")
    assert pipe.getvalue() == "INTERRUPTED: nothing was changed\n"


def test_a_long_error_breaks_at_words_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = "nothing was done because " * 10 + "STATUS shows which replicas are up"
    terminal, pipe = Terminal(), io.StringIO()
    Printer(as_json=False, err=terminal).error("NO_QUORUM", text)
    Printer(as_json=False, err=pipe).error("NO_QUORUM", text)
    lines = re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue()).splitlines()
    assert pipe.getvalue().count("\n") == 1
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80
    assert " ".join(line.rstrip() for line in lines) + "\n" == pipe.getvalue()


def test_tables_have_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    table(out, ["id", "state"], [["1", "up"]], colours={"up": "green"})
    assert "\x1b[32mup" in out.getvalue()


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out, err = Terminal(), Terminal()
    table(out, ["state"], [["up"]], colours={"up": "green"})
    Printer(as_json=False, out=out, err=err).error("INVALID", "wrong")
    assert "\x1b[3" not in out.getvalue()
    assert "\x1b[3" not in err.getvalue()


def test_an_error_is_one_line_with_advice() -> None:
    err = io.StringIO()
    printer = Printer(as_json=False, err=err)
    printer.error("NO_QUORUM", "2 of 5 replicas answer,\nnothing was done " + "x" * 200)
    assert err.getvalue().startswith("NO_QUORUM: 2 of 5")
    assert err.getvalue().count("nothing was done") == 1
    assert err.getvalue().endswith("; STATUS shows which replicas are up\n")
    assert err.getvalue().count("\n") == 1


@pytest.mark.parametrize("code", ["INVALID", "UNAVAILABLE"])
def test_what_was_not_done_is_said_once(code: str) -> None:
    err = io.StringIO()
    Printer(as_json=False, err=err).error(code, "there is no replica 9; nothing was cut")
    assert err.getvalue() == f"{code}: there is no replica 9; nothing was cut\n"


def test_markup_in_errors_is_not_obeyed() -> None:
    err = io.StringIO()
    Printer(as_json=False, err=err).error("INVALID", "[red]x[/] :smile: nothing was done")
    assert err.getvalue() == "INVALID: [red]x[/] :smile: nothing was done\n"


def test_encoded() -> None:
    coded = {"data": "AA==", "encoding": "base64"}
    assert encoded(["a", b"\0", ["k", b"\0"]]) == ["a", coded, ["k", coded]]


def test_lines_stand_above_a_bar_that_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stderr", terminal)
    printer = Printer(as_json=False, out=io.StringIO())
    with progress("deleted", 10):
        printer.note("replica 2 answers now")
    wiped = "\r\x1b[2K"
    assert f"{wiped}replica 2 answers now\n" in terminal.getvalue()


def test_bytes_within_a_result_are_base64_in_json() -> None:
    out = io.StringIO()
    Printer(as_json=True, out=out).result((), {"blocks": [{"args": ["k", b"\x89P"]}]})
    coded = {"data": "iVA=", "encoding": "base64"}
    assert json.loads(out.getvalue()) == {"ok": True, "blocks": [{"args": ["k", coded]}]}
