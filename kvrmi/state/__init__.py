"""What is replicated: rows, clients' answers, the log, and how they look on a disk or in a file."""
