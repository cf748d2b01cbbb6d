#!/bin/sh
# The classic systems' client script: plays the client session, then stays interactive.
#
#   ./run_client.sh my-client-one RPC 1099 1     name, protocol, port, server number
#   ./run_client.sh my-client 1111 TCP           name, port and protocol in either order
#
# It starts the client with the cluster that it finds: KVRMI_CONFIG, what ./deploy.sh started in
# containers, .kvrmi here, .kvrmi beside this script, or the name server on 127.0.0.1:9090. What is wrong with a name, a protocol or a server
# that is not there is said by the client itself.
set -u

here=$(CDPATH="" cd "$(dirname "$0")" && pwd)

refuse() {
    echo "run_client.sh: $1" >&2
    exit 2
}

usage="usage: ./run_client.sh NAME RPC 1099 SERVER, or ./run_client.sh NAME PORT PROTOCOL"
case ${1:-} in
    -h | --help)
        echo "$usage"
        exit
        ;;
esac
[ $# -eq 3 ] || [ $# -eq 4 ] || refuse "$usage"
name=$1 protocol=$2 port=$3 server=${4:-1}
case $protocol in
    *[!0-9]*) ;;
    *) protocol=$3 port=$2 ;;
esac
case $port in
    "" | *[!0-9]*) refuse "'$port' is no port; $usage" ;;
esac
case $server in
    "" | *[!0-9]*) refuse "'$server' is no server number; $usage" ;;
esac

find_containers() { # the engine whose containers deploy.sh started, and the volume of their data
    for engine in docker podman; do
        for volume in kvrmi kvrmi-single; do
            if [ -n "$("$engine" ps --quiet --filter "label=kvrmi=$volume" 2>/dev/null)" ]; then
                return 0
            fi
        done
    done
    engine=
}

gateway_port() { # of the first server, as the cluster file states it; nothing if it has none
    line="/^\[gateways\]/,/^\[/s/^$1 = \([0-9]*\)$/\1/p"
    if [ -n "$engine" ]; then
        "$engine" run --rm --volume "$volume:/data:ro" --entrypoint sed kvrmi -n "$line" /data/cluster.toml
    elif [ -f "$config" ]; then
        sed -n "$line" "$config"
    fi
}

config=${KVRMI_CONFIG:-} engine= volume=
[ -n "$config" ] || find_containers
for folder in .kvrmi "$here/.kvrmi"; do
    [ -n "$config$engine" ] || [ ! -f "$folder/cluster.toml" ] || config=$folder/cluster.toml
done
nameserver=127.0.0.1:9090
source=${config:-"there is no cluster file here, KVRMI_CONFIG would name one"}
[ ! -f "$config" ] || nameserver=$(sed -n 's/^nameserver = "\(.*\)"$/\1/p' "$config")
[ -z "$engine" ] || nameserver=nameserver:9090 source="in $engine's network kvrmi"

case $protocol in
    [Rr][Pp][Cc])
        case $port in
            1099) echo "port 1099 is mapped to the name server $nameserver ($source)" ;;
            "${nameserver##*:}") ;;
            *) refuse "port $port is not supported with RPC: use 1099, which is mapped to the name server $nameserver" ;;
        esac
        ;;
    [Tt][Cc][Pp] | [Uu][Dd][Pp])
        # A host's first gateway has the port that the cluster file states, each further one the next.
        lower=$(echo "$protocol" | tr TCPUD tcpud)
        own=$(gateway_port "$lower")
        [ -z "$own" ] || [ -n "$engine" ] || own=$((own + server - 1))
        if [ -n "$own" ] && [ "$port" != "$own" ]; then
            echo "port $port is mapped to $own, the $lower gateway of server $server ($source)"
        fi
        ;;
esac

set -- --session --name="$name" --protocol="$protocol" --replica="$server"
case $protocol in
    [Tt][Cc][Pp] | [Uu][Dd][Pp]) # with no file to find the gateway by, it is where the port is
        [ -n "$config$engine" ] || set -- "$@" --address "127.0.0.1:$port"
        ;;
esac
if [ -n "$config" ]; then
    logs=$(dirname "$config")/clients
    set -- "$@" --config "$config"
    mkdir -m 700 -p "$logs" 2>/dev/null && set -- "$@" --log "$logs/$name.log"
fi
if [ -n "$engine" ]; then
    terminal=--interactive
    [ ! -t 0 ] || [ ! -t 1 ] || terminal=--interactive\ --tty
    # shellcheck disable=SC2086
    exec "$engine" run --rm $terminal --network kvrmi --volume "$volume:/var/lib/kvrmi" kvrmi client "$@"
elif [ -x "$here/.venv/bin/python" ]; then
    export PYTHONPATH="$here"
    # By its module's name the client would call itself `python -m client`.
    start='import sys; sys.argv[0] = "run_client.sh"; from client.__main__ import main; sys.exit(main())'
    exec "$here/.venv/bin/python" -P -c "$start" "$@"
elif command -v kvrmi-client >/dev/null; then
    exec kvrmi-client "$@"
fi
refuse "the client is not installed: run 'make run' in $here once"
