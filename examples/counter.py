"""A script with `kvrmi.connect()`: count how often it was run, however many run at once.

    kvrmi-cluster                     # in one terminal
    python examples/counter.py        # in another, in the same folder

connect() finds ./.kvrmi/cluster.toml (or $KVRMI_CONFIG, or the name server on localhost), retries,
and goes on to another replica when one fails; each write takes effect once.
"""

from __future__ import annotations

import kvrmi
from kvrmi.access.store import Store
from kvrmi.errors import KVError


def count(store: Store, key: str) -> int:
    """Add one to the number under `key` and return it; safe against others that do the same."""
    while True:
        before = store.get(key)
        after = str(int(before or "0") + 1)
        if store.cas(key, before, after):
            return int(after)


def main() -> None:
    """Count this run, and list what was counted so far."""
    try:
        with kvrmi.connect() as store:
            print(f"run {count(store, 'counter/runs')}")
            for key, value in store.scan("counter/"):
                print(key, "=", value)
    except KVError as error:  # NoQuorum, UnknownOutcome, ConnectionFailed, ...
        raise SystemExit(f"the store did not answer: {error}") from None


if __name__ == "__main__":
    main()
