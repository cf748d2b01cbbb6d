"""The parts of the demo that need no cluster: measuring, reading logs, printing."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from server.demo import logs as demo_logs
from server.demo.load import longest_pause, strip
from server.demo.show import Show

LOG = """\
2026-11-21 03:04:05.100 [proposer] propose slot=41 ballot=7.1 commands=2 to=3 acceptors
2026-11-21 03:04:05.300 [proposer] chosen slot=41 ballot=7.1 acceptors=1,2
2026-11-21 03:04:05.310 [learner] commit slot=41 commands=2 revision=77
2026-11-21 03:04:06.310 [learner] commit slot=412 commands=1 revision=78
2026-11-21 03:04:07.000 [acceptor] WARNING FAILED incarnation=1 reason=failed on purpose
no time here
2026-11-21 03:04:08.000 [acceptor] RESTARTED incarnation=2 promised=7.1 accepted=12
"""
OTHER = """\
2026-11-21 03:04:05.200 [acceptor] accept slot=41 ballot=7.1 bytes=180 durable
2026-11-21 03:04:05.320 [learner] commit slot=41 commands=2 revision=77
2026-11-21 03:04:09.000 [learner] commit slot=500 commands=0 revision=78
"""


@pytest.fixture
def logs(tmp_path: Path) -> dict[int, Path]:
    files = {1: tmp_path / "one", 2: tmp_path / "two", 3: tmp_path / "missing"}
    files[1].write_text(LOG)
    files[2].write_text(OTHER)
    return files


def test_the_lines_of_one_slot_come_from_all_logs_by_time(logs: dict[int, Path]) -> None:
    lines = demo_logs.of_slot(logs, 41)
    assert [(line.time, line.replica) for line in lines] == [
        ("03:04:05.100", 1),
        ("03:04:05.200", 2),
        ("03:04:05.300", 1),
        ("03:04:05.310", 1),
        ("03:04:05.320", 2),
    ]
    assert lines[1].text == "[acceptor] accept slot=41 ballot=7.1 bytes=180 durable"


def test_how_one_leader_followed_another(tmp_path: Path) -> None:
    file = tmp_path / "log"
    news = [
        "leads replica=2 ballot=1.2",
        "leads replica=2 ballot=1.2 but a connection to it was refused or reset",
        "campaign ballot=2.1 from slot=9",
        "promise",
        "leads no more replica=2 ballot=1.2 after=8.0s reason=this replica won ballot 2.1",
        "leads replica=1 ballot=2.1 (this replica)",
        "leads replica=1 ballot=2.1 open after=0.004s",
        "leads replica=3 ballot=3.3",
    ]
    file.write_text("".join(f"2026-11-21 03:04:0{n} [proposer] {a}\n" for n, a in enumerate(news)))
    lines = [
        line.text.removeprefix("[proposer] ") for line in demo_logs.of_succession({1: file}, 2, 1)
    ]
    assert lines == [news[1], news[2], *news[4:7]]
    assert demo_logs.of_succession({1: file}, 1, 1) == []


def test_the_slot_to_show_is_the_one_that_most_logs_have(logs: dict[int, Path]) -> None:
    assert demo_logs.newest_slot(logs) == 41
    assert demo_logs.newest_slot({3: logs[3]}) is None


def test_the_lines_of_one_round_of_votes_come_from_all_logs_by_time(tmp_path: Path) -> None:
    files = {one: tmp_path / str(one) for one in (1, 2, 3)}
    begin = "2026-11-21 03:04:0"
    files[1].write_text(
        f"{begin}1 [manager] PREPARE round=7 view=1\n"
        f"{begin}2 [participant] VOTE ACK manager=1 round=7\n"
        f"{begin}4 [manager] VOTES from=2 round=7 ack=1 abort=0\n"
        f"{begin}5 [manager] GO COMMIT to=2 transactions=7,8\n"
        f"{begin}5 [manager] GO COMMIT to=2 transactions=77\n"
    )
    files[2].write_text(
        f"{begin}3 [participant] VOTE ACK manager=1 round=7\n"
        f"{begin}3 [participant] VOTE ACK manager=3 round=7\n"
        f"{begin}6 [participant] GO COMMIT revision=4 manager=1 transaction=7\n"
        f"{begin}7 [participant] GO COMMIT revision=4 manager=1 transaction=70\n"
        f"{begin}8 [participant] VOTE ACK manager=1 round=70\n"
    )
    assert demo_logs.newest_round(files) == (1, 7)
    lines = demo_logs.of_round(files, 1, 7)
    assert [(line.time[-1], line.replica) for line in lines] == [
        ("1", 1), ("2", 1), ("3", 2), ("4", 1), ("5", 1), ("6", 2),
    ]  # fmt: skip
    assert demo_logs.newest_round({3: files[3]}) is None


def test_the_failure_of_a_role(logs: dict[int, Path]) -> None:
    failed, restarted = demo_logs.of_failure(logs, 1, "acceptor")
    assert "FAILED" in failed.text
    assert "RESTARTED" in restarted.text
    assert demo_logs.of_failure(logs, 1, "learner") == []


@pytest.mark.parametrize(
    ("moments", "pause"),
    [
        ([], (10.0, 10.0)),
        ([1.0, 2.0, 9.0], (7.0, 9.0)),
        ([4.0], (6.0, 10.0)),
        ([-3.0, 5.0, 12.0], (5.0, 10.0)),
    ],
)
def test_the_longest_pause(moments: list[float], pause: tuple[float, float]) -> None:
    assert longest_pause(moments, 0.0, 10.0) == pause


def test_the_strip_counts_every_moment_once() -> None:
    assert strip([0.0, 0.1, 0.9, 1.0, 1.9, 2.0], 0.0, 2.0, 4) == [2, 1, 1, 1]
    assert strip([1.0], 0.0, 2.0, 3) == [0, 1, 0]


def test_plain_output_has_no_escapes_and_keeps_brackets() -> None:
    out = io.StringIO()
    show = Show(plain=False, out=out)
    show.title("Title", "words")
    show.act(1, "An act", "what to look for")
    show.moment(1.5, "[acceptor] failed", "bold red")
    show.check(True, "fine")
    show.check(False, "not fine")
    show.table(("a", "b"), [("1", "[x]")])
    show.strip([0, 5, 10], {1: "x"}, "caption")
    with show.progress():
        show.tick(1.0, "too early for a line")
    show.verdict(False, "see above")
    text = out.getvalue()
    assert "\x1b" not in text
    for part in ("[acceptor] failed", "  ok  fine", "FAILED  not fine", "| [x] |", "1.50 s"):
        assert part in text
    assert "too early" not in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plain", [True, False])
def test_on_a_terminal_everything_fits_and_breaks_at_words(
    monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    show = Show(plain=plain, out=out)
    words = "word-with-parts " * 9
    show.say(words)
    show.moment(1.5, words, "bold red")
    show.check(True, words)
    show.verdict(False, words)
    lines = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).split().count("word-with-parts") == 4 * 9
    continued = [line for line in lines if line.strip().startswith("word")]
    assert all(line.startswith("   ") for line in continued), "the rest of a line is indented"


@pytest.mark.parametrize(("columns", "address"), [(80, False), (120, True)])
def test_the_table_leaves_out_a_column_where_it_would_be_too_wide(
    monkeypatch: pytest.MonkeyPatch, columns: int, address: bool
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    row = (
        "1",
        "up",
        "follower",
        "12.1",
        "123456",
        "12345",
        "01234567",
        "4194303",
        "127.0.0.1:29477",
    )
    names = ("id", "state", "role", "ballot", "applied", "keys", "digest", "pid", "address")
    Show(plain=True, out=out).table(names, [row], spare="address")
    assert max(map(len, out.getvalue().splitlines())) <= columns
    assert "4194303" in out.getvalue()
    assert ("29477" in out.getvalue()) == address
