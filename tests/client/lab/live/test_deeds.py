"""What the page can do that the prompt has no word for: when it is refused."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from client.lab.live.deeds import Deeds
from client.options import parse
from kvrmi.errors import InvalidRequest


def test_no_disk_is_wiped_where_the_others_could_not_let_it_back_in() -> None:
    """What has no way back is refused, not asked about: it may be all that is left of a value."""
    states = ["up", "up", "up", "held", "held"]
    entries: list[dict[str, Any]] = [
        {"id": id, "state": state} for id, state in enumerate(states, 1)
    ]
    admin = Mock()
    admin.status.return_value = {"replicas": entries, "quorum": 3}
    with pytest.raises(InvalidRequest, match=r"it takes 3 others .* and 2 are up"):
        Deeds(parse([]), admin, Mock()).wipe(1)
    admin.order.assert_not_called()
