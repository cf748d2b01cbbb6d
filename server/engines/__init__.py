"""What serves clients behind the remote object, by name: the only place that knows a protocol."""
