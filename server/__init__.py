"""The server program: a replica as a process, and the coordinator of a cluster of them."""
