"""Scenarios: listed, and played in the terminal, simulated or on processes of a cluster."""
