#!/usr/bin/env bash
# A real Kubo, the IPFS node written in Go, for tests.
#
#   kubo.sh start DIR   starts a node with an empty repository and prints the URL of its RPC
#   kubo.sh stop DIR    stops it and removes its data
#
# DIR gets server.url, server.pid, server.log and repo. The node knows no others and is asked on
# free ports of 127.0.0.1 alone. It is built from the Go module proxy, at the version in kubo/go.mod,
# once per version of it and of Go: about four minutes of a processor. The binary is kept in ~/.cache/dhr-ci/services.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() { printf 'kubo.sh: %s\n' "$*" >&2; exit 1; }

# build prints where the binary is.
build() {
  local version home
  version=$(sed -nE 's|.*github.com/ipfs/kubo (v[0-9.]+).*|\1|p' "$here/kubo/go.mod")
  home="${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/dhr-ci/services/kubo-$version-$(go env GOVERSION)"
  if [ ! -x "$home/ipfs" ]; then
    echo "building Kubo $version" >&2
    mkdir -p "$home"
    (cd "$here/kubo" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off nice -n 10 go build -trimpath -ldflags=-w -o "$home/ipfs.new" github.com/ipfs/kubo/cmd/ipfs) >&2 ||
      fail "Kubo was not built, as above"
    mv "$home/ipfs.new" "$home/ipfs"
  fi
  echo "$home/ipfs"
}

start() {
  local ipfs pid port
  ipfs=$(build)
  mkdir -p "$1"
  cd "$1"
  [ ! -e repo ] || fail "$1 holds a repository already; stop it first"
  rm -f server.url
  export IPFS_PATH=$PWD/repo IPFS_TELEMETRY=off
  "$ipfs" init --empty-repo --profile test >server.log 2>&1 || { cat server.log >&2; fail "ipfs init failed, as above"; }
  while read -r key value; do
    "$ipfs" config --json "$key" "$value"
  done <<'END'
Bootstrap []
AutoConf.Enabled false
Addresses.Swarm []
Addresses.API "/ip4/127.0.0.1/tcp/0"
Addresses.Gateway "/ip4/127.0.0.1/tcp/0"
Discovery.MDNS.Enabled false
Routing.Type "none"
Provide.Enabled false
END
  "$ipfs" daemon --offline </dev/null >>server.log 2>&1 &
  pid=$!
  echo "$pid" >server.pid
  for _ in $(seq 600); do
    if grep -q 'Daemon is ready' server.log; then
      port=$(sed -nE 's|^RPC API server listening on /ip4/127.0.0.1/tcp/([0-9]+).*|\1|p' server.log)
      echo "http://127.0.0.1:$port" | tee server.url
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  kill "$pid" 2>/dev/null || true
  cat server.log >&2
  fail "Kubo does not start; above is its log"
}

stop() {
  local pid
  if [ -e "$1/server.pid" ]; then
    pid=$(cat "$1/server.pid")
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = ipfs ]; then # not another that has its number
      kill "$pid" 2>/dev/null || true
      for _ in $(seq 200); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
      done
    fi
  fi
  rm -rf "$1/repo" "$1/server.url" "$1/server.pid" "$1/server.log"
}

case "${1:-} $#" in
  "start 2") start "$2" ;;
  "stop 2") stop "$2" ;;
  *) fail "usage: kubo.sh start DIR, kubo.sh stop DIR" ;;
esac
