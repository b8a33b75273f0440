#!/usr/bin/env bash
# A real search server for tests, from its published jars and a small launcher.
#
#   search.sh start NAME DIR   starts one on a free port of 127.0.0.1 and prints its URL
#   search.sh stop DIR         stops it; DIR and its data remain
#   search.sh jdk NAME         prints where the JDK lies that it needs
#
# NAME is one of es7.17 es8.11 es8.19 es9.2 opensearch2 opensearch3. DIR gets
# server.url, server.pid, server.log and the data. It needs Maven and a JDK of the right
# version: JAVA17_HOME and JAVA25_HOME say where, else the usual folders are searched.
# Jars and classes lie in ${XDG_CACHE_HOME:-$HOME/.cache}/dhr-ci/services, for all checkouts.
# SEARCH_HEAP (512m) is the heap, SEARCH_JVM_OPTS has further options of the JVM.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() { printf 'search.sh: %s\n' "$*" >&2; exit 1; }

# describe sets what differs from one server to the next.
describe() {
  local es="-Dlog4j2.configurationFile=$here/java/elasticsearch/log4j2.properties"
  es+=" -Dsearch.plugins=launch.AnalysisExtras,org.elasticsearch.transport.netty4.Netty4Plugin,launch.RootPlugin"
  jdk=17 options="-Dlog4j2.disable.jmx=true -Djava.awt.headless=true"
  case $1 in
    es7.17)
      pom=elasticsearch7 version=7.17.29 sources="elasticsearch elasticsearch7" main=launch.Launch
      local o=org.elasticsearch
      options+=" ${es%=*}=launch.AnalysisExtras,$o.transport.Netty4Plugin,$o.index.mapper.MapperExtrasPlugin"
      ;;
    es8.11) pom=elasticsearch version=8.11.3 sources="elasticsearch elasticsearch8.11" main=launch.Launch options+=" $es" ;;
    es8.19) pom=elasticsearch version=8.19.9 sources="elasticsearch elasticsearch8.19" main=launch.Launch options+=" $es" ;;
    es9.2)
      jdk=25 pom=elasticsearch version=9.2.2 sources="elasticsearch elasticsearch8.19" main=launch.Launch
      options+=" $es --enable-native-access=ALL-UNNAMED"
      ;;
    opensearch2) pom=opensearch version=2.19.1.0 sources=opensearch main=Launch ;;
    opensearch3)
      jdk=25 pom=opensearch version=3.8.0.0 sources=opensearch main=Launch
      options+=" --enable-native-access=ALL-UNNAMED"
      ;;
    *) fail "no server \"$1\"; there are es7.17 es8.11 es8.19 es9.2 opensearch2 opensearch3" ;;
  esac
}

# find_jdk prints the home of a JDK of the major version $1. The variables
# JAVA_HOME_17_X64 and so on are those of hosted CI.
find_jdk() {
  local ours=JAVA$1_HOME x64=JAVA_HOME_$1_X64 arm=JAVA_HOME_$1_arm64 c
  for c in "${!ours:-}" "${!x64:-}" "${!arm:-}" "${JAVA_HOME:-}" /usr/lib/jvm/*"$1"* /opt/*jdk*"$1"*; do
    if [ -x "$c/bin/javac" ] && "$c/bin/java" -version 2>&1 | grep -q "version \"$1[.\"]"; then
      echo "$c"
      return
    fi
  done
  fail "no JDK $1 found: install it, or set JAVA$1_HOME"
}

# prepare fetches the jars and compiles the launcher, once, into $cache.
prepare() {
  local files
  files=$(for s in $sources; do find "$here/java/$s" -name '*.java'; done | sort)
  cache=${XDG_CACHE_HOME:-${HOME:-${TMPDIR:-/tmp}}/.cache}/dhr-ci/services
  mkdir -p "$cache"
  # Another version of a source or a pom is another folder: a running server keeps its jars.
  # shellcheck disable=SC2086
  cache+=/$1-$(cat "$here/maven/$pom.xml" $files <(echo "$version") | sha256sum | cut -c1-12)
  [ -e "$cache/ready" ] && return
  command -v mvn >/dev/null || fail "Maven is not installed"
  (
    flock 9 # Maven's own folder does not stand two of it at once
    [ -e "$cache/ready" ] && exit
    rm -rf "$cache"
    mkdir -p "$cache/lib" "$cache/classes"
    mvn -B -q -ntp -C -Dstyle.color=never -f "$here/maven/$pom.xml" "-Dserver.version=$version" \
      dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$cache/lib" >&2
    rm -f "$cache"/lib/netty-codec-native-quic-* # 11 MB of HTTP/3 that nothing here speaks
    # shellcheck disable=SC2086
    "$java/bin/javac" -nowarn -proc:none -Xlint:none -cp "$cache/lib/*" -d "$cache/classes" $files >&2
    touch "$cache/ready"
  ) 9>"$(dirname "$cache")/lock"
}

start() {
  describe "$1"
  java=$(find_jdk "$jdk")
  prepare "$1"
  mkdir -p "$2"
  cd "$2"
  rm -f server.url
  local heap=${SEARCH_HEAP:-512m}
  # The first compiler alone and one thread of collection: these servers live for minutes.
  # shellcheck disable=SC2086
  nohup "$java/bin/java" "-Xms$heap" "-Xmx$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 $options ${SEARCH_JVM_OPTS:-} \
    -cp "$cache/classes:$cache/lib/*" "$main" "$PWD" 0 >server.log 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >server.pid
  for _ in $(seq 600); do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -30 server.log >&2
      fail "$1 ended; above is the end of its log"
    fi
    if [ -s server.url ] && curl -fs -o /dev/null "$(cat server.url)/_cluster/health"; then
      cat server.url
      return
    fi
    sleep 0.2
  done
  kill "$pid"
  tail -30 server.log >&2
  fail "$1 is not healthy after two minutes; above is the end of its log"
}

stop() {
  local pid
  pid=$(cat "$1/server.pid" 2>/dev/null) || return 0
  rm -f "$1/server.pid" "$1/server.url"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}

case "${1:-} $#" in
  "start 3") start "$2" "$3" ;;
  "stop 2") stop "$2" ;;
  "jdk 2") describe "$2"; find_jdk "$jdk" ;;
  *) fail "usage: search.sh start NAME DIR, search.sh stop DIR, search.sh jdk NAME" ;;
esac
