"""`python -m server.coordinator` is `run_cluster.py`."""

from kvrmi import early  # noqa: F401, before all else

# isort: split

import sys

from .program import main

sys.exit(main())
