"""A session at the prompt, recorded on a real terminal at a live cluster, for the README.

`python -m tests.record_shell` records it anew. The tests record it too, and compare the form: what
differs from run to run, such as times and revisions, counts as equal.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.live.cluster import ROOT, LiveCluster, wait_for
from tests.terminal import Terminal

README = ROOT / "README.md"
BEGIN, END = "<!-- recorded: shell -->\n", "<!-- end -->"
PROMPT = "my-client-one>"


def steps(server: int) -> Sequence[tuple[str, str]]:
    """Lines to type, and what has to be seen after each, for a client of this server."""
    again = rf"[\s\S]*^{PROMPT}$"
    return (
        ('PUT tour/city "Den Haag"', r"OK revision \d+" + again),
        ("GET tour/city", '"Den Haag"' + again),
        (r'PUT tour/logo b"\x89PNG"', r"OK revision \d+" + again),
        ("GTE tour/logo", "did you mean GET" + again),
        ("GET tour/town", "not found: tour/town" + again),
        (f"KILL {server}", f"replica {server} is down" + again),
        ("SCAN tour/", f"replica {server} does not answer[\\s\\S]*PNG" + again),
        (f"START {server}", f"replica {server} is" + again),
        ("DELETE --prefix tour/", r"\[y/N\]$"),
        ("y", "deleted" + again),
    )


def record(config: Path, server: int, state: Path) -> list[str]:
    """Play the session at a follower of the cluster; the lines that a person sees."""
    argv = ("-m", "client", "--config", str(config), "--replica", str(server), "--name")
    environment = {"XDG_STATE_HOME": str(state), "NO_COLOR": "1"}
    with Terminal.python(*argv, PROMPT[:-1], environment=environment) as terminal:
        terminal.child.setecho(True)  # as a person's; the line editor turns it off
        terminal.see(f"^{PROMPT}$")
        for typed, seen in steps(server):
            terminal.keys(f"{typed}\r")
            terminal.see(rf"{re.escape(typed)}$[\s\S]*{seen}")
        terminal.keys("EXIT\r")
        assert terminal.end() == 0
        shown = terminal.screen.splitlines()
    return [line for line in shown if line]


def form(lines: Sequence[str]) -> list[str]:
    """What followed each prompt, without what differs from run to run: numbers, reasons, breaks."""
    text = re.sub(r"\(.*?\)", "(..)", " ".join(" ".join(lines).split()))
    text = re.sub(r"leads|follows leader \d+", "..", re.sub(r"\d+\.\d+|pid \d+", "..", text))
    return re.sub(r"\d+", "N", text).split(PROMPT)


def recorded() -> list[str]:
    """The lines that the README has."""
    text = README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return [line.removeprefix("    ") for line in text.splitlines() if line]


def write(lines: Sequence[str]) -> None:
    """Put the lines into the README."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    assert begin, f"README has no {BEGIN.strip()}"
    block = "\n".join(["", *(f"    {line}" for line in lines), "", ""])
    README.write_text(f"{before}{begin}{block}{rest[rest.index(END) :]}", encoding="utf-8")


def main() -> None:
    """Record the session at a cluster of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = LiveCluster(Path(folder) / "data", "--ephemeral")
        try:
            cluster.start()
            cluster.settle()
            wait_for(lambda: cluster.leader() == 1, "the lowest id leads")
            write(record(cluster.config, 3, Path(folder)))
        finally:
            cluster.sweep()


if __name__ == "__main__":
    main()
