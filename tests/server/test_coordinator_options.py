"""The command line of the coordinator: what is taken, what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from server.__main__ import main as server
from server.coordinator import found, stop
from server.coordinator.event import ScriptedEvent
from server.coordinator.options import parse

EVENT = "--down-after 45 --back-after 20 --victim 3"


def test_without_flags_nothing_is_asked_for() -> None:
    chosen = parse([])
    assert (chosen.data, chosen.replicas, chosen.base_port, chosen.host) == (None,) * 4
    assert not chosen.ephemeral
    assert not chosen.demo
    assert chosen.event is None


def test_everything_at_once() -> None:
    line = "--replicas 3 --engine paxos --data d --base-port 12000 --host ::1 --demo --plain"
    chosen = parse([*line.split(), *EVENT.split(), "--seed", "7"])
    assert (chosen.replicas, chosen.data, chosen.base_port) == (3, Path("d"), 12000)
    assert chosen.event == ScriptedEvent(45.0, 20.0, 3)
    assert (chosen.host, chosen.seed, chosen.demo, chosen.plain) == ("::1", 7, True, True)


def test_what_others_are_told_need_not_be_where_it_listens() -> None:
    chosen = parse(["--host", "0.0.0.0", "--advertise", "localhost"])
    assert (chosen.host, chosen.advertise) == ("0.0.0.0", "localhost")
    assert parse(["--advertise", "localhost"]).advertise == "localhost"


def test_the_demo_has_an_event_of_its_own() -> None:
    event = parse(["--demo"]).event
    assert event is not None
    assert event.victim is None
    assert event.down_after + event.back_after < 20


def test_chaos_is_the_nemesis_with_the_same_words() -> None:
    line = "--chaos links --fail-every 2-3.5 --restart-after 4 --amnesia --seed 7 --chaos-minutes 2"
    assert parse(line.split()).chaos == [
        *("--only", "links", "--amnesia", "--fail-every", "2-3.5", "--restart-after", "4"),
        *("--minutes", "2.0", "--seed", "7"),
    ]
    assert parse(["--chaos"]).chaos == ["--only", "all"]
    single = "--chaos processes --engine single"
    assert parse(single.split()).chaos == ["--only", "processes"]
    assert parse([]).chaos is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--down-after 3", "belong together"),
        ("--chaos disks", "invalid choice"),
        ("--chaos --fail-every 8-3", "no number of seconds"),
        ("--chaos --fail-every 0", "no number of seconds"),
        ("--chaos --demo", "without --demo"),
        ("--chaos --engine 2pc", "of it only processes or links can be failed, not all; nothing"),
        ("--chaos links --engine single", "of it only processes can be failed, not links"),
        ("--chaos processes --amnesia --engine 2pc", "what is on a lost disk is lost there"),
        ("--chaos processes --engine etcd", "it promises what another store does"),
        ("--chaos links --engine 2pc --replicas 1", "at least 2 replicas"),
        ("--chaos --replicas 2", "at least 3 replicas"),
        ("--amnesia", "--amnesia needs --chaos"),
        ("--restart-after 3", "--restart-after needs --chaos"),
        ("--back-after 3", "belong together"),
        ("--victim 2", "--victim needs"),
        ("--seed 5", "--seed needs --demo or --chaos"),
        ("--data=", "argument --data: it is empty"),
        ("--engine single --votes all", "--votes is for engine 2pc, and this one is single"),
        ("--demo --victim 6", "only 5 replicas"),
        ("--demo --replicas 2", "three replicas"),
        ("--demo --engine etcd --replicas 3", "engine etcd has none"),
        ("--replicas 0", "not a whole number from 1 to 99"),
        ("--replicas x", "not a whole number"),
        ("--base-port 70000", "not a whole number from 1 to 65535"),
        ("--down-after nan --back-after 1", "not a number of seconds"),
        ("--down-after -1 --back-after 1", "not a number of seconds"),
        ("--host 0.0.0.0", "--host 0.0.0.0 listens on every address of this machine: also give"),
        ("--host ::", "also give --advertise H"),
        ("--host 0.0.0.0 --advertise 0.0.0.0", "--advertise 0.0.0.0: give one name"),
        ("--advertise=", "argument --advertise: it is empty"),
        ("--advertise no..host", "knows no address"),
        ("--engine postgres", "engine 'postgres' is not available, use paxos"),
        ("--keep", "--keep is for"),
        ("--keep --ephemeral --data d", "--keep is for"),
        ("--havoc", "unrecognized arguments"),
        ("--tcp-port 0", "not a whole number from 1 to 65535"),
    ],
)
def test_what_is_wrong_is_said(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("program", [parse, found.main, stop.main, server])
def test_a_file_is_no_data_folder(
    program: Callable[[list[str]], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        program(["--data", str(tmp_path / "file")])
    assert ended.value.code == 2
    assert "file is a file, not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["--engine raft", "--etcd-endpoints a --engine single", "--host 0.0.0.0", "--victim 2"]
)
def test_what_does_not_go_together_is_one_line(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert line.split()[0].strip("-") in printed
