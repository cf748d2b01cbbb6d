"""A replica's own terminal: its log, and a prompt for the commands of the classic systems."""
