#!/usr/bin/env bash
# A Python with openpyxl, which reads workbooks that tests have written.
#
#   openpyxl.sh start DIR   prints the path of the Python
#   openpyxl.sh stop DIR    removes what start has put there
#
# DIR gets server.url, which holds the path, as a server's holds its URL. What is in openpyxl.txt is
# installed once, into a virtual environment in ~/.cache/dhr-ci.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() { printf 'openpyxl.sh: %s\n' "$*" >&2; exit 1; }

start() {
  local python sum venv
  python=$(command -v python3) || fail "install Python 3.9 or newer: openpyxl is written in it"
  sum=$(cat "$here/openpyxl.txt" <("$python" --version) | sha256sum | cut -c1-12)
  venv="${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/dhr-ci/openpyxl-$sum"
  if [ ! -e "$venv/ready" ]; then
    echo "installing openpyxl" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/openpyxl.txt" >&2
    touch "$venv/ready"
  fi
  mkdir -p "$1"
  echo "$venv/bin/python" | tee "$1/server.url"
}

case "${1:-} $#" in
  "start 2") start "$2" ;;
  "stop 2") rm -f "$2/server.url" ;;
  *) fail "usage: openpyxl.sh start DIR, openpyxl.sh stop DIR" ;;
esac
