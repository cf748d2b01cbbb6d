"""Hosts of a test's own: network namespaces on one switch, with real links, loss and partitions.

Rule: all of it lies in namespaces, the switch too, so that nothing of the machine's own network is
touched and deleting them leaves nothing. Needs root, iproute2 and iptables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable

NETWORK = "10.77.0"
SWITCH = 100
"""Number of the host in which the switch is: clients run there."""


class Unavailable(Exception):
    """This machine, or this account, has no network namespaces; the text says what is missing."""


class Hosts:
    """Hosts 1 to `count`, each with an address of its own, linked by a switch."""

    def __init__(self, count: int) -> None:
        """Make them. Raises Unavailable."""
        if os.geteuid() != 0:
            raise Unavailable("network namespaces need root")
        for program in ("ip", "iptables", "tc"):
            if shutil.which(program) is None:
                raise Unavailable(f"{program} is not installed")
        self.numbers = range(1, count + 1)
        self._prefix = f"kvrmi{os.getpid()}"
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self.close()
            raise Unavailable(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from None

    def address(self, number: int) -> str:
        """Return a host's IP address."""
        return f"{NETWORK}.{number}"

    def command(self, number: int, words: Iterable[str]) -> list[str]:
        """Return the command that runs `words` on a host."""
        return ["ip", "netns", "exec", self._name(number), *words]

    def run(self, number: int, *words: str) -> str:
        """Run a command on a host to its end; what it printed. Raises CalledProcessError."""
        return _run(*self.command(number, words))

    def part(self, left: Iterable[int], right: Iterable[int]) -> None:
        """Drop every packet from one side to the other, both ways: nobody is told."""
        for one in left:
            for other in right:
                self._drop(one, other)
                self._drop(other, one)

    def drop_some(self, number: int, share: float) -> None:
        """Lose that share of the packets that a host sends."""
        lost = ("-m", "statistic", "--mode", "random", "--probability", str(share))
        self.run(number, "iptables", "-A", "OUTPUT", *lost, "-j", "DROP")

    def slow(self, number: int) -> None:
        """Delay what a host sends: by netem, or by a low rate where the kernel has no netem."""
        root = ("tc", "qdisc", "add", "dev", "net", "root")
        try:
            self.run(number, *root, "netem", "delay", "15ms", "5ms")
        except subprocess.CalledProcessError:
            self.run(number, *root, "tbf", "rate", "1mbit", "burst", "4kb", "latency", "200ms")

    def heal(self) -> None:
        """Let every packet through again, at full speed."""
        for number in self.numbers:
            self.run(number, "iptables", "-F", "OUTPUT")
            subprocess.run(
                self.command(number, ["tc", "qdisc", "del", "dev", "net", "root"]),
                capture_output=True,
                check=False,  # it may have been at full speed
            )

    def close(self) -> None:
        """Remove all of it; what still runs there keeps no network."""
        for number in (*self.numbers, SWITCH):
            subprocess.run(
                ["ip", "netns", "del", self._name(number)], capture_output=True, check=False
            )

    def _make(self) -> None:
        _run("ip", "netns", "add", self._name(SWITCH))
        self.run(SWITCH, "ip", "link", "add", "net", "type", "bridge")
        self._start(SWITCH)
        for number in self.numbers:
            name, port = self._name(number), f"port{number}"
            _run("ip", "netns", "add", name)
            peer = ("type", "veth", "peer", "name", "net", "netns", name)
            self.run(SWITCH, "ip", "link", "add", port, *peer)
            self.run(SWITCH, "ip", "link", "set", port, "master", "net", "up")
            self._start(number)

    def _start(self, number: int) -> None:
        self.run(number, "ip", "addr", "add", f"{self.address(number)}/24", "dev", "net")
        self.run(number, "ip", "link", "set", "net", "up")
        self.run(number, "ip", "link", "set", "lo", "up")

    def _drop(self, source: int, target: int) -> None:
        self.run(source, "iptables", "-A", "OUTPUT", "-d", self.address(target), "-j", "DROP")

    def _name(self, number: int) -> str:
        return f"{self._prefix}-{number}"


def _run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout
