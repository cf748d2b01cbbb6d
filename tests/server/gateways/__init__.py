"""The gateways: commands, order, connections, datagrams."""
