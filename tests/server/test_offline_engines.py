"""Stopped folders of the other engines: looked at, taken out whole, and nothing in them changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kvrmi.dump import Reader, Summary
from kvrmi.operations.commands import encode_command
from kvrmi.roles.declaration import Declaration
from kvrmi.single.declaration import SINGLE
from kvrmi.single.store import NO_BALLOT
from kvrmi.single.writer import BATCHES
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry
from kvrmi.state.replicated import Replicated
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.interface import Put, Record
from kvrmi.storage.sqlite import SqliteStorage
from kvrmi.twophase.book import Book, Prepared
from kvrmi.twophase.committed import Committed
from kvrmi.twophase.declaration import TWOPHASE
from kvrmi.twophase.messages import Tid
from kvrmi.twophase.standing import Standing
from kvrmi.twophase.views import founding, left
from server.__main__ import main
from server.coordinator import main as coordinator
from server.engines.etcd.declaration import GATEWAY
from server.folder import IDENTITY, Identity, format_folder

from .folders import CLUSTER, put, traces


def written(path: Path, declared: Declaration, records: Sequence[Record], number: int = 1) -> Path:
    """Format a folder and write these into the file that says whose it is."""
    home = path / f"replica{number}"
    disk = format_folder(home, declared, CLUSTER, number, recovering=False)
    members = {1: disk} if declared is SINGLE else {1: "a", 2: "b", 3: "c", number: disk}
    own = Put("identity", "identity", Identity(CLUSTER, number, disk, False, False, members).pack())
    file = declared.voters_file
    storage = AppendStorage(home / file, {**declared.tables(file), **IDENTITY})
    storage.write([own, *records])
    storage.close()
    return home


def single(path: Path, stored: int, kept: Sequence[int]) -> Path:
    """Make a folder: so many batches in store.db, these kept by the writer."""
    home = written(path, SINGLE, [Put(BATCHES, slot, put(slot)) for slot in kept])
    state = Replicated(KeyValues)
    for slot in range(1, stored + 1):
        state.append(Entry(slot, NO_BALLOT, (), put(slot)))
    storage = SqliteStorage(home / "store.db", SINGLE.tables("store.db"))
    storage.write(state.take_records())
    storage.close()
    return home


def twophase(path: Path, committed: int, prepared: int = 0, *, member: bool = True) -> Path:
    """Make server 2's folder: so many writes carried out, so many more in doubt."""
    state, book, view = Committed(KeyValues), Book(), founding((1, 2, 3))
    for number in range(1, committed + prepared + 1):
        command = encode_command("put", (f"k{number}", f"v{number}"), (f"client {number}", 1))
        if number <= committed:
            state.apply(command, 3 * number)
        else:
            book.prepare(Tid(1, number), Prepared(command, 1))
    standing = Standing(2, view, view.number).adopt(view if member else left(view, 2))
    records = [standing.record(), *book.take_records(), *state.take_records()]
    return written(path, TWOPHASE, records, 2)


def inspected(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    before = traces(home)
    status = main(["inspect", str(home), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert main(["inspect", str(home)]) == status
    assert traces(home) == before
    return status, found, capsys.readouterr().out


def exported(home: Path, file: Path) -> tuple[dict[str, Any], Summary]:
    before = traces(home)
    assert main(["export", str(home), str(file)]) == 0
    assert traces(home) == before
    with file.open("rb") as data:
        reader = Reader(data)
        rows = dict(reader)
    assert reader.summary is not None
    return rows, reader.summary


def pairs(many: int) -> dict[str, str]:
    return {f"k{number}": f"v{number}" for number in range(1, many + 1)}


def test_one_process_gives_its_store_and_what_its_writer_has_beyond(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = single(tmp_path, stored=5, kept=[4, 5, 6, 7])
    status, found, shown = inspected(home, capsys)
    assert (status, found["engine"], found["identity"]["cluster"]) == (0, "single", CLUSTER)
    assert (found["store"]["applied"], found["recovered"]["applied"]) == (5, 7)
    assert [entry["slot"] for entry in found["beyond"]] == [6, 7]
    assert 'batch 7, which export includes: put "k7"' in shown
    rows, summary = exported(home, tmp_path / "f")
    assert (rows, summary.revision) == (pairs(7), 7)
    assert summary.digest == found["recovered"]["digest"]


def test_a_store_that_is_an_older_copy_is_not_taken_for_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = single(tmp_path, stored=2, kept=[4, 5])
    status, found, _ = inspected(home, capsys)
    assert (status, found["recovered"]) == (4, None)
    assert "an older copy" in found["damage"][0]
    assert main(["export", str(home), str(tmp_path / "f")]) == 1
    assert "an older copy" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()


def test_a_server_of_two_phase_commit_gives_what_is_committed_and_names_its_doubts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = twophase(tmp_path, committed=4, prepared=1)
    status, found, shown = inspected(home, capsys)
    mine = found["participant"]
    assert (status, mine["applied"], mine["revision"], mine["whole"]) == (0, 4, 12, True)
    assert (mine["keys"], mine["sessions"], len(found["prepared"])) == (4, 4, 1)
    assert 'put "k5"' in shown
    assert "asked for by replica 1" in shown
    rows, summary = exported(home, tmp_path / "f")
    assert (rows, summary.digest) == (pairs(4), mine["digest"])
    assert 'nothing here says whether it was committed: put "k5"' in capsys.readouterr().err


def test_a_server_that_was_left_out_says_that_others_may_have_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = twophase(tmp_path, committed=4, member=False)
    _, found, shown = inspected(home, capsys)
    assert found["participant"]["whole"] is False
    assert "this server does not vote in it" in shown
    exported(home, tmp_path / "f")
    assert "others may have writes that it lacks" in capsys.readouterr().err


@pytest.mark.parametrize("declared", [SINGLE, TWOPHASE, GATEWAY])
def test_a_folder_in_which_nothing_ran_is_sound(
    declared: Declaration, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    format_folder(tmp_path / "replica1", declared, CLUSTER, 1, recovering=False)
    status, found, shown = inspected(tmp_path / "replica1", capsys)
    assert (status, found["damage"], found["engine"]) == (0, [], declared.name)
    assert "has never run" in shown


def test_a_gateway_has_nothing_to_take_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = written(tmp_path, GATEWAY, [])
    assert main(["export", str(home), str(tmp_path / "f")]) == 1
    assert "keeps its pairs elsewhere" in capsys.readouterr().err


def test_recover_names_what_takes_the_pairs_out_of_another_engines_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = twophase(tmp_path, committed=1)
    words = ["recover", "--from", str(home), "--data", str(tmp_path / "new"), "--yes"]
    assert coordinator(words) == 1
    said = capsys.readouterr().err
    assert f"kvrmi-server export {home} FILE" in said
    assert "nothing was made" in said
    assert not (tmp_path / "new").exists()
