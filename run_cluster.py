"""Start a cluster from a checkout: `python run_cluster.py --help`. Installed: kvrmi-cluster."""

from kvrmi import early  # noqa: F401, before all else

# isort: split

import sys

from kvrmi import cli  # noqa: F401, first: says what is not installed, if something is not
from server.coordinator import main

if __name__ == "__main__":
    sys.exit(main())
