#!/bin/sh
# Builds kvrmi and starts all of it, in containers of docker or podman, whichever is there.
#
#   ./deploy.sh              name server and five Paxos replicas, a container each
#   ./deploy.sh single       one server, whose gateways are published on TCP_PORT and UDP_PORT
#   ./deploy.sh --local      the same as processes of this account, without containers; single too
#   ./deploy.sh stop         end what was deployed, in any form; the data is kept
#
# BASE=IMAGE builds on another image with Python 3.11 or newer, BUILD_FLAGS go to the engine's build.
set -eu

TCP_PORT=1111 # of the single server; five replicas have 6380, since 1111 is replica 1's own
UDP_PORT=5555
REPLICAS=5
NAME=kvrmi
PATIENCE=30 # seconds until it serves

here=$(CDPATH="" cd "$(dirname "$0")" && pwd)
cd "$here"

refuse() {
    echo "deploy.sh: $1" >&2
    exit "${2:-1}"
}

find_engine() {
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && "$engine" info >/dev/null 2>&1; then
            return 0
        fi
    done
    engine=
}

need_engine() {
    find_engine
    [ -n "$engine" ] || refuse "neither docker nor podman runs here: start or install one, or use ./deploy.sh --local"
}

ours() {
    "$engine" ps --all --quiet --filter label=kvrmi
}

build() {
    echo "building the image $NAME with $engine (about a minute the first time)"
    # shellcheck disable=SC2086
    "$engine" build --quiet ${BASE:+--build-arg "BASE=$BASE"} ${BUILD_FLAGS:-} \
        --file deploy/Containerfile --tag "$NAME" . >/dev/null ||
        refuse "the image was not built, so nothing was started: BASE=IMAGE builds on another one, ./deploy.sh --local needs none"
    "$engine" network inspect "$NAME" >/dev/null 2>&1 || "$engine" network create "$NAME" >/dev/null
}

once() { # what a container runs that ends
    "$engine" run --rm --network "$NAME" --volume "$volume:/var/lib/kvrmi" "$NAME" "$@"
}

serve() { # a host's name, and what its container runs
    host=$1
    shift
    # shellcheck disable=SC2086
    "$engine" run --detach --label "kvrmi=$volume" --name "$NAME-$host" --hostname "$host" \
        --network "$NAME" --network-alias "$host" --volume "$volume:/var/lib/kvrmi" \
        --restart unless-stopped ${publish:-} "$NAME" "$@" >/dev/null
    echo "started $NAME-$host"
}

begin() {
    need_engine
    [ -z "$(ours)" ] || refuse "it is deployed already; ./deploy.sh stop ends it"
    build
}

deploy_five() {
    volume=$NAME
    begin
    once found --hosts "$(seq -s , -f replica%g "$REPLICAS")" --nameserver nameserver --gateways >/dev/null
    serve nameserver nameserver
    for replica in $(seq "$REPLICAS"); do
        serve "replica$replica" replica "$replica"
    done
    once client HEALTH --wait "$PATIENCE"
    echo "a client:                   ./run_client.sh my-client-one RPC 1099 1"
    echo "a failure and its way back: $engine kill $NAME-replica3; $engine start $NAME-replica3"
}

deploy_single() {
    volume=$NAME-single
    begin
    once found --engine single --hosts server --base-port 9000 --nameserver nameserver:9090 \
        --tcp-port "$TCP_PORT" --udp-port "$UDP_PORT" >/dev/null
    serve nameserver nameserver
    publish="--publish 127.0.0.1:$TCP_PORT:$TCP_PORT/tcp --publish 127.0.0.1:$UDP_PORT:$UDP_PORT/udp"
    serve server replica 1
    once client HEALTH --wait "$PATIENCE"
    echo "a client: ./run_client.sh my-client $TCP_PORT TCP, or nc 127.0.0.1 $TCP_PORT"
}

local_() { # flags of run_cluster.py
    [ -x .venv/bin/python ] || make .venv/.run
    log=$(mktemp)
    nohup .venv/bin/python run_cluster.py "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && ! grep -q "^ready " "$log"; do
        sleep 0.1
    done
    cat "$log"
    grep -q "^ready " "$log" || refuse "it did not start"
    rm -f "$log"
    echo "a client: ./run_client.sh my-client-one RPC 1099 1"
}

local_single() {
    local_ --engine single --data .kvrmi/single --base-port 9000 --tcp-port "$TCP_PORT" --udp-port "$UDP_PORT"
    echo "or:       KVRMI_CONFIG=.kvrmi/single/cluster.toml ./run_client.sh my-client $TCP_PORT TCP"
}

stop() {
    find_engine
    if [ -n "$engine" ] && [ -n "$(ours)" ]; then
        # shellcheck disable=SC2046
        "$engine" rm --force $(ours) >/dev/null
        echo "the containers are gone; their data is in volumes ($engine volume ls; $engine volume rm NAME deletes one)"
        return 0
    fi
    stopped=
    for data in .kvrmi .kvrmi/single; do
        if [ -f "$data/cluster.toml" ]; then
            .venv/bin/python run_cluster.py stop --data "$data"
            stopped=1
        fi
    done
    [ -n "$stopped" ] || echo "nothing is deployed from $here"
}

case "$*" in
    "") deploy_five ;;
    single) deploy_single ;;
    --local) local_ --replicas "$REPLICAS" --gateways ;;
    "single --local" | "--local single") local_single ;;
    stop) stop ;;
    -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" ;;
    *) refuse "usage: ./deploy.sh [single] [--local], or ./deploy.sh stop" 2 ;;
esac
