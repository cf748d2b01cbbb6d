"""How long one of its threads keeps a CPU, and the interpreter, from one that was waited for.

Rules: it changes when a thread runs, never what it does; where the system does not know how,
nothing is changed. Call it before the first thread starts: threads begin with what it set.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Final

SECONDS = 0.0005
"""A thread that computes hands the interpreter over after so long; 5 ms in Python as it comes."""

CPU_SECONDS = 0.0001
"""So long a thread keeps its CPU from one that has become ready; some ms by default."""

_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
"""The system call's number; the C library has no function of that name before its version 2.41."""

_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
"""Of linux/sched/types.h: size, policy, flags, nice, priority, runtime, deadline, period."""


def shorten() -> None:
    """Have who answers run soon, though another thread, or another replica, is at a long work."""
    sys.setswitchinterval(SECONDS)
    call = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or call is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    runtime = round(CPU_SECONDS * 1e9)  # a slice's length to Linux from 6.12 on, none to others
    wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, runtime, 0, 0)
    ctypes.CDLL(None).syscall(call, 0, wanted, 0)  # refused: as it was
