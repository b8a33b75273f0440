#!/usr/bin/env bash
# The program redis-server, which a test starts, kills and starts again by itself.
#
#   redis-server.sh start DIR   prints the path of the program
#   redis-server.sh stop DIR    removes what start has put there
#
# DIR gets server.url, which holds the path, as a server's holds its URL.
set -euo pipefail

fail() { printf 'redis-server.sh: %s\n' "$*" >&2; exit 1; }

start() {
  local bin
  bin=$(command -v redis-server) || fail "Redis is not installed: there is no redis-server in the PATH"
  mkdir -p "$1"
  echo "$bin" | tee "$1/server.url"
}

case "${1:-} $#" in
  "start 2") start "$2" ;;
  "stop 2") rm -f "$2/server.url" ;;
  *) fail "usage: redis-server.sh start DIR, redis-server.sh stop DIR" ;;
esac
