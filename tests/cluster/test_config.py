"""The cluster file: what is read back equals what was written, every defect is one clear line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import dump, find, load
from kvrmi.cluster.members import Member, members, quorum_warning
from kvrmi.cluster.timing import Timing


def cluster(**changes: Any) -> Cluster:
    values: dict[str, Any] = {
        "name": "kvrmi",
        "id": "5f2e",
        "engine": "paxos",
        "nameserver": "127.0.0.1:9090",
        "coordinator": "127.0.0.1:9091",
        "members": members(3, "127.0.0.1", None, ("proposer", "acceptor", "learner")),
        "timing": Timing(),
        "folder": None,
    }
    return Cluster(**(values | changes))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    """A good cluster file with one text in it replaced."""

    def write(old: str, new: str) -> Path:
        text = dump(cluster())
        assert old in text
        path = tmp_path / "cluster.toml"
        path.write_text(text.replace(old, new, 1))
        return path

    return write


@pytest.mark.parametrize(
    "original",
    [
        cluster(),
        cluster(members=members(1, "::1", 30_000), engine="single", pin=False, log_entries=5),
        cluster(members=(Member(1, "example.org", {"client": 1, "voter": 2, "admin": 3}, "a1b2"),)),
        cluster(timing=Timing().slow()),
        cluster(listen="0.0.0.0", members=members(3, "example.org", None)),
    ],
)
def test_what_is_dumped_is_loaded(original: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(dump(original))
    assert load(path) == dataclasses.replace(original, folder=tmp_path)


def test_quorum_and_members() -> None:
    assert [cluster(members=members(n, "h", None)).quorum for n in (1, 2, 3, 4, 5)] == [
        1, 2, 2, 3, 3,
    ]  # fmt: skip
    three = cluster()
    assert three.ids == (1, 2, 3)
    assert three.member(2).client == 2222
    assert three.member(2).ports["learner"] == 2225
    assert three.roles == ("proposer", "acceptor", "learner")
    with pytest.raises(ConfigError, match="no replica 4, only 1, 2, 3"):
        three.member(4)


def test_what_it_is_known_by_is_where_it_listens_unless_said_otherwise(
    written: Callable[[str, str], Path],
) -> None:
    assert cluster().listens_on("127.0.0.1") == "127.0.0.1"
    assert cluster(listen="::").listens_on("example.org") == "::"
    assert load(written('listen = ""\n', "")).listen == ""


@pytest.mark.parametrize("count", [0, 9])
def test_too_many_members_for_the_default_ports(count: int) -> None:
    with pytest.raises(ConfigError, match="--base-port"):
        members(count, "127.0.0.1", None)
    assert len(members(9, "127.0.0.1", 20_000)) == 9


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "format is 2, this version reads 1"),
        ("format = 1", "", "format missing: is it a cluster file?"),
        ('name = "kvrmi"', "name = 7", "name is not a text: 7"),
        ('name = "kvrmi"', 'name = "a b"', "name is not 1 to 64 letters"),
        ('id = "5f2e"', "", "id missing"),
        ('engine = "paxos"', 'engine = "a b"', "engine is not 1 to 64 letters"),
        ("127.0.0.1:9090", "127.0.0.1", "nameserver: an address is host:port"),
        ("history_bytes = 67108864", "history_bytes = -1", "history_bytes is not a whole number"),
        ("log_entries = 1000", "log_entries = 0", "log_entries is not a whole number from 1"),
        ("pin = true", "pin = 1", "pin is not true or false"),
        ('listen = ""', 'listen = "a b"', "listen: not a host: 'a b'"),
        ('listen = ""', "listen = 0", "listen is not a text"),
        ("pin = true", "pins = true", "unknown key 'pins'"),
        ("lease = 0.5", "lease = 0.4", "timing: heartbeat <= lease / 5 does not hold"),
        ("lease = 0.5", 'lease = "long"', "timing: lease is not a number"),
        ("lease = 0.5", "lease = nan", "timing: lease is not a number of seconds"),
        ("lease = 0.5", "leese = 0.5", "timing: unknown key 'leese'"),
        ("client = 1111", "client = 0", "replica 1: an address is host:port"),
        ("client = 1111", "client = true", "replica 1: client is not a whole number"),
        ("client = 1111", "", "replica 1: client missing"),
        ("learner = 1114", "", "replica 1: learner missing"),
        ("learner = 1114", "leaner = 1114", "replica 1: unknown key 'leaner'"),
        ("id = 3", "id = 3\nfoo = 1", "replica 3: unknown key 'foo'"),
        ("id = 3", 'id = 3\ncolor = "red"', "replica 3: unknown key 'color'"),
        ("learner = 1114", "learner = 1114.5", "replica 1: learner is not a whole number"),
        ("client = 1111", "client = 2222", "2222 is used 2 times: client of replica 1, client of"),
        (
            "client = 1111",
            "client = 9090",
            "9090 is used 2 times: name server, client of replica 1",
        ),
        ('host = "127.0.0.1"', 'host = "a b"', "replica 1: an address is host:port"),
        ("id = 3", "id = 4", "replica ids are 1 to N in this order"),
        ("id = 3", "", "replica ?: id missing"),
        ('disk = ""', 'disk = "\\n"', "replica 1: disk is not 1 to 64 letters"),
        ("[timing]", "[[timing]]", "timing is not a table"),
        ("[timing]", "[timing", "line 14"),
    ],
)
def test_a_defect_is_one_line_that_names_it(
    written: Callable[[str, str], Path], old: str, new: str, said: str
) -> None:
    path = written(old, new)
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def test_two_replicas_with_one_disk() -> None:
    twins = tuple(dataclasses.replace(one, disk="a1") for one in members(2, "h", None))
    with pytest.raises(ConfigError, match="same disk id 'a1'"):
        cluster(members=twins)


def test_no_replicas(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(dump(cluster()).split("[[replica]]")[0])
    with pytest.raises(ConfigError, match="replica ids are 1 to N"):
        load(path)
    path.write_text("replica = 3\n" + dump(cluster()).split("[[replica]]")[0])
    with pytest.raises(ConfigError, match="replica is not a list of tables"):
        load(path)


def test_optional_keys_have_defaults(written: Callable[[str, str], Path]) -> None:
    path = written(
        "log_entries = 1000\nhistory_revisions = 100000\nhistory_bytes = 67108864\npin = true\n", ""
    )
    assert load(path) == dataclasses.replace(cluster(), folder=path.parent)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_key_of_replicas_that_is_no_number_is_unknown(count: int, tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    text = dump(cluster(members=members(count, "h", None, ("voter",))))
    path.write_text(text.replace("host =", 'color = "red"\nhost ='))
    with pytest.raises(ConfigError, match="replica 1: unknown key 'color'"):
        load(path)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").touch()
    with pytest.raises(ConfigError, match=r"cluster\.toml: is empty: put the cluster file back"):
        load(tmp_path / "cluster.toml")


def test_unreadable_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load(path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(latin)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Timing)])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "1", True, None])
def test_a_time_is_a_number_of_seconds(field: str, value: object) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(ConfigError, match=field):
        Timing(**changes)


@pytest.mark.parametrize(
    ("changes", "relation"),
    [
        ({"heartbeat": 0.0}, "heartbeat > 0"),
        ({"heartbeat": 0.13}, "heartbeat <= lease / 5"),
        ({"lease": 0.71}, "lease <= election_min"),
        ({"election_max": 0.69}, "election_min <= election_max"),
        ({"drift": 0.0, "margin": 0.0}, "drift > 0 or margin > 0"),
        ({"margin": 0.5}, "margin > heartbeat"),
        ({"drift": 1.0}, "drift < 1"),
        ({"answer": 0.35}, "answer < election_min / 2"),
        ({"connect": 0.0}, "0 < connect"),
        ({"request": 3.0}, "request < 3"),
        ({"request": 0.2}, "answer < request"),
        ({"backoff_min": 0.4}, "backoff_min <= backoff_max"),
        ({"backoff_max": 2.5}, "backoff_max <= backoff_cap"),
    ],
)
def test_times_hold_their_relations(changes: dict[str, float], relation: str) -> None:
    with pytest.raises(ConfigError, match="does not hold") as caught:
        Timing(**changes)
    assert relation in str(caught.value)


def test_a_leader_stops_before_an_acceptor_does_and_a_restarted_one_waits_longer() -> None:
    timing = Timing()
    assert timing.usable_lease == pytest.approx(0.44)
    assert timing.hold == pytest.approx(0.51)
    assert timing.usable_lease < timing.lease < timing.hold


def test_slow_profile() -> None:
    slow = Timing().slow()
    assert (slow.heartbeat, slow.lease) == pytest.approx((0.3, 1.5))
    assert (slow.election_min, slow.election_max) == pytest.approx((2.1, 3.6))
    assert (slow.answer, slow.request) == (Timing().answer, Timing().request)


def test_even_sizes_are_warned_about() -> None:
    assert [quorum_warning(count) is None for count in (1, 2, 3, 4, 5)] == [
        True, False, True, False, True,
    ]  # fmt: skip
    assert "survive the failure of 1, as 3 do" in str(quorum_warning(4))


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
    assert find() is None
    (tmp_path / ".kvrmi").mkdir()
    (tmp_path / ".kvrmi" / "cluster.toml").touch()
    assert find() == Path(".kvrmi/cluster.toml")
    monkeypatch.setenv("KVRMI_CONFIG", "of/environment.toml")
    assert find() == Path("of/environment.toml")
    assert find("given.toml") == Path("given.toml")


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"engine": "2pc"},
        {"members": members(5, "127.0.0.1", None)},
        {"timing": Timing(lease=0.55)},
        {"timing": Timing(quiet=4)},
    ],
)
def test_replicas_agree_on_members_engine_and_times(change: dict[str, Any]) -> None:
    assert cluster(**change).agreed(1, "v/1") != cluster().agreed(1, "v/1")
    assert cluster().agreed(2, "v/1") != cluster().agreed(1, "v/1")
    assert cluster().agreed(1, "v/2") != cluster().agreed(1, "v/1")


def test_replicas_need_not_agree_on_where_others_are(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(dump(cluster()))
    known_otherwise = members(3, "host.example", 7000)
    for same in (
        load(path),
        cluster(members=known_otherwise, nameserver="h:1", coordinator="h:2", listen="0.0.0.0"),
        cluster(members=tuple(dataclasses.replace(m, disk=f"d{m.id}") for m in cluster().members)),
        cluster(name="other", log_entries=7, pin=False, timing=Timing(quiet=3)),
    ):
        assert same.agreed(1, "v/1") == cluster().agreed(1, "v/1")
    assert load(path).source == str(path)
