"""A cluster's description: its members, names, ports, timing, and which links are cut."""
