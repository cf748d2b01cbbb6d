"""Space-time diagrams of event rings made by hand: order, clocks, what is lost, how it is drawn."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.lab import program
from client.trace import html, mermaid
from client.trace.drawing import drawn
from client.trace.jsonl import _SPOKEN, lines
from client.trace.merged import Diagram, merged
from client.trace.messages import _CAME, _SENT, ARRIVED, CUT, LOST, REFUSED, UNKNOWN, messages
from client.trace.program import _since
from client.trace.rings import Rings
from client.trace.selection import NotKept, Wish, selected
from tests.client.lab.test_page_modules import node

from .making import decision, event, ring, rings

CUT_3 = event(1.0, "links", "cut", "CUT from=1 to=3", peer=3)
CAMPAIGN = event(2.0, "proposer", "campaign", slot=5, ballot="2.1")


PAGE = Path(program.__file__).parent / "page"


def of_three(**how: Any) -> Rings:
    first, second, third = decision(7, 10.0)
    return rings(ring(1, first, **how), ring(2, second, **how), ring(3, third, **how))


def order(diagram: Diagram) -> list[tuple[int, str]]:
    return [(row.replica, row.event["event"]) for row in diagram.rows]


DECIDED = [
    (1, "propose"), (2, "accept"), (3, "accept"), (1, "accepted"), (1, "accepted"), (1, "chosen"),
]  # fmt: skip


def text(diagram: Diagram, width: int = 80) -> str:
    return "\n".join(line.text for line in drawn(diagram, width))


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3), st.floats(0.0, 3.0))
def test_causes_stand_above_effects_however_wrong_the_clocks_are(
    ahead: Sequence[float], late: float
) -> None:
    """The clocks are hours apart or unknown by seconds: order of messages alone is left."""
    first, second, third = decision(7, 10.0)
    each = [
        ring(id, events, clock=clock, late=late)
        for id, (events, clock) in enumerate(zip((first, second, third), ahead, strict=True), 1)
    ]
    found = order(merged(rings(*each)))
    at = {(id, name): found.index((id, name)) for id, name in found}
    assert at[1, "propose"] < at[2, "accept"] < at[1, "chosen"]
    assert at[1, "propose"] < at[3, "accept"] < at[1, "chosen"]


def test_clocks_that_are_known_decide_where_causes_do_not() -> None:
    first, second, third = decision(7, 10.0)
    each = ring(1, first), ring(2, second, clock=7.0), ring(3, third, clock=-4.0)
    diagram = merged(rings(*each))
    assert order(diagram) == DECIDED
    assert not any(row.unsure for row in diagram.rows)


def test_messages_narrow_what_answers_leave_open() -> None:
    """Asked over a slow line, clocks are known to a second; messages there and back to 4 ms."""
    first, second, third = decision(7, 10.0)
    slow = ring(2, second)._replace(answered=102.0)  # most of the time was on the way back
    rows = merged(rings(ring(1, first), slow, ring(3, third))).rows
    assert max(row.at - rows[0].at for row in rows) < 0.02


def test_an_order_that_nothing_decides_is_marked() -> None:
    """The acceptance of 3, to that of 2 and to its being heard of."""
    diagram = merged(of_three(late=1.0))
    assert [row.replica for row in diagram.rows if row.unsure] == [3, 1]
    assert "~   " in text(diagram)
    assert "perhaps before the line above" in " ".join(text(diagram).split())


def test_replicas_of_one_host_share_a_clock() -> None:
    """Each answer left a second open; it is the same clock, so nothing is."""
    diagram = merged(of_three(late=1.0, host="h"))
    assert order(diagram) == DECIDED
    assert not any(row.unsure for row in diagram.rows)


def test_a_host_that_is_several_machines_has_several_clocks() -> None:
    first, second, third = decision(7, 10.0)
    each = [ring(n, e, host="h", clock=9.0 * n) for n, e in enumerate((first, second, third), 1)]
    assert order(merged(rings(*each))) == DECIDED


def test_what_did_not_arrive_is_cut_lost_or_unknown() -> None:
    first, second, _ = decision(7, 10.0)
    there = ring(1, first), ring(2, second)

    def fate(found: Rings) -> str:
        return next(one.fate for one in messages(found) if (one.kind, one.to) == ("Accept", 3))

    assert fate(rings(ring(1, [CUT_3, *first]), ring(2, second), ring(3, []))) == CUT
    failed = event(9.0, "acceptor", "failed", "FAILED incarnation=1")
    assert fate(rings(*there, ring(3, []))) == LOST
    assert fate(rings(*there, ring(3, [failed], clock=-3.0))) == REFUSED
    assert fate(rings(*there, ring(3, [], begins=50.0))) == UNKNOWN  # it was started later
    assert fate(rings(*there, silent={3: "it is down"})) == UNKNOWN


def test_what_was_sent_just_now_is_not_lost() -> None:
    first, second, _ = decision(7, 99.5)
    found = messages(rings(ring(1, first), ring(2, second), ring(3, [])))
    assert [one.fate for one in found if one.to == 3] == [UNKNOWN]


def test_a_prepare_that_was_sent_again_did_not_fly_for_minutes() -> None:
    promise = event(90.0, "acceptor", "promise", "promise accepted=0", ballot="2.1", peer=1)
    found = messages(rings(ring(1, [CAMPAIGN]), ring(2, [promise])))
    assert [(one.kind, one.fate, one.sent) for one in found if one.came] == [
        ("Prepare", ARRIVED, None)
    ]


def test_pre_votes_are_arrows_and_in_words() -> None:
    """Only news is reported, so when the question that is answered left is not known."""
    asks = "pre-vote ballot=4.2 heartbeat=3.1 ago=0.812s"
    no = "pre-voted ballot=4.2 to=2 no promised=3.1 lease=3.1 left=0.214s"
    yes = "pre-voted ballot=4.2 to=2 yes"
    asked = {"ballot": "4.2", "peer": 2}
    third = [
        event(10.01, "acceptor", "pre-voted", no, **asked),
        event(10.3, "acceptor", "pre-voted", yes, **asked),
    ]
    second = [event(10.0, "proposer", "pre-vote", asks, ballot="4.2")]
    found = rings(ring(1, []), ring(2, second, host="h"), ring(3, third, host="h"))
    drawn = [(one.kind, one.sender, one.to, one.sent) for one in messages(found)]
    assert drawn == [("PreVote", 2, 3, None)] * 2
    words = text(merged(found), 100)
    assert "asks who would promise 4.2; no heartbeat of 3.1 for 0.812 s" in " ".join(words.split())
    assert "would promise 4.2" in words


def test_the_picture() -> None:
    first, second, third = decision(7, 10.0)
    each = ring(1, [CUT_3, *first], host="h"), ring(2, second, host="h"), ring(3, third, host="h")
    found = selected(merged(rings(*each)), Wish(slot=7))
    assert [line.rstrip() for line in text(found).splitlines()[2:8]] == [
        '    0.0000  o   |   |    1 proposes slot 7 at 1.1: put "k"',
        "    0.0020  |-->o   |    2 accepts slot 7 at 1.1",
        "    0.0030  |------>o    3 accepts slot 7 at 1.1",
        "    0.0040  o<--|   |    1 hears that 2 accepted slot 7 (1 of 2)",
        "    0.0060  o<------|    1 hears that 3 accepted slot 7 (2 of 2)",
        "    0.0070  *   |   |    1 slot 7 is chosen, accepted by 2, 3",
    ]


def test_a_lost_message_and_a_silent_replica_are_in_the_picture() -> None:
    first, second, _ = decision(7, 10.0)
    each = ring(1, [CUT_3, *first]), ring(2, second), ring(3, [])
    shown = text(merged(rings(*each, silent={4: "it is down"})))
    assert "            o---x   |   :    Accept to 3: the link is cut" in shown
    assert "replica 4's own events are not here: it is down" in shown


def test_lines_fit_into_eighty_columns() -> None:
    long = event(11.0, "learner", "snapshot", "snapshot of " + "a very long story " * 9)
    first, second, third = decision(7, 10.0)
    each = ring(1, first), ring(2, second), ring(3, [*third, long])
    assert max(map(len, text(merged(rings(*each))).splitlines())) <= 80


def test_one_slot_with_the_trouble_around_it() -> None:
    first, second, third = decision(7, 10.0)
    other = decision(8, 10.001)[0]
    failed = event(10.0015, "learner", "failed", "FAILED incarnation=1")
    events = sorted([*first, *other], key=lambda one: float(one["time"]))
    each = ring(1, events), ring(2, [failed, *second]), ring(3, third)
    found = selected(merged(rings(*each)), Wish(slot=7))
    assert {row.event["slot"] for row in found.rows} == {0, 7}
    with pytest.raises(NotKept, match="the nearest is 8"):
        selected(merged(rings(*each)), Wish(slot=9))


def test_times_are_of_the_last_day() -> None:
    now = time.time()
    at = [_since(text) for text in ("30", "30s", "5m", "00:00", "23:59:59", "4:05")]
    assert at[0] == pytest.approx(now - 30, abs=5)
    assert at[2] == pytest.approx(now - 300, abs=5)
    assert all(now - 90_000 < one <= now + 5 for one in at)
    with pytest.raises(argparse.ArgumentTypeError, match="is no time"):
        _since("25:00")


def test_what_was_so_before_the_part_that_is_shown() -> None:
    """A role that was down, a link that was cut at both ends, a promise: known from before."""
    first, second, third = decision(7, 10.0)
    cut = event(2.0, "links", "cut", "CUT from=1 to=3", peer=3)
    healed = event(10.5, "links", "healed", "HEALED from=1 to=3", peer=3)
    promise = event(3.0, "acceptor", "promise", "promise ballot=1.1 to=1 accepted=0", peer=1)
    failed = event(4.0, "learner", "failed", "FAILED incarnation=1")
    each = (
        ring(1, [CUT_3, *first, healed]),
        ring(2, [promise, failed, *second]),
        ring(3, [cut, *third, {**healed, "time": 10.6}]),
    )
    made = map(json.loads, lines(selected(merged(rings(*each)), Wish(last=8))))
    found = [(one["at"], one) for one in made if one["kind"] in ("life", "state", "links")]
    begun = [one for at, one in found if at == 0.0]
    assert {"kind": "links", "cut": [[1, 3]], "at": 0.0} in begun
    assert any(one.get("who") == "r2.learner" and one.get("up") is False for one in begun)
    assert any(one.get("fields") == {"about": "promised=1.1 accepted=0"} for one in begun)
    assert [one["cut"] for at, one in found if at and one["kind"] == "links"] == [[]]


def test_the_page_in_one_file_holds_text_of_others_as_text() -> None:
    hostile = event(11.0, "learner", "commit", 'commit commands=1 revision=1: put "</script><b>"')
    first, second, third = decision(7, 10.0)
    made = "\n".join(
        html.lines(merged(rings(ring(1, first), ring(2, second), ring(3, [*third, hostile]))))
    )
    assert "</script><b>" not in made
    assert "replica 3 applies slot 0: put &quot;&lt;/script&gt;&lt;b&gt;&quot;" in made
    assert "3 accepts slot 7 at 1.1" in made, "in words, for readers without scripts"


def test_two_phase_commit() -> None:
    """A vote of each, and a decision: matched by round and by transaction, played by the page."""
    asks = event(1.0, "manager", "prepare", 'PREPARE round=9 view=1: put "k" id=a../1', request=9)
    votes = event(1.1, "participant", "vote", "VOTE ACK manager=1 round=9: put", peer=1)
    counts = event(1.2, "manager", "votes", "VOTES from=2 round=9 ack=1 abort=0", peer=2, request=9)
    goes = event(1.3, "manager", "go", "GO COMMIT to=2 transactions=4", peer=2, request=4)
    went = event(1.4, "participant", "go", "GO COMMIT revision=3 manager=1 transaction=4", peer=1)
    done = event(1.5, "manager", "go-ack", "GO-ACK from=2 transactions=4", peer=2, request=4)
    each = ring(1, [asks, counts, goes, done], host="h"), ring(2, [votes, went], host="h")
    diagram = merged(rings(*each, engine="2pc"))
    assert [line.rstrip()[21:] for line in text(diagram).splitlines()[2:8]] == [
        '1 asks for votes: put "k"',
        "2 votes yes, to 1: put",
        "1 has the vote of 2: yes",
        "1 sends 2 that it is to commit",
        "2 commits, revision 3",
        "1 hears that 2 has done so",
    ]
    sent = [mail for one in map(json.loads, lines(diagram)) for mail in one.get("mail", ())]
    assert [(one["type"], one["to"]) for one in sent] == [
        ("Prepare", "r2.participant"),
        ("Votes", "r1.manager"),
        ("Go", "r2.participant"),
        ("Done", "r1.manager"),
    ]
    assert sent[2]["fields"]["decisions"] == [{"number": 4, "commit": True}]
    assert sent[3]["fields"]["results"] == [{"number": 4, "committed": True}]


def test_mermaid() -> None:
    """Its own signs are entities: a key cannot end a line or begin a comment."""
    first, second, _ = decision(7, 10.0)
    hostile = event(11.0, "learner", "commit", 'commit commands=1 revision=1: put "a;%%#<b>"')
    each = ring(1, [CUT_3, *first], host="h"), ring(2, [*second, hostile], host="h"), ring(3, [])
    made = list(mermaid.lines(merged(rings(*each))))
    assert made[0] == "sequenceDiagram"
    assert "    r1->>r2: Accept 1.1 for slot 7" in made
    assert "    r1-xr3: Accept 1.1 for slot 7, the link is cut" in made
    assert made[-1] == '    Note over r2: applies slot 0: put "a#59;#37;#37;#35;#60;b#62;"'


def test_lines_are_the_labs() -> None:
    """The page's own modules read and play them."""
    first, second, third = decision(7, 10.0)
    gone = event(9.0, "acceptor", "accept", slot=6, ballot="0.3", peer=3)
    each = ring(1, [CUT_3, *first]), ring(2, [gone, *second]), ring(3, third)
    made = list(lines(merged(rings(*each))))
    fates = [json.loads(line).get("fate") for line in made if '"fate"' in line]
    assert ARRIVED in fates
    found = node()
    if found is None:
        pytest.skip("there is no node to play them")
    script = f"""
    import {{ read }} from {json.dumps((PAGE / "trace.js").as_uri())};
    import {{ Timeline }} from {json.dumps((PAGE / "state.js").as_uri())};
    import fs from "node:fs";
    const trace = read(fs.readFileSync(0, "utf8")), timeline = new Timeline(trace);
    timeline.check();
    const chosen = timeline.at(trace.steps.length - 1).slots.get(7).chosen;
    console.log(JSON.stringify([trace.problem, trace.values.get(chosen.value)]));
    """
    played = subprocess.run(
        [found, "--input-type=module", "-e", script],
        input="\n".join(made),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(played.stdout) == ["", 'put "k"']


def test_of_every_message_that_is_found_both_ends_are_known() -> None:
    """A pre-vote in the rings was a KeyError."""
    known = {kind for spoken in _SPOKEN.values() for kind in spoken.ends}
    assert {sign.kind for sign in (*_SENT.values(), *_CAME.values())} == known
