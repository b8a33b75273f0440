#!/usr/bin/env bash
# A real Redis for tests.
#
#   redis.sh start DIR   starts one on a free port of 127.0.0.1 and prints its URL
#   redis.sh stop DIR    stops it and removes its data
#
# DIR gets server.url, server.pid, server.log and data. It keeps nothing on the disk, so that
# one that starts again has forgotten everything, which is what a user of it must bear.
set -euo pipefail

fail() { printf 'redis.sh: %s\n' "$*" >&2; exit 1; }

start() {
  local bin port pid
  bin=$(command -v redis-server) || fail "Redis is not installed: there is no redis-server in the PATH"
  mkdir -p "$1/data"
  cd "$1"
  rm -f server.url
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    "$bin" --bind 127.0.0.1 --port "$port" --save "" --appendonly no --dir "$PWD/data" </dev/null >server.log 2>&1 &
    pid=$!
    echo "$pid" >server.pid
    for _ in $(seq 100); do
      if grep -q 'Ready to accept connections' server.log; then
        echo "redis://127.0.0.1:$port/0" | tee server.url
        return
      fi
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    grep -q 'Address already in use' server.log || break
  done
  cat server.log >&2
  fail "Redis does not start; above is its log"
}

stop() {
  local pid
  [ -e "$1/server.pid" ] || return 0
  pid=$(cat "$1/server.pid")
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = redis-server ]; then # not another that has its number
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
  fi
  rm -rf "$1/data" "$1/server.url" "$1/server.pid" "$1/server.log"
}

case "${1:-} $#" in
  "start 2") start "$2" ;;
  "stop 2") stop "$2" ;;
  *) fail "usage: redis.sh start DIR, redis.sh stop DIR" ;;
esac
