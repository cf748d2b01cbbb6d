"""Acts by hand: a run is the same up to its act, another one after it, and the same each time."""

from __future__ import annotations

import pytest

from kvrmi.sim.acts import ACTS, read
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.run import Ended, run
from kvrmi.sim.seen import Fate, Happened, Left, Seen

MOMENT = 1.5


def play(*acts: str, protocol: str = "paxos", seed: int = 11) -> tuple[list[Seen], Ended]:
    seen: list[Seen] = []
    ended = run(
        PROTOCOLS[protocol], seed, steps=800, onlooker=seen.append, acts=[read(act) for act in acts]
    )
    return seen, ended


def happened(seen: list[Seen]) -> list[tuple[int | str, str]]:
    return [(one.who, one.text) for one in seen if isinstance(one, Happened)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("act", [f"{MOMENT} kill 2", f"{MOMENT} isolate 1", f"{MOMENT} stop 3"])
def test_the_run_is_the_same_up_to_the_act(protocol: str, act: str) -> None:
    before, ended = play(protocol=protocol)
    after, _ = play(act, protocol=protocol)
    shared = [one for one in before if one.at <= MOMENT]
    assert after[: len(shared)] == shared
    what = act.partition(" ")[2]
    assert ("fault", f"by hand: {what}") in happened(after)
    assert after[len(shared) :] != before[len(shared) :]
    assert not ended.violation


def test_the_same_acts_make_the_same_run() -> None:
    acts = (f"{MOMENT} fail 1 acceptor", "1.7 restart 1 acceptor", "1.8 cut 2 3", "2 mend")
    assert play(*acts) == play(*acts)


def fates(seen: list[Seen]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for one in seen:
        if isinstance(one, Fate):
            found.setdefault(one.id, []).append(one.fate)
    return found


def test_a_message_is_lost_that_is_named() -> None:
    seen, _ = play()
    sent = [one for one in seen if isinstance(one, Left) and one.at > MOMENT]
    between = (m.id for one in sent for m in one.mail if m.to.replica != one.who.replica)
    id = next(id for id in between if fates(seen)[id] == ["arrived"])
    after, _ = play(f"{MOMENT} lose {id}")
    assert fates(after)[id] == ["lost"]


def test_what_is_killed_by_hand_is_back_when_all_faults_end() -> None:
    seen, ended = play(f"{MOMENT} kill 2")
    assert not ended.violation
    assert (2, "process", "started") in [
        (one.who, one.what, one.text)
        for one in seen
        if isinstance(one, Happened) and one.at > MOMENT
    ]


def test_an_act_after_all_faults_does_nothing() -> None:
    plain, _ = play()
    seen, ended = play("9000 kill 2")
    assert seen == plain
    end = max(one.at for one in plain)
    seen, ended = play(f"{end - 0.01!r} kill 2")
    assert any("too late" in text for _, text in happened(seen))
    assert not ended.violation


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its moment"),
        ("kill 2", "its moment"),
        ("nan kill 2", "its moment"),
        ("-1 kill 2", "its moment"),
        ("1.5", "names no act; there are: kill"),
        ("1.5 explode 2", "names no act"),
        ("1.5 kill", "kill is written: SECONDS kill REPLICA"),
        ("1.5 kill 2 3", "kill is written"),
        ("1.5 kill two", "by their numbers"),
        ("1.5 fail 2 ../x", "fail is written"),
    ],
)
def test_what_is_no_act_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(text)


@pytest.mark.parametrize(
    ("act", "why"),
    [("2 kill 9", "there is no replica 9; there are: 1, 2"), ("2 fail 1 front", "no role 'front'")],
)
def test_an_act_on_what_is_not_there_is_refused(act: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        play(act)


def test_every_act_says_what_it_does() -> None:
    assert all(kind.about for kind in ACTS.values())
    assert str(read("1.6074 kill 2")) == "1.6074 kill 2"
