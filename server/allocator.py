"""How the C library hands out memory in a process of many threads and large values.

Rule: it changes what the process holds, never what it does; nothing is changed where the
library is not glibc. Call `limit_heaps` before the first thread starts.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
from pathlib import Path

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8

HEAPS = 2
"""By default each thread may get a heap of its own, and what one frees the others do not use."""

LARGE = 512 << 10
"""Bytes from which a block is mapped by itself and given back when freed.

By default it grows with the largest block ever freed, up to 32 MiB. What a slot of many batches
takes must be below it: mapping each of its copies anew costs a fifth of a batch's CPU.
"""

MAPPED = 16_000
"""Blocks that may be mapped at a time: the system allows a process four times as many maps."""

TRIMMED = 256 << 20
"""Bytes resident up to which freed pages are given back.

Whoever needs memory from a heap waits for that: a tenth of a second a gigabyte, or more.
"""


def limit_heaps() -> None:
    """Keep freed values from staying in the process, scattered over the heaps of many threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, HEAPS)
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_MMAP_MAX, MAPPED)
        mallopt(_TRIM_THRESHOLD, LARGE)


def give_back() -> None:
    """Give pages back that lie free between others: of frames, batches and pages of the disk.

    Some 5 of 75 MB after many large batches, in a millisecond; for when there is nothing to do.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    with contextlib.suppress(OSError):  # no descriptor is left: another time
        if trim is not None and _resident() <= TRIMMED:
            trim(0)


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()
