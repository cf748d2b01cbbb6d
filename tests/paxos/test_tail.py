"""What a few acceptors' disks tell of the slots that no learner's disk has."""

from __future__ import annotations

import pytest

from kvrmi.operations.commands import encode_command
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.stable import State
from kvrmi.paxos.tail import Tail, Votes, tail
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import pack_batch
from kvrmi.state.replicated import Replicated

OLD, NEW = Ballot(1, 1), Ballot(2, 2)


def votes(chosen: int, chosen_at: Ballot = OLD, **slots: tuple[Ballot, bytes]) -> Votes:
    accepted = {int(name[1:]): known for name, known in slots.items()}
    return Votes(State(chosen=chosen, chosen_at=chosen_at), accepted)


def read(found: Tail) -> list[tuple[int, bytes, bool]]:
    """Slot, value, and whether it is sure."""
    entries = enumerate(found.entries)
    return [(entry.slot, entry.value, index < found.sure) for index, entry in entries]


def test_what_was_announced_at_its_own_ballot_is_sure_and_the_rest_is_not() -> None:
    one = votes(5, s4=(OLD, b"d"), s5=(OLD, b"e"), s6=(OLD, b"f"))
    assert read(tail([one], 3)) == [(4, b"d", True), (5, b"e", True), (6, b"f", False)]


def test_an_older_ballots_value_in_an_announced_slot_may_have_lost() -> None:
    one = votes(2, NEW, s1=(OLD, b"a"), s2=(NEW, b"b"))
    assert read(tail([one], 0)) == [(1, b"a", False), (2, b"b", False)]


def test_what_follows_a_missing_slot_is_of_no_use() -> None:
    one = votes(9, s4=(OLD, b"d"), s6=(OLD, b"f"), s7=(OLD, b"g"))
    found = tail([one], 3)
    assert read(found) == [(4, b"d", True)]
    assert found.beyond == (6, 7)


def test_two_acceptors_fill_each_others_gaps() -> None:
    one, other = votes(0, NO_BALLOT, s1=(OLD, b"a"), s3=(OLD, b"c")), votes(1, s2=(OLD, b"b"))
    assert read(tail([one, other], 0)) == [(1, b"a", True), (2, b"b", False), (3, b"c", False)]


def test_of_two_that_are_not_sure_the_higher_ballot_is_taken() -> None:
    one, other = votes(0, s1=(OLD, b"old")), votes(0, s1=(NEW, b"new"))
    assert read(tail([one, other], 0)) == [(1, b"new", False)]


def test_a_sure_value_is_taken_before_one_of_another_ballot() -> None:
    one, other = votes(1, OLD, s1=(OLD, b"chosen")), votes(0, NO_BALLOT, s1=(NEW, b"chosen"))
    assert tail([one, other], 0).entries[0].ballot == OLD


def test_nothing_follows() -> None:
    assert tail([votes(7, s7=(OLD, b"g"))], 7) == Tail((), 0, ())
    assert tail([], 7) == Tail((), 0, ())


def test_replayed_values_make_the_state_that_a_learner_would_have() -> None:
    put = encode_command("put", ("k", "v"), (1, b"boot", 1))
    one = votes(2, s1=(OLD, pack_batch([put])), s2=(OLD, pack_batch([])))
    state = Replicated(KeyValues)
    for entry in tail([one], 0).entries:
        state.append(entry)
    assert (state.revision, state.keys, state.applied) == (1, 1, 2)
    with pytest.raises(ValueError, match="cannot follow"):
        state.append(tail([one], 1).entries[0])
