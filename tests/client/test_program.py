"""The program from its command line to its exit status, against a fake cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from client.__main__ import main
from kvrmi.cli import INTERRUPTED
from tests.client.conftest import Run
from tests.client.fake import Cluster, Fault, lose_answer, refuse

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "out", "err", "status"),
    [
        (["PUT", "k", "a b"], "OK revision 3\n", "", 0),
        (["PUT k 'a b'"], "OK revision 3\n", "", 0),
        (["get", "s"], "text\n", "", 0),
        (["GET", "b"], 'b"\\x00"\n', "", 0),
        (["GET", "z"], "", "not found: z\n", 1),
        (["DELETE", "s"], "OK revision 3\n", "", 0),
        (["DELETE", "z"], "", "not found: z\n", 1),
        (["CONTAINS", "s"], "true\n", "", 0),
        (["CONTAINS", "z"], "false\n", "", 1),
        (["SIZE"], "2\n", "", 0),
        (["MPUT", "x", "1", "y", "2"], "OK revision 3\n", "", 0),
        (["MGET", "s", "b"], 'text\nb"\\x00"\n', "", 0),
        (["MGET", "s", "z"], "text\n\n", "not found: z\n", 1),
        (["MGET", "z", "s", "a b"], "\ntext\n\n", 'not found: z, "a b"\n', 1),
        (["CAS", "s", "text", "new"], "OK revision 3\n", "", 0),
        (["CAS", "s", "--absent", "new"], "", "not swapped: s\n", 1),
        (["SCAN"], 'b\tb"\\x00"\ns\ttext\n', "", 0),
        (["SCAN", "--limit", "1"], 'b\tb"\\x00"\n', "", 0),
        (["SCAN", "s", "--full"], "s\ttext\n", "", 0),
        (["KEYS"], "b\ns\n", "", 0),
        (["KEYS", "--start", "b"], "s\n", "", 0),
        (["KEYS", "--limit", "1"], "b\n", "", 0),
        (["KEYS", "zz"], "", "", 0),
        (["KEYS", "?"], "b\ns\n", "", 0),
        (["SCAN", "*s*"], "s\ttext\n", "", 0),
        (["DELETE", "--prefix", "s", "--yes"], "OK 1 of 1 keys were deleted\n", "", 0),
        (
            ["DELETE", "--prefix", "z z", "--yes"],
            "",
            'not found: any key with the prefix "z z"\n',
            1,
        ),
        (
            ["DELETE", "--prefix", "s*", "--yes"],
            "",
            "not found: any key with the prefix s*, which is taken as it is, * too\n",
            1,
        ),
        (["Operation(put, a key, a value)"], "OK revision 3\n", "", 0),
        (["Operation(get,s)"], "text\n", "", 0),
        (["RECONNECT", "1"], "replica 1 answers and leads\n", "", 0),
        (["RECONNECT"], "replica 1 answers and leads\n", "", 0),
        (["CLEAR"], "", "", 0),
        (["EXIT"], "", "", 0),
        (["e"], "", "", 0),
    ],
)
def test_one_command(
    cluster: Cluster, run: Run, capsys: Captured, words: list[str], out: str, err: str, status: int
) -> None:
    cluster.contents.rows |= {"s": "text", "b": b"\0"}
    cluster.contents.revision = 2
    assert run(*words) == status
    assert capsys.readouterr() == (out, err)


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (["PUT", "k", "v"], {"op": "put", "key": "k", "revision": 3, "replica": 1}),
        (["GET", "s"], {"op": "get", "key": "s", "value": "text", "revision": 2, "replica": 1}),
        (["GET", "z"], {"op": "get", "key": "z", "value": None, "revision": 2, "replica": 1}),
        (
            ["GET", "b", "--local"],
            {
                "op": "get", "key": "b", "value": "AA==", "encoding": "base64", "revision": 2,
                "replica": 1, "stale": True,
            },
        ),
        (
            ["MGET", "b", "z"],
            {
                "op": "get_many", "keys": ["b", "z"], "revision": 2, "replica": 1,
                "value": [{"data": "AA==", "encoding": "base64"}, None],
            },
        ),
        (["SCAN", "s"], {"op": "scan", "prefix": "s", "value": [["s", "text"]]}),
        (["KEYS"], {"op": "keys", "prefix": "", "value": ["b", "s"]}),
        (["DELETE", "--prefix", "b", "--yes"], {"op": "delete", "prefix": "b", "deleted": 1}),
        (["RECONNECT"], {"op": "reconnect", "replica": 1, "leader": 1}),
    ],
)  # fmt: skip
def test_json(
    cluster: Cluster, run: Run, capsys: Captured, words: list[str], fields: dict[str, object]
) -> None:
    cluster.contents.rows |= {"s": "text", "b": b"\0"}
    cluster.contents.revision = 2
    run("--json", *words)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ok": True} | fields
    assert not err


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (refuse("INVALID"), "INVALID", 2),
        (refuse("NO_QUORUM"), "NO_QUORUM", 3),
        (lose_answer, "UNKNOWN_OUTCOME", 4),
        (refuse("ABORTED"), "ABORTED", 5),
        (refuse("UNSUPPORTED"), "UNSUPPORTED", 5),
        (refuse("UNAVAILABLE"), "UNAVAILABLE", 6),
    ],
)
def test_errors(
    cluster: Cluster, run: Run, capsys: Captured, fault: Fault, code: str, status: int
) -> None:
    servant = cluster.servant(1)
    servant.follows = None
    servant.faults = [fault] * 50
    assert run("--timeout", "0.8", "PUT", "k", "v") == status
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"{code}: ")
    assert err.count("\n") == 1
    servant.faults = [fault] * 50
    assert run("--timeout", "0.8", "--json", "PUT", "k", "v") == status
    out, err = capsys.readouterr()
    assert json.loads(out).keys() == {"ok", "code", "error"}
    assert json.loads(out)["code"] == code
    assert not err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["NOPE"], "unknown command 'NOPE'; HELP lists the commands"),
        (["PUT", "k"], "usage: PUT key value"),
        (["PUT", "", "v"], "must not be empty"),
        (["PUT", "k", "\udcff"], "lone surrogate"),
        (["FAIL", "1", "acceptor"], "--config"),
        (["WHY", "k"], "orders, and questions to replicas such as LINKS, WHY and LOG, need"),
        (["FAIL", "2", "leader"], "no role: proposer, acceptor or learner, with engine 2pc partic"),
        (["--protocol", "tcp", "live"], "--protocol is for commands, and does nothing with live"),
        (["--log", "f", "doctor"], "--log is for commands, and does nothing with doctor"),
        (["--no-key-completion", "bench"], "--no-key-completion is for commands"),
        (["live", "--address", "h:1"], "--address goes before the program: "),
        (["bench", "--timeout=3"], "--timeout goes before the program: "),
        (["--log", "/nowhere/log", "SIZE"], "No such file"),
    ],
)
def test_mistakes(run: Run, capsys: Captured, words: list[str], text: str) -> None:
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert not out
    assert text in err
    assert err.count("\n") == 1


def test_a_protocol_is_taken_in_any_case(cluster: Cluster, run: Run) -> None:
    assert run("--protocol", "RPC", "SIZE") == 0


@pytest.mark.parametrize(
    ("flag", "word", "text"),
    [
        ("--protocol", "http", "'http' is no protocol: use rpc, tcp, udp"),
        ("--name", "kvrmi.replica1", "kvrmi.replica1 is a remote object: name it with --object"),
        ("--name", "../me", "'../me' is no name: take 1 to 30 letters"),
    ],
)
def test_a_flag_that_cannot_be_kept(capsys: Captured, flag: str, word: str, text: str) -> None:
    with pytest.raises(SystemExit) as leave:
        main([flag, word, "PUT", "k", "v"])
    assert leave.value.code == 2
    err = capsys.readouterr().err
    assert text in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["STATUS", "--json"], ["GET", "k", "--timeout", "3"]])
def test_a_flag_behind_the_command_is_said_to_go_before_it(
    run: Run, capsys: Captured, words: list[str]
) -> None:
    assert run(*words) == 2
    flag = next(word for word in words if word.startswith("--"))
    assert f"; {flag} goes before the command" in capsys.readouterr().err


def test_two_dashes_end_the_flags(cluster: Cluster, run: Run) -> None:
    assert run("--timeout", "3", "--", "PUT", "k", "--", "--json") == 0
    assert run("PUT", "--", "--k", "--") == 0, "and the options of the command"
    assert cluster.contents.rows == {"k": "--json", "--k": "--"}


def test_lines_of_a_log_begin_with_the_clients_name(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run("--name", "my-client-one", "--log", str(log), "PUT", "k", "v") == 0
    assert " INFO my-client-one PUT k status=0 " in log.read_text(encoding="utf-8")


def test_the_default_port_of_a_host_is_that_of_the_replica_asked(capsys: Captured) -> None:
    assert main(["--address", "127.9.9.9", "--replica", "4", "--timeout", "0.5", "SIZE"]) == 6
    assert "127.9.9.9:4444" in capsys.readouterr().err
    assert main(["--address", "127.9.9.9", "--timeout", "0.5", "SIZE"]) == 6
    assert "127.9.9.9:1111" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--bogus"], ["--timeout", "0", "SIZE"], ["--protocol", "x"]])
def test_mistakes_in_flags(words: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as leave:
        main(words)
    assert leave.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_unreachable(capsys: Captured) -> None:
    assert main(["--object", "kvrmi.replica1", "--address", "127.0.0.1:9", "GET", "k"]) == 6
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_interrupted_command(run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kvrmi.access.store.Store.call", interrupt)
    assert run("PUT", "k", "v") == INTERRUPTED
    assert capsys.readouterr().err == "INTERRUPTED: nothing was sent; nothing was done\n"


def test_status(cluster: Cluster, run: Run, capsys: Captured) -> None:
    assert run("STATUS") == 0
    out = capsys.readouterr().out
    assert out.startswith("cluster -  engine paxos  leader 1")
    assert "health serving" in out
    assert run("--json", "STATUS") == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["leader"], status["health"]) == (1, "serving")
    assert status["replicas"][0]["digest"] == "ab" * 32


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_the_exit_status_of_status_and_health(
    cluster: Cluster, run: Run, capsys: Captured, flags: list[str]
) -> None:
    assert (run(*flags, "STATUS"), run(*flags, "HEALTH")) == (0, 0)
    cluster.servant(1).reported["role"] = "follower"
    assert (run(*flags, "STATUS"), run(*flags, "HEALTH")) == (3, 3)
    captured = capsys.readouterr()
    assert "there is no leader" in captured.out + captured.err
    cluster.nodes[0].kill()
    assert (run(*flags, "STATUS"), run(*flags, "HEALTH")) == (6, 6)
    captured = capsys.readouterr()
    assert '"nobody answers"' in captured.out or "health nobody answers" in captured.out
    assert "none of 1 replicas answers" in captured.out + captured.err


def test_health_of_a_cluster_that_needs_no_leader(
    cluster: Cluster, run: Run, capsys: Captured
) -> None:
    needs = {"votes": 1, "leader": False}
    cluster.servant(1).reported |= {"role": None, "leader": None, "needs": needs}
    assert run("HEALTH") == 0
    assert capsys.readouterr().out == "serving: 1 of 1 replicas up\n"


def test_health_waits_until_the_cluster_serves(cluster: Cluster, run: Run) -> None:
    reported = cluster.servant(1).reported
    reported["role"] = "follower"
    later = threading.Timer(0.5, reported.clear)
    later.start()
    assert run("HEALTH", "--wait", "20") == 0
    later.join()


def test_health_waits_for_a_cluster_file(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
    monkeypatch.setattr("kvrmi.access.lookup.NAME_SERVER", "127.0.0.1:9")
    assert main(["HEALTH"]) == 6
    file = cluster.write_file(tmp_path / "made" / "cluster.toml")
    later = threading.Timer(0.5, file.parent.rename, [tmp_path / ".kvrmi"])
    later.start()
    assert main(["HEALTH", "--wait", "20"]) == 0
    later.join()


@pytest.mark.parametrize("named", [True, False])
def test_health_waits_for_a_cluster_file_that_was_named(
    cluster: Cluster, tmp_path: Path, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cluster.write_file(tmp_path / "made" / "cluster.toml")
    wanted = str(tmp_path / "data" / "cluster.toml")
    monkeypatch.setenv("KVRMI_CONFIG", "none.toml" if named else wanted)
    words = (["--config", wanted] if named else []) + ["HEALTH"]
    assert main(words) == 2
    assert main([*words, "--wait", "0.3"]) == 2
    later = threading.Timer(0.5, file.parent.rename, [tmp_path / "data"])
    later.start()
    assert main([*words, "--wait", "20"]) == 0
    later.join()


def test_a_name_is_looked_up_at_the_name_server_of_the_cluster_file(
    cluster: Cluster, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvrmi.access.lookup.NAME_SERVER", "127.0.0.1:9")
    file = cluster.write_file(tmp_path / "data" / "cluster.toml")
    assert main(["--config", str(file), "--object", "kvrmi.replica2", "GET", "k"]) == 6
    assert "name server 127.0.0.1:8: " in capsys.readouterr().err
    assert main(["--config", str(tmp_path), "--object", "kvrmi.replica2", "GET", "k"]) == 2


def test_one_address_shows_the_whole_cluster(cluster: Cluster, run: Run, capsys: Captured) -> None:
    cluster.introduce("deadbeef")
    cluster.nodes[1].kill()
    assert run("--json", "STATUS") == 3
    status = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in status["replicas"]] == [1, 2]
    assert [entry["state"] for entry in status["replicas"]] == ["up", "down"]
    assert (status["cluster"], status["cluster_id"], status["quorum"]) == ("fake", "deadbeef", 2)


def test_log(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "log"
    run("--log", str(file), "PUT", "k", "v")
    run("--log", str(file), "GET", "z")
    assert "PUT k status=0" in file.read_text()
    assert "GET z status=1" in file.read_text()


@pytest.mark.parametrize(
    "words", [["FOO"], ["PUT"], ["DELETE", "--prefix"], ["HELP", "FOO"], ["HEALTH", "--wait"]]
)
def test_usage_needs_no_cluster(words: list[str], capsys: Captured) -> None:
    assert main(["--address", "127.0.0.1:9", *words]) == 2
    assert capsys.readouterr().err.startswith("INVALID: ")


def test_help_needs_no_cluster(tmp_path: Path, capsys: Captured) -> None:
    assert main(["--config", str(tmp_path / "none"), "help", "put"]) == 0
    assert capsys.readouterr().out.startswith("PUT key value")


def test_help_in_json(run: Run, capsys: Captured) -> None:
    assert run("--json", "HELP", "put") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["value"].startswith("PUT key value\n")


def test_help_of_what_is_no_command(run: Run, capsys: Captured) -> None:
    assert run("HELP", "putt") == 2
    assert capsys.readouterr().err.startswith("INVALID: unknown command 'putt'; did you mean PUT?")
    assert run("HELP", "bench") == 2
    assert "program of its own" in capsys.readouterr().err


def test_a_reader_that_leaves(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr("os.dup2", lambda *fds: called.append(fds))
    monkeypatch.setattr("os.open", lambda *args: 99)
    monkeypatch.setattr("client.render.Printer.result", _broken)
    assert run("SIZE") == 0
    assert called


def _broken(*_: object) -> Callable[[], None]:
    raise BrokenPipeError
