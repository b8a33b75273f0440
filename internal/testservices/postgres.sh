#!/usr/bin/env bash
# A real PostgreSQL for tests.
#
#   postgres.sh start DIR   makes a new cluster, starts it on a free port of 127.0.0.1 and prints its URL
#   postgres.sh stop DIR    stops it and removes its data
#
# DIR gets server.url, server.log and data, the folder of the data and of the
# Unix socket. PostgreSQL does not run as root: as root the data lie in a new temporary
# folder of the user postgres, of which DIR/data is then a link. PG_BIN says where
# initdb lies; else the newest of /usr/lib/postgresql, or the PATH.
#
# The cluster sorts by the rules of English and its clock is India's, unlike what
# a program may take for granted: who forgets COLLATE or a zone is found out.
# It trusts whoever connects from this machine, and does not care for a power cut.
set -euo pipefail

fail() { printf 'postgres.sh: %s\n' "$*" >&2; exit 1; }

find_bin() {
  local c
  for c in "${PG_BIN:-}" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(dirname "$(command -v initdb || true)")"; do
    if [ -x "$c/initdb" ]; then
      echo "$c"
      return
    fi
  done
  fail "PostgreSQL is not installed: no initdb in /usr/lib/postgresql or the PATH; PG_BIN may say where"
}

# as_owner runs a command as the user who owns the data.
as_owner() {
  if [ "$(id -u)" = 0 ]; then
    runuser -u "${PG_USER:-postgres}" -- "$@"
  else
    "$@"
  fi
}

free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  fail "no free port found"
}

start() {
  local bin data port
  bin=$(find_bin)
  mkdir -p "$1"
  cd "$1"
  [ ! -e data ] || fail "$1 holds a cluster already; stop it first"
  rm -f server.url
  if [ "$(id -u)" = 0 ]; then
    data=$(mktemp -d)
    chown "${PG_USER:-postgres}" "$data"
    ln -s "$data" data
  else
    data=$PWD/data
  fi
  (
    cd / # which the owner of the data may read
    as_owner "$bin/initdb" -D "$data" -U dhr -A trust -E UTF8 --locale=C.UTF-8 \
      --locale-provider=icu --icu-locale=en-US --no-sync --no-instructions
  ) >initdb.log 2>&1 || { cat initdb.log >&2; fail "initdb failed, as above"; }
  for _ in 1 2 3 4 5; do
    port=$(free_port)
    if (
      cd /
      as_owner "$bin/pg_ctl" -D "$data" -l "$data/server.log" -w -t 60 -s start \
        -o "-h 127.0.0.1 -p $port -k '$data' -F -c max_connections=200 -c synchronous_commit=off \
            -c full_page_writes=off -c timezone=Asia/Kolkata"
    ) </dev/null >/dev/null 2>&1; then
      ln -sf data/server.log server.log
      echo "postgres://dhr@127.0.0.1:$port/postgres?sslmode=disable" | tee server.url
      return
    fi
    grep -q 'could not bind' "$data/server.log" || break
  done
  cat "$data/server.log" >&2
  fail "PostgreSQL does not start; above is its log"
}

stop() {
  local data
  [ -e "$1/data" ] || return 0
  data=$(cd "$1/data" && pwd -P)
  if [ -e "$data/postmaster.pid" ]; then
    (cd / && as_owner "$(find_bin)/pg_ctl" -D "$data" -m immediate -w -t 30 -s stop) >/dev/null 2>&1 || true
  fi
  rm -rf "$data" "$1/data" "$1/server.url" "$1/server.log" "$1/initdb.log"
}

case "${1:-} $#" in
  "start 2") start "$2" ;;
  "stop 2") stop "$2" ;;
  *) fail "usage: postgres.sh start DIR, postgres.sh stop DIR" ;;
esac
