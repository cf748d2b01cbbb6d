"""`python -m server.coordinator` is `run_cluster.py`."""

import sys

from .program import main

sys.exit(main())
