"""Who may connect to this replica's roles and its admin object: what each daemon asks for.

Rules: everybody proves the secret; a role is for the other replicas of this cluster alone, and for
those alone that were configured as this one is (`Cluster.agreed`). It does not know what they call.
"""

from __future__ import annotations

from collections.abc import Callable

from kvrmi.cluster.config import Cluster
from kvrmi.remote.identity import Caller, Challenge, Credentials, Refused, challenge

REPLICA = "replica"
"""As what a replica is known to others."""

Admit = Callable[[object], Challenge]


class Gate:
    """Makes what a daemon asks of whoever connects, and what this replica shows itself."""

    def __init__(self, cluster: Cluster, me: int, secret: bytes, config: str) -> None:
        """Guard replica `me`, which was configured with what `config` is the digest of."""
        self._cluster = cluster
        self._me = me
        self._secret = secret
        self.config = config

    def credentials(self) -> Credentials:
        """Make what this replica shows."""
        return Credentials(self._cluster.id, self._me, REPLICA, self._secret, self.config)

    def anybody(self, target: str) -> Admit:
        """Admit to `target` whoever knows the secret."""
        return lambda data: challenge(self._secret, self._cluster.id, target, data)

    def replicas(self, target: str) -> Admit:
        """Admit to `target` the other replicas of this cluster."""

        def allow(caller: Caller) -> None:
            if caller.role != REPLICA or caller.replica not in self._cluster.ids:
                raise Refused(f"{target} is for the replicas of this cluster")
            if caller.config != self.config:
                # Who gets here has the secret, so it may know how this replica is configured.
                raise Refused(
                    f"{target} has other members or times, {self._cluster.read}, or another "
                    "version of this program"
                )

        return lambda data: challenge(self._secret, self._cluster.id, target, data, allow)
