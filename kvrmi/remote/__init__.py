"""Pyro5 for a hostile network: daemons, proxies, held connections; see DESIGN.md here."""
