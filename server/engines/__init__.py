"""What serves clients behind the remote object, by name: all that knows a protocol and runs."""
