#!/bin/sh
# Builds kvrmi and starts all of it, in containers of docker or podman, whichever is there.
#
#   ./deploy.sh              name server and five Paxos replicas, a container each
#   ./deploy.sh --local      the same as processes of this account, without containers
#   ./deploy.sh stop         end what was deployed, in either form; the data is kept
#
# BASE=IMAGE builds on another image with Python 3.11 or newer, BUILD_FLAGS go to the engine's build.
set -eu

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
    "$engine" ps --all --quiet --filter "label=kvrmi=$NAME"
}

build() {
    echo "building the image $NAME with $engine (about a minute the first time)"
    # shellcheck disable=SC2086
    "$engine" build --quiet ${BASE:+--build-arg "BASE=$BASE"} ${BUILD_FLAGS:-} \
        --file deploy/Containerfile --tag "$NAME" . >/dev/null
    "$engine" network inspect "$NAME" >/dev/null 2>&1 || "$engine" network create "$NAME" >/dev/null
}

once() { # what a container runs that ends
    "$engine" run --rm --network "$NAME" --volume "$NAME:/var/lib/kvrmi" "$NAME" "$@"
}

serve() { # a host's name, and what its container runs
    host=$1
    shift
    "$engine" run --detach --label "kvrmi=$NAME" --name "$NAME-$host" --hostname "$host" \
        --network "$NAME" --network-alias "$host" --volume "$NAME:/var/lib/kvrmi" \
        --restart unless-stopped "$NAME" "$@" >/dev/null
    echo "started $NAME-$host"
}

deploy() {
    need_engine
    [ -z "$(ours)" ] || refuse "it is deployed already; ./deploy.sh stop ends it"
    build
    once found --hosts "$(seq -s , -f replica%g "$REPLICAS")" --nameserver nameserver >/dev/null
    serve nameserver nameserver
    for replica in $(seq "$REPLICAS"); do
        serve "replica$replica" replica "$replica"
    done
    once client HEALTH --wait "$PATIENCE"
    echo "a client:                   ./run_client.sh my-client-one RPC 1099 1"
    echo "a failure and its way back: $engine kill $NAME-replica3; $engine start $NAME-replica3"
}

local_() {
    [ -x .venv/bin/python ] || make .venv/.run
    log=$(mktemp)
    nohup .venv/bin/python run_cluster.py --replicas "$REPLICAS" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && ! grep -q "^ready " "$log"; do
        sleep 0.1
    done
    cat "$log"
    grep -q "^ready " "$log" || refuse "it did not start"
    rm -f "$log"
    echo "a client: ./run_client.sh my-client-one RPC 1099 1"
}

stop() {
    find_engine
    if [ -n "$engine" ] && [ -n "$(ours)" ]; then
        # shellcheck disable=SC2046
        "$engine" rm --force $(ours) >/dev/null
        echo "the containers are gone; their data is in the volume $NAME ($engine volume rm $NAME deletes it)"
    elif [ -f .kvrmi/cluster.toml ]; then
        .venv/bin/python run_cluster.py stop
    else
        echo "nothing is deployed from $here"
    fi
}

case ${1:-} in
    "") deploy ;;
    --local) local_ ;;
    stop) stop ;;
    *) refuse "usage: ./deploy.sh, ./deploy.sh --local, or ./deploy.sh stop" 2 ;;
esac
