"""kvrmi in an asyncio program: calls block, so each runs in a thread (asyncio.to_thread).

    python examples/asyncio_threads.py

One store from connect() serves all tasks: it may be used from any thread, and requests that are
made at the same time share the cluster's batches.
"""

from __future__ import annotations

import asyncio

import kvrmi
from kvrmi.access.store import Store
from kvrmi.errors import KVError

TASKS = 20


async def visit(store: Store, number: int) -> str:
    """Write one key and read it back."""
    key = f"asyncio/{number}"
    await asyncio.to_thread(store.put, key, f"hello from task {number}")
    return str(await asyncio.to_thread(store.get, key))


async def main() -> None:
    """Run all tasks at once."""
    with await asyncio.to_thread(kvrmi.connect) as store:
        answers = await asyncio.gather(*(visit(store, number) for number in range(TASKS)))
        print(f"{len(answers)} tasks, the last one read: {answers[-1]}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KVError as error:  # NoQuorum, UnknownOutcome, ConnectionFailed, ...
        raise SystemExit(f"the store did not answer: {error}") from None
