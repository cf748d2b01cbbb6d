"""Looking a cluster over, running or not: what is wrong, what it means, and what to type."""
