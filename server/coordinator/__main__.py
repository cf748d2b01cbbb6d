"""`python -m server.coordinator` is `run_cluster.py`."""

import sys

from .main import main

sys.exit(main())
