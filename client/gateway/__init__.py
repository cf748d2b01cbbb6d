"""The client over a gateway: `--protocol tcp` and `--protocol udp`."""
