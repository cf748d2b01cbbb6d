#!/bin/sh
# Writes deploy/example_client_log.log and deploy/example_server_log.log from a real run: a classic
# session, the life of its writes at the leader, an acceptor that fails and restarts.
set -eu

here=$(CDPATH="" cd "$(dirname "$0")" && pwd)
cd "$here/.."
data=$(mktemp -d)
python=.venv/bin/python
trap '$python run_cluster.py stop --data "$data" >/dev/null; rm -rf "$data"' EXIT
trap 'exit 130' HUP INT TERM

$python run_cluster.py --data "$data" --ephemeral >"$data/ready" &
export KVRMI_CONFIG="$data/cluster.toml"
until grep -q "^ready" "$data/ready"; do sleep 0.1; done

client() {
    $python -m client --log "$data/client.log" "$@" >/dev/null 2>&1
}

client HEALTH --wait 20
# A fresh cluster hands over to replica 1 once: the session shall not fall into that.
until $python -m client STATUS | grep -q " leader 1 "; do sleep 0.2; done
printf 'PUT colour green\nGET colour\nDELETE colour\nGET colour\nEXIT\n' |
    client --session --name my-client-one --replica 1 || true # its last GET finds nothing
client FAIL 1 acceptor 1
client PUT colour blue
until grep -q "acceptor. RESTARTED" "$data/replica1/replica.log"; do sleep 0.1; done
client GET colour

cp "$data/client.log" "$here/example_client_log.log"
cp "$data/replica1/replica.log" "$here/example_server_log.log"
echo "wrote example_client_log.log and example_server_log.log in deploy/"
