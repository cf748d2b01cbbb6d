"""Signals to processes of a cluster on this machine, so that none ever hits a stranger.

Rule: a process is held by a descriptor and looked at before it is signalled; a number alone may by
then be somebody else's. It does not know whose process it is: the caller says how it was started.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

__all__ = ["command_line", "send"]

_END = 1.0
"""Seconds that the end of a killed process is waited for."""


def send(pid: int, number: signal.Signals, words: str) -> bool:
    """Send a signal to a process whose command line holds `words`; whether there is one.

    After SIGKILL it returns when the process has ended.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if words not in command_line(pid):
            return False
        signal.pidfd_send_signal(descriptor, number)
        if number is signal.SIGKILL:
            select.select([descriptor], [], [], _END)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def command_line(pid: int) -> str:
    """Return the command line of a process; nothing if there is none."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return text.replace(b"\0", b" ").decode(errors="replace")
