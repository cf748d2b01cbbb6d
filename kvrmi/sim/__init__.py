"""The cluster in one thread, under a seeded random, in virtual time: python -m kvrmi.sim."""
