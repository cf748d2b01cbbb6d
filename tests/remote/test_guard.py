"""Settings and guards of a whole process; in one of its own, since they cannot be taken back."""

from __future__ import annotations

import subprocess
import sys

import Pyro5.client
import Pyro5.server
import pytest

from kvrmi.remote.guard import MissingName, check_private_names

GUARDED = """
import os, threading, zlib
os.environ["PYRO_MAX_RETRIES"] = "7"
import Pyro5, Pyro5.api, Pyro5.errors, Pyro5.protocol, Pyro5.serializers, Pyro5.server, marshal
from kvrmi.remote import guard
guard.install()
guard.install()
assert Pyro5.config.MAX_RETRIES == 0
assert Pyro5.config.MAX_MESSAGE_SIZE == 8 << 20
assert Pyro5.client.get_ident is threading.get_ident
assert Pyro5.config.SERPENT_BYTES_REPR and not Pyro5.config.COMPRESSION

def refused(function, *arguments):
    try:
        function(*arguments)
    except (Pyro5.errors.SerializeError, Pyro5.errors.ProtocolError):
        return True

marshaller = Pyro5.serializers.serializers_by_id[2]
data = marshal.dumps(("o", "m", (), {}))
assert refused(marshaller.loads, data) and refused(marshaller.loadsCall, data)
assert marshaller.dumps("x")
assert refused(Pyro5.server.Daemon._Daemon__deserializeBlobArgs, None, None)

message = Pyro5.protocol.SendingMessage(4, 0, 1, 1, b"payload")
received = Pyro5.protocol.ReceivingMessage(message.data[:40], b"payload")
assert received.data == b"payload"
for flag in Pyro5.protocol.FLAGS_COMPRESSED, Pyro5.protocol.FLAGS_KEEPSERIALIZED:
    packed = zlib.compress(b"payload")
    header = bytearray(Pyro5.protocol.SendingMessage(4, 0, 1, 1, packed).data[:40])
    header[9] |= flag
    assert refused(Pyro5.protocol.ReceivingMessage, bytes(header), packed)
print("guarded")
"""

UNTOUCHED = """
import Pyro5.api, Pyro5.protocol, Pyro5.serializers, Pyro5.server
ident = Pyro5.client.get_ident
before = Pyro5.config.as_dict(), dict(Pyro5.serializers.serializers_by_id)
payload = Pyro5.protocol.ReceivingMessage.add_payload
import kvrmi.remote.daemon, kvrmi.remote.peer, kvrmi.remote.proxy
kvrmi.remote.proxy.connect("127.0.0.1", 9, "nobody", timeout=1)
assert before == (Pyro5.config.as_dict(), dict(Pyro5.serializers.serializers_by_id))
assert payload is Pyro5.protocol.ReceivingMessage.add_payload
assert ident is Pyro5.client.get_ident
print("untouched")
"""


@pytest.mark.parametrize(("script", "said"), [(GUARDED, "guarded"), (UNTOUCHED, "untouched")])
def test_in_a_process_of_its_own(script: str, said: str) -> None:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, f"{said}\n"), done.stderr


def test_the_private_names_we_rely_on_are_there() -> None:
    check_private_names()


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Pyro5.client.Proxy, "_Proxy__check_owner"),
        (Pyro5.client.Proxy, "_Proxy__pyroCreateConnection"),
        (Pyro5.server.Daemon, "_Daemon__deserializeBlobArgs"),
    ],
)
def test_a_name_that_is_gone_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str
) -> None:
    monkeypatch.delattr(where, name)
    with pytest.raises(MissingName, match=name):
        check_private_names()
