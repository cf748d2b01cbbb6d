"""Who a caller of the name server is: anybody, or somebody who proved to know the secret.

Rules: a proof that does not hold is refused, not taken for anybody's; the secret is read anew for
each proof, so that the name server may be started before the cluster is founded.
It does not know what a caller may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kvrmi.cluster import naming
from kvrmi.remote.identity import Challenge, Refused, challenge, read_secret


class Gate:
    """Checks handshakes against the secret in a file."""

    def __init__(self, secret: Path, cluster: str | None) -> None:
        """`cluster` is the only id accepted; None accepts any that has this secret."""
        self._secret = secret
        self._cluster = cluster

    def admit(self, data: object) -> Challenge | None:
        """Make what this caller has to prove; None: it is anybody. Raises Refused."""
        if not isinstance(data, Mapping) or "nonce" not in data:
            return None
        cluster = self._cluster or data.get("cluster")
        if not isinstance(cluster, str):
            raise Refused("who would prove itself does not name its cluster")
        try:
            secret = read_secret(self._secret)
        except OSError as error:
            raise Refused("the name server cannot read the cluster's secret") from error
        return challenge(secret, cluster, naming.NAMESERVER, data)
