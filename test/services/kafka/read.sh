#!/usr/bin/env bash
# Prints every committed record of topics, from the beginning to the end, in the form that ReadCommitted.java describes.
#
#   read.sh BROKERS TOPIC ...
#
#   KAFKA_VERSION, KAFKA_CACHE, JAVA_HOME   as for start.sh
set -euo pipefail

fail() { echo "read.sh: $*" >&2; exit 1; }
[ $# -ge 2 ] || fail "usage: read.sh BROKERS TOPIC ..."
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/services/kafka/jars.sh
source "$here/jars.sh"

# Compiled once, and put in place whole, by rename: two first readers may come at once.
reader=$home/reader-$(cksum <"$here/ReadCommitted.java" | cut -d' ' -f1)
if [ ! -f "$reader.jar" ]; then
  staging=$(mktemp -d "$home/.staging-XXXXXX")
  trap 'rm -rf "$staging"' EXIT
  "$jdk/bin/javac" -cp "$home/lib/*" -d "$staging/classes" "$here/ReadCommitted.java"
  "$jdk/bin/jar" --create --file "$staging/reader.jar" -C "$staging/classes" .
  mv "$staging/reader.jar" "$reader.jar"
  rm -rf "$staging"
  trap - EXIT
fi

export KAFKA_LOG_LEVEL=OFF
exec "$jdk/bin/java" -cp "$reader.jar:$home/lib/*" "-Dlog4j2.configurationFile=file:$here/log4j2.yaml" -Xmx256m \
  -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+AutoCreateSharedArchive "-XX:SharedArchiveFile=$reader.jsa" \
  '-Xlog:cds*=off' '-Xlog:aot*=off' ReadCommitted "$@"
