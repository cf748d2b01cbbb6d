"""Bytes of programs that know no Pyro: RESP2, inline text, datagrams."""
