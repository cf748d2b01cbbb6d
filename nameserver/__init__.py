"""The name server program: which replica listens where, for clients that have no cluster file."""
