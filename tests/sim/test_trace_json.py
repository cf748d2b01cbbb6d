"""A run's records and their JSON lines: complete, in order, and of the run that nobody sees."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kvrmi.roles.contract import Address
from kvrmi.sim.__main__ import main
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.paxos.parts import make_world
from kvrmi.sim.paxos.profiles import PROFILES
from kvrmi.sim.run import run
from kvrmi.sim.seen import Acted, Began, Fate, Left, Life, Links, Seen, State
from kvrmi.sim.trace import Lines
from kvrmi.sim.twophase.histories import TWOPHASE

SEEDS = range(len(PROFILES))
STEPS = 600
SCENARIOS = Path(__file__).parents[2] / "kvrmi" / "sim" / "scenarios"


def seen(seed: int, **options: Any) -> list[Seen]:
    records: list[Seen] = []
    run(PAXOS, seed, steps=STEPS, onlooker=records.append, **options)
    return records


@pytest.fixture(scope="module")
def runs() -> dict[int, list[Seen]]:
    return {seed: seen(seed) for seed in SEEDS}


def test_a_run_that_is_seen_is_the_same_run(runs: dict[int, list[Seen]]) -> None:
    for seed in range(4):
        again: list[Seen] = []
        came = run(PAXOS, seed, steps=STEPS, onlooker=again.append)
        assert again == runs[seed]
        assert came == run(PAXOS, seed, steps=STEPS)


def test_every_message_leaves_once_and_has_a_fate(runs: dict[int, list[Seen]]) -> None:
    for seed, records in runs.items():
        sent: set[int] = set()
        fates: dict[int, list[str]] = {}
        for one in records:
            if isinstance(one, Left):
                assert not sent & {mail.id for mail in one.mail}
                sent |= {mail.id for mail in one.mail}
            elif isinstance(one, Fate):
                assert one.id in sent, f"seed {seed}: {one}"
                fates.setdefault(one.id, []).append(one.fate)
        assert sent == set(fates), f"seed {seed}"
        for each in fates.values():
            assert each.count("arrived") <= 1
            assert "repeated" not in each or each.index("arrived") < each.index("repeated")


def test_all_fates_occur(runs: dict[int, list[Seen]]) -> None:
    fates = Counter(one.fate for records in runs.values() for one in records if type(one) is Fate)
    assert {"arrived", "repeated", "late", "lost", "cut", "refused", "open"} <= set(fates)


def test_a_cause_was_handled_by_the_role_that_sends(runs: dict[int, list[Seen]]) -> None:
    """Also where the disk was written in between; news of the network are of a question's asker."""
    for records in runs.values():
        to: dict[int, object] = {}
        handled: set[int] = set()
        for one in records:
            if isinstance(one, Fate) and one.fate == "arrived":
                handled.add(one.id)
            elif isinstance(one, Left):
                if one.cause and type(one.mail[0].message).__name__ not in ("NoAnswer", "NotSent"):
                    assert to[one.cause] == one.who
                    assert one.cause in handled
                to |= {mail.id: mail.to for mail in one.mail}
            elif isinstance(one, Acted) and one.cause:
                assert one.cause in handled


def test_a_promise_is_caused_by_what_asked_for_it(runs: dict[int, list[Seen]]) -> None:
    messages = {
        mail.id: mail.message for one in runs[0] if isinstance(one, Left) for mail in one.mail
    }
    causes = {
        type(messages[one.cause]).__name__
        for one in runs[0]
        if isinstance(one, Left) and type(one.mail[0].message).__name__ == "Promise"
    }
    assert causes == {"Prepare"}


def test_records_are_in_the_order_of_time_and_begin_with_who_is_there(
    runs: dict[int, list[Seen]],
) -> None:
    for records in runs.values():
        assert isinstance(records[0], Began)
        assert all(one.at <= other.at for one, other in pairwise(records))
        lives = [one for one in records if isinstance(one, Life)]
        assert len({one.who for one in lives if one.up}) == 4 * len(records[0].replicas)
    assert any(isinstance(one, Links) for records in runs.values() for one in records)


def test_json_lines_are_what_was_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.jsonl"
    words = ["--seed", "3", "--steps", str(STEPS), "--trace"]
    assert main([*words, "--trace-json", str(file)]) == 0
    first, *lines, last = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert (first["kind"], first["format"], first["profile"]) == ("run", 1, "network")
    assert (last["kind"], last["violation"]) == ("end", "")
    records = seen(3)
    assert [line["kind"] for line in lines] == [type(one).__name__.lower() for one in records]
    (prepare,) = [
        mail
        for line in lines
        if line["kind"] == "left"
        for mail in line["mail"]
        if mail["type"] == "Prepare" and mail["to"] == "r2.acceptor"
    ][:1]
    assert prepare["fields"]["ballot"] == {"round": 1, "replica": 1}
    text: list[str] = []
    run(PAXOS, 3, steps=STEPS, onlooker=Lines(text.append))
    assert capsys.readouterr().out.splitlines()[: len(text)] == text


def test_values_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    assert main(["--seed", "1", "--steps", "600", "--trace-json", str(file)]) == 0
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    mails = [mail for line in lines if line["kind"] == "left" for mail in line["mail"]]
    assert all(set(m["fields"]["value"]) == {"b64"} for m in mails if m["type"] == "Accept")


def test_a_planted_bug_ends_with_its_violation(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    words = ["--seed", "0", "--plant", "quorum-of-two", "--trace-json", str(file)]
    assert main(words) == 1
    lines = file.read_text("utf-8").splitlines()
    assert json.loads(lines[0])["plant"] == "quorum-of-two"
    assert json.loads(lines[-1])["violation"]


def test_a_scenario_is_recorded_with_its_lines_and_what_it_drops(tmp_path: Path) -> None:
    script, file = tmp_path / "script", tmp_path / "run.jsonl"
    script.write_text(
        "replicas 3\nuntil 1 leads\ncut 1 -> 2\nput k v at 1\nexpect 1 leads\n", encoding="utf-8"
    )
    assert main(["--script", str(script), "--trace-json", str(file)]) == 0
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert "cut 1 -> 2" in [line["text"] for line in lines if line.get("who") == "script"]
    assert {"kind": "links", "cut": [[1, 2]]}.items() <= next(
        line for line in lines if line["kind"] == "links"
    ).items()
    assert any(line["kind"] == "fate" and line["fate"] == "cut" for line in lines)
    assert lines[-1] == {"kind": "end", "violation": ""}


@pytest.mark.parametrize("more", [["--seeds", "0..1"], ["--bugs", "fence-missing"]])
def test_it_is_for_one_run(more: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([*more, "--trace-json", str(tmp_path / "x")])


def test_a_file_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "no" / "x")
    assert main(["--seed", "1", "--steps", "50", "--trace-json", file]) == 6
    assert f"{file}: No such file or directory" in capsys.readouterr().err


def test_states_follow_promises(runs: dict[int, list[Seen]]) -> None:
    abouts = [
        str(one.fields["about"])
        for one in runs[0]
        if isinstance(one, State) and one.who == Address(2, "acceptor")
    ]
    assert abouts[0] == "promised=0.0 accepted=0"
    assert abouts[1] == "promised=1.1 accepted=0"


def test_another_protocol_is_recorded_as_well() -> None:
    records: list[Seen] = []
    run(TWOPHASE, 1, steps=STEPS, onlooker=records.append)
    sent = {mail.id for one in records if isinstance(one, Left) for mail in one.mail}
    assert sent
    assert sent == {one.id for one in records if isinstance(one, Fate)}


@pytest.mark.parametrize("fate", ["lost", "cut"])
def test_what_never_arrives_says_why_at_once(fate: str) -> None:
    records: list[Seen] = []
    world = make_world("never", 3, onlooker=records.append)
    world.run(1.0)
    begun, network = len(records), world.network
    if fate == "lost":
        network.loss = 1.0
    else:
        network.cuts |= {(one, other) for one in world.ids for other in world.ids if one != other}
    world.run(1.0)
    left = [one for one in records[begun:] if isinstance(one, Left)]
    away = {
        mail.id
        for one in left
        for mail in one.mail
        if mail.to.replica != one.who.replica
        and type(mail.message).__name__ in ("Heartbeat", "PreVote", "Heard")
    }
    assert away
    fates = {one.id: one.fate for one in records[begun:] if isinstance(one, Fate)}
    assert {fates.get(id) for id in away} == {fate}
