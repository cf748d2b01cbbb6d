"""The comparison's tables and its page, from values as a comparison finds them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from client.compare.page import page
from client.compare.program import _stretches, main
from client.compare.results import BACK, Cost, Found, Moment, Rate, Second, note_of
from kvrmi.cluster.status import ClusterStatus, Needs, ReplicaEntry

SECONDS = [Second(90, 30, 0), Second(80, 20, 0), Second(0, 0, 4), Second(70, 10, 0)]
MOMENTS = [Moment(1.9, "the one in charge dies"), Moment(3.1, BACK)]
FOUND = Found(
    "paxos <b>",
    5,
    [Rate("put", 1, 1234.0, 0.5, 2.0, 0), Rate("get", 1, 9876.0, 0.1, 0.4, 1)],
    [Cost(1, 2.5, 3.25)],
    SECONDS,
    MOMENTS,
)


def test_seconds_are_cut_at_the_events() -> None:
    assert list(_stretches(SECONDS, MOMENTS)) == [
        ("all are up", SECONDS[:1]),
        ("the one in charge dies", SECONDS[1:3]),
        (BACK, SECONDS[3:]),
    ]


@pytest.mark.parametrize(
    ("count", "votes", "leader", "says"),
    [
        (1, 1, False, "one server"),
        (5, 5, False, "all 5 must vote: while one is down every write is refused"),
        (2, 1, False, "any one serves"),
        (5, 3, True, "3 of 5 must be up"),
    ],
)
def test_what_deaths_must_do_is_said_beside_what_they_did(
    count: int, votes: int, leader: bool, says: str
) -> None:
    needs = Needs(votes=votes, leader=leader)
    entries = [ReplicaEntry(id=one, state="up", needs=needs) for one in range(1, count + 1)]
    note = note_of(ClusterStatus(replicas=entries))
    assert says in note
    assert note in page([FOUND._replace(note=note)], "about")


def test_the_page_has_every_figure_and_needs_nothing_else() -> None:
    text = page([FOUND, FOUND._replace(engine="single", replicas=1, seconds=[], moments=[])], "a<b")
    assert "paxos &lt;b&gt;" in text
    assert "<b>" not in text
    assert "a&lt;b" in text
    for figure in ("1,234", "9,876", "2.50", "3.25", "the one in charge dies"):
        assert figure in text
    assert text.count("class=error") == 1, "one second had calls that were not answered"
    assert not re.search(r"(src|href|url)\s*[=(]|@import|<script", text)


def test_what_gateways_do_not_count_is_called_so() -> None:
    text = page([FOUND, FOUND._replace(engine="etcd <x>", costs=[])], "about")
    assert "Gateways do not know what it costs behind them: etcd &lt;x&gt;." in text
    assert "Gateways do not" not in page([FOUND], "about")


def test_a_browser_shows_it(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed")
    file, picture = tmp_path / "page.html", tmp_path / "page.png"
    file.write_text(page([FOUND], "two CPUs"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'own'}"]
    show = [browser, *flags, "--window-size=400,1200"]
    done = subprocess.run(
        [*show, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert done.stdout.count("<polyline") == 2
    assert "Uncaught" not in done.stderr
    subprocess.run(
        [*show, f"--screenshot={picture}", file.as_uri()],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert picture.stat().st_size > 10_000, "an empty page is smaller"


def test_a_page_that_cannot_be_written_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SystemExit) as ended:
        main(["--html", str(tmp_path / "page.html")], as_json=False)
    assert ended.value.code == 2
    assert "page.html cannot be written; nothing was started" in capsys.readouterr().err
