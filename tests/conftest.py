"""What all tests share: random tests that fail the same way again, and no leftovers between them.

Rule: nothing here starts a process or opens a port.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings

from kvrmi.remote.guard import own_by_thread

# The machine may be busy, so time is no reason to fail; CI draws the same examples every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# greenlet comes with playwright, and stock proxies of threads that have ended would keep some.
own_by_thread()

# How signals end programs is tested too; a suite started in the background may ignore them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

Ending = Callable[[Callable[[], None]], object]


@pytest.fixture(scope="session")
def ending() -> Iterator[Ending]:
    """Take what ends a test's servers, and carries it out while the next tests run.

    A stock daemon sleeps 0.2 s in its shutdown. Whatever fails then is raised after the last test.
    """
    with ThreadPoolExecutor(4) as pool:
        begun = []
        yield lambda end: begun.append(pool.submit(end))
        for each in begun:
            each.result()


@pytest.fixture(autouse=True)
def _no_cluster_from_outside() -> Iterator[None]:
    """Keep a cluster of the developer's own out of every test.

    Not with the tests' own `monkeypatch`: that would then be made first and undone last, so that
    the ends of all other fixtures would still see what a test has patched.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("KVRMI_CONFIG", raising=False)
        yield
