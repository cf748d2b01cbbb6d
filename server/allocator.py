"""How the C library hands out memory in a process of many threads and large values.

Rule: it changes what the process holds, never what it does; where the library has no `mallopt`
(it is glibc's) nothing is changed. Call it before the first thread starts.
"""

from __future__ import annotations

import ctypes

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


def limit_heaps() -> None:
    """Keep freed values from staying in the process, scattered over the heaps of many threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, HEAPS)
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_MMAP_MAX, MAPPED)
        mallopt(_TRIM_THRESHOLD, LARGE)
