r"""Any language that speaks HTTP: a program that uses nothing but HTTP and JSON.

    pyro5-httpgateway --expose 'kvrmi\.replica[0-9]$'     # comes with Pyro5; asks the name server
    python examples/over_http.py http://localhost:8080/pyro

Arguments are those of the remote methods, by name; values are text. An error has status 500, and
its JSON holds the message, which begins with a code: INVALID, NO_QUORUM, UNKNOWN_OUTCOME, ...
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request


def call(gateway: str, replica: int, method: str, **arguments: str) -> object:
    """Call a method of a replica. Raises RuntimeError with the store's error, URLError."""
    query = urllib.parse.urlencode(arguments)
    url = f"{gateway}/kvrmi.replica{replica}/{method}?{query}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(" ".join(json.load(error)["args"])) from None


def main(gateway: str) -> None:
    """Write at replica 1, read at replica 2, and make a mistake at replica 3."""
    print(f"revision {call(gateway, 1, 'put', key='http/city', value='Leiden')}")
    print(f"read {call(gateway, 2, 'get', key='http/city')}")
    try:
        call(gateway, 3, "get", key=1025 * "k")
    except RuntimeError as error:
        print(f"refused: {error}")


if __name__ == "__main__":
    address = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://localhost:8080/pyro"
    try:
        main(address)
    except urllib.error.URLError as error:
        why = getattr(error.reason, "strerror", None) or error.reason
        raise SystemExit(f"no gateway answers at {address}: {why}") from None
