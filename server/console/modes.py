"""The modes of the terminal: kept before a prompt changes them, put back at whatever end.

Rule: putting back never fails; the terminal may have gone. It knows no prompt.
"""

from __future__ import annotations

import contextlib
import os
import sys
import termios

__all__ = ["Modes"]

_STDOUT = 1
_AS_USUAL = b"\x1b[?2004l\x1b[?25h"
"""Pastes come as they are typed, and the cursor is seen."""


class Modes:
    """The modes that standard input has now."""

    def __init__(self) -> None:
        """Keep them. Raises termios.error where it is no terminal."""
        self._modes = termios.tcgetattr(sys.stdin)

    def put_back(self) -> None:
        """Let the terminal be as it was, and print to it directly; from any thread."""
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        with contextlib.suppress(termios.error, OSError, ValueError):
            os.write(_STDOUT, _AS_USUAL)
            termios.tcsetattr(sys.stdin, termios.TCSANOW, self._modes)
