"""The store as programs see it that are not ours: other languages, Pyro5's own tools."""
