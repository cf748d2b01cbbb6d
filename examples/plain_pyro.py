"""A plain Pyro5 program: nothing of kvrmi is imported, so it works wherever Pyro5 is installed.

    python examples/plain_pyro.py

It finds the replicas through the name server (PYRO_NS_HOST and PYRO_NS_PORT name another one). A
request id, [client id, sequence], makes a write that is sent again take effect once, so after an
error the same write may go to the next replica.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import Pyro5.api
import Pyro5.errors

FAILURES = (RuntimeError, TimeoutError, Pyro5.errors.CommunicationError)
"""NO_QUORUM and UNAVAILABLE; UNKNOWN_OUTCOME; and what Pyro5 raises when a replica is down."""


def replicas() -> Mapping[str, str]:
    """Look up all stores: the name and the URI of each."""
    with Pyro5.api.locate_ns() as names:
        found: Mapping[str, str] = names.yplookup(meta_all={"kvrmi.replica"})
        return {name: uri[0] for name, uri in sorted(found.items())}


def put(stores: Mapping[str, str], key: str, value: str) -> int:
    """Write through the first replica that carries it out; returns the revision it made."""
    request = [uuid.uuid4().hex, 1]
    for name, uri in stores.items():
        try:
            with Pyro5.api.Proxy(uri) as store:
                revision: int = store.put(key, value, request)
                return revision
        except FAILURES as error:
            print(f"{name}: {error}")
    raise SystemExit("no replica carried the write out, as far as is known")


def main() -> None:
    """Write at one replica and read at each."""
    try:
        stores = replicas()
    except Pyro5.errors.NamingError as error:
        raise SystemExit(f"no name server answers: {error}") from None
    print(f"revision {put(stores, 'plain/city', 'Delft')}")
    for name, uri in stores.items():
        try:
            with Pyro5.api.Proxy(uri) as store:
                print(f"{name}: {store.get('plain/city')}")
        except FAILURES as error:
            print(f"{name}: {error}")


if __name__ == "__main__":
    main()
