"""Ways in for programs that know no Pyro: RESP2 and inline text over TCP, datagrams over UDP."""
